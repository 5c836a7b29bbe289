"""PostgreSQL: arrays in, one statement, losers out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, Insert, Table, Text, any_, cast, literal, text
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.exc import OperationalError

from horarium.store.dialects.base import Dialect, Finish, Fire, Move, Refused

# Arrays come as sub-selects so that the planner does not see how long they are: it takes ten rows for granted and looks
# each up by its key. Knowing of a thousand, it would rather read whole tables, or whatever old statistics call empty.
# With ten in mind it joins lists by comparing each with each; NOT IN is looked up, and so is its negation.

# Moves the clocks whose version is still the one that was read, inserts the runs of those that moved, and answers
# only what was refused: in almost every tick nothing.
_APPLY = text("""
WITH thought AS (
    SELECT * FROM unnest(
        (SELECT CAST(:keys AS bigint[])), (SELECT CAST(:versions AS bigint[])),
        (SELECT CAST(:dues AS timestamptz[])), (SELECT CAST(:nexts AS timestamptz[]))
    ) AS t (job_key, version, due_at, next_at)
), moved AS (
    UPDATE horarium_job_clock AS c SET next_run_time = t.next_at, version = c.version + 1
    FROM thought AS t
    WHERE c.job_key = t.job_key AND c.version = t.version AND c.next_run_time = t.due_at AND NOT c.paused AND NOT c.held
    RETURNING c.job_key
), wanted AS (
    SELECT * FROM unnest(
        (SELECT CAST(:fire_times AS timestamptz[])), (SELECT CAST(:fire_keys AS bigint[])),
        (SELECT CAST(:running AS boolean[])), (SELECT CAST(:slots AS bigint[])),
        (SELECT CAST(:deadlines AS timestamptz[]))
    ) AS w (scheduled_at, job_key, running, slot, start_deadline)
), fired AS (
    INSERT INTO horarium_runs (
        scheduled_at, job_key, state, cause, slot, node, attempt, created_at, not_before, start_deadline, started_at
    )
    SELECT w.scheduled_at, w.job_key, CASE WHEN w.running THEN 'running' ELSE 'queued' END, 'schedule', w.slot,
           CASE WHEN w.running THEN CAST(:node AS text) END, CASE WHEN w.running THEN 1 ELSE 0 END,
           CAST(:now AS timestamptz),
           CASE WHEN NOT w.running THEN w.scheduled_at END, w.start_deadline,
           CASE WHEN w.running THEN CAST(:now AS timestamptz) END
    FROM wanted AS w WHERE NOT (w.job_key NOT IN (SELECT job_key FROM moved))
    ON CONFLICT DO NOTHING
    RETURNING scheduled_at, job_key
)
SELECT NULL AS scheduled_at, t.job_key FROM thought AS t WHERE t.job_key NOT IN (SELECT job_key FROM moved)
UNION ALL
SELECT w.scheduled_at, w.job_key FROM wanted AS w
WHERE NOT (w.job_key NOT IN (SELECT job_key FROM moved))
  AND (w.scheduled_at, w.job_key) NOT IN (SELECT scheduled_at, job_key FROM fired)
""")

# Ends attempts that are still this node's and answers the others. What node and state are compared with keeps the
# planner from reading all that a node holds, once for each end.
_FINISH = text("""
WITH ended AS (
    SELECT * FROM unnest(
        (SELECT CAST(:times AS timestamptz[])), (SELECT CAST(:keys AS bigint[])),
        (SELECT CAST(:attempts AS integer[])), (SELECT CAST(:states AS text[])),
        (SELECT CAST(:failed AS integer[])), (SELECT CAST(:keeps AS boolean[])),
        (SELECT CAST(:not_befores AS timestamptz[])), (SELECT CAST(:ended AS timestamptz[])),
        (SELECT CAST(:results AS text[])), (SELECT CAST(:errors AS text[]))
    ) AS e (scheduled_at, job_key, attempt, state, failed, keeps_slot, not_before, ended_at, result, error)
), written AS (
    UPDATE horarium_runs AS r SET
        state = e.state, failures = r.failures + e.failed, slot = CASE WHEN e.keeps_slot THEN r.slot END,
        not_before = e.not_before, finished_at = e.ended_at, result = e.result, error = e.error
    FROM ended AS e
    WHERE r.scheduled_at = e.scheduled_at AND r.job_key = e.job_key AND r.attempt = e.attempt
      AND r.node || '' = :node AND r.state || '' IN ('running', 'stopping')
      AND (e.state <> 'retrying' OR r.state <> 'stopping' OR r.timed_out)
    RETURNING r.scheduled_at, r.job_key
)
SELECT scheduled_at, job_key FROM ended
WHERE (scheduled_at, job_key) NOT IN (SELECT scheduled_at, job_key FROM written)
""")

_NO_SORT = text("SELECT set_config('enable_sort', 'off', true), set_config('enable_incremental_sort', 'off', true)")

# Connection, resources (disk full, too many connections), shutdown, system errors; read only; locks: a deadlock, a
# serialisation failure, a wait that was too long; and a wrong password or name, which a person can mend meanwhile.
_OUTAGES = ("08", "53", "57P", "58", "25006", "40001", "40P01", "55P03", "28", "3D000")
_READ_ONLY = "25006"
_MIGRATION_LOCK = 0x486F7261  # "Hora"


class PostgreSQL(Dialect):
    """PostgreSQL 13 or later through psycopg 3."""

    name = "postgresql"
    one_writer = False
    can_notify = True
    has_server = True
    look_every = 1.0

    def begin_write(self, connection: Connection) -> None:
        """Nothing to do: psycopg begins with the first statement."""

    def begin_read(self, connection: Connection) -> None:
        """READ ONLY, seen as at its first statement."""
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")

    def end_read(self, connection: Connection) -> None:
        """It goes with the transaction."""
        connection.rollback()

    def is_refused_write(self, error: BaseException | None) -> bool:
        """By SQLSTATE."""
        return getattr(error, "sqlstate", None) == _READ_ONLY

    def now(self, connection: Connection) -> datetime | None:
        """The server's clock."""
        instant: datetime = connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
        return instant.astimezone(UTC)

    def apply_moves(
        self, connection: Connection, moves: Sequence[Move], fires: Sequence[Fire], *, node: str, now: datetime
    ) -> Refused:
        """One statement."""
        keys, versions, dues, nexts = _arrays(moves, "nntt")
        times, fire_keys, running, slots, deadlines = _arrays(fires, "tnnnt")
        rows = connection.execute(
            _APPLY,
            {
                "keys": keys,
                "versions": versions,
                "dues": dues,
                "nexts": nexts,
                "fire_times": times,
                "fire_keys": fire_keys,
                "running": running,
                "slots": slots,
                "deadlines": deadlines,
                "node": node,
                "now": now,
            },
        ).all()
        lost = [row.job_key for row in rows if row.scheduled_at is None]
        refused = [(row.scheduled_at, row.job_key) for row in rows if row.scheduled_at is not None]
        return Refused(lost, refused)

    def finish(self, connection: Connection, ends: Sequence[Finish], *, node: str) -> list[tuple[datetime, int]]:
        """One statement."""
        times, keys, attempts, states, failed, keeps, not_befores, ended, results, errors = _arrays(ends, "tnnsnnttss")
        rows = connection.execute(
            _FINISH,
            {
                "times": times,
                "keys": keys,
                "attempts": attempts,
                "states": states,
                "failed": failed,
                "keeps": keeps,
                "not_befores": not_befores,
                "ended": ended,
                "results": results,
                "errors": errors,
                "node": node,
            },
        )
        return [(row.scheduled_at, row.job_key) for row in rows]

    def walk_in_order(self, connection: Connection) -> None:
        """By forbidding it to sort: of a table that it has no statistics of it expects ten rows, and sorts those."""
        connection.execute(_NO_SORT)

    def insert_new(self, table: Table) -> Insert:
        """ON CONFLICT DO NOTHING."""
        return insert(table).on_conflict_do_nothing()

    def insert_over(self, table: Table, changing: Sequence[str]) -> Insert:
        """ON CONFLICT DO UPDATE."""
        statement = insert(table)
        return statement.on_conflict_do_update(
            index_elements=list(table.primary_key), set_={name: statement.excluded[name] for name in changing}
        )

    def among(self, column: ColumnElement[int], values: Sequence[int]) -> ColumnElement[bool]:
        """An array."""
        (numbers,) = _arrays([(value,) for value in values], "n")
        return column == any_(cast(literal(numbers, Text), ARRAY(BigInteger)))

    def is_no_time(self, column: ColumnElement[Any]) -> ColumnElement[bool] | None:
        """It cannot."""
        return None

    def notify(self, connection: Connection, channel: str) -> None:
        """NOTIFY, delivered at the commit."""
        connection.execute(text("SELECT pg_notify(:channel, '')"), {"channel": channel})

    def notifications(self, connection: Connection, channel: str, seconds: float) -> Iterator[bool]:
        """LISTEN, outside of any transaction, on a connection that goes back to the pool without it."""
        driver: Any = connection.connection.driver_connection
        lost: type[Exception] = connection.dialect.loaded_dbapi.OperationalError
        driver.autocommit = True
        try:
            driver.execute(f"LISTEN {channel}")
            while True:
                try:
                    # Several that arrive together are one wake-up.
                    yield any(True for _ in list(driver.notifies(timeout=seconds, stop_after=1)))
                except lost as error:
                    raise OperationalError("LISTEN", None, error) from error
        finally:
            connection.invalidate()

    def lock_migrations(self, connection: Connection) -> None:
        """An advisory lock that the transaction's end gives back."""
        # A migration by another process may take long, and waiting for it is no fault.
        connection.exec_driver_sql("SET LOCAL lock_timeout = '10min'")
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
        connection.exec_driver_sql("SET LOCAL lock_timeout TO DEFAULT")

    def is_outage(self, error: BaseException | None) -> bool:
        """By SQLSTATE; what has none never reached the server."""
        state = getattr(error, "sqlstate", None)
        if state is None:
            return type(error).__name__ in ("OperationalError", "InterfaceError", "ConnectionTimeout")
        return isinstance(state, str) and state.startswith(_OUTAGES)

    def advice(self, message: str) -> str:
        """For the commonest refusals."""
        if "refused" in message or "could not translate" in message or "connection timeout" in message:
            return "; is the server running, and are host and port right?"
        if "does not exist" in message:
            return "; create it, or correct the name in the address"
        if "authentication" in message:
            return "; check user and password in the address"
        return ""


def _arrays(rows: Sequence[tuple[object, ...]], kinds: str) -> list[str]:
    """Rows as columns, each the text of a PostgreSQL array; written here since psycopg's own takes ten times as long.

    `kinds` has a letter for each column: n for numbers and truth, t for times, s for text.
    """
    columns = zip(*rows, strict=True) if rows else [()] * len(kinds)
    return [_WRITERS[kind](column) for kind, column in zip(kinds, columns, strict=True)]


def _numbers(column: Sequence[Any]) -> str:
    return f"{{{str(list(column))[1:-1].replace('None', 'NULL')}}}"


def _times(column: Sequence[Any]) -> str:
    # Rows come in the order of their times, and many jobs are due at one: its text is made once.
    last, written, texts = None, "NULL", []
    for value in column:
        if value is not last and value != last:
            written = "NULL" if value is None else value.isoformat()
        last = value
        texts.append(written)
    return f"{{{','.join(texts)}}}"


def _texts(column: Sequence[Any]) -> str:
    return f"{{{','.join(['NULL' if value is None else _quoted(value) for value in column])}}}"


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


_WRITERS: dict[str, Callable[[Sequence[Any]], str]] = {"n": _numbers, "t": _times, "s": _texts}
