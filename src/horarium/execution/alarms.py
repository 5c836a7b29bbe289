"""Alarms: one thread that calls something when its time has come, however many wait for theirs."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable

logger = logging.getLogger(__name__)

_FEW = 100


class Alarm:
    """One that was set."""

    __slots__ = ("_on_cancel", "callback")

    def __init__(self, callback: Callable[[], None], on_cancel: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback
        self._on_cancel = on_cancel

    def cancel(self) -> None:
        """Do not ring."""
        if self.callback is not None:
            self.callback = None
            self._on_cancel()


class Alarms:
    """Alarms of one runner. What they call must not take long. The thread begins with the first alarm."""

    def __init__(self) -> None:
        self._waiting: list[tuple[float, int, Alarm]] = []
        self._cancelled = 0
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    def set(self, seconds: float, callback: Callable[[], None]) -> Alarm:
        """Call `callback` in so many seconds."""
        alarm = Alarm(callback, self._forget_one)
        with self._changed:
            heapq.heappush(self._waiting, (time.monotonic() + seconds, next(self._numbers), alarm))
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._work, name="horarium-alarms", daemon=True)
                self._thread.start()
            elif self._waiting[0][2] is alarm:
                self._changed.notify()
        return alarm

    def __len__(self) -> int:
        """How many are remembered, with some that were cancelled."""
        return len(self._waiting)

    def close(self) -> None:
        """Ring no more."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _forget_one(self) -> None:
        """Count a cancelled alarm. They go when they are the greater part: most ring in an hour, and never do."""
        with self._changed:
            self._cancelled += 1
            if self._cancelled > _FEW and 2 * self._cancelled > len(self._waiting):
                self._waiting = [one for one in self._waiting if one[2].callback is not None]
                heapq.heapify(self._waiting)
                self._cancelled = 0

    def _work(self) -> None:
        while (callback := self._next()) is not None:
            try:
                callback()
            except Exception:
                logger.exception("an alarm failed")

    def _next(self) -> Callable[[], None] | None:
        """Wait for the next alarm that rings; None when there will be no more."""
        with self._changed:
            while not self._closed:
                patience = None
                if self._waiting:
                    at, _, alarm = self._waiting[0]
                    patience = at - time.monotonic()
                    if alarm.callback is None or patience <= 0:
                        heapq.heappop(self._waiting)
                        if alarm.callback is not None:
                            return alarm.callback
                        self._cancelled -= 1
                        continue
                self._changed.wait(patience)
            return None
