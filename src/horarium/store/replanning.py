"""Working next run times out again when the rules of time zones have changed."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from sqlalchemy import Connection, select, update

from horarium.store import schema
from horarium.store.database import Database
from horarium.store.jobs import select_jobs
from horarium.store.rows import UNREADABLE, read_job
from horarium.when import Interval, Trigger
from horarium.when.zones import database_version
from horarium.wording import counted

clock, facts, jobs = schema.job_clock, schema.facts, schema.jobs

logger = logging.getLogger(__name__)

_ZONES = "time zone database"
_AT_ONCE = 1_000
_QUARTER = timedelta(minutes=15)
_SHIFTS = [_QUARTER * number for number in range(-12, 13) if number]
"""By how much rules change: the offsets of zones are quarters of an hour, and move by three hours at most."""


def replan_for_new_zones(database: Database, now: datetime) -> int:
    """If this plan was last planned with another time zone database, work out the times that are still to come anew.

    What is due already stays due, and so does a time that somebody set: what is no occurrence under any rules.
    Answers how many jobs got another time.
    """
    version = database_version()
    with database.read() as connection:
        planned_with = connection.scalar(select(facts.c.value).where(facts.c.name == _ZONES))
    if planned_with == version:
        return 0
    moved = 0
    if planned_with is not None:
        last: int | None = 0
        while last is not None:
            with database.write() as connection:
                last, number = _replan(connection, last, now)
            moved += number
        logger.info(
            "the time zone database is %s, was %s: another time for %s", version, planned_with, counted(moved, "job")
        )
    with database.write() as connection:
        # In one statement: other nodes that start at this moment write the same.
        connection.execute(database.dialect.insert_over(facts, ["value"]).values(name=_ZONES, value=version))
    return moved


def _replan(connection: Connection, after_key: int, now: datetime) -> tuple[int | None, int]:
    """Replan the next thousand jobs; answers the last key looked at (None: there are no more) and how many moved."""
    query = (
        select_jobs()
        .where(jobs.c.key > after_key, clock.c.next_run_time > now)
        .order_by(jobs.c.key)
        .limit(_AT_ONCE)
        .with_for_update()
    )
    rows = connection.execute(query).all()
    moved = 0
    for row in rows:
        try:
            job = read_job(row)
        except UNREADABLE:
            continue  # the tick sets it aside
        if isinstance(job.trigger, Interval) or job.trigger.timezone == "UTC":
            continue
        following = job.trigger.next_after(now)
        if following != row.next_run_time and _was_shifted(job.trigger, row.next_run_time):
            connection.execute(
                update(clock)
                .where(clock.c.job_key == row.key)
                .values(next_run_time=following, version=clock.c.version + 1)
            )
            moved += 1
    return (rows[-1].key if len(rows) == _AT_ONCE else None), moved


def _was_shifted(trigger: Trigger, planned: datetime) -> bool:
    """Whether this time was an occurrence under other rules, and is none now."""
    return not _occurs(trigger, planned) and any(_occurs(trigger, planned + shift) for shift in _SHIFTS)


def _occurs(trigger: Trigger, at: datetime) -> bool:
    return trigger.next_after(at - timedelta(microseconds=1)) == at
