"""In which thread the plan is read and written during ticks.

A scheduler that has a thread of its own does it there. One that lives on somebody's event loop must not: a database
that does not answer would stop everything else on that loop. There a thread reads, lends the tick to the loop, which
only collects, and writes what it gets back.
"""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable

from horarium.engines.apscheduler.ticking import LONGEST, Tick, Ticking

logger = logging.getLogger(__name__)

_SELDOM = 60.0
_ABANDONED_AFTER = 10.0


class Pace(ABC):
    """Gives ticks to APScheduler's loop and takes them back. Nothing here raises."""

    @abstractmethod
    def take(self) -> Tick:
        """A tick for the loop."""

    @abstractmethod
    def give_back(self, tick: Tick) -> float:
        """End a tick; answers in how many seconds the loop should come again if nobody wakes it."""

    @abstractmethod
    def stop(self) -> None:
        """Give no more ticks."""


class InPlace(Pace):
    """Ticks in the thread of the loop."""

    def __init__(self, ticking: Ticking) -> None:
        self._ticking = ticking

    def take(self) -> Tick:
        """Read and decide now."""
        return self._ticking.begin()

    def give_back(self, tick: Tick) -> float:
        """Write now."""
        return self._ticking.finish(tick)

    def stop(self) -> None:
        """Nothing to stop."""


class Aside(Pace):
    """Ticks in a thread of its own; `wake` makes the loop come and fetch one."""

    def __init__(self, ticking: Ticking, wake: Callable[[], None]) -> None:
        self._ticking = ticking
        self._wake = wake
        self._wanted = threading.Event()
        self._back = threading.Event()
        self._lock = threading.Lock()
        self._offered: Tick | None = None
        self._lent: Tick | None = None
        self._ending = False
        self._thread = threading.Thread(target=self._work, name="horarium-ticks", daemon=True)
        self._thread.start()

    def take(self) -> Tick:
        """The tick that waits for the loop; otherwise an empty one, and the plan is looked at."""
        with self._lock:
            offered, self._offered = self._offered, None
            if offered is not None:
                self._lent = offered
                return offered
        self._wanted.set()
        return Tick.empty()

    def give_back(self, tick: Tick) -> float:
        """Let the thread write it; the thread wakes the loop when there is more."""
        with self._lock:
            if tick is self._lent:
                self._lent = None
                self._back.set()
        return _SELDOM

    def stop(self) -> None:
        """End the thread; back when no tick is under way in it."""
        self._ending = True
        self._wanted.set()
        self._back.set()
        if self._thread is not threading.current_thread():
            self._thread.join(_ABANDONED_AFTER)

    def _work(self) -> None:
        pause = 0.0
        while True:
            self._wanted.wait(pause)
            self._wanted.clear()
            if self._ending:
                return
            tick = self._ticking.begin()
            if tick.thoughts:
                tick = self._lend(tick)
            pause = self._ticking.finish(tick)

    def _lend(self, tick: Tick) -> Tick:
        """Have the loop collect the tick; one that nobody fetches, or that does not come back, ends uncollected."""
        with self._lock:
            self._back.clear()
            self._offered = tick
        try:
            self._wake()
        except Exception as error:  # noqa: BLE001 - a loop that is closing: the tick is another node's then
            logger.debug("the scheduler was not woken: %s", error)
        if self._back.wait(LONGEST):
            return tick
        with self._lock:
            if self._offered is tick:
                self._offered = None  # the scheduler is paused, or its loop is busy
                return tick
        if self._back.wait(_ABANDONED_AFTER):
            return tick
        with self._lock:
            self._lent = None
        return Tick(tick.now)
