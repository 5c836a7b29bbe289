"""The plan's clock: the database's, which rules, as this machine's clock and the measured difference tell it."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from horarium.clock import Clock
from horarium.store.database import Database

logger = logging.getLogger(__name__)

_WORTH_SAYING = 1.0


class PlanClock:
    """The database's clock. Between two measurements it goes on with this machine's never-jumping clock, so that a
    machine whose clock is set meanwhile does not run what is not due yet.

    `offset` is how far it is ahead of the machine's.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._told = 0.0
        self._measured: tuple[datetime, float] | None = None
        self.offset = timedelta()

    @property
    def is_set_by_hand(self) -> bool:
        """Whether a test sets the clock beneath; then it is never corrected."""
        return self._clock.is_set_by_hand

    def now(self) -> datetime:
        """The database's present time as best this machine knows it, aware, in UTC."""
        measured = self._measured
        if measured is None:
            return self._clock.now()
        at, elapsed = measured
        return at + timedelta(seconds=self._clock.elapsed() - elapsed)

    def elapsed(self) -> float:
        """Seconds on the machine's own never-jumping clock."""
        return self._clock.elapsed()

    def measure(self) -> None:
        """Measure the difference anew, where the database has a clock. Raises PlanUnavailable."""
        if self.is_set_by_hand:
            return
        with self._database.read() as connection:
            before, ours = self._clock.elapsed(), self._clock.now()
            theirs = self._database.dialect.now(connection)
            after = self._clock.elapsed()
        if theirs is None:
            return
        half = timedelta(seconds=(after - before) / 2)
        difference = theirs - (ours + half)
        # What is less than the way there and back could be the way alone.
        self.offset = difference if abs(difference) > half else timedelta()
        self._measured = (ours + self.offset, before)
        seconds = self.offset.total_seconds()
        if abs(seconds - self._told) >= _WORTH_SAYING:
            self._told = seconds
            logger.warning("this machine's clock is %+.1f s off the database's, which rules", -seconds)
