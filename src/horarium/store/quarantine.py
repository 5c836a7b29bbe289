"""Jobs set aside, and let go again: broken (no node can import the task) or quarantined (the row cannot be used).

They stay where they are, with why, and keep out of the ticks. Nothing is deleted because it could not be read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, case, select, update

from horarium.jsontext import clean
from horarium.states import JobStatus
from horarium.store import schema

clock, jobs = schema.job_clock, schema.jobs


def set_aside(connection: Connection, faults: Mapping[int, str], status: JobStatus) -> None:
    """Keep the jobs with these keys out of the ticks, as broken or quarantined, and say why."""
    for key, fault in faults.items():
        connection.execute(update(clock).where(clock.c.job_key == key).values(held=True, version=clock.c.version + 1))
        connection.execute(update(jobs).where(jobs.c.key == key).values(status=status, fault=clean(fault)))


def let_go(connection: Connection, keys: Sequence[int], status: str) -> None:
    """Let those of these jobs that have this status come due again; one that is never due any more is finished."""
    mended = select(jobs.c.key).where(jobs.c.key.in_(keys), jobs.c.status == status)
    connection.execute(update(clock).where(clock.c.job_key.in_(mended)).values(held=False, version=clock.c.version + 1))
    due = select(clock.c.job_key).where(clock.c.next_run_time.is_not(None))
    connection.execute(
        update(jobs)
        .where(jobs.c.key.in_(keys), jobs.c.status == status)
        .values(status=case((jobs.c.key.in_(due), JobStatus.SCHEDULED), else_=JobStatus.FINISHED), fault=None)
    )
