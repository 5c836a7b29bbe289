"""Events: what listeners (logs, metrics, notifications, a user's own code) are told, at one seam."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from horarium.states import DecisionKind, RunState

logger = logging.getLogger(__name__)

_CLOSING = 5.0


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
    """Hands events to listeners; a listener that raises is logged and the others still hear.

    Between `start` and `stop` that happens in a thread of its own, in the order of the events, so that a slow listener
    holds up no run, no tick and no heartbeat; otherwise in the thread where the event happens.
    """

    def __init__(self) -> None:
        self._listeners: tuple[Listener, ...] = ()
        self._queue: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    @property
    def listened_to(self) -> bool:
        """Whether anybody listens; without listeners no event need be made."""
        return bool(self._listeners)

    def subscribe(self, listener: Listener) -> None:
        """Call `listener` for every event from now on."""
        self._listeners = (*self._listeners, listener)

    def unsubscribe(self, listener: Listener) -> None:
        """Stop calling `listener`; nothing happens if it was not subscribed."""
        self._listeners = tuple(known for known in self._listeners if known is not listener)

    def start(self) -> None:
        """Call listeners in a thread of their own from now on."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._work, name="horarium-events", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Tell what has happened, and end the thread; one that hangs in a listener is left behind."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._queue.put(None)
            if thread is not threading.current_thread():
                thread.join(_CLOSING)

    def emit(self, event: Event) -> None:
        """Tell every listener."""
        if not self._listeners:
            return
        thread = self._thread
        if thread is not None and thread.is_alive():  # a forked process has none of its parent's threads
            self._queue.put(event)
        else:
            self._tell(event)

    def _work(self) -> None:
        while (event := self._queue.get()) is not None:
            self._tell(event)

    def _tell(self, event: Event) -> None:
        for listener in self._listeners:
            try:
                listener(event)
            except Exception:
                logger.exception("listener %r failed on %r", listener, event)
