"""What every trigger is and answers.

A trigger is a frozen value that says when a job runs. It has no state and reads no clock: what it answers
depends on its fields and its arguments only, so that every node works out the same times.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple, Self, cast

from horarium.clock import to_microseconds
from horarium.errors import TriggerError
from horarium.when.moments import MICROSECOND, instant, moment, written
from horarium.when.zones import zone_name

LONGEST_JITTER = 366 * 86_400


class Count(NamedTuple):
    """A number of occurrences; `exact` is false when it is only known that there are at least so many."""

    number: int
    exact: bool


@dataclass(frozen=True, slots=True)
class Missed:
    """The occurrences of a span in short: how many, whether that is exact, and the last few, ascending."""

    count: int
    exact: bool
    last: tuple[datetime, ...]


class Trigger(ABC):
    """When a job runs: the base of all triggers.

    Times given to a trigger are aware; those it answers are aware and in UTC, in strictly ascending order.

    Some triggers are *relative* (an interval that was given no start): their occurrences are only fixed once
    they are anchored to the time at which the job was added. A relative trigger can be asked all the same and
    then counts from the `after` that it is given, which is right whenever `after` is an occurrence.

    `jitter` delays each occurrence by up to so many seconds. The delay follows from the nominal time and
    `seed`, is the same on every node, and never reaches the next nominal occurrence or the end.
    """

    __slots__ = ()

    jitter: float
    seed: str

    @property
    @abstractmethod
    def timezone(self) -> str | None:
        """The IANA name of the trigger's zone; None while it has none of its own."""

    # --- what a kind of trigger says about its nominal occurrences (without jitter)

    @abstractmethod
    def _nominal_after(self, after: datetime) -> datetime | None:
        """The first nominal occurrence strictly after `after`."""

    @abstractmethod
    def _nominal_until(self, until: datetime) -> datetime | None:
        """The last nominal occurrence at or before `until`."""

    @abstractmethod
    def _nominal_count(self, after: datetime, until: datetime) -> Count:
        """How many nominal occurrences there are after `after`, up to and including `until`."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """As JSON, without what is at its default; `codec.from_json` reads it."""

    @abstractmethod
    def describe(self) -> str:
        """In words for people, such as "daily at 06:00 (Africa/Lome)"."""

    @abstractmethod
    def _changed(self, **values: Any) -> Self:
        """A copy with other values in some fields (`dataclasses.replace`)."""

    def __reduce__(self) -> tuple[Any, ...]:
        # Copies and pickles carry what was written; what was worked out from it is worked out again.
        names = [one.name for one in fields(cast("Any", self)) if one.init]
        return _rebuilt, (type(self), {name: getattr(self, name) for name in names})

    # --- relative or fixed, and the zone

    @property
    def is_anchored(self) -> bool:
        """Whether the occurrences are fixed: false for a relative trigger that was not anchored yet."""
        return True

    def anchored(self, now: datetime) -> Self:
        """The trigger with everything relative fixed, for a job added at `now`; itself when nothing is."""
        del now
        return self

    def in_zone(self, name: str) -> Self:
        """The trigger with `name` as its IANA zone where none was given; itself when it has one."""
        return self if self.timezone is not None else self._changed(timezone=name)

    def seeded(self, seed: str) -> Self:
        """The trigger with its jitter derived from `seed` (the job's id), so that jobs spread."""
        return self if not self.jitter or self.seed == seed else self._changed(seed=seed)

    def as_written(self) -> Self:
        """The trigger as its user wrote it: without anchor and seed."""
        return self._changed(seed="") if self.seed else self

    def same_schedule(self, other: Trigger) -> bool:
        """Whether `other` is the trigger that the user of this one wrote, whatever both were anchored to."""
        return bool(self.as_written() == other.as_written())

    # --- occurrences

    def next_after(self, after: datetime) -> datetime | None:
        """The first occurrence strictly after `after`; None when there is none any more."""
        if not self.is_anchored:
            return self.anchored(after).next_after(after)
        if not self.jitter:
            return self._nominal_after(after)
        nominal = self._nominal_until(after)
        if nominal is not None:
            delayed = self._delayed(nominal)
            if delayed > after:
                return delayed
        nominal = self._nominal_after(after)
        return None if nominal is None else self._delayed(nominal)

    def first(self, now: datetime) -> datetime | None:
        """The first occurrence for a job added at `now`, maybe `now` itself; None when there is none."""
        return self.anchored(now).next_after(now - MICROSECOND)

    def last_before(self, now: datetime, after: datetime | None = None) -> datetime | None:
        """The last occurrence at or before `now`, and after `after` (a known earlier occurrence) if given.

        Takes bounded work however many occurrences lie between. A relative trigger needs `after`.
        """
        if not self.is_anchored:
            return None if after is None else self.anchored(after).last_before(now, after)
        found = self._nominal_until(now)
        if found is not None and self.jitter:
            nominal, found = found, self._delayed(found)
            if found > now:
                earlier = self._nominal_until(nominal - MICROSECOND)
                found = None if earlier is None else self._delayed(earlier)
        if found is None or (after is not None and found <= after):
            return None
        return found

    def between(self, after: datetime, until: datetime, limit: int | None = None) -> Iterator[datetime]:
        """The occurrences after `after`, up to and including `until`, at most `limit` of them."""
        fixed = self if self.is_anchored else self.anchored(after)
        given = 0
        found = fixed.next_after(after)
        while found is not None and found <= until and (limit is None or given < limit):
            yield found
            given += 1
            found = fixed.next_after(found)

    def count_between(self, after: datetime, until: datetime) -> Count:
        """How many occurrences there are after `after`, up to and including `until`, in bounded work."""
        if not self.is_anchored:
            return self.anchored(after).count_between(after, until)
        if until <= after:
            return Count(0, exact=True)
        number, exact = self._nominal_count(after, until)
        if self.jitter and exact:
            number += self._is_delayed_beyond(after) - self._is_delayed_beyond(until)
        return Count(max(0, number), exact)

    def missed_summary(self, after: datetime, now: datetime, keep: int) -> Missed:
        """The occurrences after `after`, up to and including `now`: how many, and the last `keep` of them.

        `after` is a known occurrence, which is not counted. Takes bounded work: a cron of every minute
        answers for three years within a millisecond.
        """
        if not self.is_anchored:
            return self.anchored(after).missed_summary(after, now, keep)
        last: list[datetime] = []
        found = self.last_before(now, after) if keep > 0 else None
        while found is not None and len(last) < keep:
            last.append(found)
            found = self.last_before(found - MICROSECOND, after)
        count, exact = self.count_between(after, now)
        return Missed(max(count, len(last)), exact, tuple(reversed(last)))

    def _delayed(self, nominal: datetime) -> datetime:
        following = self._nominal_after(nominal)
        window = round(self.jitter * 1_000_000)
        if following is not None:
            window = min(window, (following - nominal) // MICROSECOND)
        at = to_microseconds(nominal)
        digest = hashlib.blake2b(f"{self.seed}@{at}".encode(), digest_size=8).digest()
        try:
            delayed = nominal + timedelta(microseconds=(int.from_bytes(digest) * window) >> 64)
        except OverflowError:  # the last days of the year 9999
            return nominal
        latest = self._latest
        return delayed if latest is None or delayed <= latest else max(latest, nominal)

    def _is_delayed_beyond(self, moment: datetime) -> bool:
        nominal = self._nominal_until(moment)
        return nominal is not None and self._delayed(nominal) > moment

    @property
    def _latest(self) -> datetime | None:
        """The trigger's end, if it has one."""
        return None


def _rebuilt(kind: type[Trigger], values: dict[str, Any]) -> Trigger:
    return kind(**values)


def settle(trigger: Any) -> None:
    """Check and normalise the fields that triggers share: `timezone`, `start`, `end`, `jitter`, `seed`.

    For `__post_init__` of a frozen dataclass. Sets `_start_at` and `_end_at`, the bounds as instants, where
    the trigger has a `start` and an `end`. Raises TriggerError.
    """
    put = object.__setattr__
    if trigger.timezone is not None:
        put(trigger, "timezone", zone_name(trigger.timezone))
    if trigger.jitter != 0.0 or type(trigger.jitter) is not float:
        put(trigger, "jitter", seconds_of(trigger.jitter, "jitter"))
    if not isinstance(trigger.seed, str):
        raise TriggerError(f"seed must be text, not {trigger.seed!r}")
    for field, bound in (("start", "_start_at"), ("end", "_end_at")):
        value = getattr(trigger, field)
        if value is not None:
            value = moment(value, field)
            put(trigger, field, value)
            value = instant(value, trigger.timezone)
        put(trigger, bound, value)
    if trigger.start is not None and trigger.end is not None and trigger._end_at < trigger._start_at:
        raise TriggerError(f"end {trigger.end} is before start {trigger.start}")


def seconds_of(value: float | timedelta | None, field: str) -> float:
    """A span in seconds, not negative, to the microsecond. Raises TriggerError, naming `field`."""
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if value is None:
        return 0.0
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= LONGEST_JITTER:
        raise TriggerError(f"{field} must be a number of seconds, from 0 to {LONGEST_JITTER} (a year), not {value!r}")
    return round(float(value), 6)


def shared_json(trigger: Any) -> dict[str, Any]:
    """The fields that triggers share, as JSON, without those at their default."""
    data: dict[str, Any] = {}
    for field in ("timezone", "start", "end", "anchor", "jitter", "seed"):
        value = getattr(trigger, field, None)
        if value:
            data[field] = value.isoformat() if isinstance(value, date) else value
    return data


def bounds_in_words(trigger: Any) -> str:
    """Start, end and jitter as they follow a trigger's description."""
    words = ""
    if trigger.start is not None:
        words += f", from {written(trigger.start, trigger.timezone)}"
    if trigger.end is not None:
        words += f", until {written(trigger.end, trigger.timezone)}"
    if trigger.jitter:
        words += f", up to {trigger.jitter:g} s later"
    return words


__all__ = ["Count", "Missed", "Trigger"]
