"""The facade's runs: asking for them, reading them, stopping them, trying them again; and why they are as they are."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from horarium.building import aware, build_job, build_task
from horarium.errors import RunStateError
from horarium.facade.base import Facade
from horarium.states import FINAL, JobStatus, Overlap, RunState
from horarium.values import AttemptInfo, Decision, LogLine, RunInfo
from horarium.when import Trigger, at

BY_CALL = "call"
"""The origin of the jobs that hold what `Scheduler.run` ran; they are never due by themselves."""

_NEVER_DUE = at("1970-01-01", timezone="UTC")
_LOOK_EVERY = 0.05


class RunMethods(Facade):
    """What a scheduler does with runs."""

    def run_now(self, job_id: str, args: Sequence[Any] | None = None, kwargs: Mapping[str, Any] | None = None) -> RunInfo:
        """Run a job once now, beside its schedule, with its own arguments or these. Raises JobNotFound."""
        chosen = None if kwargs is None else dict(kwargs)
        run = self._plan.runs.run_now(job_id, self._now(), args=args, kwargs=chosen)
        self._service.announce()
        return run

    def backfill(self, job_id: str, start: datetime, end: datetime, limit: int = 1_000) -> list[RunInfo]:
        """Run past occurrences from `start` to `end` (both included, at most `limit`) that have no run yet."""
        job = self._plan.jobs.get(job_id)
        first, last = aware(start, job.timezone), aware(end, job.timezone)
        assert first is not None and last is not None  # noqa: S101 - `aware` answers None for None only
        occurrences = list(job.trigger.between(first - timedelta(microseconds=1), last, limit))
        made = self._plan.runs.backfill(job_id, occurrences, self._now())
        self._service.announce()
        return made

    def runs(
        self,
        job_id: str | None = None,
        states: Sequence[RunState | str] = (),
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = 100,
        offset: int = 0,
    ) -> list[RunInfo]:
        """Runs, the newest occurrence first; of one job or of all, removed ones too."""
        wanted = [RunState(state) for state in states]
        return self._plan.runs.find(
            job_id=job_id, states=wanted, since=since, until=until, limit=limit, offset=offset
        )

    def get_run(self, run_id: str) -> RunInfo:
        """The run with this id. Raises RunNotFound."""
        return self._plan.runs.get(run_id)

    def wait_for_run(self, run_id: str, timeout: float | None = None) -> RunInfo:
        """The run once it has ended, whoever runs it. Raises TimeoutError after `timeout` seconds."""
        deadline = None if timeout is None else self._plan.clock.elapsed() + timeout
        while (run := self.get_run(run_id)).state not in FINAL:
            if deadline is not None and self._plan.clock.elapsed() > deadline:
                raise TimeoutError(f"run {run_id} is still {run.state} after {timeout:g} s")
            threading.Event().wait(_LOOK_EVERY)
        return run

    def run(self, func: Callable[..., Any] | str, *args: Any, **kwargs: Any) -> Any:
        """Run a task now, recorded like any run, and return its result as JSON reads it back.

        Some node must be running, here or in another process. Raises RunStateError when there is none, or when the run
        did not succeed.
        """
        now = self._now()
        if not any(node.alive_at(now) for node in self._plan.nodes.find()):
            raise RunStateError("no node is running that could run it; call start(), or `horarium run` elsewhere")
        task = build_task(func)
        job = build_job(
            func,
            _NEVER_DUE,
            None,
            None,
            id=f"{BY_CALL}:{task}",
            name=None,
            timezone=self.timezone,
            next_run_time=None,
            paused=False,
            origin=BY_CALL,
            policies={"overlap": Overlap.ALLOW},
            trigger_args={},
            check_arguments=False,
        )
        job = replace(job, status=JobStatus.FINISHED)
        self._plan.jobs.add([job], now, replace_existing=True)
        ended = self.wait_for_run(self.run_now(job.id, args, kwargs).id)
        if ended.state is not RunState.SUCCEEDED:
            raise RunStateError(f"run {ended.id} of {task} is {ended.state}: {ended.error or ended.stop_reason}")
        return ended.result

    def cancel_run(self, run_id: str, reason: str = "cancelled by a person") -> RunInfo:
        """Cancel a run that waits, or ask one that runs to stop. Raises RunNotFound, RunStateError."""
        run = self._plan.runs.cancel(run_id, self._now(), reason)
        self._service.announce()
        return run

    def retry_run(self, run_id: str) -> RunInfo:
        """Try a run again that ended: what its steps and items did stays done. Raises RunNotFound, RunStateError."""
        run = self._plan.runs.retry(run_id, self._now())
        self._service.announce()
        return run

    def run_logs(self, run_id: str, after: tuple[int, int] = (0, 0)) -> list[tuple[int, LogLine]]:
        """What a run logged: numbered lines, those after (attempt, number) `after`."""
        return self._plan.runs.logs(run_id, after)

    def run_attempts(self, run_id: str) -> list[AttemptInfo]:
        """The attempts of a run that did not succeed."""
        return self._plan.runs.attempts(run_id)

    # --- looking

    def preview(self, job: str | Trigger, count: int = 10, after: datetime | None = None) -> list[datetime]:
        """The next `count` times of a job or of a trigger, after `after` (now), aware, in UTC. Raises JobNotFound."""
        if isinstance(job, str):
            found = self._plan.jobs.get(job)
            trigger, zone = found.trigger, found.timezone
        else:
            trigger, zone = job.in_zone(self.timezone), self.timezone
        moment = aware(after, zone) or self._now()
        trigger = trigger.anchored(moment)
        times: list[datetime] = []
        following = trigger.next_after(moment)
        while following is not None and len(times) < count:
            times.append(following)
            following = trigger.next_after(following)
        return times

    def why(self, job_id: str, at: datetime | None = None, limit: int = 20) -> list[Decision]:
        """What became of the occurrence at `at`, or of the last `limit`: run, missed, coalesced, skipped, and why."""
        zone = self.timezone if at is None or at.tzinfo is not None else self._plan.jobs.get(job_id).timezone
        return self._plan.runs.why(job_id, aware(at, zone), limit)
