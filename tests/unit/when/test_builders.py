"""The functions with which people say when, and the words in which triggers answer."""

from __future__ import annotations

import enum
from datetime import UTC, date, datetime, time, timedelta

import pytest

from horarium.errors import TriggerError
from horarium.when import (
    CalendarInterval,
    CronFields,
    Trigger,
    Weekday,
    any_of,
    at,
    cron,
    daily,
    every,
    monthly,
    weekly,
)


class DayOfWeek(enum.Enum):
    """An application's own enumeration, with other values."""

    MONDAY = "mon-day"
    THURSDAY = 4


@pytest.mark.parametrize(
    ("trigger", "expression"),
    [
        (daily(), "0 0 * * *"),
        (daily(6), "0 6 * * *"),
        (daily(6, 30), "30 6 * * *"),
        (daily(6, 30, 15), "15 30 6 * * *"),
        (daily("06:30"), "30 6 * * *"),
        (daily("6:30"), "30 6 * * *"),
        (daily("06:30:15"), "15 30 6 * * *"),
        (daily(time(6, 30)), "30 6 * * *"),
        (weekly("mon", 14), "0 14 * * MON"),
        (weekly("thu, Monday", "14:00"), "0 14 * * MON,THU"),
        (weekly(["Thursday", 0, "monday"], 14), "0 14 * * MON,THU"),
        (weekly([Weekday.SUNDAY], 14), "0 14 * * SUN"),
        (weekly(6, 14), "0 14 * * SUN"),
        (weekly([DayOfWeek.THURSDAY, DayOfWeek.MONDAY], 14), "0 14 * * MON,THU"),
        (monthly(), "0 0 1 * *"),
        (monthly([15, 1], 9), "0 9 1,15 * *"),
        (monthly("1, 15", 9), "0 9 1,15 * *"),
        (monthly("last", "23:00"), "0 23 L * *"),
        (monthly([31, "last"], 9), "0 9 31,L * *"),
    ],
)
def test_times_of_day_become_cron_expressions(trigger: Trigger, expression: str) -> None:
    assert trigger == cron(expression)


def test_a_month_that_lacks_a_day_goes_without_it() -> None:
    start = datetime(2025, 1, 15, tzinfo=UTC)
    assert [found.month for found in monthly(31).between(start, start + timedelta(days=180))] == [1, 3, 5]


def test_the_last_day_comes_in_every_month() -> None:
    start = datetime(2025, 1, 15, tzinfo=UTC)
    assert [found.day for found in monthly("last").between(start, start + timedelta(days=110))] == [31, 28, 31, 30]


def test_zone_bounds_and_jitter_are_passed_on() -> None:
    trigger = daily(6, timezone="Africa/Lome", start="2025-01-01", end=date(2026, 1, 1), jitter=timedelta(minutes=1))
    assert trigger == cron("0 6 * * *", "Africa/Lome", start="2025-01-01", end="2026-01-01", jitter=60)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: daily(24), "hour must be a whole number from 0 to 23, not 24"),
        (lambda: daily(6, 60), "minute must be"),
        (lambda: daily("six"), "the time of day 'six' cannot be read"),
        (lambda: daily("25:00"), "cannot be read"),
        (lambda: daily("06:00", 30), "not both"),
        (lambda: daily(time(6, tzinfo=UTC)), "must have no zone"),
        (lambda: daily(True), "hour must be"),
        (lambda: daily(6, timezone="Africa/Lom"), "did you mean 'Africa/Lome'"),
        (lambda: weekly([]), "days is empty"),
        (lambda: weekly("mo"), "'mo' is no day of the week"),
        (lambda: weekly(7), "7 is no day of the week"),
        (lambda: weekly([None]), "None is no day of the week"),
        (lambda: monthly(0), "0 is no day of the month"),
        (lambda: monthly([1, 32]), "32 is no day of the month"),
        (lambda: monthly("first"), "'first' is no day of the month"),
        (lambda: monthly(30, start="x"), "start 'x' is not a date and time"),
        (lambda: at("tomorrow"), "when 'tomorrow' is not a date and time"),
        (lambda: at(5), "when must be a datetime"),
    ],
)
def test_what_cannot_be_is_refused_at_once_with_why(build: object, message: str) -> None:
    with pytest.raises(TriggerError, match=message):
        build()


@pytest.mark.parametrize(
    ("trigger", "words"),
    [
        (every(minutes=10), "every 10 minutes"),
        (every(hours=1), "every hour"),
        (every(minutes=90), "every 1 hour 30 minutes"),
        (every(weeks=2), "every 2 weeks"),
        (every(days=8), "every 8 days"),
        (every(milliseconds=250), "every 250 milliseconds"),
        (every(seconds=1.5), "every 1 second 500 milliseconds"),
        (
            every(hours=1, start="2025-01-01", end="2025-02-01 10:00:05", jitter=5),
            "every hour, from 2025-01-01 00:00, until 2025-02-01 10:00:05, up to 5 s later",
        ),
        (daily(6, timezone="Africa/Lome"), "daily at 06:00 (Africa/Lome)"),
        (daily("06:00:30"), "daily at 06:00:30"),
        (cron("0 6,18 * * *", "UTC"), "daily at 06:00, 18:00 (UTC)"),
        (cron("0 */6 * * *"), "daily at 00:00, 06:00, 12:00, 18:00"),
        (weekly("thu, mon", 14), "weekly on Monday, Thursday at 14:00"),
        (weekly("sun", 14), "weekly on Sunday at 14:00"),
        (monthly([1, 15], 9), "monthly on day 1, 15 at 09:00"),
        (monthly([1, "last"], 9), "monthly on day 1 and the last day at 09:00"),
        (monthly("last", 9), "monthly on the last day at 09:00"),
        (cron("@hourly"), "every hour at :00"),
        (cron("*/15 * * * *"), "every 15 minutes"),
        (cron("* * * * *"), "every minute"),
        (cron("*/10 * * * * *"), "every 10 seconds"),
        (cron("* * * * * *"), "every second"),
        (cron("30 * * * * *"), "cron 30 * * * * *"),
        (cron("*/7 * * * *"), "cron */7 * * * *"),
        (cron("0 9-17 * * 1-5", "UTC"), "cron 0 9-17 * * 1-5 (UTC)"),
        (cron("0 6 13 * 5"), "cron 0 6 13 * 5"),
        (cron("0 6 * * 5L"), "cron 0 6 * * 5L"),
        (cron("0 6 LW * *"), "cron 0 6 LW * *"),
        (cron("0 6 * jan *"), "cron 0 6 * jan *"),
        (CronFields(hour=6, minute=0, timezone="Africa/Lome"), "daily at 06:00 (Africa/Lome)"),
        (CronFields(day_of_week="mon,thu", hour=14), "weekly on Monday, Thursday at 14:00"),
        (CronFields(day="1,last", hour=9), "monthly on day 1 and the last day at 09:00"),
        (CronFields(day="1st mon", hour=9), "cron[day=1st mon, hour=9]"),
        (CronFields(minute=0), "every hour at :00"),
        (CalendarInterval(months=1, hour=9), "every month at 09:00"),
        (CalendarInterval(months=2, days=1, hour=9, minute=5), "every 2 months 1 day at 09:05"),
        (at("2025-10-13 15:30:00", "Europe/Rome"), "once at 2025-10-13 15:30 (Europe/Rome)"),
        (at("2025-10-13T15:30:00Z"), "once at 2025-10-13 15:30 (UTC)"),
        (at("2025-10-13T15:30:00Z", "Asia/Tokyo"), "once at 2025-10-14 00:30 (Asia/Tokyo)"),
        (any_of(daily(6), every(hours=1)), "any of: daily at 06:00; every hour"),
    ],
)
def test_a_trigger_says_in_words_when_it_comes(trigger: Trigger, words: str) -> None:
    assert trigger.describe() == words
