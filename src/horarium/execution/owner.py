"""Whose run this is: the scheduler that runs the function which asks, for `horarium.get_scheduler`.

A context variable: it follows a task through `await`, into the threads that Horarium starts for steps and items, and
through `asyncio.to_thread`; not into a `threading.Thread` that the task starts itself.
"""

from __future__ import annotations

import contextvars
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Owner:
    """A scheduler, and the full address of its plan, which a child process is given to open the same one."""

    scheduler: object
    address: str = field(repr=False)


def owner() -> Owner | None:
    """Whose run the calling code belongs to; None outside of runs."""
    return _owner.get()


@contextmanager
def owned_by(one: Owner | None) -> Iterator[None]:
    """Have everything that is called in the block belong to this one."""
    token = _owner.set(one)
    try:
        yield
    finally:
        _owner.reset(token)


def plan_of_parent() -> str | None:
    """In a child process of a run: the address of the run's plan."""
    return _parent_plan


def set_plan_of_parent(address: str | None) -> None:
    """In a child process, before its function is called: which plan its run belongs to."""
    global _parent_plan  # noqa: PLW0603 - a fact of this process, said once at its start
    _parent_plan = address


def plan_for_child() -> str | None:
    """The address to give to a child process of the calling code."""
    one = _owner.get()
    return _parent_plan if one is None else one.address


_owner: contextvars.ContextVar[Owner | None] = contextvars.ContextVar("horarium_owner", default=None)
_parent_plan: str | None = None
