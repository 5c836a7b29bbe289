"""What is recorded of runs, and in which order one transaction writes it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

from horarium.clock import Clock
from horarium.errors import RunLost
from horarium.execution.capture import RunLog
from horarium.execution.execution import End, Execution
from horarium.execution.recorder import Record, Recorder
from horarium.states import RunState
from horarium.store.database import Connection
from horarium.store.dialects import Dialect
from horarium.store.ends import write_ends
from horarium.store.handing import hand_back, show_stopping
from horarium.store.work import (
    Chunk,
    Holder,
    RunLocked,
    fence,
    insert_step,
    write_chunk,
    write_logs,
    write_progress,
)
from horarium.values import LogLine, Progress, RunKey


class EndRecord(Record):
    """The end of an attempt."""

    __slots__ = ("end", "execution", "is_refused", "then")

    def __init__(
        self, execution: Execution, end: End, then: Callable[[Execution, End, Exception | None], None]
    ) -> None:
        self.execution = execution
        self.end = end
        self.then = then
        self.is_refused = False

    def committed(self) -> None:
        """Tell whoever waits for the end, or that the run had been lost."""
        self.then(self.execution, self.end, RunLost(str(self.execution.key)) if self.is_refused else None)

    def refused(self, error: Exception) -> None:
        """Tell that the end could not be written."""
        self.then(self.execution, self.end, error)


class BackRecord(Record):
    """A run that this node gives back for another one to go on with. `then` is told what went wrong, or None."""

    __slots__ = ("holder", "then")

    def __init__(self, holder: Holder, then: Callable[[Exception | None], None] = lambda _error: None) -> None:
        self.holder = holder
        self.then = then

    def committed(self) -> None:
        """Tell that it is given back."""
        self.then(None)

    def refused(self, error: Exception) -> None:
        """Tell that it could not be: its node's lease has to run out."""
        self.then(error)


class WorkRecord(Record):
    """A step or marks: written by `write_it` in the run's own fence, and somebody waits for it.

    While another transaction of the run's own holds its row, `again(record)` is called to try it later: those who write
    for other runs must not wait.
    """

    __slots__ = ("again", "future", "holder", "locked", "lost", "write_it")

    def __init__(self, holder: Holder, write_it: Callable[[Connection], None], again: Callable[[Record], None]) -> None:
        self.holder = holder
        self.write_it = write_it
        self.again = again
        self.future: Future[None] = Future()
        self.lost: RunLost | None = None
        self.locked = False

    def write(self, connection: Connection) -> None:
        """Write it while holding the run; if the run was lost or is held, nothing."""
        self.lost, self.locked = None, False
        try:
            self.write_it(connection)
        except RunLocked:
            self.locked = True
        except RunLost as lost:
            self.lost = lost

    def committed(self) -> None:
        """Answer whoever waits."""
        if self.locked:
            self.again(self)
        elif self.lost is None:
            self.future.set_result(None)
        else:
            self.future.set_exception(self.lost)

    def refused(self, error: Exception) -> None:
        """Answer whoever waits."""
        self.future.set_exception(error)


class NoteRecord(Record):
    """A log line, progress, or why the run was told to stop: nobody waits for it."""

    __slots__ = ("holder", "line", "number", "progress", "stopping")

    def __init__(
        self,
        holder: Holder,
        *,
        progress: Progress | None = None,
        line: LogLine | None = None,
        number: int = 0,
        stopping: str | None = None,
    ) -> None:
        self.holder = holder
        self.progress = progress
        self.line = line
        self.number = number
        self.stopping = stopping

    def committed(self) -> None:
        """Nobody waits."""

    def refused(self, error: Exception) -> None:
        """Said in the log by the recorder."""


def step_record(
    holder: Holder, dialect: Dialect, name: str, result: str, clock: Clock, again: Callable[[Record], None]
) -> WorkRecord:
    """The result of a step."""

    def write_it(connection: Connection) -> None:
        fence(connection, holder, wait=False)
        insert_step(connection, dialect, holder, name, result, clock.now())

    return WorkRecord(holder, write_it, again)


def chunk_record(
    holder: Holder, dialect: Dialect, chunk: Chunk, clock: Clock, again: Callable[[Record], None]
) -> WorkRecord:
    """Marks of items."""
    return WorkRecord(holder, lambda connection: write_chunk(connection, dialect, holder, chunk, clock.now()), again)


def log_of(execution: Execution, recorder: Recorder) -> RunLog:
    """The log of an attempt, whose lines are recorded."""
    numbers, holder = itertools.count(1), execution.holder
    return RunLog(execution.attempt, lambda line: recorder.put(NoteRecord(holder, line=line, number=next(numbers))))


class Writer:
    """Writes records of all kinds in one transaction: what runs did before how they ended."""

    def __init__(self, dialect: Dialect, clock: Clock) -> None:
        self._dialect = dialect
        self._clock = clock

    def __call__(self, connection: Connection, records: Sequence[Any]) -> None:
        """Write them."""
        ends = []
        backs = []
        progress: dict[RunKey, tuple[Holder, Progress]] = {}
        lines = []
        for record in records:
            if isinstance(record, EndRecord):
                ends.append(record)
            elif isinstance(record, WorkRecord):
                record.write(connection)
            elif isinstance(record, BackRecord):
                backs.append(record.holder)
            elif record.stopping is not None:
                show_stopping(connection, record.holder, record.stopping)
            elif record.progress is not None:
                progress[record.holder.key] = (record.holder, record.progress)
            else:
                lines.append((record.holder.key, record.number, record.line))
        write_progress(connection, list(progress.values()))
        write_logs(connection, self._dialect, lines)
        self._write_ends(connection, ends)
        if backs:
            hand_back(connection, backs, self._clock.now())

    def _write_ends(self, connection: Connection, records: Sequence[EndRecord]) -> None:
        by_node: dict[str, list[EndRecord]] = {}
        for record in records:
            by_node.setdefault(record.execution.node, []).append(record)
        for node, group in by_node.items():
            refused = self._write_group(connection, node, [(record.execution, record.end) for record in group])
            for record in group:
                record.is_refused = record.execution.key in refused
            stopped = [record for record in group if record.is_refused and record.end.state is RunState.RETRYING]
            if stopped:
                self._write_without_retry(connection, node, stopped)

    def _write_without_retry(self, connection: Connection, node: str, records: Sequence[EndRecord]) -> None:
        """Write the ends of runs that are not this node's now, or that somebody asked to stop before it heard of it."""
        ends = [_without_retry(record.end) for record in records]
        pairs = [(record.execution, end) for record, end in zip(records, ends, strict=True)]
        refused = self._write_group(connection, node, pairs)
        for record, end in zip(records, ends, strict=True):
            record.is_refused = record.execution.key in refused
            if not record.is_refused:
                record.end = end

    def _write_group(self, connection: Connection, node: str, ends: Sequence[tuple[Execution, End]]) -> list[RunKey]:
        failed = [(end.finish, execution.started_at) for execution, end in ends if end.failed]
        return write_ends(connection, self._dialect, node, [end.finish for _, end in ends], failed)


def _without_retry(end: End) -> End:
    """The same end of a run that is not to be tried again: as if it had been told to stop in time."""
    finish = end.finish._replace(state=RunState.CANCELLED.value, failed=0, keeps_slot=False, not_before=None)
    return replace(end, finish=finish, state=RunState.CANCELLED)
