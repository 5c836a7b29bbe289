"""The functions with which people say when, each of which answers a trigger."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta, tzinfo
from enum import Enum, IntEnum
from typing import Any

from horarium.errors import TriggerError
from horarium.when.base import Trigger, seconds_of
from horarium.when.combined import AllOf, AnyOf
from horarium.when.cron import Cron
from horarium.when.interval import Interval
from horarium.when.moments import moment
from horarium.when.once import Once
from horarium.when.words import WEEKDAYS
from horarium.when.zones import zone_name

Moment = datetime | date | str
"""A point in time; a naive one is in the trigger's zone."""

_DAYS_OF_MONTH = 31
_SHORTEST_NAME = 3


class Weekday(IntEnum):
    """The days of the week for `weekly`."""

    MONDAY = 0
    TUESDAY = 1
    WEDNESDAY = 2
    THURSDAY = 3
    FRIDAY = 4
    SATURDAY = 5
    SUNDAY = 6


def every(
    weeks: float = 0,
    days: float = 0,
    hours: float = 0,
    minutes: float = 0,
    seconds: float = 0,
    milliseconds: float = 0,
    *,
    start: Moment | None = None,
    end: Moment | None = None,
    jitter: float | timedelta | None = None,
    timezone: str | tzinfo | None = None,
) -> Interval:
    """At a fixed rate in elapsed time, first at `start`, or one interval after the job was added.

    A day is 24 hours here, whatever the clocks do; `daily` keeps the time of day. `end` is the last possible
    time; naive times are in `timezone`. `jitter` delays each by up to so many seconds. Raises TriggerError.
    """
    try:
        interval = timedelta(
            weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds, milliseconds=milliseconds
        )
    except (TypeError, ValueError, OverflowError) as error:
        raise TriggerError(f"the parts of an interval must be finite numbers: {error}") from None
    if not interval and any((weeks, days, hours, minutes, seconds, milliseconds)):
        raise TriggerError("an interval is at least a microsecond long; the one that was given is shorter")
    if not interval:
        raise TriggerError("an interval needs a length: every(minutes=10), every(hours=1)")
    return Interval(interval, **_shared(start, end, jitter, timezone))


def daily(
    hour: int | str | time = 0,
    minute: int = 0,
    second: int = 0,
    *,
    timezone: str | tzinfo | None = None,
    start: Moment | None = None,
    end: Moment | None = None,
    jitter: float | timedelta | None = None,
) -> Cron:
    """Every day at a time of day: `daily(6)`, `daily(6, 30)`, `daily("06:30")`.

    `timezone` is an IANA name (None: the job's zone); `start` and `end` are bounds, both included; `jitter`
    delays by up to so many seconds. Raises TriggerError.
    """
    return Cron(f"{_time(hour, minute, second)} * * *", **_shared(start, end, jitter, timezone))


def weekly(
    days: object,
    hour: int | str | time = 0,
    minute: int = 0,
    second: int = 0,
    *,
    timezone: str | tzinfo | None = None,
    start: Moment | None = None,
    end: Moment | None = None,
    jitter: float | timedelta | None = None,
) -> Cron:
    """On some days of the week at a time: `weekly("mon, thu", 14)`, `weekly([Weekday.FRIDAY], "18:30")`.

    `days` is one day or several: names ("mon", "Monday"), numbers (0 is Monday), or members of an enumeration
    with such names. Everything else as in `daily`. Raises TriggerError.
    """
    chosen = sorted({_weekday(day) for day in _several(days, "days")})
    names = ",".join(WEEKDAYS[day][:_SHORTEST_NAME].upper() for day in chosen)
    return Cron(f"{_time(hour, minute, second)} * * {names}", **_shared(start, end, jitter, timezone))


def monthly(
    days_of_month: object = 1,
    hour: int | str | time = 0,
    minute: int = 0,
    second: int = 0,
    *,
    timezone: str | tzinfo | None = None,
    start: Moment | None = None,
    end: Moment | None = None,
    jitter: float | timedelta | None = None,
) -> Cron:
    """On some days of the month at a time of day: `monthly([1, 15], 9)`, `monthly("last", "23:00")`.

    `days_of_month` is one day or several, 1 to 31 or "last"; a month that lacks a day goes without it.
    Everything else as in `daily`. Raises TriggerError.
    """
    chosen = {_day_of_month(day) for day in _several(days_of_month, "days_of_month")}
    names = ",".join([*map(str, sorted(chosen - {0})), *(["L"] if 0 in chosen else [])])
    return Cron(f"{_time(hour, minute, second)} {names} * *", **_shared(start, end, jitter, timezone))


def cron(
    expression: str,
    timezone: str | tzinfo | None = None,
    *,
    start: Moment | None = None,
    end: Moment | None = None,
    jitter: float | timedelta | None = None,
) -> Cron:
    """The times of a cron expression: five fields, six with seconds first, or an alias such as "@daily".

    Weekdays 0 and 7 are Sunday. Everything else as in `daily`. Raises TriggerError.
    """
    return Cron(expression, **_shared(start, end, jitter, timezone))


def at(when: Moment, timezone: str | tzinfo | None = None) -> Once:
    """Once, at `when`: a datetime or text such as "2025-10-13 15:30:00". A naive time is in `timezone`.

    `timezone` is an IANA name (None: the job's zone). A time that has passed is due at once. Raises
    TriggerError.
    """
    return Once(moment(when, "when"), zone_name(timezone))


def any_of(*triggers: Trigger, jitter: float | timedelta | None = None) -> AnyOf:
    """Whenever any of `triggers` is due; times that meet are one. Raises TriggerError."""
    return AnyOf(triggers, seconds_of(jitter, "jitter"))


def all_of(*triggers: Trigger, jitter: float | timedelta | None = None) -> AllOf:
    """Whenever all `triggers` are due at the same instant. Raises TriggerError."""
    return AllOf(triggers, seconds_of(jitter, "jitter"))


def _shared(
    start: Moment | None, end: Moment | None, jitter: float | timedelta | None, timezone: str | tzinfo | None
) -> dict[str, Any]:
    return {
        "start": None if start is None else moment(start, "start"),
        "end": None if end is None else moment(end, "end"),
        "jitter": seconds_of(jitter, "jitter"),
        "timezone": zone_name(timezone),
    }


def _time(hour: int | str | time, minute: int, second: int) -> str:
    """The first fields of a cron expression for a time of day."""
    if isinstance(hour, str):
        try:
            hour = time.fromisoformat(hour.strip().zfill(5))
        except ValueError:
            raise TriggerError(
                f"the time of day {hour!r} cannot be read; write it like '06:00' or '06:00:30'"
            ) from None
    if isinstance(hour, time):
        if minute or second:
            raise TriggerError("give the minute and second either in the time of day or on their own, not both")
        if hour.tzinfo is not None or hour.microsecond:
            raise TriggerError(f"the time of day {hour} must have no zone and whole seconds; use timezone=")
        moment_of_day = hour
        hour, minute, second = moment_of_day.hour, moment_of_day.minute, moment_of_day.second
    for name, value, highest in (("hour", hour, 23), ("minute", minute, 59), ("second", second, 59)):
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= highest:
            raise TriggerError(f"{name} must be a whole number from 0 to {highest}, not {value!r}")
    return f"{second} {minute} {hour}" if second else f"{minute} {hour}"


def _several(value: object, field: str) -> list[object]:
    if isinstance(value, str):
        several: list[object] = [part for part in value.replace(",", " ").split() if part]
    elif isinstance(value, Iterable):
        several = list(value)
    else:
        several = [value]
    if not several:
        raise TriggerError(f"{field} is empty; name at least one day")
    return several


def _weekday(day: object) -> int:
    name = day.name if isinstance(day, Enum) else day
    if isinstance(name, str):
        text = name.strip().lower()
        for number, weekday in enumerate(WEEKDAYS):
            if len(text) >= _SHORTEST_NAME and weekday.lower().startswith(text):
                return number
    elif isinstance(name, int) and not isinstance(name, bool) and 0 <= name < len(WEEKDAYS):
        return name
    raise TriggerError(f"{day!r} is no day of the week; write 'mon' or 'Monday', or 0 for Monday to 6 for Sunday")


def _day_of_month(day: object) -> int:
    """The day's number, 0 for the last day of the month."""
    if isinstance(day, str):
        text = day.strip().lower()
        if text == "last":
            return 0
        day = int(text) if text.isascii() and text.isdigit() else day
    if isinstance(day, int) and not isinstance(day, bool) and 1 <= day <= _DAYS_OF_MONTH:
        return day
    raise TriggerError(f"{day!r} is no day of the month; write 1 to 31, or 'last'")
