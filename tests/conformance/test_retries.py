"""Attempts: retries at their exact times, timeouts, crashes of nodes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from horarium import PermanentError, Retry, Run, RunState, SyncRun, at, every, task
from horarium.events import Event, RunChanged
from horarium.states import DecisionKind
from horarium.store import schema
from horarium.store.claims import Claimed
from horarium.store.database import Database
from horarium.store.work import Chunk, insert_step, write_chunk
from horarium.testing import Timetable
from horarium.values import RunInfo

from . import tasks
from .days import START, after
from .othernode import OtherNode
from .tasks import do, fail, fail_for_good, note

LONG = timedelta(days=1)


@pytest.fixture
def other(database: Database) -> OtherNode:
    return OtherNode(database, START)


def starts(table: Timetable, until: timedelta = LONG) -> list[float]:
    """Live until then; the seconds after the start at which attempts of "job" were made."""
    table.advance_to(START + until)
    (run,) = table.scheduler.runs("job")
    times = [one.started_at for one in table.scheduler.run_attempts(run.id)]
    return [(one - START).total_seconds() for one in times if one is not None]


def the_run(table: Timetable) -> RunInfo:
    (run,) = table.scheduler.runs("job")
    return run


@task("conformance.fixed", retry=Retry.fixed(60, max_attempts=3))
def fail_fixed() -> None:
    tasks.calls.append(1)
    raise KeyError("missing")


@pytest.mark.parametrize(
    ("retry", "at_seconds"),
    [
        (None, [0]),
        (Retry.none(), [0]),
        (Retry.fixed(60, max_attempts=4), [0, 60, 120, 180]),
        (Retry.linear(10, max_attempts=4), [0, 10, 30, 60]),
        (Retry.exponential(60, max_attempts=4), [0, 120, 360, 840]),
        (Retry.exponential(60, max_attempts=5, max_delay=200), [0, 120, 320, 520, 720]),
        (Retry.fixed(0, max_attempts=2), [0, 0]),
    ],
)
def test_attempts_are_made_at_the_times_that_the_policy_says(
    table: Timetable, retry: Retry | None, at_seconds: list[float]
) -> None:
    table.scheduler.add_job(fail, at(START), id="job", retry=retry)
    assert starts(table) == at_seconds
    assert the_run(table).state is RunState.FAILED


def test_jitter_makes_the_wait_shorter_and_never_longer(table: Timetable) -> None:
    table.scheduler.add_job(fail, at(START), id="job", retry=Retry.fixed(100, max_attempts=2, jitter=0.5))
    _, second = starts(table)
    assert 50 <= second <= 100


def test_the_policy_of_the_task_counts_when_the_job_has_none(table: Timetable) -> None:
    table.scheduler.add_job(fail_fixed, at(START), id="job")
    assert starts(table) == [0, 60, 120]


def test_the_policy_of_the_job_counts_before_that_of_the_task(table: Timetable) -> None:
    table.scheduler.add_job(fail_fixed, at(START), id="job", retry=Retry.fixed(5, max_attempts=2))
    assert starts(table) == [0, 5]


def test_a_job_can_say_that_its_task_is_not_tried_again(table: Timetable) -> None:
    table.scheduler.add_job(fail_fixed, at(START), id="job", retry=Retry.none())
    assert starts(table) == [0]


def test_a_permanent_error_is_not_tried_again(table: Timetable) -> None:
    table.scheduler.add_job(fail_for_good, at(START), id="job", retry=Retry.fixed(60, max_attempts=9))
    assert starts(table) == [0]
    error = the_run(table).error
    assert error is not None
    assert error.permanent


def test_errors_that_the_policy_names_are_not_tried_again_nor_are_subclasses(table: Timetable) -> None:
    retry = Retry.fixed(60, max_attempts=9, permanent=[LookupError])
    table.scheduler.add_job(fail_fixed, at(START), id="job", retry=retry)
    assert starts(table) == [0]


def test_a_run_that_succeeds_at_its_third_attempt_has_succeeded(table: Timetable) -> None:
    def broken(_: SyncRun) -> None:
        raise OSError("away")

    tasks.plans += [broken, broken, lambda _: "here"]
    table.scheduler.add_job(do, at(START), id="job", retry=Retry.fixed(60, max_attempts=3))
    table.advance(hours=1)
    run = the_run(table)
    assert (run.state, run.attempt, run.result, run.error) == (RunState.SUCCEEDED, 3, "here", None)
    assert [(one.attempt, one.outcome) for one in table.scheduler.run_attempts(run.id)] == [
        (1, "retrying"),
        (2, "retrying"),
    ]


def test_a_failed_attempt_can_be_read_with_its_traceback(table: Timetable) -> None:
    table.scheduler.add_job(fail, at(START), id="job", args=["so what"])
    table.run_due()
    (attempt,) = table.scheduler.run_attempts(the_run(table).id)
    assert attempt.error is not None
    assert (attempt.error.type, attempt.error.message) == ("ValueError", "so what")
    assert "raise ValueError(message)" in attempt.error.traceback
    assert the_run(table).error == attempt.error


@pytest.mark.parametrize("message", ["nul \x00", "half \ud800", "x" * 100_000, "\N{FACE WITH TEARS OF JOY}"])
def test_an_error_with_an_odd_message_is_recorded(table: Timetable, message: str) -> None:
    def broken(_: SyncRun) -> None:
        raise ValueError(message)

    tasks.plans.append(broken)
    table.scheduler.add_job(do, at(START), id="job")
    table.run_due()
    assert the_run(table).state is RunState.FAILED


@pytest.mark.parametrize(
    "result", [float("nan"), {1, 2}, "nul \x00", object(), "\ud800", 10**5_000], ids=lambda value: type(value).__name__
)
def test_a_result_that_is_not_json_is_left_out_and_the_run_has_succeeded(table: Timetable, result: Any) -> None:
    tasks.plans.append(lambda _: result)
    table.scheduler.add_job(do, at(START), id="job")
    table.run_due()
    assert (the_run(table).state, the_run(table).result) == (RunState.SUCCEEDED, None)


def test_a_task_that_wants_to_end_the_process_only_fails(table: Timetable) -> None:
    def leave(_: SyncRun) -> None:
        raise SystemExit(3)

    tasks.plans.append(leave)
    table.scheduler.add_job(do, at(START), id="job")
    table.run_due()
    assert the_run(table).state is RunState.FAILED


def test_a_retry_is_cancelled_while_it_waits(table: Timetable) -> None:
    table.scheduler.add_job(fail, at(START), id="job", retry=Retry.fixed(60, max_attempts=3))
    table.run_due()
    table.scheduler.cancel_run(the_run(table).id, "enough")
    table.advance(hours=1)
    assert (the_run(table).state, the_run(table).stop_reason) == (RunState.CANCELLED, "enough")
    assert len(tasks.calls) == 1


def test_the_next_occurrence_of_a_failing_job_still_comes(table: Timetable) -> None:
    table.scheduler.add_job(fail, every(hours=1), id="job")
    table.advance(hours=3)
    assert [run.state for run in table.scheduler.runs("job")] == [RunState.FAILED] * 3


# --- timeouts


@task("conformance.sleep_async")
async def sleep_async(run: Run) -> None:
    tasks.calls.append(run.attempt)
    await asyncio.sleep(60)


@task("conformance.sleep_told")
def sleep_told(run: SyncRun) -> None:
    run.sleep(60)


@task("conformance.sleep_deaf")
def sleep_deaf() -> str:
    time.sleep(0.2)
    return "done all the same"


def test_an_async_run_is_ended_by_its_timeout(table: Timetable) -> None:
    table.scheduler.add_job(sleep_async, at(START), id="job", timeout=0.05)
    table.run_due()
    error = the_run(table).error
    assert error is not None
    assert (the_run(table).state, error.type) == (RunState.FAILED, "horarium.errors.RunTimeout")
    assert "took longer than its timeout of 0.05 s" in error.message


def test_a_timeout_is_tried_again_as_the_policy_says(table: Timetable) -> None:
    table.scheduler.add_job(sleep_async, at(START), id="job", timeout=0.05, retry=Retry.fixed(60, max_attempts=2))
    assert starts(table) == [0, 60]


def test_a_run_in_a_thread_is_told_of_its_timeout(table: Timetable) -> None:
    table.scheduler.add_job(sleep_told, at(START), id="job", timeout=0.05)
    table.run_due()
    error = the_run(table).error
    assert error is not None
    assert (the_run(table).state, error.type) == (RunState.FAILED, "horarium.errors.RunTimeout")


def test_a_run_in_a_thread_that_does_not_listen_to_its_timeout_and_succeeds_has_succeeded(table: Timetable) -> None:
    table.scheduler.add_job(sleep_deaf, at(START), id="job", timeout=0.05)
    table.run_due()
    assert (the_run(table).state, the_run(table).result) == (RunState.SUCCEEDED, "done all the same")


def test_a_run_in_a_child_process_is_killed_by_its_timeout(
    table: Timetable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "conformance_child.py").write_text("import time\n\ndef hang():\n    time.sleep(600)\n")
    monkeypatch.syspath_prepend(tmp_path)
    table.scheduler.add_job("conformance_child:hang", at(START), id="job", executor="process", timeout=0.5)
    table.run_due()
    error = the_run(table).error
    assert error is not None
    assert (the_run(table).state, error.type) == (RunState.FAILED, "horarium.errors.RunTimeout")


def test_the_timeout_of_the_job_counts_before_that_of_the_task(table: Timetable) -> None:
    @task("conformance.slow", timeout=60)
    async def slow() -> None:
        await asyncio.sleep(60)

    table.scheduler.add_job("conformance.slow", at(START), id="job", timeout=0.05)
    table.run_due()
    assert the_run(table).state is RunState.FAILED


# --- nodes that die


def crash(table: Timetable, other: OtherNode, times: int = 1) -> None:
    """Have other nodes die with the run of "job"."""
    for _ in range(times):
        assert [one.job.id for one in other.take(table.clock.now())] == ["job"]
        assert other.die(table.clock.now()) == 1


def test_a_run_whose_node_died_goes_on_in_another_attempt(table: Timetable, other: OtherNode) -> None:
    table.scheduler.add_job(note, at(START), id="job")
    table.scheduler.inline_engine().tick()
    crash(table, other)
    table.run_due()
    run = the_run(table)
    assert (run.state, run.attempt, run.crashes) == (RunState.SUCCEEDED, 2, 1)
    (lost,) = table.scheduler.run_attempts(run.id)
    assert (lost.outcome, lost.node) == ("crashed", "other")


def test_a_run_that_must_not_be_tried_twice_fails_with_its_node(table: Timetable, other: OtherNode) -> None:
    table.scheduler.add_job(note, at(START), id="job", on_crash="fail")
    table.scheduler.inline_engine().tick()
    crash(table, other)
    error = the_run(table).error
    assert error is not None
    assert the_run(table).state is RunState.FAILED
    assert error.message == 'node other died while the run was on it (on_crash: "fail")'


def test_a_task_can_say_that_its_runs_must_not_be_tried_twice(table: Timetable, other: OtherNode) -> None:
    @task("conformance.no_twice", on_crash="fail")
    def no_twice() -> None: ...

    table.scheduler.add_job("conformance.no_twice", at(START), id="job")
    table.scheduler.inline_engine().tick()
    crash(table, other)
    assert the_run(table).state is RunState.FAILED


def test_a_run_whose_node_was_shut_down_before_it_would_end_is_not_suspected(
    table: Timetable, other: OtherNode
) -> None:
    table.scheduler.add_job(note, at(START), id="job")
    table.scheduler.inline_engine().tick()
    other.take(START)
    other.leave()
    other.die(START)
    table.run_due()
    run = the_run(table)
    assert (run.state, run.attempt, run.crashes) == (RunState.SUCCEEDED, 2, 0)
    (lost,) = table.scheduler.run_attempts(run.id)
    assert lost.error is not None
    assert lost.error.message == "node other was shut down"


def test_a_run_that_three_nodes_died_of_is_stopped(table: Timetable, other: OtherNode) -> None:
    table.scheduler.add_job(note, at(START), id="job", retry=Retry.fixed(1, max_attempts=9))
    table.scheduler.inline_engine().tick()
    crash(table, other, times=3)
    run = the_run(table)
    assert (run.state, run.crashes) == (RunState.FAILED, 3)
    assert run.error is not None
    assert run.error.message == "3 nodes died while the run was on them, the last was other"


def commit_step(other: OtherNode, claimed: Claimed, name: str, now: datetime) -> None:
    holder = other.holder(claimed)
    with other.work.fenced(holder) as connection:
        insert_step(connection, other.dialect, holder, name, "1", now)


def commit_item(other: OtherNode, claimed: Claimed, key: str, now: datetime) -> None:
    holder = other.holder(claimed)
    _, _, _, number = other.work.load_marks(holder.key, "batch")
    with other.work.fenced(holder) as connection:
        write_chunk(connection, other.dialect, holder, Chunk("batch", number, done=[key]), now)


@pytest.mark.parametrize("commit", [commit_step, commit_item])
def test_crashes_are_counted_anew_once_the_run_has_advanced(
    table: Timetable, other: OtherNode, commit: Callable[..., None]
) -> None:
    table.scheduler.add_job(do, at(START), id="job")
    run_id = table.scheduler.run_now("job").id
    for number in range(5):
        (claimed,) = other.take(table.clock.now())
        commit(other, claimed, f"part {number}", table.clock.now())
        other.die(table.clock.now())
    run = table.scheduler.get_run(run_id)
    assert (run.state, run.crashes) == (RunState.QUEUED, 1)
    crash(table, other, times=2)
    run = table.scheduler.get_run(run_id)
    assert (run.state, run.crashes) == (RunState.FAILED, 3)


def test_a_run_that_advances_is_stopped_after_ten_crashes_even_so(table: Timetable, other: OtherNode) -> None:
    table.scheduler.add_job(do, at(START), id="job")
    run_id = table.scheduler.run_now("job").id
    for number in range(10):
        assert table.scheduler.get_run(run_id).state is RunState.QUEUED
        (claimed,) = other.take(table.clock.now())
        commit_item(other, claimed, f"part {number}", table.clock.now())
        other.die(table.clock.now())
    run = table.scheduler.get_run(run_id)
    assert run.state is RunState.FAILED
    assert "10 nodes died while the run was on them, though it advanced between" in str(run.error)


def test_a_retry_by_hand_counts_crashes_from_nought(table: Timetable, other: OtherNode) -> None:
    table.scheduler.add_job(do, at(START), id="job")
    run_id = table.scheduler.run_now("job").id
    crash(table, other, times=3)
    table.scheduler.retry_run(run_id)
    crash(table, other, times=2)
    run = table.scheduler.get_run(run_id)
    assert (run.state, run.crashes) == (RunState.QUEUED, 2)


def test_a_crash_uses_up_no_retry(table: Timetable, other: OtherNode) -> None:
    table.scheduler.add_job(fail, at(START), id="job", retry=Retry.fixed(60, max_attempts=2))
    table.scheduler.inline_engine().tick()
    crash(table, other, times=2)
    table.advance(hours=1)
    assert len(tasks.calls) == 2


def test_of_runs_that_may_kill_their_node_only_one_is_taken_at_a_time(table: Timetable, other: OtherNode) -> None:
    for number in range(3):
        table.scheduler.add_job(note, at(START), id=f"job-{number}")
    table.scheduler.inline_engine().tick()
    for _ in range(2):
        other.take(START)
        other.die(START)
    (suspect,) = other.take(START)
    assert suspect.suspect
    assert other.take(START, suspects=False) == []
    assert len(other.take(START)) == 1


def test_a_run_told_to_stop_whose_node_died_is_cancelled(table: Timetable, other: OtherNode) -> None:
    table.scheduler.add_job(note, at(START), id="job")
    table.scheduler.inline_engine().tick()
    other.take(START)
    table.scheduler.cancel_run(the_run(table).id, "enough")
    other.die(START)
    assert (the_run(table).state, the_run(table).stop_reason) == (RunState.CANCELLED, "enough")


def test_a_run_that_is_given_back_goes_on_at_once_and_counts_as_no_failure(table: Timetable, other: OtherNode) -> None:
    table.scheduler.add_job(note, at(START), id="job")
    table.scheduler.inline_engine().tick()
    (claimed,) = other.take(START)
    other.give_back(claimed, START)
    table.run_due()
    run = the_run(table)
    assert (run.state, run.attempt, run.crashes) == (RunState.SUCCEEDED, 2, 0)


def test_a_run_that_was_told_to_stop_is_not_given_back_but_cancelled(table: Timetable, other: OtherNode) -> None:
    table.scheduler.add_job(note, at(START), id="job")
    table.scheduler.inline_engine().tick()
    (claimed,) = other.take(START)
    table.scheduler.cancel_run(the_run(table).id, "enough")
    other.give_back(claimed, START)
    assert (the_run(table).state, the_run(table).stop_reason) == (RunState.CANCELLED, "enough")
    table.advance(hours=1)
    assert tasks.calls == []


def test_the_end_that_a_dead_node_writes_late_is_refused(table: Timetable, other: OtherNode) -> None:
    table.scheduler.add_job(note, at(START), id="job")
    table.scheduler.inline_engine().tick()
    (claimed,) = other.take(START)
    other.die(START)
    assert not other.finish(claimed, START)
    assert the_run(table).state is RunState.QUEUED


def test_an_end_that_is_written_twice_counts_as_written(table: Timetable, other: OtherNode) -> None:
    table.scheduler.add_job(note, at(START), id="job")
    table.scheduler.inline_engine().tick()
    (claimed,) = other.take(START)
    assert other.finish(claimed, START)
    assert other.finish(claimed, START)


def test_a_node_that_did_not_renew_its_lease_loses_its_runs_to_the_next_that_starts(
    table: Timetable, other: OtherNode, more: Any
) -> None:
    table.scheduler.add_job(note, at(START), id="job")
    table.scheduler.inline_engine().tick()
    other.take(START)
    another = more(after(hours=2))
    another.run_due()
    run = the_run(table)
    assert (run.state, run.crashes) == (RunState.SUCCEEDED, 1)
    assert table.scheduler.why("job")[0].kind is DecisionKind.RUN


def test_a_permanent_error_of_ones_own_is_permanent(table: Timetable) -> None:
    class Gone(PermanentError): ...

    def broken(_: SyncRun) -> None:
        raise Gone("410")

    tasks.plans.append(broken)
    table.scheduler.add_job(do, at(START), id="job", retry=Retry.fixed(1, max_attempts=5))
    assert starts(table) == [0]


@pytest.mark.parametrize("executor", ["thread", "process"])
def test_work_whose_result_is_not_json_is_done_and_not_done_again(table, executor, tmp_path, monkeypatch):
    (tmp_path / "resultless.py").write_text("def answer():\n    return {'a': object()}\n")
    monkeypatch.syspath_prepend(tmp_path)
    table.scheduler.add_job(
        "resultless:answer", every(hours=1), id="r", executor=executor, retry=Retry.fixed(1, max_attempts=3)
    )
    table.advance(hours=1, minutes=5)
    run = table.scheduler.runs("r")[0]
    assert (run.state, run.attempt, run.result, run.error) == ("succeeded", 1, None, None)


def test_a_run_of_a_removed_job_is_not_tried_again(table: Timetable) -> None:
    def remove(_run: SyncRun) -> None:
        table.scheduler.remove_job("job")
        raise KeyError("missing")

    tasks.plans.append(remove)
    table.scheduler.add_job(do, every(hours=1), id="job", retry=Retry.fixed(60, max_attempts=4))
    run = table.scheduler.run_now("job")
    table.advance(hours=3)
    ended = table.scheduler.get_run(run.id)
    assert (ended.state, ended.attempt, ended.stop_reason) == (RunState.CANCELLED, 1, "its job was removed")


def test_listeners_hear_of_a_run_that_waited_for_too_long(table: Timetable) -> None:
    heard: list[Event] = []
    table.scheduler.subscribe(heard.append)
    table.scheduler.add_job(note, every(hours=1), id="job", misfire_grace_time=60)
    with table.scheduler._plan.database.write() as connection:
        job = table.scheduler.get_job("job")
        assert job is not None
        connection.execute(
            insert(schema.runs).values(
                scheduled_at=START,
                job_key=job.key,
                state="queued",
                cause="schedule",
                created_at=START,
                not_before=START,
                start_deadline=after(seconds=60),
            )
        )
    table.clock.set(after(seconds=61))
    table.run_due()
    (missed,) = [event for event in heard if isinstance(event, RunChanged)]
    assert (missed.job_id, missed.state, missed.attempt) == ("job", RunState.MISSED, 0)
