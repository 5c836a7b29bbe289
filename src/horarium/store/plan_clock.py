"""The plan's clock: the database's, which rules, as this machine's clock and the measured difference tell it."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from horarium.clock import Clock
from horarium.store.database import Database

logger = logging.getLogger(__name__)

_WORTH_SAYING = 1.0


class PlanClock:
    """A machine's clock, corrected by how far the database's is ahead of it."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._told = 0.0
        self.offset = timedelta()

    @property
    def is_set_by_hand(self) -> bool:
        """Whether a test sets the clock beneath; then it is never corrected."""
        return self._clock.is_set_by_hand

    def now(self) -> datetime:
        """The database's present time as best this machine knows it, aware, in UTC."""
        return self._clock.now() + self.offset

    def elapsed(self) -> float:
        """Seconds on the machine's own never-jumping clock."""
        return self._clock.elapsed()

    def measure(self) -> None:
        """Measure the difference anew, where the database has a clock. Raises PlanUnavailable."""
        if self.is_set_by_hand:
            return
        with self._database.read() as connection:
            before = self._clock.now()
            theirs = self._database.dialect.now(connection)
            after = self._clock.now()
        if theirs is None:
            return
        difference = theirs - (before + (after - before) / 2)
        # What is less than the way there and back could be the way alone.
        self.offset = difference if abs(difference) > (after - before) / 2 else timedelta()
        seconds = self.offset.total_seconds()
        if abs(seconds - self._told) >= _WORTH_SAYING:
            self._told = seconds
            logger.warning("this machine's clock is %+.1f s off the database's, which rules", -seconds)
