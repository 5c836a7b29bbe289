"""Functions that the jobs of these tests run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from horarium import PermanentError, SyncRun, task

calls: list[Any] = []
"""What the tasks were called with, in order."""

plans: list[Callable[[SyncRun], Any]] = []
"""What `do` does, a function for each attempt; the last one stays."""


def forget() -> None:
    """Begin a test."""
    calls.clear()
    plans.clear()


@task("conformance.note")
def note(*args: Any, **kwargs: Any) -> Any:
    calls.append((args, kwargs) if kwargs else args)
    return list(args)


@task("conformance.note_time")
def note_time(run: SyncRun) -> None:
    calls.append(run.scheduled_at)


@task("conformance.note_async")
async def note_async(value: Any = None) -> Any:
    calls.append(value)
    return value


@task("conformance.fail")
def fail(message: str = "no") -> None:
    calls.append(message)
    raise ValueError(message)


@task("conformance.fail_for_good")
def fail_for_good() -> None:
    calls.append("for good")
    raise PermanentError("never")


@task("conformance.do")
def do(run: SyncRun) -> Any:
    """What the test says: the next of `plans`."""
    calls.append(run.attempt)
    return (plans.pop(0) if len(plans) > 1 else plans[0])(run)


def unnamed(value: int = 0) -> int:
    calls.append(value)
    return value
