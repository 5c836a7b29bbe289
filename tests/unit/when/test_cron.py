"""Cron expressions: what is read, what is refused, and bounds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest

from horarium.errors import TriggerError
from horarium.when import Cron, cron

NOW = datetime(2025, 3, 1, 12, 0, 30, tzinfo=UTC)  # a Saturday


def times(expression: str, count: int = 3) -> list[str]:
    return [
        f"{found:%d %b %H:%M:%S}" for found in islice(Cron(expression).between(NOW, NOW + timedelta(days=3650)), count)
    ]


def test_six_fields_begin_with_the_second() -> None:
    assert times("*/20 1 13 * * *") == ["01 Mar 13:01:00", "01 Mar 13:01:20", "01 Mar 13:01:40"]


@pytest.mark.parametrize("weekday", ["0", "7", "SUN", "sun"])
def test_weekdays_0_and_7_are_sunday(weekday: str) -> None:
    assert times(f"0 6 * * {weekday}", 1) == ["02 Mar 06:00:00"]


def test_weekday_1_is_monday() -> None:
    assert times("0 6 * * 1", 1) == ["03 Mar 06:00:00"]


def test_names_of_months_are_read_in_any_case() -> None:
    assert times("0 6 1 Jan,APR *", 2) == ["01 Apr 06:00:00", "01 Jan 06:00:00"]


@pytest.mark.parametrize(
    ("alias", "expression"),
    [
        ("@daily", "0 0 * * *"),
        ("@Midnight", "0 0 * * *"),
        ("@hourly", "0 * * * *"),
        ("@weekly", "0 0 * * 0"),
        ("@monthly", "0 0 1 * *"),
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
    ],
)
def test_an_alias_is_its_expression(alias: str, expression: str) -> None:
    assert times(alias) == times(expression)


def test_last_weekday_and_nth_weekday_are_understood() -> None:
    assert times("0 6 L * *", 1) == ["31 Mar 06:00:00"]
    assert times("0 6 LW * *", 1) == ["31 Mar 06:00:00"]
    assert times("0 6 * * 5L", 1) == ["28 Mar 06:00:00"]
    assert times("0 6 * * MON#2", 1) == ["10 Mar 06:00:00"]


def test_a_leap_day_is_found_years_ahead() -> None:
    assert Cron("0 0 29 2 *").next_after(NOW) == datetime(2028, 2, 29, tzinfo=UTC)


def test_a_leap_day_on_a_monday_is_found_decades_ahead() -> None:
    assert Cron("0 0 29 2 */7,1").next_after(NOW) is not None
    assert Cron("0 0 */29 2 1", "UTC").next_after(datetime(2044, 3, 1, tzinfo=UTC)) is not None


def test_now_counts_for_the_first_occurrence_and_not_for_the_next() -> None:
    now = datetime(2025, 3, 1, 12, tzinfo=UTC)
    trigger = Cron("0 * * * *")
    assert trigger.first(now) == now
    assert trigger.next_after(now) == now + timedelta(hours=1)


def test_start_and_end_are_both_included() -> None:
    trigger = cron("0 * * * *", start="2025-03-01 14:00", end="2025-03-01 16:00")
    assert [found.hour for found in trigger.between(NOW, NOW + timedelta(days=2))] == [14, 15, 16]


def test_a_naive_bound_is_in_the_triggers_zone() -> None:
    trigger = cron("0 * * * *", "Asia/Tokyo", start="2025-03-02 00:00")
    assert trigger.next_after(NOW) == datetime(2025, 3, 1, 15, tzinfo=UTC)


def test_there_is_nothing_after_the_end() -> None:
    assert cron("0 * * * *", end=NOW).next_after(NOW) is None


def test_there_is_nothing_before_the_start() -> None:
    assert cron("0 * * * *", start=NOW).last_before(NOW) is None


def test_the_jobs_zone_is_bound_where_none_was_given() -> None:
    assert cron("0 6 * * *").in_zone("Africa/Lome").timezone == "Africa/Lome"
    assert cron("0 6 * * *", "UTC").in_zone("Africa/Lome").timezone == "UTC"


def test_spaces_do_not_make_another_schedule() -> None:
    assert cron("0  6 * *  * ").same_schedule(cron("0 6 * * *"))


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("0 25 * * *", "cron expression '0 25 \\* \\* \\*': bad hour"),
        ("61 * * * *", "bad minute"),
        ("0 0 0 * *", "bad day-of-month"),
        ("0 0 30 2 *", "bad day-of-month"),
        ("0 0 * 13 *", "bad month"),
        ("0 0 * * 8", "bad day-of-week"),
        ("0 0 * * FRIDAY", "bad day-of-week"),
        ("5-1 * * * *", "bad minute"),
        ("*/0 * * * *", "bad minute"),
        ("* * *", "wrong number of fields"),
        ("* * * * * * *", "wrong number of fields"),
        ("", "wrong number of fields"),
        ("@reboot", "is not one of @yearly"),
        ("1," * 900 + "1 * * * *", "is too long"),
    ],
)
def test_a_wrong_expression_is_refused_at_once_with_the_field(expression: str, message: str) -> None:
    with pytest.raises(TriggerError, match=message):
        Cron(expression)


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(TriggerError, match="must be text"):
        Cron(5)
