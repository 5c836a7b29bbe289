"""The child's end of the pipes to its parent, and the run's link to the plan over them."""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NoReturn

from horarium.clock import Clock
from horarium.errors import HorariumError, JobError
from horarium.execution import protocol
from horarium.execution.link import Mark, Marks, RunFacts
from horarium.execution.protocol import Message
from horarium.jsontext import to_json_text
from horarium.values import ItemFailure, Progress

logger = logging.getLogger(__name__)

_CHUNK = 65_536


class ParentPipe:
    """Both pipes to the parent: sends messages from any thread, and hands what comes in to those who wait for it."""

    def __init__(self, requests: int, replies: int, parent: int) -> None:
        self._requests = requests
        self._replies = replies
        self._parent = parent
        self._owner = os.getpid()
        self._lines = protocol.Lines()
        self._sending = threading.Lock()
        self._waiting: dict[int, Future[Any]] = {}
        self._last_id = 0
        self._stopping = threading.Lock()
        self._stop_callbacks: list[Callable[[str], None]] = []
        self.stop_reason: str | None = None
        self.is_terminated = False

    @property
    def is_ours(self) -> bool:
        """Whether this process is the child itself, and not one that the task has forked."""
        return os.getpid() == self._owner

    def first_message(self) -> Message:
        """Wait for the call."""
        while True:
            for line in self._lines.feed(self._read()):
                return protocol.decode(line)

    def listen(self) -> None:
        """Take in what the parent says, in a thread, for as long as the process lives."""
        threading.Thread(target=self._listen, name="horarium-parent", daemon=True).start()

    def send(self, message: Message) -> None:
        """Write a message. Raises HorariumError in a process that the task has forked."""
        if not self.is_ours:
            raise HorariumError("the run can only be used in the task's own process, not in one that it forked")
        rest = memoryview(protocol.encode(message))
        try:
            with self._sending:
                while rest:
                    rest = rest[os.write(self._replies, rest) :]
        except BrokenPipeError:
            die_with_parent()

    def request(self, message: Message) -> Future[Any]:
        """Write a message that is answered; the future is the answer's value or raises its error."""
        future: Future[Any] = Future()
        with self._sending:
            self._last_id += 1
            number = self._last_id
            self._waiting[number] = future
        try:
            self.send({**message, "id": number})
        except BaseException:
            del self._waiting[number]
            raise
        return future

    def on_stop(self, callback: Callable[[str], None]) -> Callable[[], None]:
        """Call `callback(reason)` when told to stop, at once if that was so; answers a function that forgets it."""
        with self._stopping:
            reason = self.stop_reason
            if reason is None:
                self._stop_callbacks.append(callback)
        if reason is not None:
            callback(reason)
        return lambda: self._forget(callback)

    def _forget(self, callback: Callable[[str], None]) -> None:
        with self._stopping, contextlib.suppress(ValueError):
            self._stop_callbacks.remove(callback)

    def _listen(self) -> None:
        selector = selectors.DefaultSelector()
        selector.register(self._requests, selectors.EVENT_READ, self._take_in)
        # A process that the parent has forked holds the other end of the pipe open: its end alone is not enough.
        if sys.platform == "linux":
            with contextlib.suppress(OSError):
                selector.register(os.pidfd_open(self._parent), selectors.EVENT_READ, die_with_parent)
        if os.getppid() != self._parent:
            die_with_parent()
        while True:
            for key, _ in selector.select():
                key.data()

    def _take_in(self) -> None:
        for line in self._lines.feed(self._read()):
            self._take(protocol.decode(line))

    def _take(self, message: Message) -> None:
        if message["op"] == "stop":
            with self._stopping:
                self.stop_reason = message["reason"]
                callbacks = self._stop_callbacks
                self._stop_callbacks = []
            for callback in callbacks:
                try:
                    callback(message["reason"])
                except Exception:
                    # This thread is what ends the process with its parent; it goes on.
                    logger.exception("what was to be done when the run is told to stop failed")
            return
        if message["op"] == "terminate":
            self.is_terminated = True
            os.killpg(0, signal.SIGTERM)
            return
        future = self._waiting.pop(message["id"])
        if message.get("error"):
            future.set_exception(protocol.rebuild(message["error"]))
        else:
            future.set_result(message["value"])

    def _read(self) -> bytes:
        return os.read(self._requests, _CHUNK) or die_with_parent()


class PipeLink:
    """The plan as a run in a child process sees it: every question goes to the parent, which holds the fencing."""

    def __init__(self, pipe: ParentPipe, facts: RunFacts, clock: Clock) -> None:
        self.facts = facts
        self.clock = clock
        self._pipe = pipe

    def load_step(self, key: str) -> tuple[bool, Any]:
        """Whether a step was committed, and its result."""
        found, result = self._pipe.request({"op": "load_step", "key": key}).result()
        return found, result

    def save_step(self, key: str, result: Any) -> Any:
        """Have the parent commit a step's result; on disk when this returns."""
        result = protocol.as_json(result)
        to_json_text(result, f"the result of step {key!r}")  # here, where the traceback shows the step
        return self._pipe.request({"op": "save_step", "key": key, "result": result}).result()

    def transactional_step(self, key: str, body: Callable[[Any], Any]) -> Any:
        """Refused: the transaction is the parent's, and a function cannot cross. Raises JobError."""
        raise JobError(
            f"step {key!r} is transactional, which a child process cannot do: it has no connection to the plan. "
            "Write the rows in a step of a task with executor='thread', or in `on_done` of `run.each`"
        )

    def transaction(self) -> NoReturn:
        """Refused: a child process has no connection to the plan. Raises JobError."""
        raise JobError(
            "a transaction of the plan's database cannot be had in a child process, which has no connection to it: use "
            "executor='thread', or hand the rows to `on_done` of `run.each`, which is called in the parent"
        )

    def load_marks(self, batch: str) -> Marks:
        """The marks of a batch."""
        value = self._pipe.request({"op": "load_marks", "batch": batch}).result()
        return Marks(frozenset(value["done"]), frozenset(value["skipped"]))

    def save_marks(self, batch: str, marks: Sequence[Mark]) -> Future[Sequence[ItemFailure]]:
        """Have the parent commit marks. Raises JobError for marks that write to the application's tables."""
        if any(mark.write is not None for mark in marks):
            raise JobError(
                f"batch {batch!r} has on_done or on_failed, which a child process cannot call: it has no connection "
                "to the plan. Give the task executor='thread' and its `run.each` executor='process' instead"
            )
        answered = self._pipe.request(
            {"op": "save_marks", "batch": batch, "marks": [protocol.mark_to_json(mark) for mark in marks]}
        )
        committed: Future[Sequence[ItemFailure]] = Future()

        def pass_on(answer: Future[Any]) -> None:
            error = answer.exception()
            if error is not None:
                committed.set_exception(error)
            else:
                committed.set_result([ItemFailure(**one) for one in answer.result()])

        answered.add_done_callback(pass_on)
        return committed

    def report_progress(self, progress: Progress) -> None:
        """Tell the parent how far the run is."""
        self._pipe.send({"op": "progress", **progress.to_json()})

    def child_turn(self) -> AbstractContextManager[None]:
        """At once: this child has its turn, and its own children are its own affair."""
        return nullcontext()

    def stop_reason(self) -> str | None:
        """Why the run should stop, or None."""
        return self._pipe.stop_reason

    def on_stop(self, callback: Callable[[str], None]) -> Callable[[], None]:
        """Call `callback(reason)` when the run is told to stop; answers a function that forgets it."""
        return self._pipe.on_stop(callback)


def die_with_parent() -> NoReturn:
    """End this process and its group: who would take the answer is gone."""
    os.killpg(0, signal.SIGKILL)
    os._exit(1)
