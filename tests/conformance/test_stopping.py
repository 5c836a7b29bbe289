"""Runs that were told to stop, by a person, by a newer run or by their timeout, and what becomes of them then."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import timedelta

import pytest
from sqlalchemy import select

from horarium import Retry, RunState, SyncRun, at, every
from horarium.errors import RunStopped
from horarium.events import Event, RunChanged
from horarium.store import schema
from horarium.store.claims import Claimed
from horarium.store.database import Database
from horarium.testing import Timetable
from horarium.values import RunInfo

from . import tasks
from .days import START, after
from .othernode import OtherNode
from .tasks import do, note

RETRIES = Retry.fixed(60, max_attempts=4)
LATE = "it took longer than its timeout of 1 s"


@pytest.fixture
def other(database: Database) -> OtherNode:
    return OtherNode(database, START)


def the_run(table: Timetable) -> RunInfo:
    (run,) = table.scheduler.runs("job")
    return run


def taken(table: Timetable, other: OtherNode, **policies: object) -> Claimed:
    """The run of "job", which another node executes."""
    table.scheduler.add_job(note, at(START), id="job", **({"retry": RETRIES} | policies))  # type: ignore[arg-type]
    table.scheduler.inline_engine().tick()
    (claimed,) = other.take(START)
    return claimed


def timed_out(table: Timetable, other: OtherNode, **policies: object) -> Claimed:
    """The run of "job", which goes on in a thread of another node although its time is up."""
    claimed = taken(table, other, **policies)
    other.time_out(claimed)
    assert (the_run(table).state, the_run(table).stop_reason) == (RunState.STOPPING, LATE)
    return claimed


def outcomes(table: Timetable) -> list[tuple[int, str]]:
    return [(one.attempt, one.outcome) for one in table.scheduler.run_attempts(the_run(table).id)]


# --- a person's cancel, and a node that does not hear of it in time


def test_a_run_that_fails_before_its_node_hears_of_the_cancel_is_not_tried_again(table: Timetable) -> None:
    def fail_just_after_the_cancel(run: SyncRun) -> None:
        table.scheduler.cancel_run(run.id, "not wanted any more")
        raise ValueError("broken")

    tasks.plans.append(fail_just_after_the_cancel)
    table.scheduler.add_job(do, at(START), id="job", retry=RETRIES)
    table.advance(hours=1)
    run = the_run(table)
    assert (run.state, run.attempt, run.stop_reason) == (RunState.CANCELLED, 1, "not wanted any more")
    assert run.error is not None
    assert run.error.message == "broken"
    assert outcomes(table) == [(1, "cancelled")]
    assert tasks.calls == [1]


def test_listeners_hear_that_such_a_run_was_cancelled(table: Timetable) -> None:
    def fail_just_after_the_cancel(run: SyncRun) -> None:
        table.scheduler.cancel_run(run.id)
        raise ValueError("broken")

    heard: list[Event] = []
    table.scheduler.subscribe(heard.append)
    tasks.plans.append(fail_just_after_the_cancel)
    table.scheduler.add_job(do, at(START), id="job", retry=RETRIES)
    table.advance(hours=1)
    states = [event.state for event in heard if isinstance(event, RunChanged)]
    assert states == [RunState.RUNNING, RunState.CANCELLED]


def test_such_a_run_leaves_its_place_to_the_next_one(table: Timetable, other: OtherNode) -> None:
    claimed = taken(table, other)
    table.scheduler.cancel_run(the_run(table).id)
    assert other.finish(claimed, START, ValueError("broken"))
    table.scheduler.run_now("job")
    assert [one.job.id for one in other.take(START + timedelta(seconds=1))] == ["job"]


def test_such_an_end_that_is_written_twice_counts_as_written(table: Timetable, other: OtherNode) -> None:
    claimed = taken(table, other)
    table.scheduler.cancel_run(the_run(table).id, "enough")
    assert other.finish(claimed, START, ValueError("broken"))
    assert other.finish(claimed, START, ValueError("broken"))
    assert (the_run(table).state, outcomes(table)) == (RunState.CANCELLED, [(1, "cancelled")])


def test_a_last_attempt_that_fails_before_its_node_hears_of_the_cancel_has_failed(
    table: Timetable, other: OtherNode
) -> None:
    claimed = taken(table, other, retry=Retry.none())
    table.scheduler.cancel_run(the_run(table).id, "enough")
    assert other.finish(claimed, START, ValueError("broken"))
    assert (the_run(table).state, the_run(table).stop_reason) == (RunState.FAILED, "enough")


def test_a_run_cancelled_unheard_can_be_tried_again_by_hand(table: Timetable, other: OtherNode) -> None:
    claimed = taken(table, other)
    table.scheduler.cancel_run(the_run(table).id)
    other.finish(claimed, START, ValueError("broken"))
    table.scheduler.retry_run(the_run(table).id)
    table.run_due()
    assert (the_run(table).state, the_run(table).attempt) == (RunState.SUCCEEDED, 2)


def test_a_node_that_lost_the_run_does_not_cancel_it(table: Timetable, other: OtherNode) -> None:
    claimed = taken(table, other)
    other.die(START)
    assert not other.finish(claimed, START, ValueError("broken"))
    assert the_run(table).state is RunState.QUEUED


# --- a run past its timeout that somebody asks to stop then


def test_a_cancel_of_a_run_past_its_timeout_wins(table: Timetable, other: OtherNode) -> None:
    claimed = timed_out(table, other)
    answered = table.scheduler.cancel_run(the_run(table).id, "not wanted any more")
    assert (answered.state, answered.stop_reason) == (RunState.STOPPING, "not wanted any more")
    assert other.finish_late(claimed, after(seconds=5))
    assert (the_run(table).state, the_run(table).stop_reason) == (RunState.CANCELLED, "not wanted any more")
    table.advance(hours=1)
    assert (the_run(table).attempt, tasks.calls) == (1, [])


def test_a_timeout_after_a_cancel_keeps_the_persons_reason(table: Timetable, other: OtherNode) -> None:
    claimed = taken(table, other)
    table.scheduler.cancel_run(the_run(table).id, "not wanted any more")
    other.time_out(claimed)
    assert other.finish_late(claimed, after(seconds=5))
    assert (the_run(table).state, the_run(table).stop_reason) == (RunState.CANCELLED, "not wanted any more")


def test_the_first_persons_reason_stands(table: Timetable, other: OtherNode) -> None:
    timed_out(table, other)
    for reason in ("not wanted any more", "nor by me"):
        table.scheduler.cancel_run(the_run(table).id, reason)
    assert the_run(table).stop_reason == "not wanted any more"


def test_a_run_in_a_thread_past_its_timeout_is_cancelled_for_good(table: Timetable) -> None:
    def cancel_oneself_late(run: SyncRun) -> None:
        with suppress(RunStopped):
            run.sleep(60)
        deadline = time.monotonic() + 20
        while table.scheduler.get_run(run.id).state is not RunState.STOPPING:
            assert time.monotonic() < deadline, "that its time is up was never shown"
            time.sleep(0.01)
        table.scheduler.cancel_run(run.id, "not wanted any more")
        run.check()

    tasks.plans.append(cancel_oneself_late)
    table.scheduler.add_job(do, at(START), id="job", timeout=0.05, retry=RETRIES)
    table.advance(hours=1)
    assert (the_run(table).state, the_run(table).stop_reason) == (RunState.CANCELLED, "not wanted any more")
    assert tasks.calls == [1]


def test_a_newer_run_that_takes_the_place_of_one_past_its_timeout_wins(table: Timetable, other: OtherNode) -> None:
    table.scheduler.add_job(note, every(hours=1), id="job", retry=RETRIES, overlap="cancel_running")
    run_id = table.scheduler.run_now("job").id
    (claimed,) = other.take(START + timedelta(seconds=1))
    other.time_out(claimed)
    table.clock.set(after(hours=1))
    table.scheduler.inline_engine().tick()
    assert other.finish_late(claimed, after(hours=1))
    run = table.scheduler.get_run(run_id)
    assert (run.state, run.stop_reason) == (
        RunState.CANCELLED,
        "a newer run of the job took its place (overlap: cancel_running)",
    )


def test_a_newer_run_does_not_overwrite_a_persons_reason(table: Timetable, other: OtherNode) -> None:
    table.scheduler.add_job(note, every(hours=1), id="job", overlap="cancel_running")
    run_id = table.scheduler.run_now("job").id
    other.take(START + timedelta(seconds=1))
    table.scheduler.cancel_run(run_id, "not wanted any more")
    table.clock.set(after(hours=1))
    table.scheduler.inline_engine().tick()
    assert table.scheduler.get_run(run_id).stop_reason == "not wanted any more"


# --- a run past its timeout that nobody asked to stop


def test_a_run_past_its_timeout_is_tried_again_as_the_policy_says(table: Timetable, other: OtherNode) -> None:
    claimed = timed_out(table, other)
    assert other.finish_late(claimed, after(seconds=5))
    assert the_run(table).state is RunState.RETRYING
    table.advance(hours=1)
    assert (the_run(table).state, the_run(table).attempt) == (RunState.SUCCEEDED, 2)


def test_a_run_past_its_timeout_whose_node_died_goes_on_in_another_attempt(table: Timetable, other: OtherNode) -> None:
    timed_out(table, other)
    other.die(START)
    run = the_run(table)
    assert (run.state, run.crashes, run.stop_reason) == (RunState.QUEUED, 1, None)
    (lost,) = table.scheduler.run_attempts(run.id)
    assert lost.error is not None
    assert lost.outcome == "crashed"
    assert lost.error.message == f"node other died; the attempt had not ended although {LATE}"
    table.run_due()
    assert (the_run(table).state, the_run(table).attempt) == (RunState.SUCCEEDED, 2)


def test_a_run_past_its_timeout_that_must_not_be_tried_twice_fails_with_its_node(
    table: Timetable, other: OtherNode
) -> None:
    timed_out(table, other, on_crash="fail")
    other.die(START)
    assert (the_run(table).state, the_run(table).stop_reason) == (RunState.FAILED, LATE)


def test_a_run_past_its_timeout_that_was_cancelled_stays_so_when_its_node_dies(
    table: Timetable, other: OtherNode
) -> None:
    timed_out(table, other)
    table.scheduler.cancel_run(the_run(table).id, "not wanted any more")
    other.die(START)
    assert (the_run(table).state, the_run(table).stop_reason) == (RunState.CANCELLED, "not wanted any more")


def test_a_run_past_its_timeout_that_its_node_gives_back_goes_on(table: Timetable, other: OtherNode) -> None:
    claimed = timed_out(table, other)
    other.give_back(claimed, START)
    assert (the_run(table).state, the_run(table).stop_reason) == (RunState.QUEUED, None)
    table.run_due()
    assert (the_run(table).state, the_run(table).attempt) == (RunState.SUCCEEDED, 2)


def test_a_timeout_counts_for_the_attempt_that_it_ended_only(
    table: Timetable, other: OtherNode, database: Database
) -> None:
    claimed = timed_out(table, other)
    other.finish_late(claimed, START)
    (again,) = other.take(after(hours=1))
    assert again.attempt == 2
    with database.read() as connection:
        assert connection.execute(select(schema.runs.c.timed_out)).scalar_one() is False
    table.scheduler.cancel_run(the_run(table).id)
    other.finish(again, after(hours=1), ValueError("broken"))
    assert the_run(table).state is RunState.CANCELLED
