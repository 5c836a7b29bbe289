"""SQLite: one writer at a time, rows in as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from sqlite3 import (
    SQLITE_CONSTRAINT,
    SQLITE_ERROR,
    SQLITE_MISMATCH,
    SQLITE_MISUSE,
    SQLITE_RANGE,
    SQLITE_READONLY,
    OperationalError,
)
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, Insert, Table, func, select, text, type_coerce
from sqlalchemy.dialects.sqlite import insert

from horarium.clock import from_microseconds, to_microseconds
from horarium.store.dialects.base import Dialect, Finish, Fire, Move, Refused

_MOVE = text("""
UPDATE horarium_job_clock SET next_run_time = t.next_at, version = horarium_job_clock.version + 1
FROM (
    SELECT json_extract(value, '$[0]') AS job_key, json_extract(value, '$[1]') AS version,
           json_extract(value, '$[2]') AS due_at, json_extract(value, '$[3]') AS next_at
    FROM json_each(:moves)
) AS t
WHERE horarium_job_clock.job_key = t.job_key AND horarium_job_clock.version = t.version
  AND horarium_job_clock.next_run_time = t.due_at AND NOT paused AND NOT held
RETURNING horarium_job_clock.job_key
""")

_FIRE = text("""
INSERT INTO horarium_runs (
    scheduled_at, job_key, state, cause, slot, node, attempt, created_at, not_before, start_deadline, started_at
)
SELECT scheduled_at, job_key, CASE WHEN running THEN 'running' ELSE 'queued' END, 'schedule', slot,
       CASE WHEN running THEN :node END, running, :now, CASE WHEN NOT running THEN scheduled_at END, start_deadline,
       CASE WHEN running THEN :now END
FROM (
    SELECT json_extract(value, '$[0]') AS scheduled_at, json_extract(value, '$[1]') AS job_key,
           json_extract(value, '$[2]') AS running, json_extract(value, '$[3]') AS slot,
           json_extract(value, '$[4]') AS start_deadline
    FROM json_each(:fires)
)
WHERE true
ON CONFLICT DO NOTHING
RETURNING scheduled_at, job_key
""")

# The plus signs keep SQLite from finding the rows by their node, which would compare each with every end.
_FINISH = text("""
UPDATE horarium_runs SET
    state = e.state, failures = failures + e.failed, slot = CASE WHEN e.keeps_slot THEN slot END,
    not_before = e.not_before, finished_at = e.ended_at, result = e.result, error = e.error
FROM (
    SELECT json_extract(value, '$[0]') AS scheduled_at, json_extract(value, '$[1]') AS job_key,
           json_extract(value, '$[2]') AS attempt, json_extract(value, '$[3]') AS state,
           json_extract(value, '$[4]') AS failed, json_extract(value, '$[5]') AS keeps_slot,
           json_extract(value, '$[6]') AS not_before, json_extract(value, '$[7]') AS ended_at,
           json_extract(value, '$[8]') AS result, json_extract(value, '$[9]') AS error
    FROM json_each(:ends)
) AS e
WHERE horarium_runs.scheduled_at = e.scheduled_at AND horarium_runs.job_key = e.job_key
  AND horarium_runs.attempt = e.attempt AND +node = :node AND +horarium_runs.state IN ('running', 'stopping')
  AND (e.state <> 'retrying' OR horarium_runs.state <> 'stopping' OR timed_out)
RETURNING horarium_runs.scheduled_at, horarium_runs.job_key
""")


_LAST_MOMENT = to_microseconds(datetime.max.replace(tzinfo=UTC))
_OUR_FAULTS = (SQLITE_ERROR, SQLITE_CONSTRAINT, SQLITE_MISMATCH, SQLITE_MISUSE, SQLITE_RANGE)


class SQLite(Dialect):
    """SQLite 3.35 or later, in WAL mode."""

    name = "sqlite"
    one_writer = True
    can_notify = False
    has_server = False
    look_every = 0.25

    def begin_write(self, connection: Connection) -> None:
        """Take the writer's place now, so that what is read in this transaction stays true until it commits."""
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    def begin_read(self, connection: Connection) -> None:
        """A deferred transaction, which takes no lock but for its snapshot, on a connection that refuses to write."""
        connection.exec_driver_sql("PRAGMA query_only = ON")
        connection.exec_driver_sql("BEGIN")

    def end_read(self, connection: Connection) -> None:
        """Give the snapshot back, and let the connection write again."""
        try:
            connection.rollback()
            connection.exec_driver_sql("PRAGMA query_only = OFF")
        except BaseException:
            connection.invalidate()
            raise

    def is_refused_write(self, error: BaseException | None) -> bool:
        """By SQLite's code."""
        return getattr(error, "sqlite_errorcode", 0) & 0xFF == SQLITE_READONLY

    def now(self, connection: Connection) -> datetime | None:
        """None: its clock is this machine's."""
        return None

    def apply_moves(
        self, connection: Connection, moves: Sequence[Move], fires: Sequence[Fire], *, node: str, now: datetime
    ) -> Refused:
        """Two statements under the writer's lock."""
        moved = set(connection.execute(_MOVE, {"moves": _as_json(moves)}).scalars())
        lost = [move.job_key for move in moves if move.job_key not in moved]
        wanted = [fire for fire in fires if fire.job_key in moved] if lost else fires
        if not wanted:
            return Refused(lost, [])
        rows = connection.execute(_FIRE, {"fires": _as_json(wanted), "node": node, "now": to_microseconds(now)}).all()
        if len(rows) == len(wanted):
            return Refused(lost, [])
        fired = {(from_microseconds(at), key) for at, key in rows}
        return Refused(lost, [fire[:2] for fire in wanted if fire[:2] not in fired])

    def finish(self, connection: Connection, ends: Sequence[Finish], *, node: str) -> list[tuple[datetime, int]]:
        """One statement."""
        rows = connection.execute(_FINISH, {"ends": _as_json(ends), "node": node}).all()
        if len(rows) == len(ends):
            return []
        written = {(from_microseconds(at), key) for at, key in rows}
        return [end[:2] for end in ends if end[:2] not in written]

    def walk_in_order(self, connection: Connection) -> None:
        """It does."""

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
        """A JSON list."""
        return column.in_(select(func.json_each(json.dumps(list(values))).table_valued("value").c.value))

    def is_no_time(self, column: ColumnElement[Any]) -> ColumnElement[bool] | None:
        """Numbers past the year 9999, text and blobs, which SQLite sorts in this order."""
        return type_coerce(column, BigInteger) > _LAST_MOMENT

    def notify(self, connection: Connection, channel: str) -> None:
        """Nothing: other processes see it at their next look."""

    def notifications(self, connection: Connection, channel: str, seconds: float) -> Iterator[bool]:
        """None ever."""
        return iter(())

    def lock_migrations(self, connection: Connection) -> None:
        """Nothing: BEGIN IMMEDIATE is that lock."""

    def is_outage(self, error: BaseException | None) -> bool:
        """By SQLite's code: all but a statement that is wrong in itself, a misuse, or a constraint."""
        code = getattr(error, "sqlite_errorcode", None)
        if code is None:
            return isinstance(error, OperationalError)
        return code & 0xFF not in _OUR_FAULTS

    def advice(self, message: str) -> str:
        """For the commonest refusals."""
        if "full" in message:
            return "; free some space on its disk"
        if "readonly" in message or "unable to open" in message:
            return "; this user must be able to write the file and its folder"
        if "locked" in message:
            return "; another process has held it for too long"
        if "not a database" in message or "malformed" in message:
            return "; restore the file from a copy"
        return ""


def _as_json(rows: Sequence[tuple[object, ...]]) -> str:
    plain = [[to_microseconds(value) if type(value) is datetime else value for value in row] for row in rows]
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":"))
