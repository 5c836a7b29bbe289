"""Clocks: what time it is, and how long something took. Injected everywhere, so that tests can set them."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    """What the core asks of a clock."""

    def now(self) -> datetime:
        """The present time, aware, in UTC."""
        ...

    def elapsed(self) -> float:
        """Seconds on a clock that never jumps and goes on while the machine sleeps; only differences mean anything."""
        ...

    @property
    def is_set_by_hand(self) -> bool:
        """Whether a test sets this clock, so that no other clock may correct it."""
        ...


class SystemClock:
    """The machine's clock."""

    is_set_by_hand = False

    def now(self) -> datetime:
        """The present time, aware, in UTC."""
        return datetime.now(UTC)

    def elapsed(self) -> float:
        """Seconds since boot, suspend included where the system can tell (a lease must run out in a sleeping node)."""
        return _boot_seconds()


def _boot_seconds() -> float:
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


def to_microseconds(instant: datetime) -> int:
    """An aware time as whole microseconds since 1970 in UTC."""
    # Not `// timedelta(microseconds=1)`, which takes twice as long: a tick converts thousands.
    since = instant - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def from_microseconds(value: int) -> datetime:
    """The aware UTC time `value` microseconds after 1970 began."""
    return EPOCH + timedelta(microseconds=value)
