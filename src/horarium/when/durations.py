"""Lengths of time as people write them."""

from __future__ import annotations

import re
from datetime import timedelta

from horarium.errors import TriggerError

_UNITS = {
    "ms": 1_000,
    "millisecond": 1_000,
    "s": 1_000_000,
    "sec": 1_000_000,
    "second": 1_000_000,
    "m": 60_000_000,
    "min": 60_000_000,
    "minute": 60_000_000,
    "h": 3_600_000_000,
    "hour": 3_600_000_000,
    "d": 86_400_000_000,
    "day": 86_400_000_000,
    "w": 604_800_000_000,
    "week": 604_800_000_000,
}
"""Microseconds."""

_PART = re.compile(r"\s*(?:and\s+)?([0-9]+(?:\.[0-9]+)?)\s*([a-z]*)\s*,?", re.IGNORECASE)
_LONGEST_TEXT = 100


def parse_duration(text: str) -> timedelta:
    """A length of time from "10m", "1h30m", "1 hour 30 minutes", "500ms", or a plain number of seconds.

    Raises TriggerError with a sentence that says what can be written.
    """
    whole = text.strip()
    if len(whole) > _LONGEST_TEXT:
        raise TriggerError(f"a length of time of {len(whole)} characters is too long")
    microseconds, position = 0.0, 0
    while position < len(whole):
        part = _PART.match(whole, position)
        if part is None:
            raise _unreadable(text)
        number, unit = part.groups()
        if not unit and (position or part.end() < len(whole)):
            raise _unreadable(text)  # "1h 30": thirty what?
        microseconds += float(number) * _size(unit or "s", text)
        position = part.end()
    if not position:
        raise _unreadable(text)
    try:
        return timedelta(microseconds=round(microseconds))
    except OverflowError:
        raise TriggerError(f"{text!r} is too long") from None


def _size(unit: str, text: str) -> int:
    name = unit.lower()
    size = _UNITS.get(name) or _UNITS.get(name.removesuffix("s"))
    if size is None:
        raise _unreadable(text)
    return size


def _unreadable(text: str) -> TriggerError:
    return TriggerError(f"{text!r} is not a length of time; write it like 10m, 1h30m, 90s, 500ms or 2d")
