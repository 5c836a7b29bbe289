"""Times as people at a terminal write and read them: in their own zone, or in a job's."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from horarium.cli.durations import duration_words
from horarium.errors import TriggerError
from horarium.when.durations import parse_duration
from horarium.when.moments import instant, moment

_COARSE = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
_NOW = 1.0


def now() -> datetime:
    """The present time, aware, in UTC."""
    return datetime.now(UTC)


def local(when: datetime, *, zone: str | None = None, seconds: bool = True) -> str:
    """A time in the terminal's zone, or in `zone`: "2025-10-13 15:30:00"."""
    there = when.astimezone(None if zone is None else ZoneInfo(zone))
    return there.strftime("%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M")


def local_with_zone(when: datetime, *, zone: str | None = None) -> str:
    """A time with the short name of its zone: "2025-10-13 15:30:00 CEST"."""
    there = when.astimezone(None if zone is None else ZoneInfo(zone))
    return there.strftime("%Y-%m-%d %H:%M:%S %Z")


def short(when: datetime, present: datetime) -> str:
    """A time for a narrow column: only the time of day when it is today's."""
    there, here = when.astimezone(), present.astimezone()
    if there.date() == here.date():
        return there.strftime("%H:%M:%S")
    return there.strftime("%Y-%m-%d %H:%M")


def relative(when: datetime, present: datetime) -> str:
    """How far away a time is: "in 3 min", "2 h ago", "now". A year is one of the calendar, leap day or not."""
    seconds = (when - present).total_seconds()
    if abs(seconds) < _NOW:
        return "now"
    if years := _years(min(when, present), max(when, present)):
        number, unit = years, "y"
    else:
        size, unit = next(step for step in _COARSE if abs(seconds) >= step[0])
        number = int(abs(seconds) // size)
    return f"in {number} {unit}" if seconds > 0 else f"{number} {unit} ago"


def _years(earlier: datetime, later: datetime) -> int:
    """How many years have gone by: the later date has come round so often."""
    first, last = earlier.astimezone(UTC), later.astimezone(UTC)
    not_yet = (last.month, last.day, last.time()) < (first.month, first.day, first.time())
    return last.year - first.year - not_yet


def told(when: datetime | None, present: datetime) -> str:
    """A time for a page of details: "2025-10-13 15:30:00 CEST (in 3 min)"; "-" when there is none."""
    return "-" if when is None else f"{local_with_zone(when)} ({relative(when, present)})"


def took(seconds: float | None) -> str:
    """How long something took; "-" when it is not known."""
    return "-" if seconds is None else duration_words(seconds)


def parse_time(text: str, zone: str | None) -> datetime:
    """An aware time from ISO text; without an offset it is in `zone`, or in the terminal's when that is None.

    Raises TriggerError.
    """
    given = moment(text, "the time")
    if isinstance(given, datetime) and given.tzinfo is not None:
        return given
    if not isinstance(given, datetime):
        raise TriggerError(f"{text!r} is not a date and time; write it like '2025-10-13 15:30'")
    try:
        return given.astimezone(UTC) if zone is None else instant(given, zone)
    except (OverflowError, ValueError) as error:
        raise TriggerError(f"{text!r} is too far away") from error


def parse_past(text: str, present: datetime) -> datetime:
    """A time in the past: ISO text in the terminal's zone, or how long ago ("2h", "7d"). Raises TriggerError."""
    try:
        return present - parse_duration(text)
    except TriggerError:
        pass  # then it is a time
    try:
        return parse_time(text, None)
    except TriggerError:
        raise TriggerError(
            f"{text!r} is neither a time nor a length of time; write '2025-10-13 15:30', or '2h' for two hours ago"
        ) from None
