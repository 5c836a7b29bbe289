"""Wall-clock calendars: sets of local times, and the rule that turns them into instants.

Local times are whole seconds since 1970-01-01 00:00 as a clock on the wall shows them ("readings"); days are
numbered from 1970-01-01. The rule, for every zone:

- A calendar that admits all 24 hours follows real time: it runs whenever the clock shows one of its readings.
  A local time that does not exist is not run, one that comes twice is run twice.
- Every other follows the wall clock: a reading is run once, at the first instant at which the clock shows it
  or a later one. So a time in a gap runs at the first instant after it, a time that comes twice runs the
  first time only, and readings that meet at one instant are one occurrence.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right
from calendar import monthrange
from collections.abc import Iterable, Sequence
from datetime import MAXYEAR, MINYEAR, date

from horarium.when.zones import DAY, Zone

EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
MONTHS_SEARCHED = 600
"""Where no day matches in this many admitted months (50 years of all months), there is none any more."""

_LAST_DAY = date.max.toordinal() - EPOCH_ORDINAL
_FIRST_DAY = date.min.toordinal() - EPOCH_ORDINAL
_MONTHS_KEPT = 1_200
_ALL_HOURS = 24


class TimesOfDay:
    """All combinations of some hours, minutes and seconds, as seconds of a day in ascending order."""

    __slots__ = ("count", "first", "hours", "last", "minutes", "seconds")

    def __init__(self, hours: Iterable[int], minutes: Iterable[int], seconds: Iterable[int]) -> None:
        self.hours, self.minutes, self.seconds = (
            tuple(sorted(hours)),
            tuple(sorted(minutes)),
            tuple(sorted(seconds)),
        )
        self.count = len(self.hours) * len(self.minutes) * len(self.seconds)
        self.first = self.hours[0] * 3600 + self.minutes[0] * 60 + self.seconds[0]
        self.last = self.hours[-1] * 3600 + self.minutes[-1] * 60 + self.seconds[-1]

    def before(self, second: int) -> int:
        """How many of the times are earlier than `second` of the day."""
        hour, rest = divmod(second, 3600)
        minute, second = divmod(rest, 60)
        whole_hours = bisect_left(self.hours, hour)
        count = whole_hours * len(self.minutes)
        if whole_hours < len(self.hours) and self.hours[whole_hours] == hour:
            whole_minutes = bisect_left(self.minutes, minute)
            count = (count + whole_minutes) * len(self.seconds)
            if whole_minutes < len(self.minutes) and self.minutes[whole_minutes] == minute:
                count += bisect_left(self.seconds, second)
            return count
        return count * len(self.seconds)

    def __getitem__(self, index: int) -> int:
        rest, second = divmod(index, len(self.seconds))
        hour, minute = divmod(rest, len(self.minutes))
        return self.hours[hour] * 3600 + self.minutes[minute] * 60 + self.seconds[second]


class WallCalendar(ABC):
    """A set of readings: some days, and the same times on each of them."""

    times: TimesOfDay

    @property
    def follows_real_time(self) -> bool:
        """Whether all 24 hours are admitted: then it follows real time, otherwise the wall clock."""
        return len(self.times.hours) == _ALL_HOURS

    @abstractmethod
    def day_from(self, day: int) -> int | None:
        """The first day of the calendar on or after `day`."""

    @abstractmethod
    def day_until(self, day: int) -> int | None:
        """The last day of the calendar on or before `day`."""

    @abstractmethod
    def count_days(self, first: int, last: int) -> int:
        """How many days of the calendar there are from `first` to `last`, both included."""

    def reading_from(self, reading: int) -> int | None:
        """The first reading of the calendar at or after `reading`."""
        day, second = divmod(reading, DAY)
        found = self.day_from(day)
        if found == day:
            index = self.times.before(second)
            if index < self.times.count:
                return day * DAY + self.times[index]
            found = self.day_from(day + 1)
        return None if found is None else found * DAY + self.times.first

    def reading_until(self, reading: int) -> int | None:
        """The last reading of the calendar at or before `reading`."""
        day, second = divmod(reading, DAY)
        found = self.day_until(day)
        if found == day:
            index = self.times.before(second + 1) - 1
            if index >= 0:
                return day * DAY + self.times[index]
            found = self.day_until(day - 1)
        return None if found is None else found * DAY + self.times.last

    def count(self, first: int, last: int) -> int:
        """How many readings of the calendar there are from `first` to `last`, both included."""
        if last < first:
            return 0
        return self._count_before(last + 1, first // DAY) - self._count_before(first, first // DAY)

    def _count_before(self, reading: int, first_day: int) -> int:
        day, second = divmod(reading, DAY)
        count = self.count_days(first_day, day - 1) * self.times.count
        if self.day_from(day) == day:
            count += self.times.before(second)
        return count


class MonthlyCalendar(WallCalendar):
    """A calendar whose days can be told month by month; keeps the months that were asked for.

    `months` are those admitted, ascending; `years` likewise, None for every year; `every_day` says that no
    day is left out at all, so that there is nothing to look up.
    """

    def __init__(
        self,
        times: TimesOfDay,
        months: Iterable[int],
        years: Sequence[int] | None = None,
        *,
        every_day: bool = False,
    ) -> None:
        self.times = times
        self._months = tuple(sorted(months))
        self._years = years
        self._every_day = every_day
        self._kept: dict[int, tuple[int, ...]] = {}

    @abstractmethod
    def days_in(self, year: int, month: int, length: int) -> Iterable[int]:
        """The admitted days of the month, ascending, from 1 to `length` at most."""

    def day_from(self, day: int) -> int | None:
        """The first day of the calendar on or after `day`."""
        if day < _FIRST_DAY or day > _LAST_DAY:
            return None if day > _LAST_DAY else self.day_from(_FIRST_DAY)
        if self._every_day:
            return day
        start = date.fromordinal(day + EPOCH_ORDINAL)
        year, month = start.year, start.month
        for _ in range(MONTHS_SEARCHED):
            days = self._days(year, month)
            index = bisect_left(days, day)
            if index < len(days):
                return days[index]
            following = self._month_after(year, month)
            if following is None:
                return None
            year, month = following
        return None

    def day_until(self, day: int) -> int | None:
        """The last day of the calendar on or before `day`."""
        if day < _FIRST_DAY or day > _LAST_DAY:
            return None if day < _FIRST_DAY else self.day_until(_LAST_DAY)
        if self._every_day:
            return day
        start = date.fromordinal(day + EPOCH_ORDINAL)
        year, month = start.year, start.month
        for _ in range(MONTHS_SEARCHED):
            days = self._days(year, month)
            index = bisect_right(days, day)
            if index:
                return days[index - 1]
            preceding = self._month_before(year, month)
            if preceding is None:
                return None
            year, month = preceding
        return None

    def count_days(self, first: int, last: int) -> int:
        """How many days of the calendar there are from `first` to `last`, both included."""
        first, last = max(first, _FIRST_DAY), min(last, _LAST_DAY)
        if last < first or self._every_day:
            return max(0, last - first + 1)
        start = date.fromordinal(first + EPOCH_ORDINAL)
        days = self._days(start.year, start.month)
        count = -bisect_left(days, first)
        at: tuple[int, int] | None = (start.year, start.month)
        while at is not None:
            days = self._days(*at)
            within = bisect_right(days, last)
            count += within
            if within < len(days) or (date(*at, 1).toordinal() - EPOCH_ORDINAL) > last:
                break
            at = self._month_after(*at)
        return count

    def _days(self, year: int, month: int) -> tuple[int, ...]:
        key = year * 12 + month
        days = self._kept.get(key)
        if days is None:
            if len(self._kept) >= _MONTHS_KEPT:
                self._kept.clear()
            days = self._kept[key] = self._look_up(year, month)
        return days

    def _look_up(self, year: int, month: int) -> tuple[int, ...]:
        if month not in self._months or (self._years is not None and year not in self._years):
            return ()
        start = date(year, month, 1).toordinal() - EPOCH_ORDINAL - 1
        return tuple(start + day for day in self.days_in(year, month, monthrange(year, month)[1]))

    def _month_after(self, year: int, month: int) -> tuple[int, int] | None:
        index = bisect_right(self._months, month)
        if index < len(self._months) and (self._years is None or year in self._years):
            return year, self._months[index]
        if self._years is None:
            following = year + 1
        else:
            at = bisect_right(self._years, year)
            if at == len(self._years):
                return None
            following = self._years[at]
        return None if following > MAXYEAR else (following, self._months[0])

    def _month_before(self, year: int, month: int) -> tuple[int, int] | None:
        index = bisect_left(self._months, month)
        if index and (self._years is None or year in self._years):
            return year, self._months[index - 1]
        if self._years is None:
            preceding = year - 1
        else:
            at = bisect_left(self._years, year)
            if at == 0:
                return None
            preceding = self._years[at - 1]
        return None if preceding < MINYEAR else (preceding, self._months[-1])


def next_instant(calendar: WallCalendar, zone: Zone, after: int) -> int | None:
    """The first instant of the calendar strictly after `after`; None when there is none any more."""
    if not calendar.follows_real_time:
        reading = calendar.reading_from(zone.highest_reading(after) + 1)
        return None if reading is None else zone.instant_of(reading)
    at = after + 1
    asked: int | None = None
    found: int | None = None
    while True:
        _, end, offset = zone.stretch(at)
        reading = at + offset
        if asked is None or found is None or not asked <= reading <= found:
            asked, found = reading, calendar.reading_from(reading)
            if found is None:
                return None
        if found - offset < end:
            return found - offset
        at = end
        if at - DAY >= asked:  # clocks no longer show what they did before, and reach `found` in a while only
            at = max(at, found - 2 * DAY)


def last_instant(calendar: WallCalendar, zone: Zone, until: int) -> int | None:
    """The last instant of the calendar at or before `until`; None when there was none."""
    if not calendar.follows_real_time:
        reading = calendar.reading_until(zone.highest_reading(until))
        return None if reading is None else zone.instant_of(reading)
    at = until
    asked: int | None = None
    found: int | None = None
    while True:
        start, _, offset = zone.stretch(at)
        reading = at + offset
        if asked is None or found is None or not found <= reading <= asked:
            asked, found = reading, calendar.reading_until(reading)
            if found is None:
                return None
        if found - offset >= start:
            return found - offset
        at = start - 1
        if at + DAY <= asked:  # the mirror image of the search forward
            at = min(at, found + 2 * DAY)


def count_instants(calendar: WallCalendar, zone: Zone, after: int, until: int) -> int:
    """How many instants of the calendar there are after `after`, up to and including `until`.

    The work grows with the number of the zone's transitions in between, not with the number of occurrences.
    """
    total = 0
    seen = zone.highest_reading(after)
    at = after + 1
    while at <= until:
        _, end, offset = zone.stretch(at)
        reading, last = at + offset, min(end - 1, until) + offset
        if calendar.follows_real_time:
            total += calendar.count(reading, last)
        else:
            if seen < reading:  # readings that clocks jumped over are run now, as one
                total += min(1, calendar.count(seen + 1, reading))
            seen = max(seen, reading)
            total += calendar.count(seen + 1, last)
            seen = max(seen, last)
        at = end
    return total
