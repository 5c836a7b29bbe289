"""Once, any-of and all-of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from horarium.errors import TriggerError
from horarium.when import AllOf, AnyOf, all_of, any_of, at, cron, daily, every, weekly

NOW = datetime(2025, 3, 1, 12, 0, 30, tzinfo=UTC)  # a Saturday


def test_a_time_that_has_passed_is_still_the_first_occurrence() -> None:
    assert at("2020-01-01 00:00").first(NOW) == datetime(2020, 1, 1, tzinfo=UTC)


def test_a_single_time_comes_once() -> None:
    trigger = at("2025-10-13 15:30:00", "Europe/Rome")
    moment = datetime(2025, 10, 13, 13, 30, tzinfo=UTC)
    assert trigger.first(NOW) == trigger.next_after(NOW) == moment
    assert trigger.next_after(moment) is None


def test_a_single_time_in_a_gap_is_the_first_instant_after_it() -> None:
    assert at("2025-03-30 02:30:00.5", "Europe/Rome").first(NOW) == datetime(2025, 3, 30, 1, tzinfo=UTC)


def test_a_single_time_that_comes_twice_is_the_first_of_the_two() -> None:
    assert at("2025-10-26 02:30:00.5", "Europe/Rome").first(NOW) == datetime(
        2025, 10, 26, 0, 30, 0, 500_000, tzinfo=UTC
    )


def test_a_naive_single_time_is_in_the_jobs_zone_once_that_is_bound() -> None:
    assert at("2025-10-13 15:30:00").in_zone("Asia/Tokyo").first(NOW) == datetime(2025, 10, 13, 6, 30, tzinfo=UTC)


def test_any_of_comes_whenever_a_part_does() -> None:
    trigger = any_of(daily(13), daily(14), at("2025-03-01 13:30"))
    assert [found.strftime("%H:%M") for found in trigger.between(NOW, NOW + timedelta(hours=3))] == [
        "13:00",
        "13:30",
        "14:00",
    ]


def test_times_of_any_of_that_meet_are_one() -> None:
    trigger = any_of(cron("0 * * * *"), cron("*/30 * * * *"))
    assert [found.minute for found in trigger.between(NOW, NOW + timedelta(hours=2))] == [30, 0, 30, 0]


def test_parts_of_any_of_keep_their_own_phase() -> None:
    trigger = any_of(every(minutes=7), every(minutes=10)).anchored(NOW)
    minutes = [(found - NOW) // timedelta(minutes=1) for found in trigger.between(NOW, NOW + timedelta(minutes=21))]
    assert minutes == [7, 10, 14, 20, 21]


def test_a_past_single_time_is_the_first_of_any_of() -> None:
    assert any_of(at("2020-01-01"), daily(13)).first(NOW) == datetime(2020, 1, 1, tzinfo=UTC)


def test_any_of_ends_with_its_last_part() -> None:
    assert any_of(at("2020-01-01"), at("2021-01-01")).next_after(NOW) is None


def test_a_long_outage_of_any_of_is_counted_as_at_least() -> None:
    trigger = any_of(cron("* * * * *"), cron("*/5 * * * * *"))
    count = trigger.count_between(NOW, NOW + timedelta(days=365))
    assert count == (365 * 86_400 // 5, False)
    last = trigger.missed_summary(NOW, NOW + timedelta(days=365), 1).last
    assert last == (NOW + timedelta(days=365),)


def test_all_of_comes_when_all_parts_agree() -> None:
    trigger = all_of(cron("0 6 13 * *"), weekly("fri", 6))
    assert trigger.next_after(NOW) == datetime(2025, 6, 13, 6, tzinfo=UTC)
    assert trigger.last_before(NOW) == datetime(2024, 12, 13, 6, tzinfo=UTC)


def test_all_of_compares_instants_and_not_readings() -> None:
    assert all_of(daily(7, timezone="Africa/Lome"), daily(8, timezone="Europe/Rome")).next_after(NOW) == datetime(
        2025, 3, 2, 7, tzinfo=UTC
    )


def test_all_of_finds_where_two_intervals_meet() -> None:
    trigger = all_of(every(minutes=7), every(minutes=11)).anchored(NOW)
    assert trigger.first(NOW) == NOW + timedelta(minutes=77)


def test_all_of_ends_with_its_first_part() -> None:
    trigger = all_of(at("2025-03-01 14:00"), daily(14))
    assert trigger.next_after(NOW) == trigger.first(NOW) == datetime(2025, 3, 1, 14, tzinfo=UTC)
    assert trigger.next_after(datetime(2025, 3, 1, 14, tzinfo=UTC)) is None
    assert trigger.first(datetime(2025, 3, 2, tzinfo=UTC)) is None


def test_parts_that_never_meet_are_refused_when_the_job_is_added() -> None:
    with pytest.raises(TriggerError, match="no common time"):
        all_of(daily(6), daily(7)).first(NOW)


def test_parts_of_all_of_cannot_have_jitter() -> None:
    with pytest.raises(TriggerError, match="cannot have jitter"):
        all_of(daily(6, jitter=5), daily(6))


def test_the_zone_of_the_whole_is_the_one_its_parts_share() -> None:
    assert any_of(daily(6), daily(7)).in_zone("Europe/Rome").timezone == "Europe/Rome"
    assert any_of(daily(6, timezone="UTC"), daily(7)).in_zone("Europe/Rome").timezone is None


def test_the_same_parts_anchored_at_another_time_are_the_same_schedule() -> None:
    trigger = any_of(every(minutes=7), daily(6))
    assert trigger.anchored(NOW).same_schedule(trigger.anchored(NOW + timedelta(hours=1)))


def test_a_list_of_triggers_is_refused_with_what_to_write() -> None:
    with pytest.raises(TriggerError, match=r"one by one, any_of\(first, second\)"):
        any_of([daily(6), daily(7)])  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [AnyOf, AllOf])
@pytest.mark.parametrize("parts", [(), (daily(6), "daily"), daily(6), 5])
def test_what_is_no_list_of_triggers_is_refused(kind: type[AnyOf], parts: object) -> None:
    with pytest.raises(TriggerError, match="trigger"):
        kind(parts)
