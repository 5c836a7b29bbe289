"""Jobs and their policies as values."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from datetime import timedelta
from typing import Any

import pytest

from horarium.errors import JobError
from horarium.job import POLICY_NAMES, Job, Policies
from horarium.retry import Retry
from horarium.states import JobStatus, OnCrash, Overlap
from horarium.when import every


def test_defaults_are_left_out_of_the_json() -> None:
    assert Policies().to_json() == {}


def test_policies_come_back_from_their_json() -> None:
    policies = Policies(
        executor="process",
        overlap=Overlap.QUEUE,
        max_instances=3,
        misfire_grace_time=1.5,
        coalesce=False,
        catch_up=7,
        on_crash=OnCrash.FAIL,
        retry=Retry.exponential(2, max_attempts=5),
        timeout=9,
        keep_runs=10,
        keep_days=0.5,
    )
    assert Policies.from_json(policies.to_json()) == policies
    assert set(policies.to_json()) == set(POLICY_NAMES)


def test_a_length_of_time_may_be_a_timedelta_and_is_kept_as_a_number() -> None:
    policies = Policies(
        timeout=timedelta(minutes=5),  # type: ignore[arg-type] # fields say what is kept
        misfire_grace_time=timedelta(milliseconds=1500),  # type: ignore[arg-type]
        keep_days=timedelta(hours=12),  # type: ignore[arg-type]
    )
    assert policies == Policies(timeout=300.0, misfire_grace_time=1.5, keep_days=0.5)
    assert policies.to_json() == {"timeout": 300.0, "misfire_grace_time": 1.5, "keep_days": 0.5}


@pytest.mark.parametrize("length", [timedelta(), timedelta(seconds=-1), timedelta.max], ids=str)
def test_a_timedelta_has_the_bounds_of_the_number(length: timedelta) -> None:
    with pytest.raises(JobError, match="timeout must be a number of seconds, more than 0"):
        Policies(timeout=length)  # type: ignore[arg-type]


def test_a_policy_that_this_release_does_not_know_is_refused() -> None:
    with pytest.raises(JobError, match="unknown policy 'colour'; the policies are executor, overlap"):
        Policies.from_json({"colour": "blue"})


def test_words_are_taken_for_their_enumerations() -> None:
    policies = Policies(overlap="queue", on_crash="fail")  # type: ignore[arg-type]
    assert policies.overlap is Overlap.QUEUE
    assert policies.on_crash is OnCrash.FAIL


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("executor", "moon", "executor 'moon' is not one of loop, thread, process"),
        ("overlap", None, "overlap None is not one of skip, queue, cancel_running, allow"),
        ("on_crash", "shrug", "on_crash 'shrug' is not one of resume, fail"),
        ("coalesce", 1, "coalesce is true or false, not 1"),
        ("retry", {}, "retry must be a Retry"),
        ("max_instances", 0, "max_instances must be a whole number from 1 to 2147483647, not 0"),
        ("max_instances", None, "max_instances must be a whole number"),
        ("catch_up", "5", "catch_up must be a whole number from 1 to 10000, not '5'"),
        ("keep_runs", 2**31, "keep_runs must be a whole number from 1 to 2147483647"),
        ("timeout", 0, "timeout must be a number of seconds, more than 0 and at most 1e\\+09, not 0; leave it out"),
        ("timeout", True, "timeout must be a number of seconds"),
        ("misfire_grace_time", float("inf"), "misfire_grace_time must be a number of seconds"),
        ("keep_days", float("nan"), "keep_days must be a number of days"),
    ],
)
def test_what_a_policy_cannot_be_is_told_by_its_name(name: str, value: Any, says: str) -> None:
    with pytest.raises(JobError, match=says):
        Policies(**{name: value})


def test_a_job_is_a_frozen_value_that_is_scheduled() -> None:
    job = Job(id="job", task="task", trigger=every(hours=1))
    assert (job.status, job.args, job.kwargs, job.origin, job.timezone) == (JobStatus.SCHEDULED, (), {}, "code", "UTC")
    with pytest.raises(FrozenInstanceError):
        job.id = "other"  # type: ignore[misc]
