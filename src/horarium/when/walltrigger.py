"""What triggers share whose occurrences are local times: `Cron`, `CronFields`, `CalendarInterval`."""

from __future__ import annotations

from abc import abstractmethod
from datetime import datetime

from horarium.when.base import Count, Trigger, bounds_in_words
from horarium.when.moments import MICROSECOND, from_seconds, to_seconds
from horarium.when.wall import WallCalendar, count_instants, last_instant, next_instant
from horarium.when.words import Shape, calendar_words
from horarium.when.zones import Zone, load_zone


class WallTrigger(Trigger):
    """The times of a wall-clock calendar in a zone, between two bounds that are both included."""

    __slots__ = ()

    _calendar: WallCalendar
    _zone: Zone
    _start_at: datetime | None
    _end_at: datetime | None

    @abstractmethod
    def _shape(self) -> Shape | None:
        """The days in a simple form, for words."""

    @abstractmethod
    def _fallback_words(self) -> str:
        """What to say where the days have no simple form."""

    def _bind_zone(self) -> None:
        object.__setattr__(self, "_zone", load_zone(self.timezone or "UTC"))

    def _nominal_after(self, after: datetime) -> datetime | None:
        if self._start_at is not None and after < self._start_at:
            after = self._start_at - MICROSECOND
        seconds = next_instant(self._calendar, self._zone, to_seconds(after))
        found = None if seconds is None else from_seconds(seconds)
        return None if found is None or (self._end_at is not None and found > self._end_at) else found

    def _nominal_until(self, until: datetime) -> datetime | None:
        if self._end_at is not None and until > self._end_at:
            until = self._end_at
        seconds = last_instant(self._calendar, self._zone, to_seconds(until))
        found = None if seconds is None else from_seconds(seconds)
        return None if found is None or (self._start_at is not None and found < self._start_at) else found

    def _nominal_count(self, after: datetime, until: datetime) -> Count:
        if self._start_at is not None and after < self._start_at:
            after = self._start_at - MICROSECOND
        if self._end_at is not None and until > self._end_at:
            until = self._end_at
        if until <= after:
            return Count(0, exact=True)
        number = count_instants(self._calendar, self._zone, to_seconds(after), to_seconds(until))
        return Count(number, exact=True)

    @property
    def _latest(self) -> datetime | None:
        return self._end_at

    def describe(self) -> str:
        """In words, such as "weekly on Monday, Thursday at 14:00 (Africa/Lome)"."""
        shape = self._shape()
        words = None if shape is None else calendar_words(shape, self._calendar.times)
        zone = f" ({self.timezone})" if self.timezone is not None else ""
        return f"{words or self._fallback_words()}{zone}{bounds_in_words(self)}"
