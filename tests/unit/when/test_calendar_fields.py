"""Fields in APScheduler's language: defaults, bounds, refusals. Their times are compared in test_oracles."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from horarium.errors import TriggerError
from horarium.when import CronFields

NOW = datetime(2025, 3, 1, 12, 0, 30, tzinfo=UTC)  # a Saturday


def test_fields_after_the_last_one_given_are_at_their_minimum() -> None:
    assert CronFields(hour=6).next_after(NOW) == datetime(2025, 3, 2, 6, tzinfo=UTC)


def test_fields_before_the_last_one_given_are_stars() -> None:
    assert CronFields(second=0).next_after(NOW) == datetime(2025, 3, 1, 12, 1, tzinfo=UTC)


def test_without_any_field_it_is_every_second() -> None:
    assert CronFields().next_after(NOW) == datetime(2025, 3, 1, 12, 0, 31, tzinfo=UTC)


def test_weekday_0_is_monday() -> None:
    assert CronFields(day_of_week=0).next_after(NOW) == datetime(2025, 3, 3, tzinfo=UTC)


def test_a_past_year_has_no_next_time() -> None:
    assert CronFields(year=2020).next_after(NOW) is None
    assert CronFields(year=2020, month=5).last_before(NOW) == datetime(2020, 5, 1, tzinfo=UTC)


def test_a_far_year_is_found() -> None:
    assert CronFields(year=9000).next_after(NOW) == datetime(9000, 1, 1, tzinfo=UTC)


def test_all_hours_of_a_far_year_are_found_without_walking_there() -> None:
    trigger = CronFields(year=9000, month="*", day=1, hour="*", timezone="Europe/Rome")
    assert trigger.next_after(NOW) == datetime(8999, 12, 31, 23, tzinfo=UTC)
    assert trigger.last_before(datetime(9999, 1, 1, tzinfo=UTC)) == datetime(9000, 12, 1, 22, tzinfo=UTC)


def test_a_day_that_never_comes_has_no_next_time() -> None:
    assert CronFields(month=2, day=30).next_after(NOW) is None


def test_week_53_is_found_in_the_years_that_have_one() -> None:
    assert CronFields(week=53, day_of_week="mon").next_after(NOW) == datetime(2026, 12, 28, tzinfo=UTC)


def test_all_hours_in_the_field_follow_real_time() -> None:
    after = datetime(2025, 10, 26, tzinfo=UTC)
    both = [
        found.hour for found in CronFields(minute=30, timezone="Europe/Rome").between(after, NOW.replace(month=12), 2)
    ]
    assert both == [0, 1]


def test_it_prints_like_apschedulers() -> None:
    assert str(CronFields(hour=6, minute=0)) == "cron[hour=6, minute=0]"


def test_numbers_and_their_text_are_the_same_schedule() -> None:
    assert CronFields(hour=6, day_of_week="MON-FRI").same_schedule(CronFields(hour="6", day_of_week="mon-fri"))


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("hour", 24, "hour '24' is not within 0 to 23"),
        ("minute", "*/60", "the step must be 1 to 59"),
        ("minute", "*/0", "the step must be"),
        ("minute", "5-1", "not within 0 to 59"),
        ("month", "january", "'january' is not one of jan"),
        ("month", "jan-mar/2", "cannot be read"),
        ("day_of_week", "xth fri", "cannot be read"),
        ("day", "6th fri", "cannot be read"),
        ("day", "1st freitag", "'freitag' is not one of mon"),
        ("day", 32, "not within 1 to 31"),
        ("week", 54, "not within 1 to 53"),
        ("year", 1900, "not within 1970 to 9999"),
        ("hour", [1, 2], "hour must be a number or text"),
        ("hour", True, "hour must be a number or text"),
        ("second", "", "cannot be read"),
        ("second", "1," * 400 + "1", "too long"),
    ],
)
def test_a_wrong_field_is_refused_at_once_by_name(field: str, value: object, message: str) -> None:
    with pytest.raises(TriggerError, match=message):
        CronFields(**{field: value})
