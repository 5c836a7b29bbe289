"""The facade's runs: asking for them, reading them, stopping them, trying them again; and why they are as they are."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from horarium.building import (
    aware,
    build_job,
    build_trigger,
    checked_args,
    checked_id,
    checked_kwargs,
    checked_text,
    known,
)
from horarium.engines.inline import InlineEngine
from horarium.errors import JobError, RunFailed, RunStateError, RunTimeout
from horarium.execution.loop_thread import is_loop_of_runs
from horarium.facade.base import Facade
from horarium.facade.checks import choices, job_named, limit_of, whole
from horarium.states import FINAL, JobStatus, Overlap, RunState
from horarium.values import AttemptInfo, Decision, LogLine, RunInfo
from horarium.when import Trigger, at

BY_CALL = "call"
"""The origin of the jobs that hold what `Scheduler.run` ran; they are never due by themselves."""

_NEVER_DUE = at("1970-01-01", timezone="UTC")
_LOOK_EVERY = 0.05
_MICROSECOND = timedelta(microseconds=1)
_FIRST_LINE = (0, 0)


class RunMethods(Facade):
    """What a scheduler does with runs."""

    def run_now(
        self, job_id: str, args: Sequence[Any] | None = None, kwargs: Mapping[str, Any] | None = None
    ) -> RunInfo:
        """Run a job once now, beside its schedule, with its own arguments or these.

        It waits its turn while as many runs of the job as `max_instances` allows are active. Raises JobNotFound,
        JobError for arguments that the function does not take, ArgumentsNotJSON.
        """
        job = self._plan.jobs.get(job_named(job_id))
        own_args = None if args is None else checked_args(args)
        own_kwargs = None if kwargs is None else checked_kwargs(kwargs)
        definition = known(job.task)
        if definition is not None and (own_args, own_kwargs) != (None, None):
            definition.check_arguments(
                job.args if own_args is None else own_args, job.kwargs if own_kwargs is None else own_kwargs
            )
        run = self._plan.runs.run_now(job.id, self._now(), args=own_args, kwargs=own_kwargs)
        self._service.announce()
        return run

    def backfill(self, job_id: str, start: datetime, end: datetime, limit: int = 1_000) -> list[RunInfo]:
        """Run past occurrences from `start` to `end` (both included, at most `limit`) that have no run yet.

        Naive times are in the zone of the job's trigger. Raises JobNotFound, JobError when `end` is before `start`.
        """
        job = self._plan.jobs.get(job_named(job_id))
        now = self._now()
        first, last = aware(start, job.zone, "start"), aware(end, job.zone, "end")
        if first is None or last is None or last < first:
            raise JobError(f"a backfill needs a start and an end that is not before it, not {start!r} and {end!r}")
        # What is still to come has its own time.
        occurrences = job.trigger.between(first - _MICROSECOND, min(last, now), whole(limit, "limit", 1))
        made = self._plan.runs.backfill(job.id, list(occurrences), now)
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
        """Runs, the newest occurrence first; of one job or of all, removed ones too.

        Naive times are in the scheduler's zone. Raises JobNotFound, JobError for a state that there is not.
        """
        return self._plan.runs.find(
            job_id=None if job_id is None else job_named(job_id),
            states=choices(RunState, states, "state"),
            since=aware(since, self.timezone, "since"),
            until=aware(until, self.timezone, "until"),
            limit=limit_of(limit),
            offset=whole(offset, "offset"),
        )

    def get_run(self, run_id: str) -> RunInfo:
        """The run with this id. Raises RunNotFound."""
        return self._plan.runs.get(run_id)

    def run_steps(self, run_id: str, prefix: str = "") -> dict[str, Any]:
        """What the steps of a run returned that are done, by their keys; those whose key begins with `prefix`.

        In the order in which they were done. A step of an item is "BATCH[ITEM].KEY". Raises RunNotFound.
        """
        return self._plan.runs.steps(run_id, prefix)

    def wait_for_run(self, run_id: str, timeout: float | None = None) -> RunInfo:
        """The run once it has ended, whoever runs it. With the inline engine what waits is run here and now.

        Raises RunNotFound; RunTimeout (a TimeoutError) after `timeout` seconds; RunStateError when the inline engine
        has nothing more to do at its clock's time, and in an async task, whose event loop would stand still meanwhile.
        """
        _refuse_in_loop()
        started = self._plan.clock.elapsed()
        while (run := self.get_run(run_id)).state not in FINAL:
            engine = self._service.engine
            if isinstance(engine, InlineEngine):
                if not engine.drain():
                    raise RunStateError(f"run {run_id} is {run.state} and waits for another time: move the clock")
                continue
            if timeout is not None and self._plan.clock.elapsed() - started >= timeout:
                raise RunTimeout(f"waiting for run {run_id}, which is {run.state},", timeout)
            threading.Event().wait(_LOOK_EVERY)
        return run

    def run(self, func: Callable[..., Any] | str, *args: Any, **kwargs: Any) -> Any:
        """Run a task now, recorded like any run, and return its result as JSON reads it back.

        Some node must be running, here or in another process. Raises RunStateError when there is none, and in an async
        task, as `wait_for_run`; RunFailed (one too), whose `run` and `error` say what became of it, when the run did
        not succeed; JobError for a function that cannot be found again; ArgumentsNotJSON.
        """
        _refuse_in_loop()
        now = self._now()
        by_hand = isinstance(self._service.engine, InlineEngine)
        if not by_hand and not any(node.alive_at(now) for node in self._plan.nodes.find()):
            raise RunStateError("no node is running that could run it; call start(), or `horarium run` elsewhere")
        job = build_job(
            func,
            _NEVER_DUE,
            None,
            None,
            id=None,
            name=None,
            timezone=self.timezone,
            next_run_time=None,
            paused=False,
            origin=BY_CALL,
            policies={"overlap": Overlap.ALLOW},
            trigger_args={},
            check_arguments=False,
        )
        job = replace(job, id=checked_id(f"{BY_CALL}:{job.task}"), status=JobStatus.FINISHED)
        self._plan.jobs.add([job], now, replace_existing=True)
        ended = self.wait_for_run(self.run_now(job.id, args, kwargs).id)
        if ended.state is not RunState.SUCCEEDED:
            raise RunFailed(ended)
        return ended.result

    def cancel_run(self, run_id: str, reason: str = "cancelled by a person") -> RunInfo:
        """Cancel a run that waits, or ask one that runs to stop. Raises RunNotFound, RunStateError."""
        run = self._plan.runs.cancel(run_id, self._now(), checked_text(reason, "reason"))
        self._service.announce()
        return run

    def retry_run(self, run_id: str) -> RunInfo:
        """Try a run again that ended: what its steps and items did stays done. Raises RunNotFound, RunStateError."""
        run = self._plan.runs.retry(run_id, self._now())
        self._service.announce()
        return run

    def run_logs(self, run_id: str, after: tuple[int, int] = _FIRST_LINE) -> list[tuple[int, LogLine]]:
        """What a run logged: numbered lines, those after (attempt, number) `after`. Raises RunNotFound, JobError."""
        if not isinstance(after, (tuple, list)) or len(after) != len(_FIRST_LINE):
            raise JobError(f"after is (attempt, number) of a line, not {after!r}")
        attempt, number = (whole(part, "after") for part in after)
        return self._plan.runs.logs(run_id, (attempt, number))

    def run_attempts(self, run_id: str) -> list[AttemptInfo]:
        """The attempts of a run that did not succeed. Raises RunNotFound."""
        return self._plan.runs.attempts(run_id)

    # --- looking

    def preview(self, job: str | Trigger, count: int = 10, after: datetime | None = None) -> list[datetime]:
        """The next `count` times of a job or of a trigger, after `after` (now), aware, in UTC.

        Raises JobNotFound, TriggerError, JobError.
        """
        if isinstance(job, str):
            found = self._plan.jobs.get(job_named(job))
            trigger, zone = found.trigger, found.zone
        else:
            trigger, zone = build_trigger(job, {}, self.timezone).in_zone(self.timezone), self.timezone
        moment = aware(after, zone, "after") or self._now()
        trigger = trigger.anchored(moment)
        number = whole(count, "count")
        times: list[datetime] = []
        following = trigger.next_after(moment)
        while following is not None and len(times) < number:
            times.append(following)
            following = trigger.next_after(following)
        return times

    def why(self, job_id: str, at: datetime | None = None, limit: int = 20) -> list[Decision]:
        """What became of the occurrence at `at`, or of the last `limit`: run, missed, coalesced, skipped, and why.

        A naive `at` is in the zone of the job's trigger. Raises JobNotFound, JobError.
        """
        (job,) = self._plan.jobs.with_ids([job_named(job_id)]) or (None,)
        moment = aware(at, self.timezone if job is None else job.zone, "at")
        return self._plan.runs.why(job_id, moment, self._now(), whole(limit, "limit", 1))


def _refuse_in_loop() -> None:
    if is_loop_of_runs():
        raise RunStateError(
            "an async task must not wait for a run in its event loop, on which all the others run too: "
            "`await asyncio.to_thread(scheduler.run, function)` waits in a thread, and so for wait_for_run"
        )
