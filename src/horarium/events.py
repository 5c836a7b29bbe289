"""Events: what listeners (logs, metrics, notifications, a user's own code) are told, at one seam."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from horarium.states import DecisionKind, RunState

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RunChanged:
    """A run on this node changed its state. `error` is one line, `duration` seconds of the attempt that ended."""

    run_id: str
    job_id: str
    state: RunState
    at: datetime
    attempt: int
    duration: float | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class OccurrencesDecided:
    """Occurrences that will not run: missed, coalesced or skipped."""

    job_id: str
    kind: DecisionKind
    count: int
    first_at: datetime
    last_at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class NodeChanged:
    """This node started, lost its lease, got a new one, or stopped."""

    node_id: str
    what: str
    at: datetime


Event = RunChanged | OccurrencesDecided | NodeChanged
Listener = Callable[[Event], None]


class EventBus:
    """Hands events to listeners; a listener that raises is logged and the others still hear."""

    def __init__(self) -> None:
        self._listeners: tuple[Listener, ...] = ()

    @property
    def listened_to(self) -> bool:
        """Whether anybody listens; without listeners no event need be made."""
        return bool(self._listeners)

    def subscribe(self, listener: Listener) -> None:
        """Call `listener` for every event from now on, in the thread where the event happens."""
        self._listeners = (*self._listeners, listener)

    def unsubscribe(self, listener: Listener) -> None:
        """Stop calling `listener`; nothing happens if it was not subscribed."""
        self._listeners = tuple(known for known in self._listeners if known is not listener)

    def emit(self, event: Event) -> None:
        """Tell every listener."""
        for listener in self._listeners:
            try:
                listener(event)
            except Exception:
                logger.exception("listener %r failed on %r", listener, event)
