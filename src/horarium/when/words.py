"""Triggers in words for people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from horarium.when.wall import TimesOfDay
from horarium.wording import counted

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
LAST = 0
"""Stands for the last day of a month in `Shape.days`."""

_UNITS = (
    ("week", 604_800_000_000),
    ("day", 86_400_000_000),
    ("hour", 3_600_000_000),
    ("minute", 60_000_000),
    ("second", 1_000_000),
    ("millisecond", 1_000),
    ("microsecond", 1),
)
_TIMES_NAMED = 6


class Shape(NamedTuple):
    """Days in a simple form: `days` of the month, `weekdays` (0 is Monday); None stands for all."""

    days: tuple[int, ...] | None
    weekdays: tuple[int, ...] | None


def interval_words(interval: timedelta) -> str:
    """A length of time after "every": "10 minutes", "hour", "1 hour 30 minutes"."""
    rest = interval // timedelta(microseconds=1)
    whole_weeks = rest % _UNITS[0][1] == 0
    parts: list[tuple[int, str]] = []
    for name, size in _UNITS if whole_weeks else _UNITS[1:]:
        number, rest = divmod(rest, size)
        if number:
            parts.append((number, name))
    if len(parts) == 1 and parts[0][0] == 1:
        return parts[0][1]
    return " ".join(counted(number, name) for number, name in parts)


def calendar_words(shape: Shape, times: TimesOfDay) -> str | None:
    """A calendar in words: "daily at 06:00", "weekly on Monday at 14:00"; None when it is not so simple."""
    at = _times_words(times)
    if shape.days is None and shape.weekdays is None:
        return _rate_words(times) or (at and f"daily at {at}")
    if at is None or (shape.days is not None and shape.weekdays is not None):
        return None
    if shape.weekdays is not None:
        return f"weekly on {', '.join(WEEKDAYS[day] for day in shape.weekdays)} at {at}"
    days = shape.days or ()
    numbers = [str(day) for day in days if day != LAST]
    named = [f"day {', '.join(numbers)}"] if numbers else []
    if LAST in days:
        named.append("the last day")
    return f"monthly on {' and '.join(named)} at {at}"


def time_words(second: int) -> str:
    """A time of day: "06:00", or "06:00:30" when it has seconds."""
    minutes, seconds = divmod(second, 60)
    text = f"{minutes // 60:02}:{minutes % 60:02}"
    return f"{text}:{seconds:02}" if seconds else text


def _times_words(times: TimesOfDay) -> str | None:
    if times.count > _TIMES_NAMED:
        return None
    return ", ".join(time_words(times[index]) for index in range(times.count))


def _rate_words(times: TimesOfDay) -> str | None:
    if len(times.hours) != 24:  # noqa: PLR2004 - hours of a day
        return None
    if len(times.minutes) == 1 and len(times.seconds) == 1:
        minute = times.minutes[0]
        seconds = f":{times.seconds[0]:02}" if times.seconds[0] else ""
        return f"every hour at :{minute:02}{seconds}"
    if times.seconds == (0,):
        return _step_words(times.minutes, "minute")
    return _step_words(times.seconds, "second") if len(times.minutes) == 60 else None  # noqa: PLR2004 - minutes of an hour


def _step_words(values: Sequence[int], unit: str) -> str | None:
    if len(values) == 1:
        return None
    step = values[1] - values[0]
    if values[0] != 0 or 60 % step or tuple(values) != tuple(range(0, 60, step)):
        return None
    return f"every {unit}" if step == 1 else f"every {step} {unit}s"
