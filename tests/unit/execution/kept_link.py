"""A run's link to a plan that is kept in memory, and what tests wait with."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from horarium.clock import Clock, SystemClock
from horarium.execution.link import Mark, Marks, RunFacts
from horarium.jsontext import to_json_text
from horarium.values import ItemFailure, Progress

PATIENCE = 20.0


class KeptLink:
    """Keeps steps and marks in dictionaries. `error`, when set, is raised by every question and write."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.facts = RunFacts(
            id="1j8k2m4p6rs-17",
            job_id="job",
            task="process_tasks:facts",
            scheduled_at=datetime(2030, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
            attempt=2,
            fencing_token=2,
            node="node",
        )
        self.clock = clock or SystemClock()
        self.steps: dict[str, Any] = {}
        self.marks: dict[str, list[Mark]] = {}
        self.done_before: dict[str, set[str]] = {}
        self.progress: list[Progress] = []
        self.error: Exception | None = None
        self._reason: str | None = None
        self._callbacks: list[Callable[[str], None]] = []
        self._lock = threading.Lock()

    def load_step(self, key: str) -> tuple[bool, Any]:
        self._fail_if_told()
        return key in self.steps, self.steps.get(key)

    def save_step(self, key: str, result: Any) -> Any:
        self._fail_if_told()
        to_json_text(result, key)
        self.steps[key] = result
        return result

    def transactional_step(self, key: str, body: Callable[[Any], Any]) -> Any:
        return self.save_step(key, body(None))

    def transaction(self) -> Any:
        return nullcontext("a connection")

    def load_marks(self, batch: str) -> Marks:
        self._fail_if_told()
        return Marks(frozenset(self.done_before.get(batch, ())), frozenset())

    def save_marks(self, batch: str, marks: Sequence[Mark]) -> Future[Sequence[ItemFailure]]:
        self._fail_if_told()
        future: Future[Sequence[ItemFailure]] = Future()
        for mark in marks:
            if mark.write is not None:
                mark.write("a connection")
        self.marks.setdefault(batch, []).extend(marks)
        threading.Thread(target=future.set_result, args=([],)).start()
        return future

    def report_progress(self, progress: Progress) -> None:
        self.progress.append(progress)

    def child_turn(self) -> AbstractContextManager[None]:
        return nullcontext()

    def stop_reason(self) -> str | None:
        return self._reason

    def on_stop(self, callback: Callable[[str], None]) -> Callable[[], None]:
        with self._lock:
            self._callbacks.append(callback)
        if self._reason is not None:
            callback(self._reason)
        return lambda: self._callbacks.remove(callback)

    def stop(self, reason: str) -> None:
        with self._lock:
            self._reason = reason
            callbacks = list(self._callbacks)
        for callback in callbacks:
            callback(reason)

    @property
    def listeners(self) -> int:
        return len(self._callbacks)

    def outcomes(self, batch: str) -> dict[str, str]:
        return {mark.key: mark.outcome for mark in self.marks[batch]}

    def _fail_if_told(self) -> None:
        if self.error is not None:
            raise self.error


def until(condition: Callable[[], Any]) -> Any:
    """Wait for a condition to hold; answers what it answered."""
    end = time.monotonic() + PATIENCE
    while not (answer := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)
    return answer


def is_gone(pid: int) -> bool:
    """Whether a process has ended. One that nobody has reaped yet counts: its reaping is not our concern."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def pids_in(mark: Path) -> list[int]:
    """The process ids that a function in `process_tasks` left in a file, once it has."""
    until(mark.exists)
    return [int(one) for one in mark.read_text().split()]
