"""A plain model of the rule for changes of clocks: walk over UTC, look at the clock, decide. Slow and obvious.

The model shares no code with `horarium.when`: expressions are made from sets of numbers, so that nothing is parsed,
and zones are only ever asked what a UTC instant looks like on the wall. Beside it, what the property tests draw from.
"""

from __future__ import annotations

import struct
import zoneinfo
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from importlib import resources
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st

from horarium.when import AllOf, AnyOf, CalendarInterval, Cron, CronFields, Interval, Once, Trigger

PROPERTY = settings(derandomize=True, deadline=None, max_examples=80)

ZONES = sorted(zoneinfo.available_timezones() - {"Factory", "localtime", "posixrules"})
UGLY = [
    "Africa/Cairo",  # changes at midnight
    "Africa/Casablanca",  # two changes around every Ramadan
    "Africa/Monrovia",  # 44 minutes and 30 seconds until 1972
    "America/Caracas",  # half an hour of standard time, back and forth
    "America/Havana",  # back at one, forward at midnight
    "America/Nuuk",  # changes the day before at ten in the evening
    "America/Sao_Paulo",  # days without midnight
    "America/St_Johns",  # changes at one minute past midnight, two hours once
    "Antarctica/Troll",  # a shift of two hours
    "Asia/Gaza",
    "Asia/Kathmandu",
    "Asia/Pyongyang",
    "Asia/Tehran",
    "Australia/Lord_Howe",  # a shift of half an hour
    "Europe/Dublin",  # summer is the standard time
    "Europe/Rome",
    "Pacific/Apia",  # a day that never was
    "Pacific/Kwajalein",  # likewise
    "UTC",
]
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Fields:
    """A cron expression as sets; None is a star."""

    minutes: frozenset[int] | None = None
    hours: frozenset[int] | None = None
    days: frozenset[int] | None = None
    months: frozenset[int] | None = None
    weekdays: frozenset[int] | None = None

    def __str__(self) -> str:
        parts = (self.minutes, self.hours, self.days, self.months, self.weekdays)
        return " ".join("*" if part is None else ",".join(map(str, sorted(part))) for part in parts)

    @property
    def all_hours(self) -> bool:
        return self.hours is None or len(self.hours) == 24

    def match(self, reading: datetime) -> bool:
        if self.minutes is not None and reading.minute not in self.minutes:
            return False
        if self.hours is not None and reading.hour not in self.hours:
            return False
        if self.months is not None and reading.month not in self.months:
            return False
        weekday = (reading.weekday() + 1) % 7
        by_day = None if self.days is None else reading.day in self.days
        by_weekday = None if self.weekdays is None else weekday in {one % 7 for one in self.weekdays}
        if by_day is not None and by_weekday is not None:
            return by_day or by_weekday
        return by_day is not False and by_weekday is not False


def on_the_wall(instant: datetime, zone: str) -> datetime:
    return instant.astimezone(zoneinfo.ZoneInfo(zone)).replace(tzinfo=None)


def walk(fields: Fields, zone: str, start: datetime, end: datetime, step: timedelta = MINUTE) -> Iterator[datetime]:
    """The instants after `start`, up to and including `end`, looking at the clock every `step`.

    Expressions are about whole minutes, and so is every change since 1973; for earlier ones, look every second.
    """
    at = start - timedelta(days=2)
    highest = on_the_wall(at, zone)
    while at < end:
        at += step
        reading = on_the_wall(at, zone)
        if fields.all_hours:
            due = reading.second == 0 and fields.match(reading)
        else:
            due = False
            passed = highest.replace(second=0)
            while passed + MINUTE <= reading:
                passed += MINUTE
                if passed > highest and fields.match(passed):
                    due = True
            highest = max(highest, reading)
        if due and at > start:
            yield at


@lru_cache(maxsize=2000)
def changes(zone: str, first_year: int = 1973, last_year: int = 2040) -> tuple[datetime, ...]:
    """The instants at which clocks in `zone` were or will be changed."""
    info = zoneinfo.ZoneInfo(zone)

    def offset(at: datetime) -> timedelta | None:
        return at.astimezone(info).utcoffset()

    found = []
    at, end = datetime(first_year, 1, 1, tzinfo=UTC), datetime(last_year, 1, 1, tzinfo=UTC)
    while at < end:
        following = at + timedelta(days=3)
        if offset(at) != offset(following):
            low, high = at, following
            while high - low > timedelta(seconds=1):
                middle = low + (high - low) // 2
                middle = middle.replace(microsecond=0)
                low, high = (middle, high) if offset(middle) == offset(at) else (low, middle)
            found.append(high)
        at = following
    return tuple(found)


def changes_in_file(zone: str) -> list[tuple[int, int, int]]:
    """(instant, offset before, offset after) of every change listed in the zone's file (RFC 8536)."""
    for root in zoneinfo.TZPATH:
        path = Path(root, zone)
        if path.is_file():
            data = path.read_bytes()
            break
    else:
        data = resources.files("tzdata.zoneinfo").joinpath(*zone.split("/")).read_bytes()
    counts = struct.unpack(">6l", data[20:44])  # the first block has 32-bit times and is skipped
    utc_flags, wall_flags, leaps, times, types, chars = counts
    start = 44 + times * 5 + types * 6 + chars + leaps * 8 + wall_flags + utc_flags
    _, _, _, times, types, _ = struct.unpack(">6l", data[start + 20 : start + 44])
    body = start + 44
    instants = struct.unpack(f">{times}q", data[body : body + times * 8])
    indices = data[body + times * 8 : body + times * 9]
    table = [
        struct.unpack(">lbb", data[body + times * 9 + number * 6 : body + times * 9 + number * 6 + 6])
        for number in range(types)
    ]
    offset, found = table[0][0], []
    for instant, index in zip(instants, indices, strict=True):
        if table[index][0] != offset:
            found.append((instant, offset, table[index][0]))
            offset = table[index][0]
    return found


# --- strategies

zones = st.sampled_from(UGLY) | st.sampled_from(ZONES)


def _some(low: int, high: int, most: int) -> st.SearchStrategy[frozenset[int]]:
    return st.frozensets(st.integers(low, high), min_size=1, max_size=most)


_minutes = st.sampled_from([frozenset({0}), frozenset({30}), frozenset({0, 15, 30, 45})]) | _some(0, 59, 4)
_few_hours = st.sampled_from(
    [frozenset({0}), frozenset({1}), frozenset({2}), frozenset({0, 2, 3}), frozenset(range(23))]
)
_hours = st.none() | st.just(frozenset(range(24))) | _few_hours | _some(0, 23, 5)
_days = st.none() | st.none() | _some(1, 31, 20)
_weekdays = st.none() | st.none() | _some(0, 7, 4)

fields = st.builds(Fields, st.none() | _minutes, _hours, _days, st.none(), _weekdays)
sparse_fields = st.builds(Fields, _minutes, _hours, _days, st.none() | _some(1, 12, 6), _weekdays)


@st.composite
def around_a_change(draw: st.DrawFn) -> tuple[str, datetime]:
    """A zone and an instant close to a change of its clocks, or anywhere if it never changed them."""
    zone = draw(zones)
    known = changes(zone)
    if known:
        near = draw(st.sampled_from(known))
    else:
        near = datetime(draw(st.integers(1975, 2039)), draw(st.integers(1, 12)), 1, tzinfo=UTC)
    return zone, near + timedelta(minutes=draw(st.integers(-240, 240)))


def instants(first_year: int = 1975, last_year: int = 2040) -> st.SearchStrategy[datetime]:
    span = datetime(last_year, 1, 1, tzinfo=UTC) - datetime(first_year, 1, 1, tzinfo=UTC)
    seconds = st.integers(0, int(span.total_seconds()))
    return seconds.map(lambda number: datetime(first_year, 1, 1, tzinfo=UTC) + timedelta(seconds=number))


# --- triggers of every kind, all of them fixed

_jitter = st.just(0.0) | st.floats(0.001, 5000).map(lambda seconds: round(seconds, 3))
_seeds = st.sampled_from(["", "job-1"])
_zone_or_none = st.none() | zones
_near = instants(2023, 2025)
_maybe = st.none() | _near


@st.composite
def _bounds(draw: st.DrawFn) -> dict[str, datetime | None]:
    start, end = draw(_maybe), draw(_maybe)
    return {"start": start, "end": None if start and end and end < start else end}


@st.composite
def _intervals(draw: st.DrawFn, jitter: st.SearchStrategy[float]) -> Interval:
    length = draw(
        st.sampled_from([60_000_000, 3_600_000_000, 86_400_000_000, 1_500_000]) | st.integers(200_000, 10**12)
    )
    trigger = Interval(
        timedelta(microseconds=length),
        **draw(_bounds()),
        timezone=draw(_zone_or_none),
        jitter=draw(jitter),
        seed=draw(_seeds),
    )
    return trigger.anchored(draw(_near))


@st.composite
def _crons(draw: st.DrawFn, jitter: st.SearchStrategy[float]) -> Cron:
    expression = draw(
        sparse_fields.map(str) | st.sampled_from(["*/7 * * * *", "15 30 3 * * *", "0 9 L * *", "0 0 * * 1#2"])
    )
    return Cron(expression, draw(_zone_or_none), **draw(_bounds()), jitter=draw(jitter), seed=draw(_seeds))


@st.composite
def _field_triggers(draw: st.DrawFn, jitter: st.SearchStrategy[float]) -> CronFields:
    return CronFields(
        day=draw(st.sampled_from([None, "last", "1st mon", "*/3"])),
        day_of_week=draw(st.sampled_from([None, "mon-fri"])),
        hour=draw(st.sampled_from(["*", "2", "*/6"])),
        minute=draw(st.sampled_from([None, 30])),
        timezone=draw(_zone_or_none),
        **draw(_bounds()),
        jitter=draw(jitter),
        seed=draw(_seeds),
    )


@st.composite
def _calendar_intervals(draw: st.DrawFn, jitter: st.SearchStrategy[float]) -> CalendarInterval:
    steps = draw(st.sampled_from([{"days": 1}, {"weeks": 1}, {"months": 1}, {"months": 1, "days": 3}]))
    trigger = CalendarInterval(
        **steps,
        hour=draw(st.integers(0, 23)),
        timezone=draw(_zone_or_none),
        start=draw(st.none() | _near.map(datetime.date)),
        jitter=draw(jitter),
        seed=draw(_seeds),
    )
    return trigger.anchored(draw(_near))


def _simple(jitter: st.SearchStrategy[float]) -> st.SearchStrategy[Trigger]:
    return st.one_of(_intervals(jitter), _crons(jitter), _field_triggers(jitter), _calendar_intervals(jitter))


_onces = st.builds(Once, _near | _near.map(lambda at: at.replace(tzinfo=None)), _zone_or_none, _jitter, _seeds)
_parts = st.lists(_simple(_jitter) | _onces, min_size=1, max_size=3).map(tuple)
_common = st.lists(st.one_of(_crons(st.just(0.0)), _field_triggers(st.just(0.0))), min_size=1, max_size=2).map(tuple)
triggers: st.SearchStrategy[Trigger] = st.one_of(
    _simple(_jitter),
    _onces,
    st.builds(AnyOf, _parts, _jitter, _seeds),
    st.builds(AllOf, _common, _jitter, _seeds),
)
