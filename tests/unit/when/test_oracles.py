"""Cron expressions and fields compared with other implementations, where those follow the same rules."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from apscheduler.triggers.calendarinterval import CalendarIntervalTrigger
from apscheduler.triggers.cron import CronTrigger
from croniter import croniter
from cronsim import CronSim
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from horarium.when import CalendarInterval, Cron, CronFields

from .model import PROPERTY, Fields, changes, instants, sparse_fields, zones


def quiet(zone: str, start: datetime, end: datetime) -> bool:
    """Whether clocks are left alone from a day before `start` to a day after `end`."""
    day = timedelta(days=1)
    return not any(start - day <= at <= end + day for at in changes(zone))


@PROPERTY
@given(zone=zones, start=instants(2000, 2038), expression=sparse_fields)
def test_between_changes_of_clocks_croniter_agrees(zone: str, start: datetime, expression: Fields) -> None:
    end = start + timedelta(days=20)
    assume(quiet(zone, start, end))
    local = start.astimezone(zoneinfo.ZoneInfo(zone))
    offset = local.utcoffset()
    assert offset is not None
    naive = croniter(str(expression), local.replace(tzinfo=None), max_years_between_matches=60)
    expected: list[datetime] = []
    while len(expected) < 30:
        found = naive.get_next(datetime).replace(tzinfo=UTC) - offset
        if found > end:
            break
        expected.append(found)
    assert list(Cron(str(expression), zone).between(start, end, 30)) == expected


@settings(PROPERTY, max_examples=40)
@given(start=instants(2000, 2038), expression=sparse_fields)
def test_years_of_sparse_expressions_agree_with_cronsim_in_utc(start: datetime, expression: Fields) -> None:
    assert_as_cronsim(str(expression), start)


@pytest.mark.parametrize(
    "expression",
    [
        "0 6 L * *",
        "0 6 LW * *",
        "15 10 1,15,L * *",
        "0 0 * * 5L",
        "0 0 * * 1#1",
        "0 0 * * MON#2,FRI#4",
        "0 0 * * 0",
        "0 0 * * 7",
        "0 0 * * sun-tue",
        "0 0 * jan-mar MON-FRI",
        "0 0 13 * 5",
        "0 0 */2 * 1",
        "0 0 29 2 *",
        "5/20 3/8 1-31/10 * *",
        "*/10 * * * * *",
        "30 15 10 * * 1,3",
        "0-10/5 59 23 31 12 *",
    ],
)
def test_what_cronsim_understands_is_understood_the_same(expression: str) -> None:
    assert_as_cronsim(expression, datetime(2024, 2, 28, 23, 59, 30, tzinfo=UTC))


def assert_as_cronsim(expression: str, start: datetime) -> None:
    trigger = Cron(expression)
    forward = CronSim(expression, start)
    at = start
    for _ in range(30):
        expected = next(forward)
        assert trigger.next_after(at) == expected
        at = expected
    backward = CronSim(expression, at, reverse=True)
    for _ in range(30):
        expected = next(backward)
        assert trigger.last_before(at - timedelta(seconds=1)) == expected
        at = expected


# --- APScheduler

_weekdays = st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat", "sun"])


def _numbers(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    pair = st.tuples(number, number).map(sorted)
    step = st.integers(1, max(1, (high - low) // 2))
    one = st.one_of(
        number.map(str),
        pair.map(lambda ends: f"{ends[0]}-{ends[1]}"),
        step.map(lambda by: f"*/{by}"),
        pair.filter(lambda ends: ends[1] - ends[0] > 2).map(lambda ends: f"{ends[0]}-{ends[1]}/2"),
    )
    return one | st.lists(one, min_size=2, max_size=3).map(",".join)


_positions = st.tuples(st.sampled_from(["1st", "2nd", "3rd", "4th", "5th", "last"]), _weekdays).map(" ".join)
_field_values = st.fixed_dictionaries(
    {},
    optional={
        "year": _numbers(2020, 2032),
        "month": _numbers(1, 12) | st.sampled_from(["jan", "feb-jun", "dec,mar"]),
        "day": _numbers(1, 31)
        | st.just("last")
        | _positions
        | st.lists(_positions, min_size=2, max_size=3).map(",".join),
        "week": _numbers(1, 53),
        "day_of_week": _numbers(0, 6) | _weekdays | st.just("mon-fri"),
        "hour": _numbers(0, 23),
        "minute": _numbers(0, 59),
        "second": st.integers(0, 59),
    },
)


def assert_as_apscheduler(trigger: Any, peer: Any, start: datetime, count: int) -> None:
    """The first `count` times at or after `start` are the same."""
    expected, now = [], start
    while len(expected) < count:
        found = peer.get_next_fire_time(None, now)
        if found is None:
            break
        expected.append(found.astimezone(UTC))
        now = found + timedelta(microseconds=1)
    assert list(trigger.between(start - timedelta(microseconds=1), start + timedelta(days=900), count)) == expected


@PROPERTY
@given(values=_field_values, start=instants(2022, 2028))
def test_fields_have_the_times_that_apscheduler_gives_them(values: dict[str, Any], start: datetime) -> None:
    end = start + timedelta(days=800)
    trigger = CronFields(**values, timezone="UTC", end=end)
    assert_as_apscheduler(trigger, CronTrigger(**values, timezone=UTC, end_date=end), start, 12)


@pytest.mark.parametrize("position", ["1st", "2nd", "3rd", "4th", "5th", "last"])
@pytest.mark.parametrize("weekday", ["mon", "wed", "sun"])
def test_weekdays_by_position_are_those_of_apscheduler(position: str, weekday: str) -> None:
    start, day = datetime(2025, 1, 1, tzinfo=UTC), f"{position} {weekday}"
    assert_as_apscheduler(CronFields(day=day), CronTrigger(day=day, timezone=UTC), start, 10)


@settings(PROPERTY, max_examples=40)
@given(values=_field_values, start=instants(2022, 2028), zone=zones)
def test_fields_in_a_zone_have_apschedulers_times_between_changes_of_clocks(
    values: dict[str, Any], start: datetime, zone: str
) -> None:
    end = start + timedelta(days=20)
    assume(quiet(zone, start, end))
    local = start.astimezone(zoneinfo.ZoneInfo(zone))
    peer = CronTrigger(**values, timezone=zone, start_date=local, end_date=end)
    assert_as_apscheduler(CronFields(**values, timezone=zone, start=start, end=end), peer, local, 12)


@pytest.mark.parametrize(
    "steps",
    [
        {"days": 1},
        {"weeks": 2, "days": 3},
        {"months": 1},
        {"years": 1},
        {"months": 5, "days": 2},
        {"years": 1, "months": 1},
    ],
)
@pytest.mark.parametrize("start", ["2023-01-31", "2024-02-29", "2022-12-15"])
def test_calendar_intervals_have_the_dates_that_apscheduler_gives_them(steps: dict[str, int], start: str) -> None:
    peer = CalendarIntervalTrigger(**steps, hour=6, minute=30, start_date=start, timezone=UTC)
    trigger = CalendarInterval(**steps, hour=6, minute=30, start=datetime.fromisoformat(start), timezone="UTC")
    ours, theirs = trigger.first(datetime(2020, 1, 1, tzinfo=UTC)), peer.get_next_fire_time(None, datetime.now(UTC))
    for _ in range(20):
        assert ours == theirs
        assert ours is not None
        ours, theirs = trigger.next_after(ours), peer.get_next_fire_time(theirs, ours)
