"""A clock that only moves when a test moves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_START = datetime(2026, 1, 1, tzinfo=UTC)


class ManualClock:
    """Starts at `start` (aware; the first of January 2026 in UTC if left out) and stands still."""

    is_set_by_hand = True

    def __init__(self, start: datetime = _START) -> None:
        if start.tzinfo is None:
            raise ValueError("a clock needs an aware time; give it a time zone")
        self._start = self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        """The time it shows, aware, in UTC."""
        return self._now

    def elapsed(self) -> float:
        """Seconds that it was moved forward."""
        return (self._now - self._start).total_seconds()

    def set(self, instant: datetime) -> None:
        """Show another time, an aware one; never an earlier one."""
        if instant < self._now:
            raise ValueError(f"a clock does not go back: it shows {self._now}, and was to show {instant}")
        self._now = instant.astimezone(UTC)

    def advance(self, **span: float) -> None:
        """Move on by `hours=…, minutes=…`, the arguments of `timedelta`."""
        self.set(self._now + timedelta(**span))
