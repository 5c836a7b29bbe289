"""Alarms: one thread that calls something when its time has come, however many wait for theirs."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable

logger = logging.getLogger(__name__)


class Alarm:
    """One that was set."""

    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        """Do not ring."""
        self.callback = None


class Alarms:
    """Alarms of one runner. What they call must not take long. The thread begins with the first alarm."""

    def __init__(self) -> None:
        self._waiting: list[tuple[float, int, Alarm]] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    def set(self, seconds: float, callback: Callable[[], None]) -> Alarm:
        """Call `callback` in so many seconds."""
        alarm = Alarm(callback)
        with self._changed:
            heapq.heappush(self._waiting, (time.monotonic() + seconds, next(self._numbers), alarm))
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._work, name="horarium-alarms", daemon=True)
                self._thread.start()
            elif self._waiting[0][2] is alarm:
                self._changed.notify()
        return alarm

    def close(self) -> None:
        """Ring no more."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

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
                        continue
                self._changed.wait(patience)
            return None
