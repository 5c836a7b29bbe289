"""Retry policies: how often, after which wait, and which errors are not tried again."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from horarium.errors import ConfigurationError, PermanentError
from horarium.retry import Retry, error_names, is_permanent


class Gone(LookupError):
    """An error of an application."""


def waits(retry: Retry) -> list[float]:
    return [retry.delay_before(attempt) for attempt in range(1, 5)]


def test_an_exponential_wait_starts_at_twice_the_base() -> None:
    assert waits(Retry.exponential(base=60)) == [0, 120, 240, 480]


def test_a_linear_wait_grows_by_the_base() -> None:
    assert waits(Retry.linear(base=60)) == [0, 60, 120, 180]


def test_a_fixed_wait_stays_the_same() -> None:
    assert waits(Retry.fixed(timedelta(minutes=1))) == [0, 60, 60, 60]


def test_no_wait_is_longer_than_the_maximum() -> None:
    assert waits(Retry.exponential(base=60, max_delay=200)) == [0, 120, 200, 200]


def test_a_wait_never_exceeds_a_year_however_many_attempts_were_made() -> None:
    assert Retry.exponential(base=60, max_attempts=10**6).delay_before(10**6) == 365 * 86_400


def test_jitter_leaves_that_share_of_the_wait_to_chance() -> None:
    retry = Retry.fixed(100, jitter=0.25)
    assert [retry.delay_before(2, lambda number=number: number) for number in (0.0, 0.5, 1.0)] == [100, 87.5, 75]


@settings(derandomize=True, deadline=None)
@given(attempt=st.integers(1, 10_000), chance=st.floats(0, 1), jitter=st.floats(0, 1), base=st.floats(0, 1e6))
def test_a_wait_is_within_its_bounds_whatever_chance_says(
    attempt: int, chance: float, jitter: float, base: float
) -> None:
    retry = Retry.exponential(base=base, max_delay=3600, jitter=jitter)
    assert 0 <= retry.delay_before(attempt, lambda: chance) <= 3600


def test_the_first_try_counts_as_an_attempt() -> None:
    retry = Retry.fixed(1, max_attempts=3)
    assert [retry.wants_retry(made, ["builtins.OSError"]) for made in (1, 2, 3, 4)] == [True, True, False, False]


def test_without_a_policy_nothing_is_tried_again() -> None:
    assert not Retry.none().wants_retry(1, ["builtins.OSError"])


def test_permanent_errors_are_not_tried_again() -> None:
    assert not Retry.fixed(1, permanent=(ValueError,)).wants_retry(1, error_names(ValueError("no")))


def test_subclasses_of_permanent_errors_are_permanent() -> None:
    assert not Retry.fixed(1, permanent=(LookupError,)).wants_retry(1, error_names(Gone()))


def test_errors_may_be_named() -> None:
    by_name = Retry.fixed(1, permanent=("KeyError", f"{Gone.__module__}.Gone"))
    assert not by_name.wants_retry(1, error_names(Gone()))
    assert not by_name.wants_retry(1, error_names(KeyError("k")))
    assert by_name.wants_retry(1, error_names(LookupError()))


def test_one_permanent_error_need_not_be_in_a_list() -> None:
    assert Retry.fixed(1, permanent=ValueError) == Retry.fixed(1, permanent=[ValueError])


def test_an_error_that_calls_itself_permanent_is_not_tried_again() -> None:
    error = PermanentError("gone for good")
    assert is_permanent(error)
    assert not Retry.fixed(1).wants_retry(1, error_names(error), is_permanent(error))


def test_an_ordinary_error_is_not_permanent() -> None:
    assert not is_permanent(ValueError())


@pytest.mark.parametrize(
    "retry",
    [
        Retry.none(),
        Retry.fixed(5, max_attempts=2),
        Retry.linear(base=0.5, jitter=0.1),
        Retry.exponential(base=60, max_attempts=9, max_delay=3600, jitter=1, permanent=(ValueError, Gone)),
    ],
)
def test_a_policy_comes_back_from_json_the_same(retry: Retry) -> None:
    assert Retry.from_json(json.loads(json.dumps(retry.to_json()))) == retry


def test_what_is_at_its_default_is_not_written() -> None:
    assert Retry.exponential(base=60, max_attempts=3).to_json() == {
        "kind": "exponential",
        "base": 60,
        "max_attempts": 3,
    }


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "the field 'kind' is missing"),
        ({"kind": "lunar"}, "'lunar' is not one of none, fixed"),
        ({"kind": "fixed", "tries": 3}, "there is no field 'tries'"),
        ({"kind": "fixed", "base": -1}, "base must be a number of seconds"),
        ({"kind": "fixed", "base": "1"}, "base must be a number of seconds"),
        ({"kind": "fixed", "max_attempts": 0}, "max_attempts must be a whole number"),
        ({"kind": "fixed", "max_attempts": 2.5}, "max_attempts must be a whole number"),
        ({"kind": "fixed", "jitter": 1.5}, "jitter must be a share"),
        ({"kind": "fixed", "max_delay": float("inf")}, "max_delay must be a number of seconds"),
        ({"kind": "fixed", "permanent": "ValueError"}, "permanent must be a list"),
        ({"kind": "fixed", "permanent": ["Gone"]}, "name its module too"),
        ({"kind": "fixed", "permanent": [5]}, "must be a class of errors"),
        (5, "must be an object"),
    ],
)
def test_a_wrong_policy_is_refused_by_field(data: object, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Retry.from_json(data)


def test_every_delay_may_be_a_timedelta_and_is_kept_in_seconds() -> None:
    minute, hour = timedelta(minutes=1), timedelta(hours=1)
    assert Retry.linear(minute, max_delay=hour) == Retry.linear(60, max_delay=3600)
    assert Retry.exponential(minute, max_delay=hour).to_json() == Retry.exponential(60, max_delay=3600).to_json()


def test_a_delay_below_nothing_is_refused_by_its_name() -> None:
    with pytest.raises(ConfigurationError, match=r"base must be a number of seconds, 0 or more, not -60\.0"):
        Retry.linear(timedelta(minutes=-1))
