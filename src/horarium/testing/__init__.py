"""For tests of schedules: a clock that tests set, and a scheduler that lives through a month in milliseconds."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from horarium.scheduler import set_scheduler as set_scheduler
    from horarium.testing.clock import ManualClock as ManualClock
    from horarium.testing.postgres import TemporaryPostgres as TemporaryPostgres
    from horarium.testing.timetable import Timetable as Timetable

_HOMES = {
    "ManualClock": "horarium.testing.clock",
    "TemporaryPostgres": "horarium.testing.postgres",
    "Timetable": "horarium.testing.timetable",
    "set_scheduler": "horarium.scheduler",
}

__all__ = [*_HOMES]  # noqa: PLE0604 - the names of _HOMES


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'horarium.testing' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
