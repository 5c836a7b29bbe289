"""Jobs set aside, and let go again: broken (no node can import the task) or quarantined (the row cannot be used).

They stay where they are, with why, and keep out of the ticks. Nothing is deleted because it could not be read.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, case, select, update

from horarium.jsontext import clean
from horarium.states import JobStatus
from horarium.store import schema
from horarium.store.rows import clock_faults, in_words

logger = logging.getLogger(__name__)

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


def set_aside_damaged_clocks(connection: Connection, keys: Sequence[int]) -> None:
    """Quarantine those of these jobs whose clock cannot be read, each with a sentence. What of it tells nothing is set
    right, so that they can be changed like any job; a time that cannot be read stays, to be looked at.
    """
    columns = (
        clock.c.job_key,
        clock.c.next_run_time,
        clock.c.version,
        clock.c.revision,
        jobs.c.revision.label("known"),
    )
    query = select(*columns).join(jobs, jobs.c.key == clock.c.job_key).where(clock.c.job_key.in_(keys))
    for row in connection.execute(query).all():
        faults = clock_faults(row.next_run_time, row.version)
        if row.revision != row.known:
            faults["revision"] = f"{row.revision!r} is not that of the job, {row.known!r}"
        if not faults:
            continue
        logger.error("the clock of job key %s cannot be read: %s", row.job_key, in_words(faults))
        right = {"held": True, "version": row.version + 1 if isinstance(row.version, int) else 0, "revision": row.known}
        connection.execute(update(clock).where(clock.c.job_key == row.job_key).values(right))
        said = {"status": JobStatus.QUARANTINED, "fault": clean(f"its clock was damaged: {in_words(faults)}")}
        connection.execute(update(jobs).where(jobs.c.key == row.job_key).values(said))


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
