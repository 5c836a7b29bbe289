"""Jobs in the plan: adding, reading, changing and removing them. Pausing and holding are in `holds`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, Select, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from horarium.clock import EPOCH
from horarium.errors import JobError, JobExists, JobNotFound
from horarium.job import FILE_ORIGIN, POLICY_NAMES, Job
from horarium.states import WAITING, Change, JobStatus, Overlap, RunState, target
from horarium.store import schema
from horarium.store.database import Database
from horarium.store.quarantine import let_go
from horarium.store.rows import JobRow, clock_faults, faults_of, job_values, payload_start, show_job
from horarium.store.settling import settle_before_change, settle_before_removal
from horarium.store.slots import give_slots
from horarium.when.once import Once

jobs, clock, runs = schema.jobs, schema.job_clock, schema.runs

INTERNAL_ORIGINS = ("builtin", "call")
"""Origins of jobs that no user added: left out of lists, counts and `remove_all`."""

RESERVED_IDS = ("horarium.", "call:")
"""What the ids of such jobs begin with."""

_T = TypeVar("_T")
_AT_ONCE = 1_000
_TRIES = 3
_PAYLOAD = ("task", "args", "kwargs")
_SOUND = (JobStatus.SCHEDULED, JobStatus.FINISHED, JobStatus.BROKEN)
_ANY_TIME = Once(EPOCH)

JOB_COLUMNS = tuple(jobs.c[name] if name in jobs.c else clock.c[name] for name in JobRow._fields)
"""What `rows.read_job` reads."""


def select_jobs() -> Select[Any]:
    """Every job of the plan that was not removed, with its clock."""
    return select(*JOB_COLUMNS).join(clock, clock.c.job_key == jobs.c.key).where(jobs.c.removed_at.is_(None))


class Jobs:
    """The jobs of a plan."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, wanted: Sequence[Job], now: datetime, *, replace_existing: bool = False) -> list[Job]:
        """Add jobs, all or none, and answer them as they stand in the plan.

        `next_run_time` of a new job is its trigger's first time from `now`, or the one that it brings. With
        `replace_existing` a job that is there takes the new definition; if its trigger is the same and it brings no
        time, it keeps its next run time. A person's pause stays. Raises JobExists, JobError, ArgumentsNotJSON.
        """
        _check_ids(wanted)
        anchored = (_anchored(job, now) for job in wanted)
        values = {job.id: (job, job_values(job)) for job in anchored}
        for tries_left in reversed(range(_TRIES)):
            try:
                with self._database.write() as connection:
                    self._add(connection, values, now, replace_existing=replace_existing)
                    return self._by_ids(connection, list(values))
            except IntegrityError:
                # Another process added one of them after we looked; now it is there to be seen.
                if not tries_left:
                    raise
        raise AssertionError("unreachable")

    def get(self, job_id: str) -> Job:
        """The job with this id. Raises JobNotFound."""
        with self._database.read() as connection:
            return show_job(_one(connection, job_id))

    def with_ids(self, ids: Sequence[str]) -> list[Job]:
        """Those jobs among `ids` that exist."""
        with self._database.read() as connection:
            return [show_job(row) for row in _rows_of(connection, ids)]

    def find(
        self,
        *,
        status: JobStatus | None = None,
        search: str | None = None,
        origin: str | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[Job]:
        """Jobs by next run time, those without one last; `search` is part of the id, name or task.

        Capitals do not matter, but of ASCII letters only: SQLite knows no others.
        """
        query = select_jobs().order_by(clock.c.next_run_time.is_(None), clock.c.next_run_time, jobs.c.id)
        if status is JobStatus.PAUSED:
            query = query.where(clock.c.paused, jobs.c.status == JobStatus.SCHEDULED)
        elif status is not None:
            query = query.where(jobs.c.status == status, ~clock.c.paused)
        if search:
            query = query.where(
                jobs.c.id.icontains(search, autoescape=True)
                | jobs.c.name.icontains(search, autoescape=True)
                | jobs.c.task.icontains(search, autoescape=True)
            )
        if origin is not None:
            query = query.where(jobs.c.origin == origin)
        else:
            query = query.where(jobs.c.origin.not_in(INTERNAL_ORIGINS))
        with self._database.read() as connection:
            return [show_job(row) for row in connection.execute(query.limit(limit).offset(offset))]

    def count(self) -> dict[JobStatus, int]:
        """How many jobs there are of each status."""
        paused = clock.c.paused & (jobs.c.status == JobStatus.SCHEDULED)
        query = (
            select(jobs.c.status, paused.label("paused"), func.count())
            .join(clock, clock.c.job_key == jobs.c.key)
            .where(jobs.c.removed_at.is_(None), jobs.c.origin.not_in(INTERNAL_ORIGINS))
            .group_by(jobs.c.status, paused)
        )
        with self._database.read() as connection:
            counts: dict[JobStatus, int] = {}
            for status, is_paused, number in connection.execute(query):
                found = JobStatus.PAUSED if is_paused else _status_of(status)
                counts[found] = counts.get(found, 0) + number
            return counts

    def modify(self, job_id: str, changes: Mapping[str, Any], now: datetime) -> Job:
        """Change fields of a job, or single policies; `next_run_time` may be among them (None: never by itself).

        What came due before a new trigger or time is decided first, by the old one. What cannot be read of a damaged
        job stays as it is unless it is changed. Raises JobNotFound, TriggerError, ArgumentsNotJSON.
        """
        with self._database.write() as connection:
            row = _one(connection, job_id, lock=True)
            old = show_job(row)
            fields = {name: value for name, value in changes.items() if name not in POLICY_NAMES}
            policies = {name: value for name, value in changes.items() if name in POLICY_NAMES}
            moves_clock = "next_run_time" in fields or "trigger" in fields
            next_run_time = fields.pop("next_run_time", None)
            new = replace(old, **fields, policies=replace(fields.pop("policies", old.policies), **policies))
            if "trigger" in changes:
                new = _anchored(new, now)
                if "next_run_time" not in changes:
                    next_run_time = new.trigger.first(now)
            if moves_clock:
                settle_before_change(connection, self._database.dialect, old, now)
            if moves_clock:
                set_next(connection, old.key, next_run_time)
            self._write_definition(connection, row, _values_over(row, new, changes), now)
            return show_job(_one(connection, job_id))

    def remove(self, job_id: str, now: datetime) -> None:
        """Take a job out of the plan. Its runs stay readable, those that wait are cancelled. Raises JobNotFound."""
        with self._database.write() as connection:
            _remove(connection, [_one(connection, job_id, lock=True)], now)

    def remove_all(self, now: datetime) -> int:
        """Take every job out of the plan; answers how many."""
        with self._database.write() as connection:
            users = select_jobs().where(jobs.c.origin.not_in(INTERNAL_ORIGINS))
            rows = connection.execute(users.order_by(jobs.c.key).with_for_update()).all()
            _remove(connection, rows, now)
            return len(rows)

    def remove_missing(self, origin: str, ids_kept: Iterable[str], now: datetime) -> list[str]:
        """Remove the jobs of this origin that are not among `ids_kept`; answers the ids of those removed."""
        kept = set(ids_kept)
        with self._database.write() as connection:
            query = select_jobs().where(jobs.c.origin == origin).order_by(jobs.c.key).with_for_update()
            gone = [row for row in connection.execute(query) if row.id not in kept]
            _remove(connection, gone, now)
            return [row.id for row in gone]

    def _add(
        self,
        connection: Connection,
        wanted: Mapping[str, tuple[Job, dict[str, Any]]],
        now: datetime,
        *,
        replace_existing: bool,
    ) -> None:
        existing = {row.id: row for row in _rows_of(connection, list(wanted), lock=True)}
        if existing and not replace_existing:
            raise JobExists(next(iter(existing)))
        new = [pair for job_id, pair in wanted.items() if job_id not in existing]
        for group in _groups(new):
            self._insert(connection, group, now)
        for job_id, row in existing.items():
            _check_origin(row, wanted[job_id][0])
            self._replace(connection, row, *wanted[job_id], now)

    def _insert(self, connection: Connection, group: Sequence[tuple[Job, dict[str, Any]]], now: datetime) -> None:
        fresh = {"revision": 1, "created_at": now, "updated_at": now}
        firsts = {job.id: _first_time(job, now) for job, _ in group}
        rows = connection.execute(
            insert(jobs).returning(jobs.c.key, jobs.c.id),
            [
                values
                | fresh
                | {
                    "status": JobStatus.SCHEDULED if firsts[job.id] else JobStatus.FINISHED,
                    "paused_by": job.origin if job.paused else None,
                }
                for job, values in group
            ],
        ).all()
        paused = {job.id: job.paused for job, _ in group}
        connection.execute(
            insert(clock),
            [
                {
                    "job_key": row.key,
                    "next_run_time": firsts[row.id],
                    "paused": paused[row.id],
                    "version": 0,
                    "revision": 1,
                }
                for row in rows
            ],
        )

    def _replace(self, connection: Connection, row: Row[Any], job: Job, values: dict[str, Any], now: datetime) -> None:
        """Give a job that is there a new definition; move its clock if its trigger is another, or it brings a time."""
        old = show_job(row)
        unchanged = old.trigger.same_schedule(job.trigger) and not clock_faults(row.next_run_time, row.version)
        if not unchanged or job.next_run_time not in (None, old.next_run_time):
            settle_before_change(connection, self._database.dialect, old, now)
            set_next(connection, row.key, _first_time(job, now))
        self._write_definition(connection, row, values | ({"trigger": row.trigger} if unchanged else {}), now)

    def _write_definition(self, connection: Connection, row: Row[Any], values: dict[str, Any], now: datetime) -> None:
        """Write what changed; runs made before keep the task and arguments that they were made with.

        But those that wait for a task that no node knows get the new one.
        """
        changed = {name: value for name, value in values.items() if getattr(row, name) != value}
        is_mended = row.status == JobStatus.BROKEN and "task" in changed
        if changed:
            made_before = (runs.c.job_key == row.key) & runs.c.payload.is_(None)
            if is_mended:
                _rename_waiting(connection, row, changed["task"])
                made_before &= ~schema.state_in(WAITING, by_index=False)
            if any(name in changed for name in _PAYLOAD):
                connection.execute(update(runs).where(made_before).values(payload=_payload_text(row)))
            connection.execute(
                update(jobs)
                .where(jobs.c.key == row.key)
                .values(changed | {"revision": jobs.c.revision + 1, "updated_at": now})
            )
            connection.execute(
                update(clock)
                .where(clock.c.job_key == row.key)
                .values(version=clock.c.version + 1, revision=clock.c.revision + 1)
            )
            if "overlap" in changed and row.overlap == Overlap.ALLOW:
                give_slots(connection, row.key)
        if is_mended:
            let_go(connection, [row.key], JobStatus.BROKEN)
        elif row.status not in _SOUND and faults_of(_one(connection, row.id)).keys() <= {"status"}:
            let_go(connection, [row.key], row.status)

    def _by_ids(self, connection: Connection, ids: Sequence[str]) -> list[Job]:
        found = {row.id: show_job(row) for row in _rows_of(connection, ids)}
        return [found[job_id] for job_id in ids]


def _status_of(text: str) -> JobStatus:
    return JobStatus(text) if text in set(JobStatus) else JobStatus.QUARANTINED


def _check_ids(wanted: Sequence[Job]) -> None:
    """Raise JobError when two of the jobs have one id, or one has an id of Horarium's own."""
    seen: set[str] = set()
    for job in wanted:
        if job.id in seen:
            raise JobError(f"two of the jobs to add have the id {job.id!r}; give one of them another id")
        seen.add(job.id)
        if job.id.startswith(RESERVED_IDS) and job.origin not in INTERNAL_ORIGINS:
            raise JobError(f"job {job.id!r}: ids that begin with {' or '.join(RESERVED_IDS)} are Horarium's own")


def _check_origin(row: Row[Any], job: Job) -> None:
    """Raise JobError when a job of a file is about to become another's: the next start with that file would fail."""
    if row.origin.startswith(FILE_ORIGIN) and job.origin != row.origin:
        raise JobError(
            f"job {row.id!r} was added by {row.origin}, which brings it again at each start; change it there, or give "
            "one of them another id"
        )


def _values_over(row: Row[Any], job: Job, changes: Collection[str]) -> dict[str, Any]:
    """A changed job's columns; those of the row that cannot be read and are not among the changes stay as they are."""
    kept = {name: getattr(row, name) for name in faults_of(row) if name not in changes and name != "status"}
    if "policies" in changes:
        kept = {name: text for name, text in kept.items() if name not in POLICY_NAMES}
    return job_values(replace(job, trigger=_ANY_TIME) if "trigger" in kept else job) | kept


def _first_time(job: Job, now: datetime) -> datetime | None:
    """When a new job is due first; one that is added as finished is never due by itself."""
    if job.status is JobStatus.FINISHED:
        return None
    return job.next_run_time or job.trigger.first(now)


def _anchored(job: Job, now: datetime) -> Job:
    return replace(job, trigger=job.trigger.in_zone(job.timezone).seeded(job.id).anchored(now))


def set_next(connection: Connection, key: int, next_run_time: datetime | None) -> None:
    """Move a job's clock; what was due before is settled by the caller."""
    connection.execute(
        update(clock).where(clock.c.job_key == key).values(next_run_time=next_run_time, version=clock.c.version + 1)
    )
    connection.execute(
        update(jobs)
        .where(jobs.c.key == key, jobs.c.status.in_([JobStatus.SCHEDULED, JobStatus.FINISHED]))
        .values(status=JobStatus.FINISHED if next_run_time is None else JobStatus.SCHEDULED)
    )


def _remove(connection: Connection, rows: Sequence[Row[Any]], now: datetime) -> None:
    due = [show_job(row) for row in rows if isinstance(row.next_run_time, datetime) and row.next_run_time <= now]
    settle_before_removal(connection, due, now)
    for group in _groups([row.key for row in rows]):
        connection.execute(update(jobs).where(jobs.c.key.in_(group)).values(removed_at=now, updated_at=now))
        connection.execute(clock.delete().where(clock.c.job_key.in_(group)))
        connection.execute(
            update(runs)
            .where(runs.c.job_key.in_(group), runs.c.state.in_([RunState.QUEUED, RunState.RETRYING]))
            .values(state=target(Change.CANCEL), slot=None, finished_at=now, stop_reason="the job was removed")
        )


def _one(connection: Connection, job_id: str, *, lock: bool = False) -> Row[Any]:
    rows = list(_rows_of(connection, [job_id], lock=lock))
    if not rows:
        raise JobNotFound(job_id)
    return rows[0]


def _rows_of(connection: Connection, ids: Sequence[str], *, lock: bool = False) -> Iterator[Row[Any]]:
    for group in _groups(ids):
        query = select_jobs().where(jobs.c.id.in_(group)).order_by(jobs.c.key)  # locked in one order by all
        yield from connection.execute(query.with_for_update() if lock else query)


def _payload_text(row: Row[Any]) -> str:
    damaged = faults_of(row)
    args, kwargs = ("[]" if "args" in damaged else row.args), ("{}" if "kwargs" in damaged else row.kwargs)
    return f'{payload_start(row.task)}"args":{args},"kwargs":{kwargs}}}'


def _rename_waiting(connection: Connection, row: Row[Any], task: str) -> None:
    """Give the runs of a job that wait with arguments of their own its new task."""
    old, new = payload_start(row.task), payload_start(task)
    ours = (runs.c.job_key == row.key) & schema.state_in(WAITING, by_index=False)
    with_own = select(runs.c.scheduled_at, runs.c.payload).where(ours, runs.c.payload.startswith(old, autoescape=True))
    for one in connection.execute(with_own).all():
        connection.execute(
            update(runs)
            .where(runs.c.job_key == row.key, runs.c.scheduled_at == one.scheduled_at)
            .values(payload=new + one.payload.removeprefix(old))
        )


def _groups(values: Sequence[_T]) -> Iterator[Sequence[_T]]:
    for start in range(0, len(values), _AT_ONCE):
        yield values[start : start + _AT_ONCE]
