"""Runs asked for by people: by hand, again, for the past; stopping, reading and waiting for them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from horarium import Retry, RunState, Scheduler, SyncRun, at, cron, daily, every
from horarium.errors import (
    ArgumentsNotJSON,
    HorariumError,
    JobError,
    JobNotFound,
    RunFailed,
    RunNotFound,
    RunStateError,
    RunTimeout,
)
from horarium.states import Cause, DecisionKind
from horarium.store.database import Database
from horarium.testing import Timetable

from . import tasks
from .days import START, after
from .othernode import OtherNode
from .tasks import do, fail, note, note_async, note_time

FAR = timedelta(days=30)


@pytest.fixture
def other(database: Database) -> OtherNode:
    return OtherNode(database, START)


# --- by hand


def test_a_run_by_hand_is_beside_the_schedule(table: Timetable) -> None:
    table.scheduler.add_job(note, every(hours=1), id="job", args=[1])
    run = table.scheduler.run_now("job")
    table.run_due()
    assert (run.cause, run.args) == (Cause.MANUAL, (1,))
    assert tasks.calls == [(1,)]
    assert table.scheduler.get_job("job").next_run_time == after(hours=1)  # type: ignore[union-attr]


def test_runs_by_hand_at_one_instant_are_two(table: Timetable) -> None:
    table.scheduler.add_job(note, every(hours=1), id="job")
    assert table.scheduler.run_now("job").id != table.scheduler.run_now("job").id
    assert table.run_due() == 2


def test_a_run_by_hand_can_have_arguments_of_its_own(table: Timetable) -> None:
    table.scheduler.add_job(note, every(hours=1), id="job", args=[1], kwargs={"a": 1})
    table.scheduler.run_now("job", args=[2])
    table.scheduler.run_now("job", kwargs={"b": 2})
    table.scheduler.run_now("job", args=[], kwargs={})
    table.run_due()
    assert tasks.calls == [((2,), {"a": 1}), ((1,), {"b": 2}), ()]
    assert [run.args for run in table.scheduler.runs("job")] == [(), (1,), (2,)]


def test_a_run_keeps_the_task_and_arguments_that_it_was_made_with(table: Timetable) -> None:
    table.scheduler.add_job(note, every(hours=1), id="job", args=["old"])
    waiting = table.scheduler.run_now("job")
    table.scheduler.modify_job("job", func=note_async, args=["new"])
    table.run_due()
    assert tasks.calls == [("old",)]
    old = table.scheduler.get_run(waiting.id)
    assert (old.args, old.task) == (("old",), "conformance.note")


def test_a_run_that_had_arguments_of_its_own_keeps_them_when_it_is_tried_again(table: Timetable) -> None:
    table.scheduler.add_job(fail, every(hours=1), id="job", args=["its own"])
    run = table.scheduler.run_now("job", args=["this time"])
    table.run_due()
    table.scheduler.retry_run(run.id)
    table.run_due()
    assert tasks.calls == ["this time"] * 2


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"args": "text"}, ArgumentsNotJSON),
        ({"args": [{1}]}, ArgumentsNotJSON),
        ({"kwargs": [1]}, ArgumentsNotJSON),
        ({"kwargs": {"value": float("nan")}}, ArgumentsNotJSON),
        ({"args": [1, 2, 3]}, JobError),
        ({"kwargs": {"nobody": 1}}, JobError),
    ],
)
def test_arguments_that_cannot_be_make_no_run(
    refusing: Scheduler, arguments: dict[str, Any], error: type[HorariumError]
) -> None:
    refusing.add_job(note_async, every(hours=1), id="job", replace_existing=True)
    with pytest.raises(error):
        refusing.run_now("job", **arguments)
    assert refusing.runs("job") == []


def test_a_run_of_a_job_that_is_over_can_be_asked_for(table: Timetable) -> None:
    table.scheduler.add_job(note, at(START), id="job")
    table.run_due()
    table.scheduler.run_now("job")
    assert table.run_due() == 1


def test_a_run_of_a_paused_job_can_be_asked_for(table: Timetable) -> None:
    table.scheduler.add_job(note, every(hours=1), id="job", paused=True)
    table.scheduler.run_now("job")
    assert table.run_due() == 1


# --- cancel and retry, in each state


def in_state(table: Timetable, other: OtherNode, state: str) -> str:
    """A run of "job" in this state; its id."""
    scheduler = table.scheduler
    scheduler.add_job(fail if state in {"failed", "retrying"} else note, every(days=9), id="job")
    if state == "retrying":
        scheduler.modify_job("job", retry=Retry.fixed(60, max_attempts=2))
    run = scheduler.run_now("job")
    if state in {"running", "stopping"}:
        other.take(table.clock.now())
    if state in {"stopping", "cancelled"}:
        scheduler.cancel_run(run.id)
    if state in {"failed", "retrying", "succeeded"}:
        table.run_due()
    assert scheduler.get_run(run.id).state == state
    return run.id


@pytest.mark.parametrize("state", ["queued", "retrying"])
def test_what_waits_is_cancelled_at_once(table: Timetable, other: OtherNode, state: str) -> None:
    run = table.scheduler.cancel_run(in_state(table, other, state), "not today")
    assert (run.state, run.stop_reason, run.finished_at) == (RunState.CANCELLED, "not today", START)


@pytest.mark.parametrize("state", ["running", "stopping"])
def test_what_runs_is_asked_to_stop(table: Timetable, other: OtherNode, state: str) -> None:
    run = table.scheduler.cancel_run(in_state(table, other, state))
    assert (run.state, run.stop_reason) == (RunState.STOPPING, "cancelled by a person")


@pytest.mark.parametrize("state", ["succeeded", "failed", "cancelled"])
def test_what_has_ended_cannot_be_cancelled(table: Timetable, other: OtherNode, state: str) -> None:
    run_id = in_state(table, other, state)
    with pytest.raises(RunStateError, match=f"run {run_id} is {state} already"):
        table.scheduler.cancel_run(run_id)


@pytest.mark.parametrize("state", ["succeeded", "failed", "cancelled"])
def test_what_has_ended_can_be_tried_again(table: Timetable, other: OtherNode, state: str) -> None:
    run_id = in_state(table, other, state)
    run = table.scheduler.retry_run(run_id)
    assert (run.state, run.error, run.stop_reason, run.finished_at) == (RunState.QUEUED, None, None, None)
    assert table.run_due() == 1


@pytest.mark.parametrize("state", ["queued", "retrying", "running", "stopping"])
def test_what_has_not_ended_cannot_be_tried_again(table: Timetable, other: OtherNode, state: str) -> None:
    run_id = in_state(table, other, state)
    with pytest.raises(RunStateError, match=f"run {run_id} is {state}; only a run that ended can be tried again"):
        table.scheduler.retry_run(run_id)


def test_a_missed_run_can_be_tried_again_however_late(table: Timetable) -> None:
    table.scheduler.add_job(note, every(hours=1), id="job", overlap="queue", misfire_grace_time=60)
    table.clock.advance(hours=1)
    table.scheduler.inline_engine().tick()
    table.clock.advance(hours=1, minutes=59)
    table.scheduler.inline_engine().drain()
    (run,) = table.scheduler.runs("job")
    assert run.state is RunState.MISSED
    table.scheduler.retry_run(run.id)
    table.scheduler.inline_engine().drain()
    assert table.scheduler.get_run(run.id).state is RunState.SUCCEEDED


def test_retries_begin_anew_when_a_person_tries_again(table: Timetable) -> None:
    table.scheduler.add_job(fail, at(START), id="job", retry=Retry.fixed(60, max_attempts=2))
    table.advance(hours=1)
    table.scheduler.retry_run(table.scheduler.runs("job")[0].id)
    table.advance(hours=1)
    assert len(tasks.calls) == 4


def test_a_run_of_a_removed_job_can_be_tried_again(table: Timetable) -> None:
    table.scheduler.add_job(note, at(START), id="job")
    table.run_due()
    (run,) = table.scheduler.runs("job")
    table.scheduler.remove_job("job")
    table.scheduler.retry_run(run.id)
    assert table.run_due() == 1


def test_cancelling_reaches_the_code_of_the_run(table: Timetable) -> None:
    def cancel_oneself(run: SyncRun) -> None:
        table.scheduler.cancel_run(run.id, "enough")

    tasks.plans.append(cancel_oneself)
    table.scheduler.add_job(do, at(START), id="job")
    table.run_due()
    run = table.scheduler.runs("job")[0]
    # Its function returned before it could be told: what was done is done.
    assert (run.state, run.stop_reason) == (RunState.SUCCEEDED, "enough")


@pytest.mark.parametrize("reason", [None, 5, "nul \x00", "\ud800"])
def test_a_reason_is_text(refusing: Scheduler, reason: Any) -> None:
    refusing.add_job(note, every(hours=1), id="job", replace_existing=True)
    run = refusing.run_now("job")
    with pytest.raises(JobError, match="reason"):
        refusing.cancel_run(run.id, reason)
    refusing.remove_job("job")


# --- backfill


def test_a_backfill_runs_the_past_occurrences_that_have_no_run(table: Timetable) -> None:
    table.scheduler.add_job(note_time, daily(6), id="job")
    table.advance(days=1)
    made = table.scheduler.backfill("job", START - timedelta(days=3), START + timedelta(days=1))
    table.run_due()
    assert [run.scheduled_at for run in made] == [START - timedelta(days=day, hours=6) for day in (2, 1, 0)]
    assert [run.cause for run in made] == [Cause.BACKFILL] * 3
    assert len(tasks.calls) == 4


def test_a_backfill_done_twice_makes_each_run_once(table: Timetable) -> None:
    table.scheduler.add_job(note, daily(6), id="job")
    span = (START - timedelta(days=3), START)
    assert len(table.scheduler.backfill("job", *span)) == 3
    assert table.scheduler.backfill("job", *span) == []


def test_a_backfill_includes_both_its_ends(table: Timetable) -> None:
    table.scheduler.add_job(note, daily(6), id="job")
    end = START - timedelta(hours=6)
    assert len(table.scheduler.backfill("job", end - timedelta(days=1), end)) == 2


def test_a_backfill_makes_nothing_of_the_future(table: Timetable) -> None:
    table.scheduler.add_job(note, daily(6), id="job")
    assert table.scheduler.backfill("job", START, START + FAR) == []
    table.advance(days=2)
    assert len(table.scheduler.runs("job")) == 2


def test_a_backfill_is_no_longer_than_its_limit(table: Timetable) -> None:
    table.scheduler.add_job(note, cron("* * * * *"), id="job")
    assert len(table.scheduler.backfill("job", START - FAR, START, limit=5)) == 5


def test_naive_times_of_a_backfill_are_in_the_zone_of_the_job(table: Timetable) -> None:
    table.scheduler.add_job(note, daily(6), id="job", timezone="Asia/Tokyo")
    midnight = datetime(2026, 3, 1)  # noqa: DTZ001 - naive on purpose
    (run,) = table.scheduler.backfill("job", midnight, midnight + timedelta(days=1))
    assert run.scheduled_at.isoformat() == "2026-02-28T21:00:00+00:00"


def test_a_backfilled_occurrence_is_told_by_its_run_and_leaves_the_summary(table: Timetable) -> None:
    table.scheduler.add_job(note, every(hours=1), id="job")
    table.sleep_through(hours=5)
    table.scheduler.backfill("job", after(hours=2), after(hours=3))
    (decision,) = table.scheduler.why("job", after(hours=2))
    assert (decision.kind, decision.reason) == (DecisionKind.RUN, "a person asked for this past occurrence")
    assert decision.run is not None
    summaries = [one for one in table.scheduler.why("job") if one.run is None]
    assert [one.count for one in summaries] == [2]


def test_a_summary_whose_occurrences_were_all_backfilled_is_gone(table: Timetable) -> None:
    table.scheduler.add_job(note, every(hours=1), id="job")
    table.sleep_through(hours=5)
    table.scheduler.backfill("job", START, after(hours=5))
    assert all(one.run is not None for one in table.scheduler.why("job"))
    assert len(table.scheduler.why("job")) == 5


def test_a_missed_run_of_the_queue_is_not_made_again_by_a_backfill(table: Timetable) -> None:
    table.scheduler.add_job(note, every(hours=1), id="job", misfire_grace_time=60)
    table.clock.advance(hours=1)
    table.scheduler.inline_engine().tick()
    table.clock.advance(minutes=5)
    table.run_due()
    assert table.scheduler.runs("job")[0].state is RunState.MISSED
    assert table.scheduler.backfill("job", START, after(hours=1)) == []


@pytest.mark.parametrize(
    ("start", "end"),
    [(None, START), (START, None), (START, START - FAR), ("soon", START), (5, START), (START, object())],
)
def test_a_backfill_needs_a_span_of_time(refusing: Scheduler, start: Any, end: Any) -> None:
    refusing.add_job(note, every(hours=1), id="job", replace_existing=True)
    with pytest.raises(HorariumError):
        refusing.backfill("job", start, end)


# --- run it and wait


def test_a_task_is_run_recorded_and_answers_its_result(table: Timetable) -> None:
    assert table.scheduler.run(note, 1, two=2) == [1]
    (run,) = table.scheduler.runs("call:conformance.note")
    assert (run.state, run.args, run.kwargs) == (RunState.SUCCEEDED, (1,), {"two": 2})


def test_a_task_can_be_run_long_after_the_start(table: Timetable) -> None:
    table.advance(days=3)
    assert table.scheduler.run(note_async, 5) == 5


def test_a_task_that_was_run_is_no_job_of_the_user(table: Timetable) -> None:
    table.scheduler.run(note)
    assert table.scheduler.get_jobs() == []
    assert table.scheduler.statistics()["jobs"]["total"] == 0


def test_a_task_that_fails_when_it_is_run_says_so(table: Timetable) -> None:
    with pytest.raises(RunStateError, match=r"of conformance\.fail is failed: ValueError: alas"):
        table.scheduler.run(fail, "alas")


def test_the_error_of_a_task_that_was_run_brings_the_run_and_what_its_function_raised(table: Timetable) -> None:
    with pytest.raises(RunFailed) as caught:
        table.scheduler.run(fail, "alas")
    assert caught.value.run == table.scheduler.get_run(caught.value.run.id)
    assert (caught.value.run.state, caught.value.error.type) == (RunState.FAILED, "ValueError")
    assert caught.value.error.message == "alas"
    assert "in fail" in caught.value.error.traceback


def test_the_error_of_a_task_that_was_cancelled_says_why(table: Timetable) -> None:
    def cancelled(run: SyncRun) -> None:
        table.scheduler.cancel_run(run.id, "not today")
        table.scheduler._service.node.runner.attend()  # type: ignore[union-attr]
        run.check()

    tasks.plans[:] = [cancelled]
    with pytest.raises(RunFailed, match="is cancelled: not today") as caught:
        table.scheduler.run(tasks.do)
    assert caught.value.run.stop_reason == "not today"


def test_a_task_cannot_be_run_where_no_node_is(url: str) -> None:
    scheduler = Scheduler(url, engine="inline", apps=())
    try:
        with pytest.raises(RunStateError, match="no node is running that could run it"):
            scheduler.run(note)
    finally:
        scheduler.shutdown()


def test_arguments_of_a_task_that_is_run_are_json(refusing: Scheduler) -> None:
    with pytest.raises(ArgumentsNotJSON):
        refusing.run(note, {1, 2})


def test_a_run_is_waited_for(table: Timetable) -> None:
    table.scheduler.add_job(note, every(hours=1), id="job", args=[7])
    assert table.scheduler.wait_for_run(table.scheduler.run_now("job").id).result == [7]


def test_waiting_for_what_waits_for_another_time_says_so(table: Timetable) -> None:
    table.scheduler.add_job(fail, every(hours=1), id="job", retry=Retry.fixed(60))
    run = table.scheduler.run_now("job")
    with pytest.raises(RunStateError, match="is retrying and waits for another time"):
        table.scheduler.wait_for_run(run.id)


def test_waiting_where_nobody_runs_ends_with_its_timeout(url: str) -> None:
    scheduler = Scheduler(url, engine="inline", apps=())
    try:
        scheduler.add_job(note, every(hours=1), id="job")
        run = scheduler.run_now("job")
        with pytest.raises(RunTimeout, match="which is queued") as caught:
            scheduler.wait_for_run(run.id, timeout=0.01)
        assert isinstance(caught.value, TimeoutError)
    finally:
        scheduler.shutdown()


# --- reading


def test_runs_are_listed_the_newest_first_and_page_by_page(table: Timetable) -> None:
    table.scheduler.add_job(note, every(hours=1), id="job")
    table.advance(hours=5)
    times = [run.scheduled_at for run in table.scheduler.runs("job", limit=2, offset=1)]
    assert times == [after(hours=4), after(hours=3)]


def test_runs_are_listed_by_state_and_time(table: Timetable) -> None:
    table.scheduler.add_job(note, every(hours=1), id="good")
    table.scheduler.add_job(fail, every(hours=1), id="bad")
    table.advance(hours=3)
    assert {run.job_id for run in table.scheduler.runs(states=["failed"])} == {"bad"}
    assert {run.job_id for run in table.scheduler.runs(states="failed")} == {"bad"}
    assert len(table.scheduler.runs("good", since=after(hours=2), until=after(hours=2))) == 1


def test_naive_times_of_a_search_are_in_the_zone_of_the_scheduler(table: Timetable) -> None:
    table.scheduler.add_job(note, every(hours=1), id="job")
    table.advance(hours=3)
    assert len(table.scheduler.runs("job", since=after(hours=2).replace(tzinfo=None))) == 2


def test_runs_of_a_removed_job_stay_readable(table: Timetable) -> None:
    table.scheduler.add_job(note, at(START), id="job")
    table.run_due()
    table.scheduler.remove_job("job")
    assert [run.state for run in table.scheduler.runs("job")] == [RunState.SUCCEEDED]
    assert table.scheduler.get_job("job") is None


def test_what_a_run_logs_is_kept_with_it(table: Timetable) -> None:
    def log(run: SyncRun) -> None:
        run.logger.info("hello %s", "there")
        run.logger.warning("odd \x00 characters \ud800")

    tasks.plans.append(log)
    table.scheduler.add_job(do, at(START), id="job")
    table.run_due()
    (run,) = table.scheduler.runs("job")
    lines = table.scheduler.run_logs(run.id)
    number, first = lines[0]
    assert (first.message, first.level, len(lines)) == ("hello there", "INFO", 2)
    assert table.scheduler.run_logs(run.id, after=(first.attempt, number)) == lines[1:]


def test_progress_is_kept_with_the_run(table: Timetable) -> None:
    tasks.plans.append(lambda run: run.progress(3, 4, "nearly"))
    table.scheduler.add_job(do, at(START), id="job")
    table.run_due()
    progress = table.scheduler.runs("job")[0].progress
    assert progress is not None
    assert (progress.done, progress.total, progress.message) == (3, 4, "nearly")


@pytest.mark.parametrize(
    "run_id",
    [
        "nothing",
        "",
        "1j8k2m4p6rs-17",
        "1j8k2m4p6rs-",
        "-17",
        "il000000000-1",
        "0" * 11 + "-" + "9" * 30,
        None,
        5,
        b"x",
        "\x00",
    ],
)
def test_a_run_that_there_is_not_is_told_in_words(refusing: Scheduler, run_id: Any) -> None:
    for method in ("get_run", "cancel_run", "retry_run", "run_logs", "run_attempts", "wait_for_run"):
        with pytest.raises(RunNotFound, match="there is no run"):
            getattr(refusing, method)(run_id)


@pytest.mark.parametrize("job_id", ["nobody", "", "\x00", "\ud800", None, 5, ["job"]])
def test_a_job_that_there_is_not_is_told_in_words(refusing: Scheduler, job_id: Any) -> None:
    for method in ("run_now", "why", "remove_job", "pause_job", "resume_job", "modify_job", "reschedule_job"):
        with pytest.raises(JobNotFound, match="there is no job"):
            getattr(refusing, method)(job_id)
    with pytest.raises(JobNotFound):
        refusing.backfill(job_id, START, START)
    assert refusing.get_job(job_id) is None
