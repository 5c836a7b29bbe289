"""How runs are named, and values that are read back."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from horarium.clock import EPOCH
from horarium.errors import RunNotFound
from horarium.states import Cause, RunState
from horarium.values import ErrorInfo, ItemFailure, NodeInfo, RunInfo, RunKey, Tally

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
TIMES = st.datetimes(datetime(1400, 1, 1), datetime(2500, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds are naive


def test_a_run_is_written_as_its_time_and_the_key_of_its_job() -> None:
    assert str(RunKey(NOON, 17)) == "1jc159rcw00-17"


@given(at=TIMES, key=st.integers(0, 10**18 - 1))
def test_a_run_is_read_back_from_what_was_written(at: datetime, key: int) -> None:
    assert RunKey.parse(str(RunKey(at, key))) == RunKey(at, key)


@given(
    one=TIMES.filter(lambda at: at >= EPOCH),
    other=TIMES.filter(lambda at: at >= EPOCH),
)
def test_ids_sort_as_the_times_do(one: datetime, other: datetime) -> None:
    assert (str(RunKey(one, 1)) < str(RunKey(other, 1))) == (one < other)


def test_ids_are_read_in_any_case_and_with_space_round_them() -> None:
    assert RunKey.parse("  1JC159RCW00-17 ") == RunKey(NOON, 17)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "17",
        "1jc159rcw00",
        "1jc159rcw00-",
        "1jc159rcw00--1",
        "1jc159rcw00-1.5",
        "1jc159rcw00-\u0661",
        "1jc159rcw00-" + "9" * 19,
        "1jc159rcw0-17",
        "1jc159rcw000-17",
        "1jc159rcwi0-17",
        "1jc159rcw\x000-17",
        None,
        17,
    ],
)
def test_text_that_can_be_no_run_is_no_run(text: Any) -> None:
    with pytest.raises(RunNotFound, match="there is no run"):
        RunKey.parse(text)


@given(st.text())
def test_any_text_is_a_run_or_is_not(text: str) -> None:
    with suppress(RunNotFound):
        RunKey.parse(text)


def test_an_error_is_shown_as_its_class_and_message() -> None:
    assert str(ErrorInfo("package.module.Gone", "410")) == "Gone: 410"
    assert str(ErrorInfo("ValueError", "")) == "ValueError"


def test_an_error_comes_back_from_its_json() -> None:
    error = ErrorInfo("ValueError", "no", "Traceback", permanent=True)
    assert ErrorInfo.from_json(error.to_json()) == error


def test_a_run_took_as_long_as_its_last_attempt() -> None:
    run = RunInfo("id", "job", "task", RunState.SUCCEEDED, Cause.SCHEDULE, NOON, NOON, 1, 0)
    assert run.duration is None
    ended = RunInfo(
        "id", "job", "task", RunState.SUCCEEDED, Cause.SCHEDULE, NOON, NOON, 1, 0,
        started_at=NOON, finished_at=NOON + timedelta(seconds=2.5),
    )  # fmt: skip
    assert ended.duration == 2.5


def test_a_tally_as_json_names_its_failures() -> None:
    tally = Tally(3, 1, 1, 1, (ItemFailure("a", "ValueError", "no"),), 0.5)
    assert tally.to_json() == {
        "total": 3,
        "done": 1,
        "skipped": 1,
        "failed": 1,
        "errors": [{"key": "a", "type": "ValueError", "message": "no"}],
        "duration": 0.5,
    }


@pytest.mark.parametrize(("stopped", "lease", "alive"), [(False, 1, True), (False, 0, False), (True, 1, False)])
def test_a_node_lives_while_its_lease_holds_and_it_was_not_stopped(stopped: bool, lease: float, alive: bool) -> None:
    until = NOON + timedelta(seconds=lease)
    node = NodeInfo("id", "host", 1, NOON, NOON, until, NOON if stopped else None, None, "1", 0.0)
    assert node.alive_at(NOON) is alive
