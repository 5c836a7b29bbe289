"""Calendar intervals: relative ones, counts, refusals. Their dates are compared with APScheduler's in test_oracles."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from horarium.errors import TriggerError
from horarium.when import CalendarInterval

NOW = datetime(2025, 3, 1, 23, 30, tzinfo=UTC)


def test_without_a_start_it_begins_on_the_day_the_job_was_added_in_its_zone() -> None:
    trigger = CalendarInterval(months=1, hour=9, timezone="Asia/Tokyo").anchored(NOW)
    assert trigger.anchor == date(2025, 3, 2)
    assert trigger.first(NOW) == datetime(2025, 3, 2, 0, tzinfo=UTC)


def test_a_time_of_today_that_has_passed_is_left_to_the_next_date() -> None:
    assert CalendarInterval(weeks=1, hour=9).first(NOW) == datetime(2025, 3, 8, 9, tzinfo=UTC)


def test_months_without_the_day_are_left_out() -> None:
    trigger = CalendarInterval(months=1, start=date(2025, 1, 31))
    assert [found.month for found in trigger.between(NOW, NOW + timedelta(days=200))] == [3, 5, 7, 8]


def test_the_end_is_the_last_date() -> None:
    trigger = CalendarInterval(days=1, hour=9, start=date(2025, 3, 1), end=date(2025, 3, 3))
    assert [found.day for found in trigger.between(NOW, NOW + timedelta(days=9))] == [2, 3]


def test_counting_and_looking_back_take_the_dates_into_account() -> None:
    trigger = CalendarInterval(months=1, start=date(2025, 1, 31), hour=6)
    assert trigger.last_before(NOW) == datetime(2025, 1, 31, 6, tzinfo=UTC)
    assert trigger.count_between(NOW, datetime(2026, 1, 1, tzinfo=UTC)) == (6, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "at least one day"),
        ({"months": -1}, "months must be a whole number"),
        ({"days": 1, "hour": 24}, "hour must be a whole number from 0 to 23"),
        ({"days": 1.5}, "days must be a whole number"),
        ({"days": 1, "start": "2025-01-02", "end": "2025-01-01"}, "is before start"),
        ({"days": 1, "start": "monday"}, "start 'monday' is not a date"),
    ],
)
def test_a_wrong_calendar_interval_is_refused_with_why(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(TriggerError, match=message):
        CalendarInterval(**arguments)
