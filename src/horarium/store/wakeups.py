"""Waking other processes when something was put in the queue or changed in the plan.

PostgreSQL carries it by LISTEN and NOTIFY. On SQLite there is nobody to carry it: the others look often enough
(`Dialect.look_every`), since a look there costs microseconds.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from horarium.errors import PlanUnavailable
from horarium.store.database import Database

logger = logging.getLogger(__name__)

CHANNEL = "horarium"

_AT_MOST_EVERY = 0.01
_LISTEN_FOR = 1.0
_LONGEST_PAUSE = 5.0


class Wakeups:
    """The wake-ups of a plan. Losing one costs time only: everybody also looks by themselves."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._announced_at = 0.0
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None

    def announce(self) -> None:
        """Wake every process that listens. More than one in ten milliseconds count as one."""
        if not self._database.dialect.can_notify:
            return
        now = time.monotonic()
        if now - self._announced_at < _AT_MOST_EVERY:
            return
        self._announced_at = now
        try:
            with self._database.write() as connection:
                self._database.dialect.notify(connection, CHANNEL)
        except PlanUnavailable as error:
            logger.debug("others were not woken: %s", error)

    def listen(self, callback: Callable[[], None]) -> None:
        """Call `callback` at every wake-up, in a thread of its own, until closed."""
        if not self._database.dialect.can_notify:
            return
        self._thread = threading.Thread(target=self._listen_on, args=(callback,), name="horarium-wakeups", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Listen no more."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join(_LISTEN_FOR * 3)

    def _listen_on(self, callback: Callable[[], None]) -> None:
        pause = _LISTEN_FOR
        while not self._ending.is_set():
            try:
                with self._database.read() as connection:
                    for woken in self._database.dialect.notifications(connection, CHANNEL, _LISTEN_FOR):
                        if self._ending.is_set():
                            return
                        pause = _LISTEN_FOR
                        if woken:
                            callback()
            except PlanUnavailable as error:
                logger.debug("wake-ups are not heard: %s", error)
                self._ending.wait(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
