"""Reading the plan again and again: a database that is away for a moment is waited for."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from horarium.cli.session import Session
from horarium.errors import PlanUnavailable

ValueT = TypeVar("ValueT")

PATIENCE = 60.0
"""Seconds that a database may be away."""

_TRY_EVERY = 1.0


def patiently(session: Session, read: Callable[[], ValueT], patience: float = PATIENCE) -> ValueT:
    """What `read` answers, tried for `patience` seconds while the plan cannot be reached. Raises PlanUnavailable."""
    deadline = time.monotonic() + patience
    told = False
    while True:
        try:
            return read()
        except PlanUnavailable as error:
            if time.monotonic() > deadline:
                raise
            if not told:
                session.note(f"{error}\nTrying again for {patience:g} s.")
                told = True
        time.sleep(_TRY_EVERY)
