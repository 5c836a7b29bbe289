"""APScheduler's triggers taken over: its objects, its spellings, and its fire times while clocks are left alone."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.calendarinterval import CalendarIntervalTrigger
from apscheduler.triggers.combining import AndTrigger, OrTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger
from hypothesis import given, settings
from hypothesis import strategies as st

from horarium.engines.apscheduler import PlanTrigger, convert_trigger
from horarium.errors import TriggerError
from horarium.when import (
    AnyOf,
    CalendarInterval,
    CronFields,
    Interval,
    Once,
    Trigger,
    all_of,
    any_of,
    at,
    cron,
    daily,
    every,
)

ROME = ZoneInfo("Europe/Rome")
PROPERTY = settings(max_examples=60, deadline=None)
# In summer and in winter, weeks away from the changes of clocks in Rome.
NOW = st.sampled_from([datetime(2025, 5, 5, tzinfo=UTC), datetime(2025, 12, 1, tzinfo=UTC)]).flatmap(
    lambda begin: st.integers(0, 20 * 86_400_000_000).map(lambda micros: begin + timedelta(microseconds=micros))
)
HORIZON = timedelta(days=60)
NAIVE = datetime(2025, 10, 13, 15)  # noqa: DTZ001 - read in the trigger's zone
END = "2026-03-01 00:00:00"


def theirs(native: BaseTrigger, now: datetime, count: int, *, steps: bool = True) -> list[datetime]:
    """The first times. Without `steps` each is asked for anew: an AndTrigger that knows the last one never answers."""
    found: list[datetime] = []
    time = native.get_next_fire_time(None, now)
    while time is not None and len(found) < count and time < now + HORIZON:
        found.append(time.astimezone(UTC))
        previous = time if steps else None
        time = native.get_next_fire_time(previous, time if steps else time + timedelta(microseconds=1))
    return found


def ours(trigger: Trigger, now: datetime, count: int) -> list[datetime]:
    first = trigger.first(now)
    if first is None or first >= now + HORIZON:
        return []
    later = trigger.anchored(now).between(first, now + HORIZON - timedelta(microseconds=1), count - 1)
    return [first, *later][:count]


# --- the same times


lengths = st.fixed_dictionaries(
    {}, optional={"days": st.integers(1, 9), "hours": st.integers(1, 30), "seconds": st.integers(1, 9999)}
)
bounds = st.fixed_dictionaries(
    {},
    optional={
        "start_date": st.sampled_from(["2025-05-10 12:00:00", "2025-01-07 06:30:15", "2025-12-05"]),
        "end_date": st.sampled_from(["2025-05-31 12:00:00", "2026-12-31 23:59:59", "2025-12-24"]),
    },
).filter(lambda given: given.get("start_date", "") < given.get("end_date", "2027"))
cron_fields = st.fixed_dictionaries(
    {},
    optional={
        "month": st.sampled_from(["*", "5,6,12", "jan-may", 12]),
        "day": st.sampled_from(["*", "1,15", "last", "2nd fri", "*/4", 31]),
        "week": st.sampled_from(["*", "20-25", "*/2"]),
        "day_of_week": st.sampled_from(["*", "mon-fri", "0", "sat,sun", 6]),
        "hour": st.sampled_from(["*", "6", "*/5", "8-18/2", 23]),
        "minute": st.sampled_from(["*", "0", "*/17", "5,55"]),
        "second": st.sampled_from(["0", "*/30", 59]),
    },
)


@PROPERTY
@given(length=lengths, between=bounds, now=NOW)
def test_intervals_fire_when_apschedulers_do(length: dict[str, int], between: dict[str, str], now: datetime) -> None:
    between.setdefault("start_date", "2025-03-01 00:00:01")
    native = IntervalTrigger(**length, **between, timezone=ROME)
    expected = theirs(native, now, 20)
    assert ours(convert_trigger(native), now, 20) == expected
    assert ours(convert_trigger("interval", length | between, "Europe/Rome"), now, 20) == expected


@PROPERTY
@given(fields=cron_fields, between=bounds, now=NOW)
def test_cron_fires_when_apschedulers_does(fields: dict[str, Any], between: dict[str, str], now: datetime) -> None:
    between.setdefault("end_date", END)  # APScheduler would search for a time that never comes up to the year 9999
    native = CronTrigger(**fields, **between, timezone=ROME)
    expected = theirs(native, now, 20)
    assert ours(convert_trigger(native), now, 20) == expected
    assert ours(convert_trigger("cron", fields | between, ROME), now, 20) == expected


@PROPERTY
@given(
    steps=st.fixed_dictionaries(
        {"days": st.integers(1, 20)}, optional={"weeks": st.integers(0, 3), "months": st.integers(0, 1)}
    ),
    hour=st.integers(4, 23),
    now=NOW,
)
def test_calendar_intervals_fire_when_apschedulers_do(steps: dict[str, int], hour: int, now: datetime) -> None:
    start = (now + timedelta(days=1)).date()
    native = CalendarIntervalTrigger(**steps, hour=hour, start_date=start, timezone=ROME)
    assert ours(convert_trigger(native), now, 10) == theirs(native, now, 10)
    spelled = convert_trigger("calendarinterval", {**steps, "hour": hour, "start_date": str(start)}, "Europe/Rome")
    assert spelled == convert_trigger(native)


@PROPERTY
@given(first=cron_fields, second=cron_fields, now=NOW)
def test_either_of_two_fires_when_apschedulers_or_does(
    first: dict[str, Any], second: dict[str, Any], now: datetime
) -> None:
    native = OrTrigger([CronTrigger(**fields, end_date=END, timezone=ROME) for fields in (first, second)])
    assert ours(convert_trigger(native), now, 20) == theirs(native, now, 20)


@PROPERTY
@given(hours=st.sets(st.integers(0, 23), min_size=1), days=st.sets(st.integers(0, 6), min_size=1), now=NOW)
def test_both_of_two_fire_when_apschedulers_and_does(hours: set[int], days: set[int], now: datetime) -> None:
    by_hour = CronTrigger(hour=",".join(map(str, hours)), timezone=ROME)
    by_day = CronTrigger(day_of_week=",".join(map(str, days)), hour="*", timezone=ROME)
    native = AndTrigger([by_hour, by_day])
    assert ours(convert_trigger(native), now, 20) == theirs(native, now, 20, steps=False)


@pytest.mark.parametrize("run_date", ["2025-10-13 15:30:00", "2025-1-3 5:30:00", "2025-10-13", NAIVE])
def test_dates_are_those_of_apscheduler(run_date: Any) -> None:
    native = DateTrigger(run_date, ROME)
    now = datetime(2020, 1, 1, tzinfo=UTC)
    expected = theirs_once(native, now)
    assert convert_trigger(native).first(now) == expected
    assert convert_trigger(None, {"run_date": run_date}, "Europe/Rome").first(now) == expected
    assert convert_trigger("date", {"run_date": run_date, "timezone": ROME}).first(now) == expected


def theirs_once(native: DateTrigger, now: datetime) -> datetime:
    time: datetime = native.get_next_fire_time(None, now)
    return time.astimezone(UTC)


def test_a_jitter_is_kept_and_spread_by_our_rule() -> None:
    trigger = convert_trigger(CronTrigger(hour=6, jitter=90, timezone=ROME)).seeded("job")
    now = datetime(2025, 5, 5, tzinfo=UTC)
    nominal = convert_trigger(CronTrigger(hour=6, timezone=ROME)).first(now)
    found = trigger.first(now)
    assert nominal is not None and found is not None
    assert trigger.jitter == 90
    assert nominal <= found <= nominal + timedelta(seconds=90)


# --- spellings


@pytest.mark.parametrize(
    ("alias", "args", "expected"),
    [
        ("cron", {"hour": 6}, CronFields(hour=6, timezone="Africa/Lome")),
        (
            "cron",
            {"day_of_week": "mon", "hour": "9", "timezone": "UTC"},
            CronFields(day_of_week="mon", hour=9, timezone="UTC"),
        ),
        ("interval", {"minutes": 10}, every(minutes=10, timezone="Africa/Lome")),
        ("interval", {"seconds": 0.5, "jitter": 2}, every(seconds=0.5, jitter=2, timezone="Africa/Lome")),
        (None, {"run_date": "2025-10-13 15:30:00"}, at("2025-10-13 15:30:00", "Africa/Lome")),
        ("date", {"run_date": "2025-10-13T15:30:00+02:00"}, at("2025-10-13T13:30:00+00:00", "Africa/Lome")),
        ("calendarinterval", {"months": 1}, CalendarInterval(months=1, timezone="Africa/Lome")),
        ("or", {"triggers": [every(hours=1), daily(6)], "jitter": 3}, any_of(every(hours=1), daily(6), jitter=3)),
        ("and", {"triggers": [cron("0 * * * *"), daily(6)]}, all_of(cron("0 * * * *"), daily(6))),
    ],
)
def test_spellings_are_understood(alias: str | None, args: dict[str, Any], expected: Trigger) -> None:
    assert convert_trigger(alias, args, "Africa/Lome") == expected


def test_an_alias_without_a_zone_leaves_it_to_the_job() -> None:
    assert convert_trigger("cron", {"hour": 6}) == CronFields(hour=6)


def test_our_own_triggers_pass_through() -> None:
    trigger = every(hours=1)
    assert convert_trigger(trigger) is trigger
    assert convert_trigger(PlanTrigger(trigger)) is trigger


def test_an_interval_without_a_start_is_the_same_schedule_at_every_boot() -> None:
    first, second = (convert_trigger(IntervalTrigger(hours=24, timezone=ROME)) for _ in range(2))
    assert first != second
    assert first.same_schedule(second)


def test_an_interval_with_a_start_is_another_schedule_with_another_start() -> None:
    first, second = (
        convert_trigger(IntervalTrigger(hours=24, start_date=start, timezone=ROME))
        for start in ("2025-01-01 06:00:00", "2025-01-01 07:00:00")
    )
    assert not first.same_schedule(second)


def test_a_calendar_interval_without_a_start_is_the_same_schedule_at_every_boot() -> None:
    today, spelled = (
        CalendarIntervalTrigger(months=1, timezone=ROME),
        convert_trigger("calendarinterval", {"months": 1}, ROME),
    )
    assert convert_trigger(today).same_schedule(spelled)


def test_an_interval_may_have_a_bare_offset_since_its_times_are_aware() -> None:
    offset = timezone(timedelta(hours=2))
    trigger = convert_trigger(IntervalTrigger(hours=1, start_date=datetime(2025, 1, 1, tzinfo=offset)))
    assert trigger == Interval(timedelta(hours=1), start=datetime(2024, 12, 31, 22, tzinfo=UTC))


# --- refusals


class OwnTrigger(BaseTrigger):  # type: ignore[misc]  # APScheduler has no annotations
    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        return now


class OwnCron(CronTrigger):  # type: ignore[misc]  # APScheduler has no annotations
    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        return now


class NamedCron(CronTrigger):  # type: ignore[misc]  # APScheduler has no annotations
    """Adds nothing to its times."""


@pytest.mark.parametrize("trigger", [OwnTrigger(), OwnCron(hour=6, timezone=UTC), OrTrigger([OwnTrigger()])])
def test_a_trigger_class_of_ones_own_is_refused_with_why(trigger: BaseTrigger) -> None:
    with pytest.raises(TriggerError, match=r"trigger class of your own.*JSON.*any_of"):
        convert_trigger(trigger)


def test_a_subclass_that_changes_no_times_is_what_it_extends() -> None:
    assert convert_trigger(NamedCron(hour=6, timezone=UTC)) == CronFields(hour=6, timezone="UTC")


@pytest.mark.parametrize(
    ("trigger", "args", "message"),
    [
        ("weekly", {}, "there is no trigger 'weekly'; the names are interval, cron"),
        ("weekly", {}, r"A schedule is every\(minutes=5\), cron\("),
        ("every 5 min", {}, r"Every so often is every\(seconds=300\)"),
        ("10m", {}, r"Every so often is every\(seconds=600\)"),
        ("*/5 * * * *", {}, r"A cron expression is cron\('\*/5 \* \* \* \*'\)"),
        ("@daily", {}, r"A cron expression is cron\('@daily'\)"),
        ("interval", {"hour": 3}, "interval: there is no argument 'hour'; there are weeks, days, hours"),
        (None, {"hour": 3}, "say trigger='cron' or 'interval'"),
        ("cron", {"hour": 25}, "hour '25' is not within 0 to 23"),
        ("cron", {"hour": 6, "timezone": "Europe/Roma"}, "there is no time zone 'Europe/Roma'"),
        ("interval", {"minutes": "ten"}, "finite numbers"),
        ("date", {"run_date": "tomorrow"}, "run_date 'tomorrow' is not a date and time"),
        ("or", {"triggers": "cron"}, "triggers must be a list"),
        (every(hours=1), {"hours": 2}, "this trigger is an object already"),
        (42, {}, "not 42"),
    ],
)
def test_what_cannot_be_understood_is_said(trigger: object, args: dict[str, Any], message: str) -> None:
    with pytest.raises(TriggerError, match=message):
        convert_trigger(trigger, args)


def test_a_cron_trigger_needs_a_zone_with_a_name() -> None:
    with pytest.raises(TriggerError, match="no IANA name"):
        convert_trigger(CronTrigger(hour=6, timezone=timezone(timedelta(hours=2))))


# --- as APScheduler sees ours


@pytest.mark.parametrize(
    ("trigger", "text"),
    [
        (every(hours=1), "interval[1:00:00]"),
        (every(days=1, seconds=0.5), "interval[1 day, 0:00:00.500000]"),
        (CronFields(hour=6, minute=0), "cron[hour='6', minute='0']"),
        (cron("0 6 * * *"), "cron[0 6 * * *]"),
        (at("2025-10-13 15:30:00", "Europe/Rome"), "date[2025-10-13 15:30:00 CEST]"),
        (any_of(every(hours=1), CronFields(hour=6)), "or[interval[1:00:00], cron[hour='6']]"),
        (all_of(CronFields(hour=6), CronFields(day="last")), "and[cron[hour='6'], cron[day='last']]"),
        (CalendarInterval(months=1, hour=6), "calendarinterval[months=1, hour=6]"),
    ],
)
def test_a_trigger_is_shown_as_apscheduler_shows_its_own(trigger: Trigger, text: str) -> None:
    assert str(PlanTrigger(trigger)) == text


@pytest.mark.parametrize(
    "native",
    [
        IntervalTrigger(hours=1, start_date="2025-01-01 00:00:00", timezone=ROME),
        CronTrigger(day_of_week="mon-fri", hour="6,18", minute="*/15", timezone=ROME),
        DateTrigger("2025-10-13 15:30:00", ROME),
        OrTrigger([CronTrigger(hour=6, timezone=ROME), CronTrigger(hour=7, timezone=ROME)]),
    ],
)
def test_what_was_taken_over_looks_as_before(native: BaseTrigger) -> None:
    assert str(PlanTrigger(convert_trigger(native))) == str(native)


def test_a_shown_trigger_answers_in_its_zone() -> None:
    shown = PlanTrigger(CronFields(hour=6, timezone="Europe/Rome"))
    first = shown.get_next_fire_time(None, datetime(2025, 7, 1, tzinfo=UTC))
    assert str(first) == "2025-07-01 06:00:00+02:00"
    assert str(shown.get_next_fire_time(first, first)) == "2025-07-02 06:00:00+02:00"


def test_a_shown_trigger_ends_as_its_trigger_does() -> None:
    shown = PlanTrigger(Once(datetime(2025, 7, 1, tzinfo=UTC)))
    first = shown.get_next_fire_time(None, datetime(2025, 8, 1, tzinfo=UTC))
    assert first == datetime(2025, 7, 1, tzinfo=UTC)
    assert shown.get_next_fire_time(first, first) is None


def test_a_shown_trigger_tells_what_apschedulers_tell() -> None:
    shown = PlanTrigger(every(hours=1, start="2025-01-01 00:00:00", jitter=5, timezone="Europe/Rome"))
    assert (shown.interval, shown.jitter, shown.timezone) == (timedelta(hours=1), 5.0, ROME)
    with pytest.raises(AttributeError):
        _ = shown.run_date
    parts = PlanTrigger(AnyOf((every(hours=1), every(hours=2)))).triggers
    assert [part.interval for part in parts] == [timedelta(hours=1), timedelta(hours=2)]


def test_a_shown_trigger_can_be_copied_and_exported() -> None:
    shown = PlanTrigger(CronFields(hour=6, timezone="Europe/Rome"))
    assert pickle.loads(pickle.dumps(shown)) == shown
