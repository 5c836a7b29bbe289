"""What holds for triggers of every kind."""

from __future__ import annotations

import copy
import json
import pickle
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from horarium.when import Trigger, codec

from .model import PROPERTY, instants, triggers

NOW = instants(2023, 2025)
STEPS = 40


def step(trigger: Trigger, after: datetime, count: int = STEPS) -> list[datetime]:
    found = []
    following = trigger.next_after(after)
    while following is not None and len(found) < count:
        found.append(following)
        following = trigger.next_after(following)
    return found


@PROPERTY
@given(trigger=triggers, now=NOW)
def test_occurrences_are_in_utc_and_strictly_ascending(trigger: Trigger, now: datetime) -> None:
    occurrences = [now, *step(trigger, now)]
    assert all(earlier < later for earlier, later in pairwise(occurrences))
    assert all(found.tzinfo is UTC for found in occurrences[1:])


@PROPERTY
@given(trigger=triggers, now=NOW, seconds=st.integers(0, 10**6))
def test_no_occurrence_is_lost_by_starting_to_step_later(trigger: Trigger, now: datetime, seconds: int) -> None:
    later = now + timedelta(seconds=seconds)
    occurrences = step(trigger, now)
    if len(occurrences) == STEPS and occurrences[-1] <= later:
        return
    expected = [found for found in occurrences if found > later]
    assert step(trigger, later)[: len(expected)] == expected


@PROPERTY
@given(trigger=triggers, now=NOW)
def test_the_summary_of_a_span_is_what_stepping_through_it_finds(trigger: Trigger, now: datetime) -> None:
    occurrences = step(trigger, now)
    until = (occurrences[-1] if occurrences else now) + timedelta(microseconds=1)
    following = trigger.next_after(until)
    until = until if following is None or following > until else following - timedelta(microseconds=1)
    summary = trigger.missed_summary(now, until, 7)
    assert (summary.count, summary.exact) == (len(occurrences), True)
    assert list(summary.last) == occurrences[-7:]
    assert trigger.last_before(until, now) == (occurrences[-1] if occurrences else None)


@PROPERTY
@given(trigger=triggers, now=NOW)
def test_the_last_occurrence_before_the_next_one_is_not_after_now(trigger: Trigger, now: datetime) -> None:
    last, following = trigger.last_before(now), trigger.next_after(now)
    assert last is None or last <= now
    if last is not None:
        assert trigger.next_after(last) == following


@PROPERTY
@given(trigger=triggers, now=NOW)
def test_a_count_is_the_same_forward_and_split_in_two(trigger: Trigger, now: datetime) -> None:
    occurrences = step(trigger, now)
    if not occurrences:
        return
    middle, end = occurrences[len(occurrences) // 2], occurrences[-1]
    whole = trigger.count_between(now, end)
    parts = trigger.count_between(now, middle), trigger.count_between(middle, end)
    assert whole.number == parts[0].number + parts[1].number == len(occurrences)


@PROPERTY
@given(trigger=triggers)
def test_a_trigger_comes_back_from_json_the_same(trigger: Trigger) -> None:
    data = trigger.to_json()
    assert codec.from_json(json.loads(json.dumps(data))) == trigger
    text = codec.dumps(trigger)
    assert codec.loads(text) == trigger
    assert codec.dumps(codec.loads(text)) == text


@settings(PROPERTY, max_examples=40)
@given(trigger=triggers, now=NOW)
def test_copies_behave_like_the_original(trigger: Trigger, now: datetime) -> None:
    for twin in (copy.deepcopy(trigger), pickle.loads(pickle.dumps(trigger)), codec.from_json(trigger.to_json())):
        assert twin == trigger
        assert hash(twin) == hash(trigger)
        assert twin.next_after(now) == trigger.next_after(now)


@PROPERTY
@given(trigger=triggers, now=NOW, seed=st.text(max_size=5))
def test_binding_seed_and_anchor_does_not_make_it_another_schedule(trigger: Trigger, now: datetime, seed: str) -> None:
    assert trigger.seeded(seed).anchored(now).same_schedule(trigger)
    assert trigger.as_written().anchored(now).same_schedule(trigger)


@PROPERTY
@given(trigger=triggers, now=NOW)
def test_a_trigger_can_be_described(trigger: Trigger, now: datetime) -> None:
    assert trigger.describe()


def test_a_minute_by_minute_outage_of_three_years_is_counted_without_walking_it() -> None:
    trigger = codec.from_json({"type": "cron", "expression": "* * * * *", "timezone": "Europe/Rome"})
    after = datetime(2023, 1, 1, tzinfo=UTC)
    summary = trigger.missed_summary(after, datetime(2026, 1, 1, tzinfo=UTC), 2)
    assert (summary.count, summary.exact) == (1096 * 1440, True)
    assert summary.last == (datetime(2025, 12, 31, 23, 59, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC))


def test_occurrences_end_where_the_calendar_does() -> None:
    end_of_time = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    for data in (
        {"type": "interval", "seconds": 86400, "anchor": "2025-01-01T00:00:00+00:00"},
        {"type": "cron", "expression": "0 6 * * *", "timezone": "Europe/Rome"},
        {"type": "cron", "expression": "* * * * *", "timezone": "America/New_York"},
        {"type": "cron_fields", "hour": "6"},
        {"type": "calendar_interval", "months": 1, "start": "2025-01-01"},
    ):
        assert codec.from_json(data).next_after(end_of_time) is None
