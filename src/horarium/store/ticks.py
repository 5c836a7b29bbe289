"""Ticks: reading what is due, and writing what was decided. No lock is held while anybody thinks."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any, NamedTuple

from sqlalchemy import Connection, Integer, Row, Select, bindparam, exists, func, select

from horarium.job import Job
from horarium.states import JobStatus
from horarium.store import schema
from horarium.store.database import Database
from horarium.store.holds import PLAN_PAUSED
from horarium.store.jobs import select_jobs
from horarium.store.quarantine import Definition, let_go, set_aside, set_aside_damaged_clocks
from horarium.store.rows import UNREADABLE, clock_faults, read_job
from horarium.store.schema import UnreadableTime
from horarium.store.settling import Settled, Thought, stop_replaced, write_thoughts

clock, facts, jobs = schema.job_clock, schema.facts, schema.jobs

_DUE = (~clock.c.paused) & (~clock.c.held) & clock.c.next_run_time.is_not(None)
_PLAN_GOES_ON = ~exists().where(facts.c.name == PLAN_PAUSED)
# Built once: putting a statement together takes longer than running it.
_DUE_UNTIL = (
    select(clock.c.job_key, clock.c.next_run_time, clock.c.version, clock.c.revision)
    .where(_DUE, clock.c.next_run_time <= bindparam("until", type_=schema.Instant), _PLAN_GOES_ON)
    .order_by(clock.c.next_run_time)
    .limit(bindparam("most", type_=Integer))
)
_NEXT_TIME = select(func.min(clock.c.next_run_time)).where(_DUE)
_KEPT_DEFINITIONS = 20_000
_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Due:
    """A job that is due: its definition, when it was due, and the version of its clock."""

    job: Job
    due_at: datetime
    version: int


class Ticks:
    """The plan as the engine's tick sees it. Keeps the definitions it read in memory, by key."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._definitions: OrderedDict[int, Job] = OrderedDict()

    def due(self, now: datetime, limit: int, without: Collection[int] = ()) -> list[Due]:
        """At most `limit` due jobs, those due longest first, leaving out the job keys `without`; none in a paused plan.

        A row that cannot be read is set aside (quarantined, with why) and the others are answered.
        """
        with self._database.read() as connection:
            found = _columns(connection.execute(_without(_DUE_UNTIL, without), {"until": now, "most": limit}))
            damaged = self._load(connection, found.keys, found.revisions)
        if damaged:
            self.hold(damaged, JobStatus.QUARANTINED)
        due, unsound = [], []
        for key, due_at, version, revision in zip(*found, strict=True):
            job = self._definitions.get(key)
            if job is not None and job.revision == revision and type(due_at) is datetime and type(version) is int:
                due.append(Due(job, due_at, version))
            elif (key, revision) not in damaged:
                unsound.append(key)
        if unsound:
            self._hold_damaged_clocks(unsound)
        return due

    def read_ahead(self, now: datetime, limit: int, without: Collection[int] = ()) -> None:
        """Read the definitions of the jobs that are due after the first `limit`, for the tick that comes to them.

        Rows that cannot be read are left for that tick to find. Raises PlanUnavailable.
        """
        query = _without(_DUE_UNTIL, without).offset(limit)
        with self._database.read() as connection:
            found = _columns(connection.execute(query, {"until": now, "most": limit}))
            self._load(connection, found.keys, found.revisions)

    def hold_what_is_never_due(self) -> None:
        """Quarantine jobs whose next run time is none, so that no tick comes to them. Not every database can have any.

        Raises PlanUnavailable.
        """
        beyond = self._database.dialect.is_no_time(clock.c.next_run_time)
        if beyond is None:
            return
        with self._database.read() as connection:
            keys = connection.scalars(select(clock.c.job_key).where(_DUE, beyond).limit(_AT_ONCE)).all()
        if keys:
            self._hold_damaged_clocks(keys)

    def next_time(self, without: Collection[int] = ()) -> datetime | None:
        """When the next job is due; None when none ever is."""
        with self._database.read() as connection:
            found: datetime | UnreadableTime | None = connection.scalar(_without(_NEXT_TIME, without))
            return found if isinstance(found, datetime) else None

    def write(self, thoughts: Sequence[Thought], *, node: str, now: datetime, takes: Callable[[Job], bool]) -> Settled:
        """Write decisions in one transaction; see `settling.write_thoughts`."""
        with self._database.write() as connection:
            return write_thoughts(connection, self._database.dialect, thoughts, node=node, now=now, takes=takes)

    def stop_replaced(self, replaced: Sequence[tuple[datetime, int]], now: datetime) -> list[tuple[datetime, int]]:
        """Ask runs to stop that a tick could not ask; answers those still left. See `settling.stop_replaced`."""
        with self._database.write() as connection:
            return stop_replaced(connection, replaced, now)

    def hold(self, faults: Mapping[Definition, str], status: JobStatus) -> list[int]:
        """Keep jobs out of the ticks, as broken or quarantined, and say why. They stay where they are.

        Answers the keys of those that it did: a job that was changed since is left alone.
        """
        with self._database.write() as connection:
            return set_aside(connection, faults, status)

    def release(self, keys: Sequence[int]) -> None:
        """Let broken jobs run again."""
        with self._database.write() as connection:
            for start in range(0, len(keys), _AT_ONCE):
                let_go(connection, keys[start : start + _AT_ONCE], JobStatus.BROKEN)

    def broken(self) -> list[tuple[int, str]]:
        """Keys and tasks of the jobs that no node could import."""
        # Every heartbeat asks, and there is no index of the status; what is held is a handful.
        held = select(clock.c.job_key).where(clock.c.held)
        query = select(jobs.c.key, jobs.c.task).where(
            jobs.c.key.in_(held), jobs.c.status == JobStatus.BROKEN, jobs.c.removed_at.is_(None)
        )
        with self._database.read() as connection:
            return [(row.key, row.task) for row in connection.execute(query)]

    def _hold_damaged_clocks(self, keys: Sequence[int]) -> None:
        with self._database.write() as connection:
            for start in range(0, len(keys), _AT_ONCE):
                set_aside_damaged_clocks(connection, keys[start : start + _AT_ONCE])

    def _load(self, connection: Connection, keys: Sequence[int], revisions: Sequence[int]) -> dict[Definition, str]:
        """Read definitions that are not in memory; answers those that cannot be read, with why."""
        known = self._definitions
        missing = [
            key
            for key, revision in zip(keys, revisions, strict=True)
            if (job := known.get(key)) is None or job.revision != revision
        ]
        if not missing:
            return {}
        damaged: dict[Definition, str] = {}
        query = select_jobs().where(self._database.dialect.among(jobs.c.key, missing))
        for row in connection.execute(query):
            try:
                job = read_job(row)
            except UNREADABLE as error:
                if clock_faults(row.next_run_time, row.version):
                    continue  # its clock is set aside by itself
                damaged[row.key, row.revision] = f"{type(error).__name__}: {error}"
            else:
                known[job.key] = job
                known.move_to_end(job.key)
        # Only what is over the size goes, the oldest first: a tick needs everything that it has just read.
        while len(known) > _KEPT_DEFINITIONS:
            known.popitem(last=False)
        return damaged


def _without(query: Select[Any], keys: Collection[int]) -> Select[Any]:
    """A query of clocks that leaves out those of some jobs."""
    return query.where(clock.c.job_key.not_in(keys)) if keys else query


class _Found(NamedTuple):
    """Clocks that are due, as columns: the garbage collector looks at each row that a tick keeps."""

    keys: Sequence[int]
    times: Sequence[datetime | UnreadableTime]
    versions: Sequence[int]
    revisions: Sequence[int]


def _columns(rows: Iterable[Row[Any]]) -> _Found:
    values = list(chain.from_iterable(rows))
    return _Found(values[0::4], values[1::4], values[2::4], values[3::4])
