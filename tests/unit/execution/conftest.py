"""A run's link to a plan in a real SQLite file, without the store: marks and steps outlive an attempt."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from horarium.errors import PlanUnavailable, RunLost
from horarium.execution.link import Mark, Marks, RunFacts
from horarium.jsontext import to_json_text
from horarium.values import ItemFailure, Progress

START = datetime(2026, 3, 1, 6, tzinfo=UTC)


class MovableClock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.moved = 0.0

    def move(self, seconds: float) -> None:
        self.moved += seconds

    def now(self) -> datetime:
        return START + timedelta(seconds=self.moved)

    def elapsed(self) -> float:
        return self.moved


class SqliteLink:
    """`RunLink` for one attempt, on a SQLite file."""

    def __init__(self, path: Path, attempt: int = 1) -> None:
        self.facts = RunFacts(
            id="1j8k2m4p6rs-17",
            job_id="sync",
            task="tasks:sync",
            scheduled_at=START,
            attempt=attempt,
            fencing_token=attempt,
            node="here",
        )
        self.clock = MovableClock()
        self.reported: list[Progress] = []
        self.commits: list[list[str]] = []
        self.lost = False
        self.unavailable = False
        self._path = path
        self._reason: str | None = None
        self._callbacks: list[Callable[[str], None]] = []
        self._lock = threading.Lock()
        self._writer = ThreadPoolExecutor(1, "writer")
        with closing(self._connect()) as connection:
            connection.executescript(
                "CREATE TABLE IF NOT EXISTS steps (key TEXT PRIMARY KEY, result TEXT NOT NULL);"
                "CREATE TABLE IF NOT EXISTS marks (batch TEXT, key TEXT, outcome TEXT, PRIMARY KEY (batch, key));"
                "CREATE TABLE IF NOT EXISTS ledger (entry TEXT);"
            )

    def close(self) -> None:
        self._writer.shutdown()

    def tell_to_stop(self, reason: str) -> None:
        with self._lock:
            self._reason = reason
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback(reason)

    def ledger(self) -> list[str]:
        with closing(self._connect()) as connection:
            return [entry for (entry,) in connection.execute("SELECT entry FROM ledger ORDER BY rowid")]

    def steps(self) -> dict[str, Any]:
        with closing(self._connect()) as connection:
            return {key: json.loads(text) for key, text in connection.execute("SELECT key, result FROM steps")}

    def marked(self) -> dict[str, str]:
        with closing(self._connect()) as connection:
            return dict(connection.execute("SELECT key, outcome FROM marks").fetchall())

    def load_step(self, key: str) -> tuple[bool, Any]:
        steps = self.steps()
        return key in steps, steps.get(key)

    def save_step(self, key: str, result: Any) -> Any:
        return self.transactional_step(key, lambda _: result)

    def transactional_step(self, key: str, body: Callable[[Any], Any]) -> Any:
        with closing(self._connect()) as connection, connection:
            connection.execute("BEGIN IMMEDIATE")
            text = to_json_text(body(connection), f"the result of step {key!r}")
            self._fence()
            connection.execute("INSERT INTO steps VALUES (?, ?)", (key, text))
        return json.loads(text)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        with closing(self._connect()) as connection, connection:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            self._fence()

    def load_marks(self, batch: str) -> Marks:
        with closing(self._connect()) as connection:
            rows = connection.execute("SELECT key, outcome FROM marks WHERE batch = ?", (batch,)).fetchall()
        return Marks(
            frozenset(key for key, outcome in rows if outcome == "done"),
            frozenset(key for key, outcome in rows if outcome == "skipped"),
        )

    def save_marks(self, batch: str, marks: Sequence[Mark]) -> Future[Sequence[ItemFailure]]:
        return self._writer.submit(self._write, batch, list(marks))

    def report_progress(self, progress: Progress) -> None:
        self.reported.append(progress)

    def child_turn(self) -> AbstractContextManager[None]:
        return nullcontext()

    def stop_reason(self) -> str | None:
        return self._reason

    def on_stop(self, callback: Callable[[str], None]) -> Callable[[], None]:
        with self._lock:
            reason = self._reason
            if reason is None:
                self._callbacks.append(callback)
        if reason is not None:
            callback(reason)
        return lambda: self._forget(callback)

    @property
    def listeners(self) -> int:
        return len(self._callbacks)

    def _forget(self, callback: Callable[[str], None]) -> None:
        with self._lock:
            if callback in self._callbacks:
                self._callbacks.remove(callback)

    def _write(self, batch: str, marks: list[Mark]) -> Sequence[ItemFailure]:
        failures = []
        with closing(self._connect()) as connection, connection:
            connection.execute("BEGIN IMMEDIATE")
            self._fence()
            for mark in marks:
                outcome = mark.outcome
                if mark.write is not None:
                    connection.execute("SAVEPOINT item")
                    try:
                        mark.write(connection)
                    except Exception as error:
                        connection.execute("ROLLBACK TO item")
                        failures.append(ItemFailure(mark.key, type(error).__qualname__, str(error)))
                        outcome = "failed"
                    connection.execute("RELEASE item")
                connection.execute("INSERT OR REPLACE INTO marks VALUES (?, ?, ?)", (batch, mark.key, outcome))
        self.commits.append([mark.key for mark in marks])
        return failures

    def _fence(self) -> None:
        if self.lost:
            raise RunLost(self.facts.id)
        if self.unavailable:
            raise PlanUnavailable("the disk is full")

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, isolation_level=None, timeout=30)


@pytest.fixture
def attempts(tmp_path: Path) -> Iterator[Callable[[], SqliteLink]]:
    """Begins the run's next attempt: a new link on the same file."""
    links: list[SqliteLink] = []

    def begin() -> SqliteLink:
        links.append(SqliteLink(tmp_path / "plan.db", attempt=len(links) + 1))
        return links[-1]

    yield begin
    for link in links:
        link.close()


@pytest.fixture
def link(attempts: Callable[[], SqliteLink]) -> SqliteLink:
    """The link of a run's first attempt."""
    return attempts()
