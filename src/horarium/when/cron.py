"""Cron expressions in a time zone.

Parsed by `cronsim`, which also says which days match. Its own iteration is not used: its rule for changes of
clocks is another (it skips `*/15 2 * * *` in a gap and doubles it in a fold), and so the times come from
`horarium.when.wall`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Self

from cronsim import CronSim, CronSimError

from horarium.errors import TriggerError
from horarium.when.base import settle, shared_json
from horarium.when.wall import MonthlyCalendar, TimesOfDay
from horarium.when.walltrigger import WallTrigger
from horarium.when.words import LAST, Shape
from horarium.when.zones import Zone

ALIASES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}

_LONGEST_EXPRESSION = 1_000
_ANY_DAY = datetime(2000, 1, 1)  # noqa: DTZ001 - cronsim wants a naive date to parse for local times
_ALL_DAYS, _ALL_WEEKDAYS, _ALL_MONTHS = set(range(1, 32)), set(range(7)), set(range(1, 13))


class CronCalendar(MonthlyCalendar):
    """The local times of a parsed cron expression."""

    def __init__(self, parsed: CronSim) -> None:
        self._parsed = parsed
        self._weekdays = {day % 7 if isinstance(day, int) else day for day in parsed.weekdays}
        self._any_day = parsed.days >= _ALL_DAYS
        self._any_weekday = self._weekdays >= _ALL_WEEKDAYS
        every_day = self._any_day and self._any_weekday and parsed.months == _ALL_MONTHS
        times = TimesOfDay(parsed.hours, parsed.minutes, parsed.seconds)
        super().__init__(times, parsed.months, every_day=every_day)

    def days_in(self, year: int, month: int, length: int) -> Iterable[int]:
        """The days of the month that match."""
        return [day for day in range(1, length + 1) if self._parsed.match_day(date(year, month, day))]

    def shape(self) -> Shape | None:
        """The days in a simple form; None when they have none."""
        parsed = self._parsed
        if parsed.months != _ALL_MONTHS or not (self._any_day or self._any_weekday) or not parsed.day_and:
            return None
        days = weekdays = None
        if not self._any_weekday:
            if not all(isinstance(day, int) for day in self._weekdays):
                return None
            weekdays = tuple(sorted((day - 1) % 7 for day in self._weekdays if isinstance(day, int)))
        if not self._any_day:
            if CronSim.LAST_WEEKDAY in parsed.days:
                return None
            days = tuple(sorted(LAST if day == CronSim.LAST else day for day in parsed.days))
        return Shape(days, weekdays)


@lru_cache(maxsize=4096)
def parse(expression: str) -> CronCalendar:
    """The calendar of a cron expression of five or six fields, or of an alias. Raises TriggerError."""
    text = " ".join(expression.split())
    if len(text) > _LONGEST_EXPRESSION:
        raise TriggerError(f"a cron expression of {len(text)} characters is too long")
    if text.startswith("@"):
        alias = ALIASES.get(text.lower())
        if alias is None:
            raise TriggerError(f"cron expression {text!r} is not one of {', '.join(ALIASES)}")
        text = alias
    try:
        return CronCalendar(CronSim(text, _ANY_DAY))
    except (CronSimError, ValueError, AssertionError, RecursionError) as error:
        why = str(error) or "it cannot be read"
        raise TriggerError(
            f"cron expression {expression!r}: {why[0].lower()}{why[1:]}; write minute hour "
            "day-of-month month day-of-week, with seconds before them if there are six"
        ) from None


@dataclass(frozen=True, slots=True)
class Cron(WallTrigger):
    """The times of a cron expression in a zone.

    `expression` has five fields (minute, hour, day of month, month, day of week) or six (second first); names
    such as MON and jan, `L`, `LW`, `5L`, `5#2`, and aliases such as `@daily` are understood; weekdays 0 and 7
    are both Sunday. `timezone` is an IANA name (None: the job's zone, UTC if that is never bound); `start`
    and `end` are bounds, both included, naive ones in that zone; `jitter` is in seconds. Raises TriggerError.

    Changes of clocks: see `horarium.when.wall`.
    """

    expression: str
    timezone: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    jitter: float = 0.0
    seed: str = ""
    _start_at: datetime | None = field(init=False, repr=False, compare=False)
    _end_at: datetime | None = field(init=False, repr=False, compare=False)
    _zone: Zone = field(init=False, repr=False, compare=False)
    _calendar: CronCalendar = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.expression, str):
            raise TriggerError(f"a cron expression must be text, not {self.expression!r}")
        object.__setattr__(self, "expression", " ".join(self.expression.split()))
        object.__setattr__(self, "_calendar", parse(self.expression))
        settle(self)
        self._bind_zone()

    def to_json(self) -> dict[str, Any]:
        """As JSON, without what is at its default."""
        return {"type": "cron", "expression": self.expression, **shared_json(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """From the fields that `to_json` writes."""
        return cls(**data)

    def _shape(self) -> Shape | None:
        return self._calendar.shape()

    def _fallback_words(self) -> str:
        return f"cron {self.expression}"

    def _changed(self, **values: Any) -> Self:
        return replace(self, **values)
