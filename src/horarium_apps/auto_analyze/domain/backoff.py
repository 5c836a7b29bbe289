"""When a video that failed is tried again by itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

_LONGEST = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Backoff:
    """So many tries, each after twice the time of the one before, at most a week.

    Parameters:
        retries: how many tries there are after the first.
        delay: seconds before the first of them.
    """

    retries: int
    delay: float

    def time_after(self, failures: int, now: datetime) -> datetime | None:
        """Return when to try again after so many failures in a row (from 1); None when it was often enough."""
        if failures > self.retries:
            return None
        doubled = min(self.delay * 2.0 ** min(failures - 1, 60), _LONGEST.total_seconds())
        return now + timedelta(seconds=doubled)
