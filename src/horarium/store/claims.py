"""Runs between the plan and a node: claiming what waits, ending attempts, giving back, rescuing.

Every write names the run, its attempt and its node; what does not match is refused.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Connection,
    Integer,
    Row,
    Select,
    and_,
    bindparam,
    func,
    not_,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.exc import IntegrityError

from horarium.job import Job
from horarium.states import HELD, WAITING, Change, JobStatus, Overlap, RunState, sources, target
from horarium.store import schema
from horarium.store.database import Database
from horarium.store.dialects import Dialect
from horarium.store.handing import hand_back
from horarium.store.jobs import JOB_COLUMNS
from horarium.store.quarantine import set_aside
from horarium.store.rescue import rescue_from
from horarium.store.rows import UNREADABLE, is_payload, payload_start, read_job
from horarium.store.slots import free_slot, used_slots
from horarium.store.work import Holder
from horarium.values import RunKey

clock, jobs, runs = schema.job_clock, schema.jobs, schema.runs

OnMissed = Callable[[RunKey, str, datetime], None]
"""Told a run that could not be started in time, the id of its job, and when that was noticed."""

SUSPECT = 2
"""From this many crashes on, a run is only started where no other such run is, so that the guilty one is found."""

_CLAIM_AT_ONCE = 500
_EXPIRE_EVERY = timedelta(seconds=1)
_NOW = bindparam("present", type_=schema.Instant)
_HELD_BY = select(runs.c.scheduled_at, runs.c.job_key, runs.c.attempt, runs.c.state, runs.c.stop_reason).where(
    runs.c.node == bindparam("holder"), schema.state_in(HELD)
)
_ANYTHING_WAITS = select(runs.c.job_key).where(schema.state_in(WAITING), runs.c.not_before <= _NOW).limit(1)
_NEXT_TIME = select(func.min(runs.c.not_before)).where(schema.state_in(WAITING))
_NEXT_TIME_AFTER = _NEXT_TIME.where(runs.c.not_before > _NOW)
# Lateness judged once more: what nobody could start in time is missed. A run that began before never is.
_EXPIRED = and_(runs.c.state.in_(sources(Change.EXPIRE)), runs.c.start_deadline < _NOW, runs.c.attempt == 0)
_IN_TIME = or_(runs.c.start_deadline.is_(None), not_(_EXPIRED))
_EXPIRE = (
    update(runs)
    .where(schema.state_in(WAITING), runs.c.not_before <= _NOW, _EXPIRED)
    .values(
        state=target(Change.EXPIRE),
        slot=None,
        finished_at=_NOW,
        stop_reason="no node had a free place for it within misfire_grace_time",
    )
    .returning(
        runs.c.scheduled_at,
        runs.c.job_key,
        select(jobs.c.id).where(jobs.c.key == runs.c.job_key).scalar_subquery().label("job_id"),
    )
)
_TAKE = (
    update(runs)
    .where(schema.state_in(WAITING, by_index=False))
    .values(
        state=target(Change.CLAIM),
        node=bindparam("holder"),
        attempt=runs.c.attempt + 1,
        started_at=_NOW,
        finished_at=None,
        not_before=None,
        stop_reason=None,
        timed_out=False,
        progress=None,
    )
)
_TAKE_ONE = _TAKE.where(
    runs.c.scheduled_at == bindparam("at", type_=schema.Instant), runs.c.job_key == bindparam("of_job")
)
_TAKE_SLOT = _TAKE_ONE.values(slot=bindparam("number"))


@dataclass(frozen=True, slots=True)
class Claimed:
    """A run that is this node's now: its job as it stands, its attempt, and its own task and arguments, if any."""

    key: RunKey
    job: Job
    attempt: int
    failures: int
    payload: str | None
    started_at: datetime
    suspect: bool


@dataclass(frozen=True, slots=True)
class HeldRun:
    """A run that the plan says this node has."""

    key: RunKey
    attempt: int
    state: RunState
    stop_reason: str | None


class Claims:
    """What nodes do with runs."""

    def __init__(self, database: Database, on_missed: OnMissed = lambda _key, _job_id, _at: None) -> None:
        self._database = database
        self._on_missed = on_missed
        self._expired_until: datetime | None = None

    def claim(
        self,
        node: str,
        now: datetime,
        limit: int,
        *,
        executors: Collection[str],
        without_tasks: Collection[str] = (),
        suspects: bool = True,
    ) -> list[Claimed]:
        """Take up to `limit` waiting runs for this node, those waiting longest first.

        Only runs of tasks not in `without_tasks` and of `executors` (or of jobs whose executor is not known yet).
        Runs past their start deadline are left, and become missed within a second. Runs of jobs that have all their
        instances active are left.
        """
        limit = min(limit, _CLAIM_AT_ONCE)
        try:
            return self._claim(node, now, limit, executors, without_tasks, suspects)
        except IntegrityError:
            # Another node took the last place of a job meanwhile. One at a time, then: whoever is free gets in.
            try:
                return self._claim(node, now, 1, executors, without_tasks, suspects)
            except IntegrityError:
                return []

    def held_by(self, node: str) -> list[HeldRun]:
        """What the plan says this node is running."""
        with self._database.read() as connection:
            return [
                HeldRun(RunKey(row.scheduled_at, row.job_key), row.attempt, RunState(row.state), row.stop_reason)
                for row in connection.execute(_HELD_BY, {"holder": node})
            ]

    def anything_waits(self, now: datetime) -> bool:
        """Whether some run waits that may be started now: a cheap look before `claim`."""
        with self._database.read() as connection:
            return connection.execute(_ANYTHING_WAITS, {"present": now}).first() is not None

    def next_time(self, after: datetime | None = None) -> datetime | None:
        """When the next waiting run may be started; `after`: leaving out those that could have been by then."""
        with self._database.read() as connection:
            query = _NEXT_TIME if after is None else _NEXT_TIME_AFTER
            found: datetime | None = connection.scalar(query, None if after is None else {"present": after})
            return found

    def give_back(self, holders: Sequence[Holder], now: datetime, *, keep_places: bool = True) -> None:
        """Leave runs to other nodes, at once; those that were asked to stop are cancelled. No failure and no crash.

        Without `keep_places` others of their jobs may go before them.
        """
        with self._database.write() as connection:
            hand_back(connection, holders, now, keep_places=keep_places)

    def rescue(self, node: str, now: datetime) -> int:
        """Take the runs of a node that has ended from it: back to the queue, or failed (`on_crash="fail"`, or crashed
        too often). Answers how many runs there were.
        """
        with self._database.write() as connection:
            return rescue_from(connection, self._database.dialect, node, now)

    def _claim(
        self,
        node: str,
        now: datetime,
        limit: int,
        executors: Collection[str],
        without_tasks: Collection[str],
        suspects: bool,
    ) -> list[Claimed]:
        with self._database.write() as connection:
            missed = self._expire(connection, now)
            if without_tasks:
                _give_up_places(connection, without_tasks)
            self._database.dialect.walk_in_order(connection)
            waiting = _waiting_runs(tuple(executors), tuple(without_tasks), suspects)
            candidates = connection.execute(waiting, {"present": now, "most": limit}).all()
            slots = _slots_for(connection, candidates)
            claimed: list[Claimed] = []
            taken: list[tuple[Row[Any], int | None]] = []
            has_suspect = False
            for row in candidates:
                slot = slots.get((row.scheduled_at, row.job_key), 0)
                if slot == 0 or (row.crashes >= SUSPECT and has_suspect):
                    continue
                job = _job_of(connection, row, now)
                if job is None:
                    continue
                has_suspect = has_suspect or row.crashes >= SUSPECT
                taken.append((row, slot))
                key = RunKey(row.scheduled_at, row.job_key)
                claimed.append(
                    Claimed(key, job, row.attempt + 1, row.failures, row.payload, now, row.crashes >= SUSPECT)
                )
            _take(connection, self._database.dialect, taken, node, now)
        for one in missed:
            self._on_missed(RunKey(one.scheduled_at, one.job_key), one.job_id, now)
        return claimed

    def _expire(self, connection: Connection, now: datetime) -> Sequence[Row[Any]]:
        """Write off what is too late to be started; not at each claim, since it takes a look at the whole queue."""
        if self._expired_until is not None and abs(now - self._expired_until) < _EXPIRE_EVERY:
            return ()
        self._expired_until = now
        return connection.execute(_EXPIRE, {"present": now}).all()


@functools.lru_cache(maxsize=64)
def _waiting_runs(executors: tuple[str, ...], without_tasks: tuple[str, ...], suspects: bool) -> Select[Any]:
    """What may be claimed, at most `most` of it. Kept, since putting it together takes longer than running it."""
    others = runs.alias("others")
    active = (
        select(func.count())
        .select_from(others)
        .where(others.c.job_key == runs.c.job_key, others.c.slot.is_not(None))
        .scalar_subquery()
    )
    has_place = or_(runs.c.slot.is_not(None), jobs.c.overlap == Overlap.ALLOW, active < jobs.c.max_instances)
    query = (
        select(
            runs.c.scheduled_at,
            runs.c.job_key,
            runs.c.attempt,
            runs.c.failures,
            runs.c.crashes,
            runs.c.slot,
            runs.c.payload,
            runs.c.state.label("run_state"),
            jobs.c.removed_at,
            *JOB_COLUMNS,
        )
        .join(jobs, jobs.c.key == runs.c.job_key)
        .outerjoin(clock, clock.c.job_key == runs.c.job_key)
        .where(schema.state_in(WAITING), runs.c.not_before <= _NOW, _IN_TIME, has_place)
        .where(or_(jobs.c.executor.is_(None), jobs.c.executor.in_(executors)))
        .where(
            jobs.c.status != JobStatus.QUARANTINED, or_(jobs.c.status != JobStatus.BROKEN, runs.c.payload.is_not(None))
        )
        .order_by(runs.c.not_before, runs.c.scheduled_at)
        .limit(bindparam("most", type_=Integer))
        .with_for_update(of=runs, skip_locked=True)
    )
    if without_tasks:
        query = query.where(~_is_of(without_tasks))
    if not suspects:
        query = query.where(runs.c.crashes < SUSPECT)
    return query


def _is_of(tasks: Collection[str]) -> Any:
    """Whether a run is of one of these tasks: by its own, where it has one, else by its job's."""
    return or_(and_(runs.c.payload.is_(None), jobs.c.task.in_(tasks)), _has_own(tasks))


def _has_own(tasks: Collection[str]) -> Any:
    """Whether a run has a task of its own, and one of these."""
    own = func.coalesce(runs.c.payload, "")
    return or_(*(own.startswith(payload_start(task), autoescape=True) for task in tasks))


def _give_up_places(connection: Connection, tasks: Collection[str]) -> None:
    """Let others of their jobs go before runs that wait with a task of their own that is not known here."""
    waiting = schema.state_in(WAITING) & runs.c.slot.is_not(None)
    connection.execute(update(runs).where(waiting, runs.c.payload.is_not(None), _has_own(tasks)).values(slot=None))


def _job_of(connection: Connection, row: Row[Any], now: datetime) -> Job | None:
    """The job of a run; None when the run is over, since its job was removed, or when one of them cannot be read."""
    if row.removed_at is not None and row.run_state == RunState.RETRYING:
        _cancel(connection, row, now, "its job was removed")
        return None
    try:
        job = read_job(row)
    except UNREADABLE as error:
        fault = {(row.job_key, row.revision): f"{type(error).__name__}: {error}"}
        set_aside(connection, fault, JobStatus.QUARANTINED)
        return None  # its run waits until the job is mended
    if row.payload is None or is_payload(row.payload):
        return job
    _cancel(connection, row, now, "its own task and arguments cannot be read")
    return None


def _cancel(connection: Connection, row: Row[Any], now: datetime, why: str) -> None:
    connection.execute(
        update(runs)
        .where(_is(row), schema.state_in(WAITING, by_index=False))
        .values(state=target(Change.CANCEL), slot=None, finished_at=now, stop_reason=why)
    )


def _slots_for(connection: Connection, candidates: Sequence[Row[Any]]) -> dict[tuple[datetime, int], int | None]:
    """The slot that each candidate gets (None: its job needs none); those left out find no free one."""
    slots: dict[tuple[datetime, int], int | None] = {}
    homeless = []
    for row in candidates:
        if row.slot is not None or row.overlap == Overlap.ALLOW:
            slots[row.scheduled_at, row.job_key] = row.slot
        else:
            homeless.append(row)
    used = used_slots(connection, {row.job_key for row in homeless})
    for row in homeless:
        # A number that is none makes the job set aside a little later.
        most = row.max_instances if isinstance(row.max_instances, int) else 1
        free = free_slot(used[row.job_key], most)
        if free is not None:
            used[row.job_key].add(free)
            slots[row.scheduled_at, row.job_key] = free
    return slots


def _take(
    connection: Connection, dialect: Dialect, taken: Sequence[tuple[Row[Any], int | None]], node: str, now: datetime
) -> None:
    """Make the runs this node's, in its next attempt of each. A server gets one statement but for those with a slot."""
    held = {"holder": node, "present": now}
    as_they_are = [(row.scheduled_at, row.job_key) for row, slot in taken if slot == row.slot]
    if len(as_they_are) == 1 or not dialect.has_server:
        each = [held | {"at": at, "of_job": key} for at, key in as_they_are]
        if each:
            connection.execute(_TAKE_ONE, each)
    elif as_they_are:
        ours = tuple_(runs.c.scheduled_at, runs.c.job_key).in_(as_they_are)
        connection.execute(_TAKE.where(ours), held)
    for row, slot in taken:
        if slot != row.slot:
            connection.execute(_TAKE_SLOT, held | {"at": row.scheduled_at, "of_job": row.job_key, "number": slot})


def _is(row: Row[Any]) -> Any:
    return and_(runs.c.scheduled_at == row.scheduled_at, runs.c.job_key == row.job_key)
