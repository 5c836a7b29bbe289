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
_LISTEN_FOR = 0.5
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 5.0


class Wakeups:
    """The wake-ups of a plan. Losing one costs time only: everybody also looks by themselves."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._announced_at = float("-inf")
        self._later: threading.Timer | None = None
        self._later_waits = False
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None

    def announce(self) -> None:
        """Wake every process that listens. Those that follow one within ten milliseconds are one, at their end."""
        if not self._database.dialect.can_notify:
            return
        with self._lock:
            wait = self._announced_at + _AT_MOST_EVERY - time.monotonic()
            if wait > 0:
                # Not nothing: who was woken by the one before may have looked before this change was there.
                if not self._later_waits and not self._ending.is_set():
                    self._later_waits = True
                    self._later = threading.Timer(wait, self._announce_later)
                    self._later.daemon = True
                    self._later.start()
                return
            self._announced_at = time.monotonic()
        self._send()

    def listen(self, callback: Callable[[], None]) -> None:
        """Call `callback` at every wake-up, in a thread of its own, until closed."""
        if not self._database.dialect.can_notify:
            return
        self._thread = threading.Thread(target=self._listen_on, args=(callback,), name="horarium-wakeups", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Begin to close, without waiting for it."""
        self._ending.set()

    def close(self) -> None:
        """Listen no more."""
        self._ending.set()
        for thread in (self._later, self._thread):
            if thread is not None:
                thread.join(_LISTEN_FOR * 3)

    def _announce_later(self) -> None:
        with self._lock:
            self._later_waits = False
            self._announced_at = time.monotonic()
        self._send()

    def _send(self) -> None:
        try:
            with self._database.write() as connection:
                self._database.dialect.notify(connection, CHANNEL)
        except Exception as error:  # noqa: BLE001 - whoever is not woken looks by himself a little later
            logger.debug("others were not woken: %s", error)

    def _listen_on(self, callback: Callable[[], None]) -> None:
        pause = _FIRST_PAUSE
        while not self._ending.is_set():
            try:
                with self._database.read() as connection:
                    missed = True  # what happened before this connection listens
                    for woken in self._database.dialect.notifications(connection, CHANNEL, _LISTEN_FOR):
                        if self._ending.is_set():
                            return
                        pause = _FIRST_PAUSE
                        if woken or missed:
                            missed = False
                            callback()
            except Exception as error:  # noqa: BLE001 - the driver's own errors too; nothing may end this thread
                expected = isinstance(error, PlanUnavailable)
                logger.log(logging.DEBUG if expected else logging.WARNING, "wake-ups are not heard: %s", error)
                self._ending.wait(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
