"""Local times by fields, in the expression language of APScheduler's `CronTrigger`.

APScheduler 3.11, `apscheduler/triggers/cron/expressions.py` and `fields.py`, is the source of the language:
weekdays count from 0 = Monday, all fields must match, and fields after the last one given are at their
minimum. Its fire times are the same but for changes of clocks, where the rule of `horarium.when.wall` holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import lru_cache
from typing import Any, NamedTuple, Self

from horarium.errors import TriggerError
from horarium.when.base import settle, shared_json
from horarium.when.wall import MonthlyCalendar, TimesOfDay
from horarium.when.walltrigger import WallTrigger
from horarium.when.words import LAST, Shape
from horarium.when.zones import Zone

FIELDS = ("year", "month", "day", "week", "day_of_week", "hour", "minute", "second")
MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAY_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_LIMITS = {
    "year": (1970, 9999),
    "month": (1, 12),
    "day": (1, 31),
    "week": (1, 53),
    "day_of_week": (0, 6),
    "hour": (0, 23),
    "minute": (0, 59),
    "second": (0, 59),
}
_AT_MINIMUM = {"month": "1", "day": "1", "hour": "0", "minute": "0", "second": "0"}
_POSITIONS = ("1st", "2nd", "3rd", "4th", "5th", "last")
_ANY = "*"
_STEPS = re.compile(r"\*(?:/(?P<step>\d+))?")
_NUMBERS = re.compile(r"(?P<first>\d+)(?:-(?P<last>\d+))?(?:/(?P<step>\d+))?")
_NAMES = re.compile(r"(?P<first>[a-z]+)(?:-(?P<last>[a-z]+))?")
_POSITION = re.compile(rf"(?P<position>{'|'.join(_POSITIONS)}) +(?P<weekday>[a-z]+)")
_LONGEST_FIELD = 500


class _Days(NamedTuple):
    """What the field `day` admits: numbers, the last day, weekdays by position (0 to 4; 5 for the last)."""

    numbers: frozenset[int]
    last: bool
    positions: tuple[tuple[int, int], ...]


class FieldsCalendar(MonthlyCalendar):
    """The local times that all fields admit."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts
        self._days_admitted = _parse_days(texts["day"])
        self._weekdays = frozenset(_parse_numbers("day_of_week", texts["day_of_week"]))
        self._weeks = None if texts["week"] == _ANY else frozenset(_parse_numbers("week", texts["week"]))
        years = None if texts["year"] == _ANY else _parse_numbers("year", texts["year"])
        months = _parse_numbers("month", texts["month"])
        times = TimesOfDay(*(_parse_numbers(name, texts[name]) for name in ("hour", "minute", "second")))
        every_day = all(texts[name] == _ANY for name in FIELDS[:5])
        super().__init__(times, months, years, every_day=every_day)

    def days_in(self, year: int, month: int, length: int) -> Iterable[int]:
        """The days of the month that all fields admit."""
        first_weekday = date(year, month, 1).weekday()
        days = set(self._days_admitted.numbers)
        if self._days_admitted.last:
            days.add(length)
        for position, weekday in self._days_admitted.positions:
            day = (weekday - first_weekday) % 7 + 1 + 7 * min(position, 4)
            days.add(day - 7 if position == len(_POSITIONS) - 1 and day > length else day)
        return [
            day
            for day in sorted(days)
            if day <= length
            and (first_weekday + day - 1) % 7 in self._weekdays
            and (self._weeks is None or date(year, month, day).isocalendar().week in self._weeks)
        ]

    def shape(self) -> Shape | None:
        """The days in a simple form; None when they have none."""
        if any(self._texts[name] != _ANY for name in ("year", "month", "week")) or self._days_admitted.positions:
            return None
        days = weekdays = None
        if self._texts["day"] != _ANY:
            days = tuple(sorted(self._days_admitted.numbers | ({LAST} if self._days_admitted.last else set())))
        if self._texts["day_of_week"] != _ANY:
            weekdays = tuple(sorted(self._weekdays))
        return Shape(days, weekdays)


@lru_cache(maxsize=4096)
def _calendar_of(given: tuple[str | None, ...]) -> FieldsCalendar:
    significant = [index for index, text in enumerate(given) if text is not None]
    last_given = significant[-1] if significant else len(FIELDS)
    texts = {}
    for index, (name, text) in enumerate(zip(FIELDS, given, strict=True)):
        default = _AT_MINIMUM.get(name, _ANY) if index > last_given else _ANY
        texts[name] = default if text is None else text
    return FieldsCalendar(texts)


def _normal(name: str, value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise TriggerError(f"{name} must be a number or text such as '*/5', not {value!r}")
    text = ",".join(part.strip() for part in str(value).lower().split(","))
    if len(text) > _LONGEST_FIELD:
        raise TriggerError(f"{name} is an expression of {len(text)} characters, which is too long")
    return text


def _parse_days(text: str) -> _Days:
    numbers: set[int] = set()
    positions: set[tuple[int, int]] = set()
    last = False
    for part in text.split(","):
        match = _POSITION.fullmatch(part)
        if match:
            position, weekday = match["position"], match["weekday"]
            if weekday not in WEEKDAY_NAMES:
                raise TriggerError(f"day {part!r}: {weekday!r} is not one of {', '.join(WEEKDAY_NAMES)}")
            positions.add((_POSITIONS.index(position), WEEKDAY_NAMES.index(weekday)))
        elif part == "last":
            last = True
        else:
            numbers.update(_parse_part("day", part))
    return _Days(frozenset(numbers), last, tuple(sorted(positions)))


def _parse_numbers(name: str, text: str) -> Sequence[int]:
    parts = [_parse_part(name, part) for part in text.split(",")]
    return parts[0] if len(parts) == 1 else sorted({number for part in parts for number in part})


def _parse_part(name: str, part: str) -> range:
    """One part of a list: `*`, `*/n`, `a`, `a-b`, `a/n`, `a-b/n`, or names of months or weekdays."""
    lowest, highest = _LIMITS[name]
    match = _STEPS.fullmatch(part)
    if match:
        return range(lowest, highest + 1, _step(name, part, match["step"], highest - lowest))
    match = _NUMBERS.fullmatch(part)
    if match:
        first, last = (
            int(match["first"]),
            int(match["last"] or (highest if match["step"] else match["first"])),
        )
    else:
        first, last = _named_range(name, part)
        match = None
    if first > last or not lowest <= first <= highest or last > highest:
        raise TriggerError(f"{name} {part!r} is not within {lowest} to {highest}, the smaller number first")
    return range(first, last + 1, _step(name, part, match["step"] if match else None, last - first))


def _named_range(name: str, part: str) -> tuple[int, int]:
    names: tuple[str, ...] = {"month": MONTH_NAMES, "day_of_week": WEEKDAY_NAMES}.get(name, ())
    match = _NAMES.fullmatch(part)
    if match is None or not names:
        raise TriggerError(f"{name} {part!r} cannot be read; write '*', '*/5', '3', '1-5', '1-5/2' or a list of them")
    chosen = [text for text in (match["first"], match["last"]) if text is not None]
    for text in chosen:
        if text not in names:
            raise TriggerError(f"{name} {part!r}: {text!r} is not one of {', '.join(names)}")
    first, last = names.index(chosen[0]), names.index(chosen[-1])
    lowest = _LIMITS[name][0]
    return first + lowest, last + lowest


def _step(name: str, part: str, text: str | None, span: int) -> int:
    if text is None:
        return 1
    step = int(text)
    if not 0 < step <= max(span, 1):
        raise TriggerError(f"{name} {part!r}: the step must be 1 to {max(span, 1)}")
    return step


@dataclass(frozen=True, slots=True, kw_only=True)
class CronFields(WallTrigger):
    """The local times that all fields admit, in APScheduler's expression language.

    A field is a number or text: `*`, `*/n`, `a`, `a-b`, `a-b/n`, `a/n`, lists of these with commas; names for
    `month` (jan) and `day_of_week` (0 or mon is Monday); for `day` also `last`, `2nd fri`, `last sun`. `week`
    is the ISO week. Fields before the last one given are `*` if left out, those after it are at their
    minimum.

    `timezone` is an IANA name (None: the job's zone, UTC if that is never bound); `start` and `end` are
    bounds, both included, naive ones in that zone; `jitter` is in seconds. Raises TriggerError.
    """

    year: str | int | None = None
    month: str | int | None = None
    day: str | int | None = None
    week: str | int | None = None
    day_of_week: str | int | None = None
    hour: str | int | None = None
    minute: str | int | None = None
    second: str | int | None = None
    timezone: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    jitter: float = 0.0
    seed: str = ""
    _start_at: datetime | None = field(init=False, repr=False, compare=False)
    _end_at: datetime | None = field(init=False, repr=False, compare=False)
    _zone: Zone = field(init=False, repr=False, compare=False)
    _calendar: FieldsCalendar = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        texts = tuple(_normal(name, getattr(self, name)) for name in FIELDS)
        for name, text in zip(FIELDS, texts, strict=True):
            object.__setattr__(self, name, text)
        object.__setattr__(self, "_calendar", _calendar_of(texts))
        settle(self)
        self._bind_zone()

    def __str__(self) -> str:
        return f"cron[{', '.join(f'{name}={text}' for name, text in self._given().items())}]"

    def to_json(self) -> dict[str, Any]:
        """As JSON, without what is at its default."""
        return {"type": "cron_fields", **self._given(), **shared_json(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """From the fields that `to_json` writes."""
        return cls(**data)

    def _given(self) -> dict[str, str]:
        return {name: getattr(self, name) for name in FIELDS if getattr(self, name) is not None}

    def _shape(self) -> Shape | None:
        return self._calendar.shape()

    def _fallback_words(self) -> str:
        return str(self)

    def _changed(self, **values: Any) -> Self:
        return replace(self, **values)
