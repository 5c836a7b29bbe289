"""The plan's tables (SQLAlchemy Core). Every name begins with `horarium_`: they can live beside an application's.

Times are `timestamptz` on PostgreSQL and whole microseconds since 1970 on SQLite, which has no type for them; in Python
they are aware datetimes in UTC. A run is keyed by its occurrence (scheduled_at, job_key): that primary key is what
makes two runs of one occurrence impossible, and rows arrive in its order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    DateTime,
    Dialect,
    Float,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    TypeDecorator,
    and_,
    false,
    literal_column,
    not_,
    text,
)
from sqlalchemy.types import TypeEngine

from horarium.clock import from_microseconds, to_microseconds
from horarium.states import RunState

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

metadata = MetaData(naming_convention=NAMING)


class Instant(TypeDecorator[datetime]):
    """An aware time in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """`timestamptz` where there is one, microseconds elsewhere."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(DateTime(timezone=True))
        return dialect.type_descriptor(BigInteger())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """To the database."""
        if value is None or dialect.name == "postgresql":
            return value
        return to_microseconds(value)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None]:
        """From the database. Not by `process_result_value`, which takes two more calls for each of many times."""
        return _in_utc if dialect.name == "postgresql" else _instant_of


def _in_utc(value: datetime | None) -> datetime | None:
    return value if value is None or value.tzinfo is UTC else value.astimezone(UTC)


def _instant_of(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else from_microseconds(microseconds)


class UnreadableTime(NamedTuple):
    """What stands in a clock where a time should: SQLite keeps any kind of value in any column."""

    value: object


class ClockTime(Instant):
    """A time that may be damaged: read as an UnreadableTime then, so that the other rows can be read."""

    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:
        """From the database."""
        return _in_utc if dialect.name == "postgresql" else _clock_time_of


def _clock_time_of(microseconds: Any) -> datetime | UnreadableTime | None:
    # Whole numbers only: a tick names the very value that it read, and would never find a fraction again.
    if type(microseconds) is int:
        try:
            return from_microseconds(microseconds)
        except OverflowError:
            return UnreadableTime(microseconds)
    return None if microseconds is None else UnreadableTime(microseconds)


# SQLite counts rows by itself only in a column that is spelled INTEGER.
_Key = BigInteger().with_variant(Integer, "sqlite")

jobs = Table(
    "horarium_jobs",
    metadata,
    Column("key", _Key, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("task", Text, nullable=False),
    Column("trigger", Text, nullable=False),
    Column("args", Text, nullable=False),
    Column("kwargs", Text, nullable=False),
    Column("executor", Text),
    Column("overlap", Text, nullable=False),
    Column("max_instances", Integer, nullable=False),
    Column("misfire_grace_time", Float),
    Column("coalesce", Boolean, nullable=False),
    Column("catch_up", Integer, nullable=False),
    Column("on_crash", Text, nullable=False),
    Column("retry", Text),
    Column("timeout", Float),
    Column("keep_runs", Integer),
    Column("keep_days", Float),
    Column("timezone", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("fault", Text),
    Column("paused_by", Text),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("removed_at", Instant),
    Index(
        "uq_horarium_jobs_id",
        "id",
        unique=True,
        sqlite_where=text("removed_at IS NULL"),
        postgresql_where=text("removed_at IS NULL"),
    ),
    Index(
        "ix_horarium_jobs_origin",
        "origin",
        sqlite_where=text("removed_at IS NULL"),
        postgresql_where=text("removed_at IS NULL"),
    ),
    sqlite_autoincrement=True,
)
"""A job's definition. A removed job stays until its last run is pruned; its key is never given again.

`status` is scheduled, finished, broken or quarantined (`fault` says why); being paused is beside that, in the clock.
"""

job_clock = Table(
    "horarium_job_clock",
    metadata,
    Column("job_key", _Key, primary_key=True, autoincrement=False),
    Column("next_run_time", ClockTime),
    Column("version", BigInteger, nullable=False, server_default=text("0")),
    Column("revision", Integer, nullable=False, server_default=text("1")),
    Column("paused", Boolean, nullable=False, server_default=false()),
    Column("held", Boolean, nullable=False, server_default=false()),
    Index(
        "ix_horarium_job_clock_due",
        "next_run_time",
        # SQLite takes an index like this one only for the very words of its condition, and has no truth values.
        sqlite_where=text("paused = 0 AND held = 0 AND next_run_time IS NOT NULL"),
        postgresql_where=text("NOT paused AND NOT held AND next_run_time IS NOT NULL"),
    ),
    Index("ix_horarium_job_clock_held", "job_key", sqlite_where=text("held = 1"), postgresql_where=text("held")),
)
"""When each job is due next: narrow, since every tick writes it. `held` keeps broken and quarantined jobs out of the
due index; `version` moves with every change, and a tick writes only over the version that it thought about;
`revision` moves with the job's definition, so that nodes can keep definitions in memory."""

runs = Table(
    "horarium_runs",
    metadata,
    Column("scheduled_at", Instant, primary_key=True),
    Column("job_key", BigInteger, primary_key=True, autoincrement=False),
    Column("state", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("slot", BigInteger),
    Column("node", Text),
    Column("attempt", Integer, nullable=False, server_default=text("0")),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("crashes", SmallInteger, nullable=False, server_default=text("0")),
    Column("crashes_in_all", SmallInteger, nullable=False, server_default=text("0")),
    Column("marks_at_crash", Integer, nullable=False, server_default=text("0")),
    Column("created_at", Instant, nullable=False),
    Column("not_before", Instant),
    Column("start_deadline", Instant),
    Column("started_at", Instant),
    Column("finished_at", Instant),
    Column("stop_reason", Text),
    Column("timed_out", Boolean, nullable=False, server_default=false()),
    Column("payload", Text),
    Column("progress", Text),
    Column("result", Text),
    Column("error", Text),
    Index(
        "uq_horarium_runs_slot",
        "job_key",
        "slot",
        unique=True,
        sqlite_where=text("slot IS NOT NULL"),
        postgresql_where=text("slot IS NOT NULL"),
    ),
    Index(
        "ix_horarium_runs_waiting",
        "not_before",
        "scheduled_at",
        sqlite_where=text("state IN ('queued', 'retrying')"),
        postgresql_where=text("state IN ('queued', 'retrying')"),
    ),
    Index(
        "ix_horarium_runs_held",
        "node",
        sqlite_where=text("state IN ('running', 'stopping')"),
        postgresql_where=text("state IN ('running', 'stopping')"),
    ),
    Index("ix_horarium_runs_history", "job_key", "scheduled_at"),
    sqlite_with_rowid=False,
)
"""One execution of a job for one occurrence. `attempt` is the fencing token: every write names it and the node.

`slot` is this run's place among the job's `max_instances`; the unique index over it is the overlap lock of the whole
fleet. `failures` counts failed attempts (for the retry policy), `crashes` attempts whose node died since the run last
advanced, `crashes_in_all` all of them; `marks_at_crash` is how many rows of steps and items there were at the last one.
`timed_out` says of a run that is stopping that nobody asked for it: its node told it so, since its time was up.
`payload` holds the task and arguments when they are not, or no longer, those of the job.
"""

attempts = Table(
    "horarium_attempts",
    metadata,
    Column("scheduled_at", Instant, primary_key=True),
    Column("job_key", BigInteger, primary_key=True, autoincrement=False),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("outcome", Text, nullable=False),
    Column("node", Text),
    Column("started_at", Instant),
    Column("finished_at", Instant, nullable=False),
    Column("error", Text),
    sqlite_with_rowid=False,
)
"""Attempts that did not succeed. A run that succeeds at once has no row here."""

steps = Table(
    "horarium_steps",
    metadata,
    Column("scheduled_at", Instant, primary_key=True),
    Column("job_key", BigInteger, primary_key=True, autoincrement=False),
    Column("key", Text, primary_key=True),
    Column("result", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("committed_at", Instant, nullable=False),
    sqlite_with_rowid=False,
)
"""Results of steps. What stands here is never computed again."""

items = Table(
    "horarium_items",
    metadata,
    Column("scheduled_at", Instant, primary_key=True),
    Column("job_key", BigInteger, primary_key=True, autoincrement=False),
    Column("batch", Text, primary_key=True),
    Column("chunk", Integer, primary_key=True, autoincrement=False),
    Column("done", Text, nullable=False),
    Column("skipped", Text, nullable=False),
    sqlite_with_rowid=False,
)
"""Marks of `run.each`: the keys of some hundreds of done and skipped items a row, as JSON lists."""

item_failures = Table(
    "horarium_item_failures",
    metadata,
    Column("scheduled_at", Instant, primary_key=True),
    Column("job_key", BigInteger, primary_key=True, autoincrement=False),
    Column("batch", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("attempt", Integer, nullable=False),
    Column("type", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("failed_at", Instant, nullable=False),
    sqlite_with_rowid=False,
)
"""The last failure of each item that is not done."""

run_logs = Table(
    "horarium_run_logs",
    metadata,
    Column("scheduled_at", Instant, primary_key=True),
    Column("job_key", BigInteger, primary_key=True, autoincrement=False),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("level", Text, nullable=False),
    Column("logger", Text, nullable=False),
    Column("message", Text, nullable=False),
    sqlite_with_rowid=False,
)
"""What runs wrote through `logging`, bounded for each attempt."""

decisions = Table(
    "horarium_decisions",
    metadata,
    Column("key", _Key, primary_key=True, autoincrement=True),
    Column("job_key", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("first_at", Instant, nullable=False),
    Column("last_at", Instant, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("exact", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    Column("decided_at", Instant, nullable=False),
    Column("node", Text),
    Index("ix_horarium_decisions_job_key_last_at", "job_key", "last_at"),
    sqlite_autoincrement=True,
)
"""Occurrences that got no run, and why. Those that got one are decided by the run itself."""

nodes = Table(
    "horarium_nodes",
    metadata,
    Column("id", Text, primary_key=True),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("process", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("heartbeat_at", Instant, nullable=False),
    Column("lease_until", Instant, nullable=False),
    Column("stopped_at", Instant),
    Column("stop_reason", Text),
    Column("clock_offset", Float, nullable=False, server_default=text("0")),
    Column("tasks", Text, nullable=False, server_default=text("'[]'")),
)
"""One row for each start of a process. `process` tells two processes with the same pid on the same host apart."""

facts = Table(
    "horarium_facts",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
"""A few facts of the whole plan: whether it is paused, the time zone database it was planned with."""

RUN_TABLES = (steps, items, item_failures, run_logs, attempts)
"""Tables whose rows belong to one run and go with it."""


def state_in(states: Iterable[str], *, by_index: bool = True) -> ColumnElement[bool]:
    """Whether a run is in one of these states, in the words of the partial indexes; a parameter hides them.

    Not `by_index`: in words that hide them too, for a run that is to be found by its key. Raises ValueError for what is
    no state: the words become part of a statement.
    """
    words = sorted(RunState(state) for state in states)
    state = runs.c.state if by_index else runs.c.state + literal_column("''")
    return state.in_([literal_column(f"'{word}'") for word in words])


def asked_to_stop() -> ColumnElement[bool]:
    """Whether a person, or a newer run of its job, asked a held run to stop: it is never tried again then."""
    return and_(runs.c.state == RunState.STOPPING, not_(runs.c.timed_out))
