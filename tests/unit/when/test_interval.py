"""Intervals: a fixed rate in elapsed time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from horarium.errors import TriggerError
from horarium.when import Interval, every

from .model import PROPERTY, instants

NOW = datetime(2025, 3, 1, 12, 0, 30, tzinfo=UTC)


def test_without_a_start_the_first_occurrence_is_one_interval_after_the_job_was_added() -> None:
    assert every(minutes=10).first(NOW) == NOW + timedelta(minutes=10)


def test_an_anchored_interval_keeps_its_phase_whenever_it_is_asked() -> None:
    trigger = every(minutes=10).anchored(NOW)
    assert trigger.next_after(NOW + timedelta(days=3, seconds=1)) == NOW + timedelta(days=3, minutes=10)


def test_anchoring_again_changes_nothing() -> None:
    trigger = every(minutes=10).anchored(NOW)
    assert trigger.anchored(NOW + timedelta(minutes=3)) is trigger


def test_a_relative_interval_counts_from_the_occurrence_it_is_given() -> None:
    trigger = every(minutes=10)
    assert trigger.next_after(NOW) == NOW + timedelta(minutes=10)
    assert trigger.last_before(NOW + timedelta(minutes=35), NOW) == NOW + timedelta(minutes=30)
    assert trigger.missed_summary(NOW, NOW + timedelta(minutes=35), 1).count == 3


def test_a_start_is_the_first_occurrence() -> None:
    start = datetime(2025, 3, 2, tzinfo=UTC)
    assert every(hours=1, start=start).first(NOW) == start


def test_a_start_in_the_past_gives_the_phase() -> None:
    assert every(hours=1, start=datetime(2020, 1, 1, 0, 5, tzinfo=UTC)).first(NOW) == datetime(
        2025, 3, 1, 12, 5, tzinfo=UTC
    )


def test_an_occurrence_that_is_now_is_the_first() -> None:
    assert every(hours=1, start=NOW).first(NOW) == NOW


def test_the_end_is_the_last_possible_time() -> None:
    trigger = every(hours=1, start=NOW, end=NOW + timedelta(hours=2))
    assert list(trigger.between(NOW, NOW + timedelta(days=1))) == [NOW + timedelta(hours=1), NOW + timedelta(hours=2)]


def test_elapsed_time_does_not_follow_the_wall_clock() -> None:
    # Rome goes from UTC+1 to UTC+2 on 30 March.
    trigger = every(days=1, start="2025-03-29 12:00", timezone="Europe/Rome")
    assert trigger.next_after(datetime(2025, 3, 29, 11, tzinfo=UTC)) == datetime(2025, 3, 30, 11, tzinfo=UTC)


def test_a_naive_start_is_in_the_jobs_zone_once_that_is_bound() -> None:
    trigger = every(hours=1, start="2030-01-01 00:00").in_zone("Asia/Tokyo")
    assert trigger.first(NOW) == datetime(2029, 12, 31, 15, tzinfo=UTC)


def test_a_zone_of_its_own_is_not_replaced_by_the_jobs() -> None:
    trigger = every(hours=1, start="2030-01-01 00:00", timezone="Europe/Rome").in_zone("Asia/Tokyo")
    assert trigger.timezone == "Europe/Rome"


def test_milliseconds_are_exact() -> None:
    trigger = every(milliseconds=1).anchored(NOW)
    times = list(islice(trigger.between(NOW, NOW + timedelta(days=1)), 1000))
    assert times[-1] == NOW + timedelta(seconds=1)


@PROPERTY
@given(
    length=st.integers(1, 10**13),
    base=instants(),
    after=instants(),
    other=st.sampled_from([UTC, timezone(timedelta(hours=5))]),
)
def test_occurrences_are_the_start_plus_whole_intervals(
    length: int, base: datetime, after: datetime, other: timezone
) -> None:
    trigger = Interval(timedelta(microseconds=length), start=base)
    found = trigger.next_after(after.astimezone(other))
    assert found is not None
    steps = max(0, (after - base) // timedelta(microseconds=length) + 1)
    assert found == base + steps * timedelta(microseconds=length)


@PROPERTY
@given(length=st.integers(1, 10**10), span=st.integers(0, 10**14))
def test_any_number_of_missed_occurrences_is_counted_exactly(length: int, span: int) -> None:
    trigger = every(milliseconds=length / 1000).anchored(NOW)
    assert trigger.count_between(NOW, NOW + timedelta(microseconds=span)) == (span // length, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "needs a length"),
        ({"seconds": 1e-9}, "an interval is at least a microsecond long"),
        ({"milliseconds": -1e-5}, "an interval is at least a microsecond long"),
        ({"minutes": -1}, "more than nothing"),
        ({"seconds": float("nan")}, "finite numbers"),
        ({"days": 1e30}, "finite numbers"),
        ({"days": 40_000}, "longer than 100 years"),
        ({"minutes": "5"}, "finite numbers"),
        ({"minutes": 5, "jitter": -1}, "jitter must be a number of seconds"),
        ({"minutes": 5, "start": "soon"}, "start 'soon' is not a date and time"),
        ({"minutes": 5, "start": "2025-01-02", "end": "2025-01-01"}, "is before start"),
        ({"minutes": 5, "timezone": "Mars/Olympus"}, "no time zone 'Mars/Olympus'"),
    ],
)
def test_a_wrong_interval_is_refused_at_once_with_why(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(TriggerError, match=message):
        every(**arguments)
