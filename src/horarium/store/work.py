"""What runs write while they run: steps, marks of items, progress, log lines. All of it fenced."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Insert, and_, bindparam, delete, event, insert, select, tuple_, update
from sqlalchemy.engine import RootTransaction
from sqlalchemy.exc import InvalidRequestError

from horarium.errors import JobError, RunLost
from horarium.jsontext import clean
from horarium.states import HELD
from horarium.store import schema
from horarium.store.database import Database
from horarium.store.dialects import Dialect
from horarium.values import ItemFailure, LogLine, Progress, RunKey

item_failures, items, run_logs, runs, steps = (
    schema.item_failures,
    schema.items,
    schema.run_logs,
    schema.runs,
    schema.steps,
)

_ENDS_A_TRANSACTION = re.compile(
    r"(\s|--[^\n]*\n|/\*.*?\*/)*(COMMIT|END|ABORT|PREPARE\s+TRANSACTION|ROLLBACK(?!\s+((WORK|TRANSACTION)\s+)?TO\b))\b",
    re.IGNORECASE | re.DOTALL,
)
_HOW_TO_UNDO = "to undo all of it raise an error, and for a part of it use connection.begin_nested()"


@dataclass(frozen=True, slots=True)
class Holder:
    """A run in the hands of a node: what every write of it names."""

    key: RunKey
    attempt: int
    node: str


@dataclass(slots=True)
class Chunk:
    """Outcomes of items to be marked in one row and, where they failed, one row each."""

    batch: str
    number: int
    done: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    failures: list[ItemFailure] = field(default_factory=list)
    mended: list[str] = field(default_factory=list)


class Work:
    """The work of runs in a plan."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def fenced(self, holder: Holder) -> Iterator[Connection]:
        """A transaction that commits only while the run is the holder's.

        Its row is held at the end only, so that nobody can take the run before it commits. It may take long until
        then, and meanwhile the run can be asked to stop, its job changed, and what its node lost be taken up again.

        Raises RunLost, when it begins or when it ends; JobError when the block itself ends the transaction.
        """
        with self._database.write() as connection:
            if connection.execute(select(runs.c.attempt).where(_held_by(holder))).first() is None:
                raise RunLost(str(holder.key))
            with _ended_by_nobody_else(connection):
                yield connection
            if not self._database.dialect.one_writer:  # who is the only writer has nothing taken from it
                fence(connection, holder)

    def load_step(self, key: RunKey, name: str) -> tuple[bool, Any]:
        """Whether the step was committed, and its result."""
        query = select(steps.c.result).where(
            steps.c.scheduled_at == key.scheduled_at, steps.c.job_key == key.job_key, steps.c.key == name
        )
        with self._database.read() as connection:
            text = connection.scalar(query)
            return (False, None) if text is None else (True, json.loads(text))

    def load_marks(self, key: RunKey, batch: str) -> tuple[frozenset[str], frozenset[str], frozenset[str], int]:
        """Keys of done, of skipped and of failed items of a batch, and the number of the next chunk."""
        of_run = (items.c.scheduled_at == key.scheduled_at) & (items.c.job_key == key.job_key)
        failed = select(item_failures.c.key).where(
            item_failures.c.scheduled_at == key.scheduled_at,
            item_failures.c.job_key == key.job_key,
            item_failures.c.batch == batch,
        )
        with self._database.read() as connection:
            of_batch = select(items.c.chunk, items.c.done, items.c.skipped).where(of_run, items.c.batch == batch)
            rows = connection.execute(of_batch).all()
            failures = frozenset(connection.scalars(failed))
        done = frozenset(one for row in rows for one in json.loads(row.done))
        skipped = frozenset(one for row in rows for one in json.loads(row.skipped))
        return done, skipped, failures, max((row.chunk for row in rows), default=-1) + 1

    def failed_in(self, holder: Holder, batch: str) -> frozenset[str]:
        """Keys of the items of a batch that failed in this very attempt."""
        query = select(item_failures.c.key).where(
            item_failures.c.scheduled_at == holder.key.scheduled_at,
            item_failures.c.job_key == holder.key.job_key,
            item_failures.c.batch == batch,
            item_failures.c.attempt == holder.attempt,
        )
        with self._database.read() as connection:
            return frozenset(connection.scalars(query))


class RunLocked(Exception):
    """Another transaction holds the run's row, and it was not to be waited for."""


def fence(connection: Connection, holder: Holder, *, wait: bool = True) -> None:
    """Hold the run's row until the transaction ends. Raises RunLost when the run is not the holder's now.

    Without `wait`, raises RunLocked when another transaction holds it.
    """
    query = select(runs.c.attempt).where(_held_by(holder))
    if connection.execute(query.with_for_update(skip_locked=not wait)).first() is not None:
        return
    if not wait and connection.execute(query).first() is not None:
        raise RunLocked
    raise RunLost(str(holder.key))


def insert_step(
    connection: Connection, dialect: Dialect, holder: Holder, name: str, result: str, now: datetime
) -> None:
    """Mark a step as done, inside a fenced transaction. Done already by this very attempt, it stays as it is."""
    connection.execute(
        dialect.insert_new(steps).values(
            scheduled_at=holder.key.scheduled_at,
            job_key=holder.key.job_key,
            key=name,
            result=result,
            attempt=holder.attempt,
            committed_at=now,
        )
    )


def write_chunk(
    connection: Connection, dialect: Dialect, holder: Holder, chunk: Chunk, now: datetime, *, wait: bool = False
) -> None:
    """Write the marks of a chunk, over what the chunk held before, while holding the run's row.

    Raises RunLost when the run is not the holder's now; unless it is to `wait`, RunLocked when another transaction
    holds it.
    """
    at, key = holder.key
    if chunk.done or chunk.skipped:
        if not _mark(connection, dialect, holder, chunk, wait=wait):
            fence(connection, holder, wait=wait)  # says why not, unless the run has become free just now
            if not _mark(connection, dialect, holder, chunk, wait=wait):
                # Not again and again: the recorder of all runs would stand still.
                raise RuntimeError(f"marks of run {holder.key} were not written although it is held")
    else:
        fence(connection, holder, wait=wait)
    gone = [*chunk.mended, *(failure.key for failure in chunk.failures)]
    if gone:
        connection.execute(
            delete(item_failures).where(
                item_failures.c.scheduled_at == at,
                item_failures.c.job_key == key,
                item_failures.c.batch == chunk.batch,
                item_failures.c.key.in_(gone),
            )
        )
    if chunk.failures:
        connection.execute(
            insert(item_failures),
            [
                {
                    "scheduled_at": at,
                    "job_key": key,
                    "batch": chunk.batch,
                    "key": failure.key,
                    "attempt": holder.attempt,
                    "type": clean(failure.type),
                    "message": clean(failure.message),
                    "failed_at": now,
                }
                for failure in chunk.failures
            ],
        )


def _mark(connection: Connection, dialect: Dialect, holder: Holder, chunk: Chunk, *, wait: bool) -> bool:
    """Hold the run and write its marks in one statement, since a batch waits for each of these; False if not ours."""
    values = {
        "at": holder.key.scheduled_at,
        "key": holder.key.job_key,
        "attempt": holder.attempt,
        "node": holder.node,
        "batch": chunk.batch,
        "chunk": chunk.number,
        "done": _list(chunk.done),
        "skipped": _list(chunk.skipped),
    }
    # Of an INSERT the number of rows is forgotten with its cursor unless it is asked for.
    counted = {"preserve_rowcount": True}
    return connection.execute(_mark_statement(dialect, wait), values, execution_options=counted).rowcount == 1


@cache
def _mark_statement(dialect: Dialect, wait: bool) -> Insert:
    """Built once: putting a statement together takes longer than running it."""
    held = (
        select(
            runs.c.scheduled_at,
            runs.c.job_key,
            *(bindparam(name, type_=items.c[name].type) for name in ("batch", "chunk", "done", "skipped")),
        )
        .where(_is_held(*(bindparam(name) for name in ("at", "key", "attempt", "node"))))
        .with_for_update(skip_locked=True)
    )
    return dialect.insert_over(items, ["done", "skipped"]).from_select(
        ["scheduled_at", "job_key", "batch", "chunk", "done", "skipped"], held
    )


def not_locked(holder: Holder) -> ColumnElement[bool]:
    """The run, if it is the holder's and no transaction holds its row.

    Who writes for all the runs of a node must not wait for one of them.
    """
    free = select(runs.c.scheduled_at, runs.c.job_key).where(_held_by(holder)).with_for_update(skip_locked=True)
    return tuple_(runs.c.scheduled_at, runs.c.job_key).in_(free)


def write_progress(connection: Connection, reports: Sequence[tuple[Holder, Progress]]) -> None:
    """Write how far runs are; a report of a run that is not the holder's now, or is locked, falls away."""
    for holder, progress in reports:
        connection.execute(
            update(runs)
            .where(not_locked(holder))
            .values(progress=clean(json.dumps(progress.to_json(), ensure_ascii=False)))
        )


def write_logs(connection: Connection, dialect: Dialect, lines: Sequence[tuple[RunKey, int, LogLine]]) -> None:
    """Write log lines of runs, each with its number in its attempt."""
    if lines:
        connection.execute(
            dialect.insert_new(run_logs),
            [
                {
                    "scheduled_at": key.scheduled_at,
                    "job_key": key.job_key,
                    "attempt": line.attempt,
                    "seq": number,
                    "at": line.at,
                    "level": line.level,
                    "logger": clean(line.logger),
                    "message": clean(line.message),
                }
                for key, number, line in lines
            ],
        )


def attempted(connection: Connection, body: Callable[[Connection], None]) -> Exception | None:
    """Call `body(connection)` so that its own writes alone are undone if it raises; answers what it raised."""
    savepoint = connection.begin_nested()
    try:
        body(connection)
    except Exception as error:
        if not savepoint.is_active:  # the body has ended the whole transaction, which is the others', too
            raise
        savepoint.rollback()
        return error
    savepoint.commit()
    return None


@contextmanager
def _ended_by_nobody_else(connection: Connection) -> Iterator[None]:
    """Refuse a commit in the block, which nothing would fence, and a rollback, after which the rest would stand alone.

    A savepoint may be rolled back. Raises JobError.
    """
    begun = connection.get_transaction()
    event.listen(connection, "commit", _refuse_commit)
    event.listen(connection, "before_cursor_execute", _refuse_statement)
    try:
        yield
        _refuse_ended(begun)
    except InvalidRequestError:  # what SQLAlchemy says to who goes on with a transaction that has ended
        _refuse_ended(begun)
        raise
    finally:
        event.remove(connection, "before_cursor_execute", _refuse_statement)
        event.remove(connection, "commit", _refuse_commit)
        if not _is_open(begun) and not connection.closed:
            connection.invalidate()  # a commit that was refused leaves it open in the database


def _is_open(begun: RootTransaction | None) -> bool:
    return begun is not None and begun.is_active


def _refuse_ended(begun: RootTransaction | None) -> None:
    if not _is_open(begun):
        raise JobError(f"the block that was given this transaction has ended it; {_HOW_TO_UNDO}")


def _refuse_commit(_: Connection) -> None:
    raise JobError(
        "this transaction is not the block's to end: it is committed after the block, and only while the run is its "
        f"node's; {_HOW_TO_UNDO}"
    )


def _refuse_statement(connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
    """The same as SQL, which the database would do behind SQLAlchemy's back."""
    if _ENDS_A_TRANSACTION.match(statement):
        _refuse_commit(connection)


def _held_by(holder: Holder) -> ColumnElement[bool]:
    return _is_held(*holder.key, holder.attempt, holder.node)


def _is_held(at: Any, key: Any, attempt: Any, node: Any) -> ColumnElement[bool]:
    # Node and state are hidden from planners, which would look through all that the node holds.
    return and_(
        runs.c.scheduled_at == at,
        runs.c.job_key == key,
        runs.c.attempt == attempt,
        runs.c.node + "" == node,
        (runs.c.state + "").in_(HELD),
    )


def _list(keys: Sequence[str]) -> str:
    return json.dumps(keys, ensure_ascii=False)
