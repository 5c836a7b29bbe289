"""Pausing jobs, and the whole plan. What came due meanwhile is one summary row for each job, whatever its number."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from horarium.errors import JobNotFound
from horarium.job import Job
from horarium.states import DecisionKind, JobStatus
from horarium.store import schema
from horarium.store.database import Database
from horarium.store.jobs import select_jobs
from horarium.store.rows import UnreadableTrigger, show_job
from horarium.store.settling import NOBODY, left_out, paused_reason, record_unrun, settle

clock, facts, jobs = schema.job_clock, schema.facts, schema.jobs

PLAN_PAUSED = "paused"
"""The fact that stops the ticks of a plan; its value is who paused it."""


@dataclass(frozen=True, slots=True)
class PlanPause:
    """Who paused the whole plan."""

    by: str


class Holds:
    """Pauses of a plan."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def pause(self, job_id: str, now: datetime, by: str) -> None:
        """Stop a job from coming due; what was due before is decided first. Raises JobNotFound."""
        with self._database.write() as connection:
            job = _read(connection, job_id)
            settle(connection, self._database.dialect, job, now)
            _set_paused(connection, job.key, True)
            connection.execute(update(jobs).where(jobs.c.key == job.key).values(paused_by=by))

    def resume(self, job_id: str, now: datetime) -> None:
        """Let a paused job come due again, from now on; what it left out is one decision. Raises JobNotFound."""
        with self._database.write() as connection:
            job = _read(connection, job_id)
            if not job.paused:
                return
            _set_paused(connection, job.key, False)
            reason = paused_reason(connection, job)
            connection.execute(update(jobs).where(jobs.c.key == job.key).values(paused_by=None))
            skipped = left_out(job, now, DecisionKind.SKIPPED, reason)
            if skipped is None or isinstance(job.trigger, UnreadableTrigger):
                return
            record_unrun(connection, job, [skipped], NOBODY, now)
            next_run_time = job.trigger.next_after(now)
            connection.execute(update(clock).where(clock.c.job_key == job.key).values(next_run_time=next_run_time))
            if next_run_time is None:
                connection.execute(
                    update(jobs)
                    .where(jobs.c.key == job.key, jobs.c.status == JobStatus.SCHEDULED)
                    .values(status=JobStatus.FINISHED)
                )

    def pause_plan(self, by: str) -> None:
        """Stop every tick of every node. Queued and running runs go on."""
        with self._database.write() as connection:
            connection.execute(self._database.dialect.insert_new(facts).values(name=PLAN_PAUSED, value=by))
            connection.execute(update(facts).where(facts.c.name == PLAN_PAUSED).values(value=by))

    def resume_plan(self) -> None:
        """Let nodes tick again. What came due meanwhile is decided as after an outage, by each job's policies."""
        with self._database.write() as connection:
            connection.execute(delete(facts).where(facts.c.name == PLAN_PAUSED))

    def plan_pause(self) -> PlanPause | None:
        """Who paused the plan; None when it is not."""
        with self._database.read() as connection:
            by = connection.scalar(select(facts.c.value).where(facts.c.name == PLAN_PAUSED))
            return None if by is None else PlanPause(by)


def _read(connection: Connection, job_id: str) -> Job:
    row = connection.execute(select_jobs().where(jobs.c.id == job_id).with_for_update()).first()
    if row is None:
        raise JobNotFound(job_id)
    return show_job(row)


def _set_paused(connection: Connection, key: int, paused: bool) -> None:
    connection.execute(update(clock).where(clock.c.job_key == key).values(paused=paused, version=clock.c.version + 1))
