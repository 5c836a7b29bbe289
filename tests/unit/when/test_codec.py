"""Triggers as JSON: the form, and what is refused. The round trip is in test_every_trigger."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from horarium.errors import TriggerError
from horarium.when import CalendarInterval, CronFields, Trigger, any_of, at, codec, daily, every

from .model import PROPERTY

NOW = datetime(2025, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("trigger", "text"),
    [
        (every(minutes=10), '{"seconds":600,"type":"interval"}'),
        (every(milliseconds=250), '{"seconds":0.25,"type":"interval"}'),
        (every(hours=1).anchored(NOW), '{"anchor":"2025-03-01T13:00:00+00:00","seconds":3600,"type":"interval"}'),
        (
            daily(6, timezone="UTC", start="2025-01-01", jitter=9),
            '{"expression":"0 6 * * *","jitter":9.0,"start":"2025-01-01T00:00:00","timezone":"UTC","type":"cron"}',
        ),
        (CronFields(hour=6, minute="*/5"), '{"hour":"6","minute":"*/5","type":"cron_fields"}'),
        (
            CalendarInterval(months=1, hour=6, start="2025-01-31"),
            '{"hour":6,"months":1,"start":"2025-01-31","type":"calendar_interval"}',
        ),
        (at(NOW), '{"at":"2025-03-01T12:00:00+00:00","type":"once"}'),
        (
            any_of(every(hours=1), every(minutes=1)),
            '{"triggers":[{"seconds":3600,"type":"interval"},{"seconds":60,"type":"interval"}],"type":"any_of"}',
        ),
    ],
)
def test_the_form_in_the_database_stays_what_it_is(trigger: Trigger, text: str) -> None:
    assert codec.dumps(trigger) == text
    assert codec.loads(text) == trigger


def test_the_version_of_the_form_may_be_written() -> None:
    assert codec.from_json({"type": "cron", "v": 1, "expression": "0 6 * * *"}) == daily(6)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "no trigger type None; the types are interval, cron"),
        ({"type": "lunar"}, "no trigger type 'lunar'"),
        ({"type": ["cron"]}, "no trigger type"),
        ([], "must be an object"),
        ({"type": "cron"}, "cron: the field 'expression' is missing"),
        ({"type": "cron", "expression": "* * * * *", "moon": 1}, "cron: there is no field 'moon'; the fields are"),
        ({"type": "cron", "expression": "99 * * * *"}, "cron: cron expression '99 .*bad minute"),
        ({"type": "cron", "v": 2, "expression": "* * * * *"}, "cron: the form 2 is not known to this release"),
        ({"type": "cron", "expression": None}, "must be text"),
        ({"type": "cron", "expression": "* * * * *", "timezone": 5}, "no IANA name"),
        ({"type": "cron", "expression": "* * * * *", "seed": 5}, "seed must be text"),
        ({"type": "cron", "expression": "* * * * *", "_zone": 5}, "no field '_zone'"),
        ({"type": "interval", "interval": 5}, "no field 'interval'"),
        ({"type": "interval", "seconds": "5"}, "seconds must be a number"),
        ({"type": "interval", "seconds": 1e300}, "not a length of time"),
        ({"type": "interval", "seconds": 5, "anchor": "2025-01-01"}, "anchor .* has no time zone"),
        ({"type": "interval", "seconds": 5, "jitter": "1"}, "jitter must be a number"),
        ({"type": "once", "at": 5}, "at must be a datetime"),
        ({"type": "any_of", "triggers": {"type": "once"}}, "triggers must be a list"),
        ({"type": "any_of", "triggers": [{"type": "lunar"}]}, "no trigger type 'lunar'"),
        ({"type": "any_of", "triggers": []}, "at least one trigger"),
    ],
)
def test_what_is_wrong_is_named(data: dict[str, object], message: str) -> None:
    with pytest.raises(TriggerError, match=message):
        codec.from_json(data)


def test_triggers_nested_without_end_are_refused() -> None:
    data: dict[str, object] = {"type": "interval", "seconds": 5}
    for _ in range(50):
        data = {"type": "any_of", "triggers": [data]}
    with pytest.raises(TriggerError, match="nested more than"):
        codec.from_json(data)


@pytest.mark.parametrize("text", ["", "{", "5", "[" * 100_000])
def test_what_is_no_json_object_is_refused(text: str) -> None:
    with pytest.raises(TriggerError, match="must be"):
        codec.loads(text)


_odd = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=4)
    | st.sampled_from(
        ["*", "*/2", "last", "1st mon", "0 6 * * *", "@daily", "UTC", "Europe/Rome", "Pacific/Apia", "America/New_York"]
    )
    | st.sampled_from(["0001-01-01", "9999-12-31T23:59:59", "2025-01-01T00:00:00Z", 0, 1, 5, 59, 1e300])
    | st.lists(st.integers(), max_size=2)
    | st.just({"type": "interval", "seconds": 7})
    | st.just([{"type": "interval", "seconds": 7}, {"type": "cron", "expression": "0 6 * * *"}])
)


@settings(PROPERTY, max_examples=400)
@given(data=st.data(), kind=st.sampled_from(sorted(codec.FIELDS)))
def test_odd_values_are_refused_as_trigger_errors_or_work(data: st.DataObject, kind: str) -> None:
    names = st.sampled_from(sorted(codec.FIELDS[kind]))
    needed = {"interval": {"seconds": 5}, "cron": {"expression": "0 6 * * *"}, "once": {"at": "2025-01-01"}}
    values = {**needed.get(kind, {}), **data.draw(st.dictionaries(names, _odd, max_size=4))}
    try:
        trigger = codec.from_json({"type": kind, **values})
    except TriggerError:
        return
    trigger.describe()
    codec.dumps(trigger)
    trigger.next_after(NOW)
    trigger.last_before(NOW)
