"""Every so often, at a fixed rate in elapsed time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from horarium.errors import TriggerError
from horarium.when.base import Count, Trigger, bounds_in_words, settle, shared_json
from horarium.when.moments import moment
from horarium.when.words import interval_words

LONGEST = timedelta(days=36_525)
"""A hundred years: a longer interval is taken for a mistake."""

_NOTHING = timedelta()


@dataclass(frozen=True, slots=True)
class Interval(Trigger):
    """Every `interval`, counted in elapsed time from `start` (so that a change of clocks does not move it).

    `start` is the first occurrence and `end` the last possible one; naive times are in `timezone`. Without
    `start` the trigger is relative: the first occurrence is one interval after the job was added, and
    `anchor` keeps it. `jitter` is in seconds. Raises TriggerError.
    """

    interval: timedelta
    start: datetime | None = None
    end: datetime | None = None
    timezone: str | None = None
    jitter: float = 0.0
    anchor: datetime | None = None
    seed: str = ""
    _start_at: datetime | None = field(init=False, repr=False, compare=False)
    _end_at: datetime | None = field(init=False, repr=False, compare=False)
    _base: datetime | None = field(init=False, repr=False, compare=False)
    _plain: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.interval, timedelta):
            raise TriggerError(f"interval must be a timedelta, not {self.interval!r}")
        if self.interval <= _NOTHING:
            raise TriggerError(f"an interval must be more than nothing, not {self.interval}")
        if self.interval > LONGEST:
            raise TriggerError(f"an interval of {self.interval.days} days is longer than 100 years")
        settle(self)
        base = self._start_at
        if base is None and self.anchor is not None:
            base = moment(self.anchor, "anchor")
            if base.tzinfo is None:
                raise TriggerError(f"anchor {self.anchor} has no time zone; it is always written with one")
            object.__setattr__(self, "anchor", base)
        object.__setattr__(self, "_base", base)
        object.__setattr__(self, "_plain", base is not None and not self.jitter)

    def next_after(self, after: datetime) -> datetime | None:
        """The first occurrence strictly after `after`; None when there is none any more."""
        return self._nominal_after(after) if self._plain else Trigger.next_after(self, after)

    def _nominal_after(self, after: datetime) -> datetime | None:
        # The hot path of the tick: one modulo, no intermediate objects that can be avoided.
        base = self._base
        assert base is not None  # noqa: S101 - for the type checker: callers anchor first
        if after.tzinfo is not UTC:
            after = after.astimezone(UTC)
        step = self.interval
        try:
            found = base if after < base else after - (after - base) % step + step
        except OverflowError:
            return None
        end = self._end_at
        return found if end is None or found <= end else None

    def _nominal_until(self, until: datetime) -> datetime | None:
        base = self._base
        assert base is not None  # noqa: S101 - for the type checker: callers anchor first
        until = until.astimezone(UTC)
        if self._end_at is not None:
            until = min(until, self._end_at)
        return None if until < base else until - (until - base) % self.interval

    def _nominal_count(self, after: datetime, until: datetime) -> Count:
        return Count(self._position(until) - self._position(after), exact=True)

    def _position(self, at: datetime) -> int:
        """How many nominal occurrences there are up to and including `at`."""
        last = self._nominal_until(at)
        assert self._base is not None  # noqa: S101 - for the type checker: callers anchor first
        return 0 if last is None else (last - self._base) // self.interval + 1

    @property
    def is_anchored(self) -> bool:
        """Whether the occurrences are fixed: by a start or by an anchor."""
        return self._base is not None

    def anchored(self, now: datetime) -> Self:
        """With the first occurrence one interval after `now`, if it has no start and no anchor yet."""
        return self if self._base is not None else replace(self, anchor=now.astimezone(UTC) + self.interval)

    def as_written(self) -> Self:
        """The trigger as its user wrote it: without anchor and seed."""
        return self if self.anchor is None and not self.seed else replace(self, anchor=None, seed="")

    def to_json(self) -> dict[str, Any]:
        """As JSON, without what is at its default. `seconds` is the interval."""
        seconds = self.interval.total_seconds()
        return {
            "type": "interval",
            "seconds": int(seconds) if seconds.is_integer() else seconds,
            **shared_json(self),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """From the fields that `to_json` writes."""
        fields = dict(data)
        seconds = fields.pop("seconds")
        if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
            raise TriggerError(f"seconds must be a number, not {seconds!r}")
        try:
            interval = timedelta(seconds=seconds)
        except (ValueError, OverflowError):
            raise TriggerError(f"seconds {seconds!r} is not a length of time") from None
        if seconds > 0 and not interval:
            raise TriggerError(f"an interval is at least a microsecond long, not {seconds!r} seconds")
        return cls(interval, **fields)

    def describe(self) -> str:
        """In words, such as "every 10 minutes"."""
        return f"every {interval_words(self.interval)}{bounds_in_words(self)}"

    @property
    def _latest(self) -> datetime | None:
        return self._end_at

    def _changed(self, **values: Any) -> Self:
        return replace(self, **values)
