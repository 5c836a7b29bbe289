"""Every so many years, months, weeks and days at a time of day, as APScheduler's `CalendarIntervalTrigger`.

The next date is the previous one plus years and months on the same day of the month, again and again while
there is no such date, plus weeks and days. Changes of clocks follow `horarium.when.wall` (APScheduler skips a
date in a gap).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import MAXYEAR, date, datetime, time
from functools import lru_cache
from threading import Lock
from typing import Any, Self

from horarium.errors import TriggerError
from horarium.when.base import settle, shared_json
from horarium.when.moments import moment, to_seconds
from horarium.when.wall import EPOCH_ORDINAL, TimesOfDay, WallCalendar
from horarium.when.walltrigger import WallTrigger
from horarium.when.words import Shape, time_words
from horarium.when.zones import DAY, Zone, load_zone
from horarium.wording import counted

_LAST_DAY = date.max.toordinal() - EPOCH_ORDINAL


class Dates:
    """The dates from `start` on, found once and only as far as they are asked for."""

    def __init__(self, start: date, months: int, days: int) -> None:
        self._months, self._step = months, days
        self._known = [start.toordinal() - EPOCH_ORDINAL]
        self._latest = start
        self._complete = False
        self._lock = Lock()

    def until(self, day: int) -> list[int]:
        """The known dates as day numbers; they reach beyond `day`, or to the end of the calendar."""
        if self._complete or self._known[-1] > day:
            return self._known
        with self._lock:
            while not self._complete and self._known[-1] <= day:
                following = self._following(self._latest)
                if following is None:
                    self._complete = True
                else:
                    self._latest = date.fromordinal(following)
                    self._known.append(following - EPOCH_ORDINAL)
        return self._known

    def _following(self, latest: date) -> int | None:
        year, month = latest.year, latest.month
        while True:
            month += self._months
            year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
            if year > MAXYEAR:
                return None
            try:
                ordinal = date(year, month, latest.day).toordinal() + self._step
            except ValueError:
                continue  # no such day in this month: the next one
            return ordinal if ordinal <= date.max.toordinal() else None


@lru_cache(maxsize=1024)
def _dates(start: date, months: int, days: int) -> Dates:
    return Dates(start, months, days)


class SteppedCalendar(WallCalendar):
    """One time of day on each of a row of dates."""

    def __init__(self, start: date, months: int, days: int, second: int) -> None:
        self.times = TimesOfDay([second // 3600], [second // 60 % 60], [second % 60])
        self._start = start.toordinal() - EPOCH_ORDINAL
        self._step = days
        self._dates = _dates(start, months, days) if months else None

    def day_from(self, day: int) -> int | None:
        """The first date on or after `day`."""
        if day <= self._start:
            return self._start
        if self._dates is None:
            found = day + (self._start - day) % self._step
            return found if found <= _LAST_DAY else None
        known = self._dates.until(day)
        index = bisect_left(known, day)
        return known[index] if index < len(known) else None

    def day_until(self, day: int) -> int | None:
        """The last date on or before `day`."""
        if day < self._start:
            return None
        if self._dates is None:
            return day - (day - self._start) % self._step
        known = self._dates.until(day)
        return known[bisect_right(known, day) - 1]

    def count_days(self, first: int, last: int) -> int:
        """How many dates there are from `first` to `last`, both included."""
        return max(0, self._position(last) - self._position(first - 1))

    def _position(self, day: int) -> int:
        if day < self._start:
            return 0
        if self._dates is None:
            return (day - self._start) // self._step + 1
        return bisect_right(self._dates.until(day), day)


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarInterval(WallTrigger):
    """Every `years`, `months`, `weeks` and `days` at `hour`:`minute`:`second` in a zone.

    `start` is the first date; without it the trigger is relative and begins on the day the job was added
    (`anchor`). `end` is the last date on which it may run. Both are dates; of a datetime the date is taken.
    `timezone` is an IANA name (None: the job's zone, UTC if that is never bound); `jitter` is in seconds.
    Raises TriggerError.
    """

    years: int = 0
    months: int = 0
    weeks: int = 0
    days: int = 0
    hour: int = 0
    minute: int = 0
    second: int = 0
    timezone: str | None = None
    start: date | None = None
    end: date | None = None
    jitter: float = 0.0
    anchor: date | None = None
    seed: str = ""
    _start_at: datetime | None = field(init=False, repr=False, compare=False)
    _end_at: datetime | None = field(init=False, repr=False, compare=False)
    _zone: Zone = field(init=False, repr=False, compare=False)
    _calendar: SteppedCalendar = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        put = object.__setattr__
        for name, highest in _HIGHEST.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= highest:
                raise TriggerError(f"{name} must be a whole number from 0 to {highest}, not {value!r}")
        months, days = self.years * 12 + self.months, self.weeks * 7 + self.days
        if not months and not days:
            raise TriggerError("a calendar interval must be at least one day; give years, months, weeks or days")
        for name in ("start", "end", "anchor"):
            put(self, name, _date(getattr(self, name), name))
        start, end = self.start, self.end
        if start is not None and end is not None and end < start:
            raise TriggerError(f"end {end} is before start {start}")
        # The bounds are dates: settle() reads instants, the calendar begins at `start` by itself.
        put(self, "start", None)
        put(self, "end", None if end is None else datetime.combine(end, time.max))
        settle(self)
        put(self, "start", start)
        put(self, "end", end)
        self._bind_zone()
        begin = start or self.anchor or date(1970, 1, 1)
        put(self, "_calendar", SteppedCalendar(begin, months, days, self._second_of_day))

    @property
    def is_anchored(self) -> bool:
        """Whether the dates are fixed: by a start or by an anchor."""
        return self.start is not None or self.anchor is not None

    def anchored(self, now: datetime) -> Self:
        """With the zone's date at `now` as the first date, if it has no start and no anchor yet."""
        if self.is_anchored:
            return self
        seconds = to_seconds(now)
        reading = seconds + load_zone(self.timezone or "UTC").stretch(seconds).offset
        return replace(self, anchor=date.fromordinal(reading // DAY + EPOCH_ORDINAL))

    def as_written(self) -> Self:
        """The trigger as its user wrote it: without anchor and seed."""
        return self if self.anchor is None and not self.seed else replace(self, anchor=None, seed="")

    def to_json(self) -> dict[str, Any]:
        """As JSON, without what is at its default."""
        data: dict[str, Any] = {"type": "calendar_interval"}
        data.update({name: getattr(self, name) for name in _HIGHEST if getattr(self, name)})
        return {**data, **shared_json(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """From the fields that `to_json` writes."""
        return cls(**data)

    @property
    def _second_of_day(self) -> int:
        return self.hour * 3600 + self.minute * 60 + self.second

    def _shape(self) -> Shape | None:
        return None

    def _fallback_words(self) -> str:
        parts = [(self.years, "year"), (self.months, "month"), (self.weeks, "week"), (self.days, "day")]
        named = [counted(number, name) for number, name in parts if number]
        words = " ".join(named)
        words = words.removeprefix("1 ") if len(named) == 1 else words
        return f"every {words} at {time_words(self._second_of_day)}"

    def _changed(self, **values: Any) -> Self:
        return replace(self, **values)


_HIGHEST = {
    "years": 1000,
    "months": 12_000,
    "weeks": 52_000,
    "days": 366_000,
    "hour": 23,
    "minute": 59,
    "second": 59,
}


def _date(value: date | str | None, name: str) -> date | None:
    if value is None or type(value) is date:
        return value
    return moment(value, name).date()
