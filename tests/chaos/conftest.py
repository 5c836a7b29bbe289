"""A plan, somebody who looks at it, a ledger, and nodes that are dead at the end of every test."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from horarium import Scheduler

from .fleet import PROGRAM, Ledger, NodeProcess, onlooker


@pytest.fixture(autouse=True)
def _tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tasks of the nodes can be named here."""
    monkeypatch.syspath_prepend(str(PROGRAM))
    __import__("chaos_tasks")


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger")


@pytest.fixture
def plan(plan_url: str) -> Iterator[Scheduler]:
    """The plan, on each database."""
    scheduler = onlooker(plan_url)
    yield scheduler
    scheduler.shutdown()


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[Callable[..., NodeProcess]]:
    """Starts nodes that are killed at the end."""
    with ExitStack() as stack:

        def start(url: str, **options: Any) -> NodeProcess:
            return stack.enter_context(NodeProcess(url, tmp_path, **options))

        yield start
