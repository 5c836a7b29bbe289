"""A run's link to the plan, on the node that has it: steps and marks go through the recorder, fenced."""

from __future__ import annotations

import functools
import json
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from horarium.clock import Clock
from horarium.errors import JobError, PlanUnavailable
from horarium.execution.alarms import Alarms
from horarium.execution.execution import Execution
from horarium.execution.faults import info_of
from horarium.execution.link import Mark, Marks
from horarium.execution.places import Turns
from horarium.execution.recorder import Record, Recorder
from horarium.execution.records import NoteRecord, chunk_record, step_record
from horarium.jsontext import to_json_text
from horarium.store.database import Connection, Database
from horarium.store.work import Chunk, Work, attempted, insert_step, write_chunk
from horarium.values import ItemFailure, Progress

logger = logging.getLogger(__name__)

T = TypeVar("T")

_CHUNK_KEYS = 300
_PROGRESS_EVERY = 0.5
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 2.0
_LOCKED_PAUSE = 0.05


@dataclass(frozen=True, slots=True)
class Desk:
    """What links of one runner share. `writers` run the writes of items: a stranger's code, which may be slow."""

    database: Database
    work: Work
    recorder: Recorder
    clock: Clock
    writers: Executor
    alarms: Alarms
    turns: Turns

    def again(self, record: Record) -> None:
        """Record it in a moment."""
        self.alarms.set(_LOCKED_PAUSE, functools.partial(self.recorder.put, record))


class PlanLink:
    """The `RunLink` of an execution on this node."""

    def __init__(self, execution: Execution, desk: Desk) -> None:
        self.facts = execution.facts()
        self.clock = desk.clock
        self._execution = execution
        self._holder = execution.holder
        self._desk = desk
        self._batches: dict[str, _Batch] = {}
        self._reported_at = -_PROGRESS_EVERY
        self._unreported: Progress | None = None
        self._lock = threading.Lock()
        self._here = threading.local()

    def load_step(self, key: str) -> tuple[bool, Any]:
        """Whether a step was committed, and its result."""
        return self._patiently(lambda: self._desk.work.load_step(self._holder.key, key))

    def save_step(self, key: str, result: Any) -> Any:
        """Commit a step's result; answers its JSON round trip. Raises ArgumentsNotJSON, RunLost."""
        self._refuse_in_transaction(f"step {key!r}")
        text = _step_text(key, result)
        desk = self._desk
        record = step_record(self._holder, desk.database.dialect, key, text, self.clock, desk.again)
        desk.recorder.put(record)
        record.future.result()
        return json.loads(text)

    def transactional_step(self, key: str, body: Callable[[Any], Any]) -> Any:
        """Call `body(connection)`, and commit what it wrote and the step's mark together. Raises RunLost.

        While the database is away this tries again; a commit whose answer was lost is found and not done twice.
        """

        tried = False

        def once() -> Any:
            nonlocal tried
            if tried:
                found, result = self._desk.work.load_step(self._holder.key, key)
                if found:
                    return result
            tried = True
            with self.transaction() as connection:
                text = _step_text(key, body(connection))
                insert_step(connection, self._desk.database.dialect, self._holder, key, text, self.clock.now())
            return json.loads(text)

        return self._patiently(once)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A fenced transaction of the plan's database."""
        self._refuse_in_transaction("another transaction")
        self._here.in_transaction = True
        try:
            with self._desk.work.fenced(self._holder) as connection:
                yield connection
        finally:
            self._here.in_transaction = False

    def load_marks(self, batch: str) -> Marks:
        """The marks of a batch."""
        self._refuse_in_transaction(f"batch {batch!r}")
        done, skipped, failed, next_chunk = self._patiently(lambda: self._desk.work.load_marks(self._holder.key, batch))
        self._batches[batch] = _Batch(Chunk(batch, next_chunk), failed)
        return Marks(done, skipped)

    def save_marks(self, batch: str, marks: Sequence[Mark]) -> Future[Sequence[ItemFailure]]:
        """Commit marks; the future answers the failures that their own writes added."""
        state = self._batches[batch]
        if any(mark.write is not None for mark in marks):
            return self._desk.writers.submit(self._write_with_marks, state, marks)
        row = state.extended(marks)
        state.accept(row)
        desk = self._desk
        record = chunk_record(self._holder, desk.database.dialect, row, self.clock, desk.again)
        answer: Future[Sequence[ItemFailure]] = Future()
        record.future.add_done_callback(lambda done: _pass_on(done, answer))
        desk.recorder.put(record)
        return answer

    def report_progress(self, progress: Progress) -> None:
        """Note how far the run is; of what comes quicker than twice a second, the newest half a second later."""
        with self._lock:
            now = self.clock.elapsed()
            waits = _PROGRESS_EVERY - (now - self._reported_at)
            if waits > 0:
                if self._unreported is None:
                    self._desk.alarms.set(waits, self.flush)
                self._unreported = progress
                return
            self._reported_at = now
            self._unreported = None
        self._desk.recorder.put(NoteRecord(self._holder, progress=progress))

    def flush(self) -> None:
        """Report the last progress that was held back: when its time has come, and at the end of the run."""
        with self._lock:
            progress, self._unreported = self._unreported, None
            self._reported_at = self.clock.elapsed()
        if progress is not None:
            self._desk.recorder.put(NoteRecord(self._holder, progress=progress))

    def child_turn(self) -> AbstractContextManager[None]:
        """One of the node's."""
        return self._desk.turns.turn(self.on_stop)

    def stop_reason(self) -> str | None:
        """Why the run should stop, or None."""
        return self._execution.stop_reason

    def on_stop(self, callback: Callable[[str], None]) -> Callable[[], None]:
        """Call `callback(reason)` when the run is told to stop; answers a function that forgets it."""
        return self._execution.on_stop(callback)

    def _write_with_marks(self, state: _Batch, marks: Sequence[Mark]) -> Sequence[ItemFailure]:
        """Call each mark's write with the connection that commits the marks; one that raises undoes its own only.

        While the database is away this tries again; a commit whose answer was lost is found and not done twice.
        """
        added: list[ItemFailure] = []
        tried: list[Chunk] = []

        def once() -> None:
            if tried and self._was_written(state.batch, marks):
                state.accept(tried[-1])
                return
            added.clear()
            with self.transaction() as connection:
                tried.append(state.extended([_written(connection, mark, added) for mark in marks]))
                dialect, now = self._desk.database.dialect, self.clock.now()
                write_chunk(connection, dialect, self._holder, tried[-1], now, wait=True)
            state.accept(tried[-1])

        self._patiently(once)
        return added

    def _was_written(self, batch: str, marks: Sequence[Mark]) -> bool:
        """Whether marks whose commit got no answer are in the database: all of them are, or none."""
        work, key = self._desk.work, self._holder.key
        done, skipped, _, _ = work.load_marks(key, batch)
        known = done | skipped | work.failed_in(self._holder, batch)
        return any(mark.key in known for mark in marks)

    def _patiently(self, call: Callable[[], T]) -> T:
        """Call until the database answers, or the run is told to stop: its node's lease bounds that."""
        pause = _FIRST_PAUSE
        while True:
            try:
                return call()
            except PlanUnavailable as error:
                if self._execution.stop_reason is not None:
                    raise
                logger.warning("run %s waits for the plan: %s", self.facts.id, error)
            self._rest(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _rest(self, seconds: float) -> None:
        """Wait, but no longer than until the run is told to stop."""
        told = threading.Event()
        forget = self._execution.on_stop(lambda _: told.set())
        told.wait(seconds)
        forget()

    def _refuse_in_transaction(self, what: str) -> None:
        if getattr(self._here, "in_transaction", False):
            raise JobError(
                f"{what} of run {self.facts.id} would wait for the transaction that this very function has open: end "
                "that first, or write through its connection"
            )


class _Batch:
    """The chunk that a batch's marks go to now, and which items had failed before."""

    def __init__(self, chunk: Chunk, failed_before: frozenset[str]) -> None:
        self._chunk = chunk
        self._failed_before = set(failed_before)

    @property
    def batch(self) -> str:
        """The batch's name."""
        return self._chunk.batch

    def extended(self, marks: Sequence[Mark]) -> Chunk:
        """The row to write: the chunk's earlier marks and these; a new chunk when this one is full."""
        chunk = self._chunk
        if len(chunk.done) + len(chunk.skipped) >= _CHUNK_KEYS:
            chunk = Chunk(chunk.batch, chunk.number + 1)
        done = [mark.key for mark in marks if mark.outcome == "done"]
        skipped = [mark.key for mark in marks if mark.outcome == "skipped"]
        row = Chunk(chunk.batch, chunk.number, chunk.done + done, chunk.skipped + skipped)
        row.failures = [mark.failure for mark in marks if mark.failure is not None]
        if self._failed_before:
            row.mended = [mark.key for mark in marks if mark.failure is None and mark.key in self._failed_before]
        return row

    def accept(self, row: Chunk) -> None:
        """The row is written, or is sure to be: what comes next is added to it."""
        self._chunk = Chunk(row.batch, row.number, row.done, row.skipped)
        self._failed_before.update(failure.key for failure in row.failures)


def _written(connection: Connection, mark: Mark, added: list[ItemFailure]) -> Mark:
    """Do the mark's own write; the mark, or the failed mark that it becomes."""
    error = None if mark.write is None else attempted(connection, mark.write)
    if error is None:
        return mark
    info = info_of(error)
    failure = ItemFailure(mark.key, info.type, info.message)
    added.append(failure)
    return Mark(mark.key, "failed", failure)


def _step_text(key: str, result: Any) -> str:
    return to_json_text(result.to_json() if hasattr(result, "to_json") else result, f"the result of step {key!r}")


def _pass_on(done: Future[None], answer: Future[Sequence[ItemFailure]]) -> None:
    if not answer.set_running_or_notify_cancel():
        return  # the event loop that waited for it has ended
    error = done.exception()
    if error is None:
        answer.set_result(())
    else:
        answer.set_exception(error)
