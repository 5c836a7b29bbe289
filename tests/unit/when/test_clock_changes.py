"""What cron expressions do when clocks are changed: worked examples, and a model that walks minute by minute."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings

from horarium.when import CalendarInterval, Cron, CronFields, cron, daily

from .model import PROPERTY, UGLY, Fields, around_a_change, changes, fields, on_the_wall, walk


def times(expression: str, zone: str, start: str, count: int) -> list[str]:
    """The first `count` times after the UTC time `start`, in UTC."""
    after = datetime.fromisoformat(start).replace(tzinfo=UTC)
    end = after + timedelta(days=400)
    return [f"{found:%Y-%m-%d %H:%M}" for found in cron(expression, zone).between(after, end, count)]


def test_a_daily_time_in_a_gap_runs_at_the_first_instant_after_it() -> None:
    # Rome, 30 March 2025: 02:00 becomes 03:00 at 01:00 UTC.
    assert times("30 2 * * *", "Europe/Rome", "2025-03-29 00:00", 3) == [
        "2025-03-29 01:30",
        "2025-03-30 01:00",
        "2025-03-31 00:30",
    ]


def test_several_times_in_a_gap_are_one_occurrence() -> None:
    assert times("*/15 2 * * *", "Europe/Rome", "2025-03-30 00:00", 2) == ["2025-03-30 01:00", "2025-03-31 00:00"]


def test_a_time_in_a_gap_and_one_right_after_it_are_one_occurrence() -> None:
    assert times("0,30 2,3 * * *", "Europe/Rome", "2025-03-30 00:00", 3) == [
        "2025-03-30 01:00",
        "2025-03-30 01:30",
        "2025-03-31 00:00",
    ]


def test_a_daily_time_that_comes_twice_runs_the_first_time_only() -> None:
    # Rome, 26 October 2025: 03:00 becomes 02:00 at 01:00 UTC.
    assert times("30 2 * * *", "Europe/Rome", "2025-10-25 12:00", 2) == ["2025-10-26 00:30", "2025-10-27 01:30"]


def test_several_times_that_come_twice_run_the_first_time_only() -> None:
    assert times("*/15 2 * * *", "Europe/Rome", "2025-10-25 12:00", 5) == [
        "2025-10-26 00:00",
        "2025-10-26 00:15",
        "2025-10-26 00:30",
        "2025-10-26 00:45",
        "2025-10-27 01:00",
    ]


def test_all_hours_skip_the_hour_that_does_not_exist() -> None:
    assert times("0 * * * *", "Europe/Rome", "2025-03-29 23:30", 3) == [
        "2025-03-30 00:00",
        "2025-03-30 01:00",
        "2025-03-30 02:00",
    ]


def test_all_hours_run_in_both_hours_that_read_the_same() -> None:
    assert times("30 * * * *", "Europe/Rome", "2025-10-26 00:00", 3) == [
        "2025-10-26 00:30",
        "2025-10-26 01:30",
        "2025-10-26 02:30",
    ]


def test_all_hours_written_as_a_list_follow_real_time_too() -> None:
    every_hour = ",".join(map(str, range(24)))
    assert times(f"30 {every_hour} * * *", "Europe/Rome", "2025-10-26 00:00", 2) == times(
        "30 * * * *", "Europe/Rome", "2025-10-26 00:00", 2
    )


def test_all_hours_but_one_follow_the_wall_clock() -> None:
    assert times("30 0-22 * * *", "Europe/Rome", "2025-10-26 00:00", 2) == ["2025-10-26 00:30", "2025-10-26 02:30"]


def test_a_day_without_midnight_starts_at_one() -> None:
    # Sao Paulo, 4 November 2018: 00:00 becomes 01:00 at 03:00 UTC.
    assert times("0 0 * * *", "America/Sao_Paulo", "2018-11-03 12:00", 2) == ["2018-11-04 03:00", "2018-11-05 02:00"]


def test_times_of_a_day_that_never_was_run_once_when_the_next_begins() -> None:
    # Apia had no 30 December 2011: after the 29th came the 31st, at 10:00 UTC on the 30th.
    assert times("0 6,12 * * *", "Pacific/Apia", "2011-12-29 20:00", 4) == [
        "2011-12-29 22:00",
        "2011-12-30 10:00",
        "2011-12-30 16:00",
        "2011-12-30 22:00",
    ]


def test_all_hours_of_a_day_that_never_was_are_not_run() -> None:
    assert times("0 * 30 12 *", "Pacific/Apia", "2011-12-01 00:00", 1) == ["2012-12-29 10:00"]


def test_a_day_whose_last_hour_comes_twice_ends_with_the_second_one() -> None:
    # Sao Paulo, 18 February 2018: 00:00 becomes 23:00 of the day before at 02:00 UTC.
    assert times("30 * 17 2 *", "America/Sao_Paulo", "2018-02-18 01:00", 2) == [
        "2018-02-18 01:30",
        "2018-02-18 02:30",
    ]


def test_looking_back_from_the_second_of_two_hours_finds_the_first() -> None:
    # Havana, 4 November 2018: 01:00 becomes 00:00 at 05:00 UTC.
    trigger = cron("30 * 4 11 *", "America/Havana")
    assert trigger.last_before(datetime(2018, 11, 4, 5, 15, tzinfo=UTC)) == datetime(2018, 11, 4, 4, 30, tzinfo=UTC)


def test_a_gap_of_half_an_hour_moves_only_what_lies_in_it() -> None:
    # Lord Howe, 5 October 2025: 02:00 becomes 02:30 at 15:30 UTC on the 4th.
    assert times("15,45 2 * * *", "Australia/Lord_Howe", "2025-10-04 12:00", 2) == [
        "2025-10-04 15:30",
        "2025-10-04 15:45",
    ]


def test_a_fold_of_half_an_hour_repeats_only_what_lies_in_it() -> None:
    # Lord Howe, 6 April 2025: 02:00 becomes 01:30 at 15:00 UTC on the 5th.
    assert times("15,45 1 * * *", "Australia/Lord_Howe", "2025-04-05 14:00", 3) == [
        "2025-04-05 14:15",
        "2025-04-05 14:45",
        "2025-04-06 14:45",
    ]


def test_seconds_follow_the_same_rule() -> None:
    assert times("30 30 2 * * *", "Europe/Rome", "2025-03-30 00:00", 1) == ["2025-03-30 01:00"]


def test_clocks_with_odd_seconds_are_kept_to_the_second() -> None:
    # Liberia was 44 minutes and 30 seconds behind until 7 January 1972.
    first = daily(6, timezone="Africa/Monrovia").next_after(datetime(1971, 6, 1, tzinfo=UTC))
    assert first == datetime(1971, 6, 1, 6, 44, 30, tzinfo=UTC)


def test_fields_follow_the_same_rule_as_cron() -> None:
    after = datetime(2025, 3, 29, 12, tzinfo=UTC)
    assert CronFields(hour=2, minute=30, timezone="Europe/Rome").next_after(after) == datetime(
        2025, 3, 30, 1, tzinfo=UTC
    )


def test_calendar_intervals_run_after_the_gap_instead_of_skipping_the_day() -> None:
    trigger = CalendarInterval(days=1, hour=2, minute=30, start=date(2025, 1, 1), timezone="Europe/Rome")
    assert trigger.next_after(datetime(2025, 3, 29, 12, tzinfo=UTC)) == datetime(2025, 3, 30, 1, tzinfo=UTC)


def assert_as_modelled(expression: Fields, zone: str, near: datetime) -> None:
    start, end = near - timedelta(hours=30), near + timedelta(hours=30)
    expected = list(walk(expression, zone, start, end))
    trigger = Cron(str(expression), zone)
    assert list(trigger.between(start, end)) == expected
    assert trigger.count_between(start, end) == (len(expected), True)
    summary = trigger.missed_summary(start, end, 5)
    assert list(summary.last) == expected[-5:]
    for minutes in range(-200, 200, 23):
        now = near + timedelta(minutes=minutes)
        later = [found for found in expected if found > now]
        following = trigger.next_after(now)
        assert following == later[0] if later else following is None or following > end
        assert trigger.last_before(now, start) == (expected[-len(later) - 1] if len(later) < len(expected) else None)


@settings(PROPERTY, max_examples=200)
@given(place=around_a_change(), expression=fields)
def test_every_zone_behaves_like_the_model_that_walks_minute_by_minute(
    place: tuple[str, datetime], expression: Fields
) -> None:
    zone, near = place
    assert_as_modelled(expression, zone, near)


QUARTERS, ALL = frozenset({0, 15, 30, 45}), frozenset(range(24))
SHAPES = [
    Fields(minutes=QUARTERS, hours=frozenset({0, 1, 2, 3, 10, 22, 23})),
    Fields(minutes=QUARTERS),
    Fields(minutes=frozenset({7}), hours=ALL),
]


@pytest.mark.parametrize("zone", [zone for zone in UGLY if zone != "UTC"])
def test_the_worst_zones_behave_like_the_model(zone: str) -> None:
    known = changes(zone)
    one_of_each_size = {shift(zone, at): at for at in known}
    for near in list(one_of_each_size.values())[:6]:
        for shape in SHAPES:
            assert_as_modelled(shape, zone, near)


def shift(zone: str, at: datetime) -> timedelta:
    return on_the_wall(at, zone) - on_the_wall(at - timedelta(seconds=1), zone)


@pytest.mark.parametrize(
    ("zone", "near"),
    [
        ("Africa/Monrovia", datetime(1972, 1, 7, 0, 44, 30, tzinfo=UTC)),
        ("Europe/Amsterdam", datetime(1937, 6, 30, 23, 40, 28, tzinfo=UTC)),
        ("America/Juneau", datetime(1867, 10, 18, 8, 57, tzinfo=UTC)),
    ],
)
def test_old_changes_with_odd_seconds_behave_like_the_model(zone: str, near: datetime) -> None:
    second = timedelta(seconds=1)
    start, end = near - timedelta(hours=1), near + timedelta(hours=2)
    for shape in (Fields(minutes=frozenset(range(0, 60, 5)), hours=frozenset(range(23))), Fields(minutes=QUARTERS)):
        assert list(Cron(str(shape), zone).between(start, end)) == list(walk(shape, zone, start, end, second))
