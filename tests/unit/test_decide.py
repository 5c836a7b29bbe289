"""What becomes of due occurrences: the pure rule."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from horarium.decide import Verdict, decide, start_deadline
from horarium.job import Job, Policies
from horarium.states import DecisionKind
from horarium.when import Trigger, at, cron, every

START = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOURLY = every(hours=1, start=START)


def after(**span: float) -> datetime:
    return START + timedelta(**span)


def job(trigger: Trigger = HOURLY, **policies: Any) -> Job:
    created_at = START - timedelta(days=1)
    return Job(id="job", task="task", trigger=trigger, policies=Policies(**policies), created_at=created_at)


def test_nothing_is_decided_before_its_time() -> None:
    assert decide(job(), START, START - timedelta(microseconds=1)) == Verdict((), (), START)


def test_an_occurrence_runs_at_its_very_instant() -> None:
    assert decide(job(), START, START) == Verdict((START,), (), after(hours=1))


def test_a_single_time_that_has_passed_runs_and_is_never_due_again() -> None:
    once = at(START)
    assert decide(job(once), START, after(days=9_000)) == Verdict((START,), (), None)


def test_the_last_of_several_runs_and_the_others_are_counted() -> None:
    verdict = decide(job(), START, after(hours=4, minutes=5))
    assert (verdict.fires, verdict.next_run_time) == ((after(hours=4),), after(hours=5))
    (rest,) = verdict.unrun
    assert (rest.kind, rest.count, rest.exact) == (DecisionKind.COALESCED, 4, True)
    assert (rest.first_at, rest.last_at) == (START, after(hours=3))


def test_one_occurrence_is_never_called_several() -> None:
    assert decide(job(), START, after(minutes=59)).unrun == ()


def test_grace_is_counted_to_the_microsecond() -> None:
    patient = job(misfire_grace_time=60)
    assert decide(patient, START, after(seconds=60)).fires == (START,)
    late = decide(patient, START, after(seconds=60, microseconds=1))
    assert late.fires == ()
    assert late.unrun[0].kind is DecisionKind.MISSED


def test_when_even_the_last_is_too_late_all_are_missed_in_one() -> None:
    verdict = decide(job(misfire_grace_time=60), START, after(hours=3, minutes=2))
    assert verdict.fires == ()
    (missed,) = verdict.unrun
    assert (missed.kind, missed.count, missed.last_at) == (DecisionKind.MISSED, 4, after(hours=3))


def test_without_coalescing_all_that_are_within_catch_up_run() -> None:
    verdict = decide(job(coalesce=False, catch_up=3), START, after(hours=4))
    assert verdict.fires == (after(hours=2), after(hours=3), after(hours=4))
    (missed,) = verdict.unrun
    assert (missed.kind, missed.count, missed.last_at) == (DecisionKind.MISSED, 2, after(hours=1))


def test_exactly_as_many_as_catch_up_all_run() -> None:
    assert decide(job(coalesce=False, catch_up=3), START, after(hours=2)).unrun == ()


def test_a_job_whose_trigger_ends_meanwhile_is_never_due_again() -> None:
    short = every(hours=1, start=START, end=after(hours=2))
    assert decide(job(short), START, after(days=5)).next_run_time is None


def test_a_time_that_the_trigger_did_not_say_is_followed_by_the_triggers_next() -> None:
    odd = after(minutes=17)
    assert decide(job(), odd, odd) == Verdict((odd,), (), after(hours=1))


def test_a_hundred_years_of_minutes_are_decided_at_once() -> None:
    minutely = cron("* * * * *", timezone="UTC")
    verdict = decide(job(minutely), START, after(days=36_500))
    assert verdict.fires == (after(days=36_500),)
    assert verdict.unrun[0].count >= 1_000_000


def test_a_missed_time_before_the_job_was_added_is_not_laid_to_the_nodes() -> None:
    old = at(START - timedelta(days=3))
    (missed,) = decide(job(old, misfire_grace_time=60), START - timedelta(days=3), START).unrun
    assert missed.reason == "its time had passed when the job was added, by more than its misfire_grace_time of 60 s"


def test_the_start_deadline_is_the_occurrence_and_its_grace() -> None:
    assert start_deadline(job(), START) is None
    assert start_deadline(job(misfire_grace_time=90), START) == after(seconds=90)


TRIGGERS = st.sampled_from(
    [
        HOURLY,
        every(minutes=7, start=START),
        cron("*/20 * * * *", timezone="UTC"),
        cron("0 6 * * *", timezone="Europe/Rome"),
    ]
)
POLICIES = st.fixed_dictionaries(
    {
        "coalesce": st.booleans(),
        "catch_up": st.integers(1, 5),
        "misfire_grace_time": st.none() | st.integers(1, 100_000),
    }
)


@given(trigger=TRIGGERS, policies=POLICIES, late=st.timedeltas(timedelta(), timedelta(days=9)))
def test_every_due_occurrence_is_in_exactly_one_place(
    trigger: Trigger, policies: dict[str, Any], late: timedelta
) -> None:
    due = trigger.first(START)
    assert due is not None
    now = due + late
    verdict = decide(job(trigger, **policies), due, now)
    occurrences = [due, *trigger.between(due, now)]
    assert len(verdict.fires) + sum(one.count for one in verdict.unrun) == len(occurrences)
    assert list(verdict.fires) == occurrences[len(occurrences) - len(verdict.fires) :]
    for one in verdict.unrun:
        assert (one.first_at, one.last_at) == (occurrences[0], occurrences[one.count - 1])
    assert verdict.next_run_time == trigger.next_after(now)
