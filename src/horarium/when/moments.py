"""Points in time as people write them: aware, or naive and then meant in a zone that may be bound later."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from horarium.clock import EPOCH
from horarium.errors import TriggerError
from horarium.when.zones import DAY, load_zone

MICROSECOND = timedelta(microseconds=1)
_EARLIEST = datetime.min.replace(tzinfo=UTC)
_LATEST = datetime.max.replace(tzinfo=UTC)
_EPOCH_READING = EPOCH.replace(tzinfo=None)


def moment(value: datetime | date | str, field: str) -> datetime:
    """Read a point in time: a datetime, a date (its midnight) or ISO 8601 text such as "2025-10-13 15:30:00".

    An aware time is answered in UTC, a naive one as it is. Raises TriggerError, naming `field`, for anything
    else.
    """
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            raise TriggerError(
                f"{field} {value!r} is not a date and time; write it like '2025-10-13 15:30:00' or "
                "'2025-10-13T15:30:00+02:00'"
            ) from None
    if isinstance(value, datetime):
        try:
            return value.replace(fold=0) if value.utcoffset() is None else value.astimezone(UTC)
        except OverflowError:
            raise TriggerError(f"{field} {value} is too far away") from None
    if isinstance(value, date):
        return datetime.combine(value, time())
    raise TriggerError(f"{field} must be a datetime or text like '2025-10-13 15:30:00', not {value!r}")


def instant(value: datetime, zone: str | None) -> datetime:
    """`value` in UTC; a naive one is read in `zone` (UTC when None) by the rule for wall clocks.

    At the ends of the calendar the answer is the end itself.
    """
    if value.tzinfo is not None:
        return value.astimezone(UTC)
    if zone is None or zone == "UTC":
        return value.replace(tzinfo=UTC)
    elapsed = value - _EPOCH_READING
    reading = elapsed.days * DAY + elapsed.seconds
    seconds = load_zone(zone).instant_of(reading)
    try:
        found = EPOCH + timedelta(seconds=seconds)
    except OverflowError:
        return _LATEST if seconds > 0 else _EARLIEST
    if load_zone(zone).highest_reading(seconds) > reading:  # in a gap: the first instant after it
        return found
    return found + timedelta(microseconds=value.microsecond)


def to_seconds(value: datetime) -> int:
    """Whole seconds since 1970 of an aware time, rounded down."""
    elapsed = value - EPOCH
    return elapsed.days * DAY + elapsed.seconds


def from_seconds(seconds: int) -> datetime | None:
    """The UTC time `seconds` after 1970 began; None beyond the calendar's end."""
    try:
        return EPOCH + timedelta(seconds=seconds)
    except OverflowError:
        return None


def written(value: date, zone: str | None) -> str:
    """For people: the time in `zone` without the zone's name, seconds left out when zero; of a date, the date."""
    if not isinstance(value, datetime):
        return value.isoformat()
    if value.tzinfo is not None and zone is not None:
        value = _in_zone(value, zone)
    text = value.replace(tzinfo=None).isoformat(" ")
    return text.removesuffix(":00") if not value.microsecond and not value.second else text


def _in_zone(value: datetime, zone: str) -> datetime:
    seconds = to_seconds(value)
    return value + timedelta(seconds=load_zone(zone).stretch(seconds).offset)
