"""What every engine is: something that calls the tick when it is time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class EngineHealth:
    """How an engine is: whether it ticks, when it last did, and what was wrong last (None: nothing)."""

    ticking: bool
    paused: bool
    last_tick: datetime | None
    error: str | None


class Engine(ABC):
    """Drives the ticks of a node."""

    name: str

    @abstractmethod
    def start(self) -> None:
        """Begin to tick."""

    @abstractmethod
    def stop(self) -> None:
        """Tick no more; back when no tick is under way."""

    @abstractmethod
    def wake(self) -> None:
        """Look at the plan now: something in it changed. Returns at once; may be called from any thread."""

    @abstractmethod
    def health(self) -> EngineHealth:
        """How the engine is."""
