"""A person's changes through APScheduler's methods, as changes of the plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from apscheduler.job import Job as NativeJob
from apscheduler.jobstores.base import ConflictingIdError, JobLookupError

from horarium.engines.apscheduler.definitions import changed_fields, given_time, plan_job, with_rhythm
from horarium.engines.apscheduler.job import PlanJob
from horarium.errors import JobExists, JobNotFound
from horarium.execution.registry import Registry
from horarium.job import Job
from horarium.states import WAITING, JobStatus
from horarium.store.database import Database
from horarium.store.holds import Holds
from horarium.store.jobs import INTERNAL_ORIGINS, Jobs
from horarium.store.runs import Runs

_PAUSED_BY = "code"
_MICROSECOND = timedelta(microseconds=1)

Kinds = Mapping[str, str | None]
"""The executors of a scheduler: where the jobs of each alias run (None: as their tasks say)."""


class Changes:
    """Writes what APScheduler's jobs say into a plan."""

    def __init__(self, database: Database, registry: Registry) -> None:
        self._jobs = Jobs(database)
        self._holds = Holds(database)
        self._runs = Runs(database)
        self._registry = registry

    def add(self, native: NativeJob, kinds: Kinds, now: datetime) -> None:
        """Add a job; one without a next run time is paused. Raises ConflictingIdError, and what `plan_job` raises."""
        wanted = plan_job(native, kinds, self._registry)
        time = given_time(native, wanted.trigger, now)
        paused = native.next_run_time is None
        wanted = replace(wanted, trigger=with_rhythm(wanted.trigger, time), next_run_time=time, paused=paused)
        if self._take_place_of_finished(wanted, now):
            return
        try:
            self._jobs.add([wanted], now)
        except JobExists:
            raise ConflictingIdError(native.id) from None

    def update(self, native: NativeJob, kinds: Kinds, now: datetime) -> None:
        """Write what was changed of a job of the plan, or put a new definition in its place.

        Raises JobLookupError, and what `plan_job` raises.
        """
        try:
            old = self._present(native.id)
            if isinstance(native, PlanJob):
                self._change(native, old, kinds, now)
            else:
                self._replace(native, old, kinds, now)
        except JobNotFound:
            raise JobLookupError(native.id) from None

    def remove(self, job_id: str, now: datetime) -> None:
        """Take a job out of the plan. Raises JobLookupError."""
        try:
            self._present(job_id)
            self._jobs.remove(job_id, now)
        except JobNotFound:
            raise JobLookupError(job_id) from None

    def remove_all(self, now: datetime) -> None:
        """Take every job out of the plan."""
        self._jobs.remove_all(now)

    def _present(self, job_id: str) -> Job:
        """The job, unless its schedule is over or it is Horarium's own. Raises JobNotFound."""
        job = self._jobs.get(job_id)
        if job.status is JobStatus.FINISHED or job.origin in INTERNAL_ORIGINS:
            raise JobNotFound(job_id)
        return job

    def _take_place_of_finished(self, wanted: Job, now: datetime) -> bool:
        """A job whose schedule is over gives its id to a new one. Whether the new one is in the plan by that.

        It stays readable as a removed job; one that has runs waiting (a retry, say) would lose them by that, and takes
        the new definition instead.
        """
        try:
            if self._jobs.get(wanted.id).status is not JobStatus.FINISHED:
                return False
            if not self._runs.find(job_id=wanted.id, states=WAITING, limit=1):
                self._jobs.remove(wanted.id, now)
                return False
        except JobNotFound:
            return False
        self._jobs.add([wanted], now, replace_existing=True)
        self._jobs.modify(wanted.id, {"next_run_time": wanted.next_run_time or wanted.trigger.first(now)}, now)
        if wanted.paused:
            self._holds.pause(wanted.id, now, _PAUSED_BY)
        return True

    def _replace(self, native: NativeJob, old: Job, kinds: Kinds, now: datetime) -> None:
        """A job of the same id was added with `replace_existing=True`, at a boot most likely."""
        wanted = plan_job(native, kinds, self._registry, old)
        time = given_time(native, wanted.trigger, now)
        wanted = replace(wanted, trigger=with_rhythm(wanted.trigger, time), next_run_time=time)
        self._jobs.add([wanted], now, replace_existing=True)
        if native.next_run_time is None and not old.paused:
            self._holds.pause(native.id, now, _PAUSED_BY)

    def _change(self, native: PlanJob, old: Job, kinds: Kinds, now: datetime) -> None:
        """A person changed a job as they saw it, `native.plan`; `old` is what the plan has by now."""
        seen = native.plan
        new = plan_job(native, kinds, self._registry)
        changes = changed_fields(seen, new)
        time, seen_time = native.next_run_time, None if seen.paused else seen.next_run_time
        if time is not None and time != seen_time:
            changes |= self._new_time(native, new, time, now, retimed="trigger" in changes)
        elif time is not None and time > now and "trigger" in changes:
            changes["next_run_time"] = time  # as APScheduler has it: another trigger takes effect after the next run
        if time is not None and old.paused:
            self._holds.resume(native.id, now)
        if changes:
            self._jobs.modify(native.id, changes, now)
        if time is None and not old.paused:
            self._holds.pause(native.id, now, _PAUSED_BY)

    def _new_time(self, native: PlanJob, new: Job, time: datetime, now: datetime, *, retimed: bool) -> dict[str, Any]:
        """The changes that follow from a next run time that the job did not have before."""
        given = given_time(native, new.trigger, now)
        if given is None and retimed:
            return {}  # what the new trigger says, which the plan works out by itself
        time = (given or time).astimezone(UTC)
        changes: dict[str, Any] = {"next_run_time": time}
        moved = with_rhythm(new.trigger, time)
        if moved is not new.trigger and new.trigger.next_after(time - _MICROSECOND) != time:
            changes["trigger"] = moved
        return changes
