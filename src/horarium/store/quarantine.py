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

Definition = tuple[int, int]
"""A job as it stood: its key and its revision."""


def set_aside(connection: Connection, faults: Mapping[Definition, str], status: JobStatus) -> list[int]:
    """Keep these jobs out of the ticks, as broken or quarantined, and say why; answers the keys of those it did.

    A job that was changed since its fault was found stays as it is: somebody may just have mended it.
    """
    done = []
    for (key, revision), fault in faults.items():
        as_it_was = (jobs.c.key == key) & (jobs.c.revision == revision)
        written = connection.execute(update(jobs).where(as_it_was).values(status=status, fault=clean(fault)))
        if written.rowcount:
            connection.execute(
                update(clock).where(clock.c.job_key == key).values(held=True, version=clock.c.version + 1)
            )
            done.append(key)
    return done


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
