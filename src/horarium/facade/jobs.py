"""The facade's jobs: adding, reading, changing and removing them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from horarium.building import (
    aware,
    build_job,
    build_policies,
    build_task,
    build_trigger,
    checked_args,
    checked_job,
    checked_kwargs,
    checked_text,
    known,
)
from horarium.errors import JobError, JobNotFound
from horarium.facade.base import Facade
from horarium.facade.checks import choice, job_named, limit_of, whole
from horarium.job import POLICY_NAMES, Job
from horarium.retry import Retry
from horarium.states import JobStatus, OnCrash, Overlap

_CHANGEABLE = ("func", "args", "kwargs", "name", "trigger", "next_run_time", *POLICY_NAMES)


class FirstTime(Enum):
    """What a new job's first time may be instead of a given one."""

    BY_TRIGGER = "the trigger's own"


class JobMethods(Facade):
    """What a scheduler does with jobs."""

    def add_job(
        self,
        func: Callable[..., Any] | str,
        trigger: Any = None,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        id: str | None = None,  # noqa: A002 - APScheduler's name
        name: str | None = None,
        misfire_grace_time: float | timedelta | None = None,
        coalesce: bool = True,
        max_instances: int = 1,
        next_run_time: datetime | FirstTime | None = FirstTime.BY_TRIGGER,
        *,
        replace_existing: bool = False,
        overlap: Overlap | str = Overlap.SKIP,
        executor: str | None = None,
        timeout: float | timedelta | None = None,
        retry: Retry | None = None,
        on_crash: OnCrash | str | None = None,
        catch_up: int | None = None,
        keep_runs: int | None = None,
        keep_days: float | timedelta | None = None,
        timezone: str | None = None,
        paused: bool = False,
        origin: str = "code",
        **trigger_args: Any,
    ) -> Job:
        """Add a job: run `func` (a function, or the name of a task) when `trigger` says.

        - `trigger`: `every(hours=1)`, `cron("0 3 * * *")`, …; or APScheduler's objects and spellings
          (`"cron", hour=6`; `run_date="2025-10-13 15:30:00"`). Without one the job runs once, now.
        - `misfire_grace_time`, `timeout`: seconds, or a timedelta. `max_instances`: over all nodes.
        - `next_run_time`: the first time, instead of the trigger's own; a naive one is in the job's zone. None adds
          the job paused, as in APScheduler.
        - `replace_existing`: a job of this id takes the new definition; with an unchanged trigger it keeps its next
          time (unless `next_run_time` gives one). Whether it is paused stays as it is: `paused` is for a new job. A
          job of `horarium.yaml` is not taken over from it: JobError.

        Returns the job as it stands in the plan. Raises JobExists, JobError, TriggerError, ArgumentsNotJSON.
        """
        policies = {name: value for name, value in locals().items() if name in POLICY_NAMES}
        zone = timezone or self.timezone
        job = build_job(
            func,
            trigger,
            args,
            kwargs,
            id=id,
            name=name,
            timezone=zone,
            next_run_time=None if next_run_time is FirstTime.BY_TRIGGER else next_run_time,
            paused=paused or next_run_time is None,
            origin=origin,
            policies=policies,
            trigger_args=trigger_args,
        )
        (added,) = self.add_jobs([job], replace_existing=replace_existing)
        is_to_pause = next_run_time is None and added.status is JobStatus.SCHEDULED
        return self.pause_job(added.id) if is_to_pause else added

    def add_jobs(self, jobs: Iterable[Job], *, replace_existing: bool = False) -> list[Job]:
        """Add many jobs, all or none; see `add_job`. Raises JobExists, JobError, TriggerError, ArgumentsNotJSON."""
        if isinstance(jobs, Job) or not isinstance(jobs, Iterable):
            raise JobError(f"add_jobs takes a list of jobs, not {jobs!r}")
        wanted = [checked_job(job) for job in jobs]
        added = self._plan.jobs.add(wanted, self._now(), replace_existing=replace_existing)
        self._service.announce()
        return added

    def get_job(self, job_id: str) -> Job | None:
        """The job with this id, or None."""
        try:
            return self._plan.jobs.get(job_named(job_id))
        except JobNotFound:
            return None

    def get_jobs(
        self,
        status: JobStatus | str | None = None,
        search: str | None = None,
        origin: str | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[Job]:
        """Jobs by next run time; broken, paused and finished ones too. Horarium's own only by `origin="builtin"`.

        Raises JobError for a status that there is not, and the like.
        """
        return self._plan.jobs.find(
            status=None if status is None else choice(JobStatus, status, "status"),
            search=None if search is None else checked_text(search, "search"),
            origin=None if origin is None else checked_text(origin, "origin"),
            limit=limit_of(limit),
            offset=whole(offset, "offset"),
        )

    def modify_job(self, job_id: str, **changes: Any) -> Job:
        """Change a job: its `func`, `args`, `kwargs`, `name`, `trigger`, `next_run_time`, or any policy.

        `next_run_time=None` pauses it, as in APScheduler and as `pause_job` does. A paused job stays paused whatever is
        changed, until `resume_job`. Raises JobNotFound, JobError, TriggerError, ArgumentsNotJSON.
        """
        job = self._plan.jobs.get(job_named(job_id))
        for name in changes:
            if name not in _CHANGEABLE:
                raise JobError(f"a job has no {name!r} that can be changed; there are {', '.join(_CHANGEABLE)}")
        fields = _fields_of(job, changes)
        if "next_run_time" in fields and fields["next_run_time"] is None:
            del fields["next_run_time"]
            self.pause_job(job.id)  # first, so that it does not come due by what is changed
        changed = self._plan.jobs.modify(job.id, fields, self._now())
        self._service.announce()
        return changed

    def reschedule_job(self, job_id: str, trigger: Any = None, **trigger_args: Any) -> Job:
        """Give a job another trigger; what was due by the old one is decided first.

        Raises JobNotFound, TriggerError.
        """
        zone = self._plan.jobs.get(job_named(job_id)).timezone
        return self.modify_job(job_id, trigger=build_trigger(trigger, trigger_args, zone))

    def pause_job(self, job_id: str, by: str = "code") -> Job:
        """Stop a job from coming due, also over restarts. Raises JobNotFound."""
        self._plan.holds.pause(job_named(job_id), self._now(), checked_text(by, "by"))
        self._service.announce()
        return self._plan.jobs.get(job_id)

    def resume_job(self, job_id: str) -> Job:
        """Let a paused job come due again, from now on. Raises JobNotFound."""
        self._plan.holds.resume(job_named(job_id), self._now())
        self._service.announce()
        return self._plan.jobs.get(job_id)

    def remove_job(self, job_id: str) -> None:
        """Take a job out of the plan; its runs stay readable, those that wait are cancelled. Raises JobNotFound."""
        self._plan.jobs.remove(job_named(job_id), self._now())

    def remove_all_jobs(self) -> int:
        """Take every job out of the plan, but for Horarium's own; answers how many."""
        return self._plan.jobs.remove_all(self._now())

    def remove_missing(self, origin: str, ids_kept: Iterable[str]) -> list[str]:
        """Remove the jobs that this origin added and does not name any more; answers their ids. Raises JobError."""
        if isinstance(ids_kept, str) or not isinstance(ids_kept, Iterable):
            raise JobError(f"ids_kept is a list of ids, not {ids_kept!r}")
        return self._plan.jobs.remove_missing(checked_text(origin, "origin"), ids_kept, self._now())


def _fields_of(job: Job, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `modify_job` as fields of the job, and single policies."""
    fields: dict[str, Any] = {}
    if "func" in changes:
        fields["task"] = build_task(changes["func"])
    if "args" in changes:
        fields["args"] = checked_args(changes["args"])
    if "kwargs" in changes:
        fields["kwargs"] = checked_kwargs(changes["kwargs"])
    if "name" in changes:
        fields["name"] = checked_text(changes["name"] or job.id, "name")
    if "trigger" in changes:
        fields["trigger"] = build_trigger(changes["trigger"], {}, job.timezone)
    if "next_run_time" in changes:
        fields["next_run_time"] = aware(changes["next_run_time"], job.timezone, "next_run_time")
    definition = known(fields.get("task", job.task))
    if definition is not None and fields.keys() & {"task", "args", "kwargs"}:
        definition.check_arguments(fields.get("args", job.args), fields.get("kwargs", job.kwargs))
    policies = {name: value for name, value in changes.items() if name in POLICY_NAMES}
    if "task" in fields and job.policies.executor == _executor_of(job.task):
        policies.setdefault("executor", None)  # it was the old function's own; now it is the new one's
    if policies:
        chosen = build_policies(policies, definition)
        fields |= {name: getattr(chosen, name) for name in policies}
    return fields


def _executor_of(task: str) -> str | None:
    definition = known(task)
    return None if definition is None else definition.executor
