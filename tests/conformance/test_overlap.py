"""What becomes of an occurrence while runs of its job are active, over the whole fleet."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from sqlalchemy import select

from horarium import Retry, RunState, every
from horarium.states import DecisionKind
from horarium.store import schema
from horarium.store.database import Database
from horarium.store.settling import stop_replaced
from horarium.testing import Timetable
from horarium.values import RunInfo, RunKey

from . import tasks
from .days import START, after
from .othernode import OtherNode
from .tasks import fail, note, note_time

ACTIVE = ("queued", "running", "stopping", "retrying")


@pytest.fixture
def other(database: Database) -> OtherNode:
    return OtherNode(database, START)


def states(table: Timetable, job_id: str = "job") -> list[RunState]:
    """Of the job's runs, the oldest occurrence first."""
    return [run.state for run in reversed(table.scheduler.runs(job_id))]


def tick(table: Timetable, **span: float) -> None:
    """Let time pass; decide what is due, and run nothing."""
    table.clock.advance(**span)
    table.scheduler.inline_engine().tick()


def now(table: Timetable) -> datetime:
    return table.clock.now()


# --- skip


def test_skip_leaves_out_an_occurrence_while_another_run_is_active(table: Timetable, other: OtherNode) -> None:
    table.scheduler.add_job(note, every(hours=1), id="job")
    tick(table, hours=1)
    other.take(now(table))
    tick(table, hours=1)
    decision = table.scheduler.why("job", after(hours=2))[0]
    assert decision.kind is DecisionKind.SKIPPED
    assert decision.reason == "as many runs of the job as max_instances allows were active (overlap: skip)"
    assert states(table) == [RunState.RUNNING]


def test_skip_counts_a_run_that_only_waits(table: Timetable) -> None:
    table.scheduler.add_job(note, every(hours=1), id="job")
    tick(table, hours=1)
    tick(table, hours=1)
    assert states(table) == [RunState.QUEUED]
    assert table.scheduler.why("job", after(hours=2))[0].kind is DecisionKind.SKIPPED


def test_skip_lets_as_many_run_at_once_as_max_instances_says(table: Timetable) -> None:
    table.scheduler.add_job(note, every(hours=1), id="job", max_instances=3)
    for _ in range(5):
        tick(table, hours=1)
    assert states(table) == [RunState.QUEUED] * 3
    assert [one.kind for one in table.scheduler.why("job", limit=2)] == [DecisionKind.SKIPPED] * 2


def test_max_instances_counts_over_two_schedulers_on_one_plan(
    table: Timetable, more: Callable[..., Timetable], other: OtherNode
) -> None:
    table.scheduler.add_job(note, every(hours=1), id="job", max_instances=2)
    second = more()
    tick(table, hours=1)
    other.take(now(table))
    tick(second, hours=2)
    other.take(now(second))
    tick(table, hours=2)
    assert states(table) == [RunState.RUNNING] * 2
    assert table.scheduler.why("job", after(hours=3))[0].kind is DecisionKind.SKIPPED


# --- queue


def test_queue_runs_what_waits_in_order_and_one_at_a_time(table: Timetable, other: OtherNode) -> None:
    table.scheduler.add_job(note, every(hours=1), id="job", overlap="queue")
    for _ in range(3):
        tick(table, hours=1)
    taken = []
    while claimed := other.take(now(table)):
        (one,) = claimed
        assert other.take(now(table)) == []
        taken.append(one.key.scheduled_at)
        other.finish(one, now(table))
    assert taken == [after(hours=1), after(hours=2), after(hours=3)]


def test_queue_starts_as_many_as_max_instances_says(table: Timetable, other: OtherNode) -> None:
    table.scheduler.add_job(note, every(hours=1), id="job", overlap="queue", max_instances=2)
    for _ in range(3):
        tick(table, hours=1)
    assert len(other.take(now(table))) == 2
    assert states(table) == [RunState.RUNNING, RunState.RUNNING, RunState.QUEUED]


def test_a_queued_run_that_nobody_started_within_its_grace_time_is_missed(table: Timetable) -> None:
    table.scheduler.add_job(note, every(hours=1), id="job", overlap="queue", misfire_grace_time=60)
    tick(table, hours=1)
    table.clock.advance(seconds=61)
    table.scheduler.inline_engine().drain()
    assert states(table) == [RunState.MISSED]
    decision = table.scheduler.why("job")[0]
    assert decision.kind is DecisionKind.MISSED
    assert "misfire_grace_time" in decision.reason


# --- cancel_running


def test_cancel_running_asks_the_running_one_to_stop_and_waits_for_it(table: Timetable, other: OtherNode) -> None:
    table.scheduler.add_job(note_time, every(hours=1), id="job", overlap="cancel_running")
    tick(table, hours=1)
    (running,) = other.take(now(table))
    tick(table, hours=1)
    assert states(table) == [RunState.STOPPING, RunState.QUEUED]
    assert table.run_due() == 0
    other.finish_stopped(running, now(table))
    assert table.run_due() == 1
    assert states(table) == [RunState.CANCELLED, RunState.SUCCEEDED]
    assert tasks.calls == [after(hours=2)]


def test_cancel_running_cancels_what_had_not_begun(table: Timetable) -> None:
    table.scheduler.add_job(note, every(hours=1), id="job", overlap="cancel_running")
    tick(table, hours=1)
    tick(table, hours=1)
    assert states(table) == [RunState.CANCELLED, RunState.QUEUED]
    assert (
        table.scheduler.runs("job")[1].stop_reason == "a newer run of the job took its place (overlap: cancel_running)"
    )


def test_cancel_running_keeps_the_newest_of_a_backlog(table: Timetable) -> None:
    table.scheduler.add_job(note_time, every(hours=1), id="job", overlap="cancel_running", coalesce=False)
    table.sleep_through(hours=3)
    assert states(table) == [RunState.CANCELLED, RunState.CANCELLED, RunState.SUCCEEDED]
    assert tasks.calls == [after(hours=3)]


# --- allow


def test_allow_starts_any_number(table: Timetable, other: OtherNode) -> None:
    table.scheduler.add_job(note, every(hours=1), id="job", overlap="allow")
    for _ in range(4):
        tick(table, hours=1)
    assert len(other.take(now(table))) == 4


# --- runs by hand


def test_a_run_by_hand_waits_its_turn(table: Timetable, other: OtherNode) -> None:
    table.scheduler.add_job(note, every(hours=1), id="job")
    tick(table, hours=1)
    (running,) = other.take(now(table))
    by_hand = table.scheduler.run_now("job")
    assert table.run_due() == 0
    assert by_hand.state is RunState.QUEUED
    other.finish(running, now(table))
    assert table.run_due() == 1
    assert table.scheduler.get_run(by_hand.id).state is RunState.SUCCEEDED


def test_runs_by_hand_wait_for_each_other(table: Timetable, other: OtherNode) -> None:
    table.scheduler.add_job(note, every(hours=1), id="job")
    for _ in range(3):
        table.scheduler.run_now("job")
    assert len(other.take(now(table))) == 1


def test_an_occurrence_is_skipped_while_a_run_by_hand_is_active(table: Timetable, other: OtherNode) -> None:
    table.scheduler.add_job(note, every(hours=1), id="job")
    table.scheduler.run_now("job")
    other.take(now(table))
    tick(table, hours=1)
    assert table.scheduler.why("job", after(hours=1))[0].kind is DecisionKind.SKIPPED


def test_one_job_that_waits_for_itself_does_not_hold_up_the_others(table: Timetable, other: OtherNode) -> None:
    table.scheduler.add_job(note, every(days=9), id="busy")
    table.scheduler.add_job(note, every(days=9), id="job")
    for _ in range(30):
        table.scheduler.run_now("busy")
    table.scheduler.run_now("job")
    assert [one.job.id for one in other.take(now(table), 1)] == ["busy"]
    assert [one.job.id for one in other.take(now(table), 1)] == ["job"]


# --- the place of a run is free again at every kind of end


def has_place(table: Timetable) -> bool:
    """Whether the next occurrence gets a run."""
    count = len(table.scheduler.runs("job"))
    tick(table, hours=1)
    return len(table.scheduler.runs("job")) > count


def running(table: Timetable, other: OtherNode, **policies: object) -> tuple[RunInfo, object]:
    """A run of "job" on the other node."""
    table.scheduler.add_job(fail, every(hours=1), id="job", **policies)  # type: ignore[arg-type]
    tick(table, hours=1)
    (claimed,) = other.take(now(table))
    return table.scheduler.runs("job")[0], claimed


def test_success_frees_the_place(table: Timetable, other: OtherNode) -> None:
    _, claimed = running(table, other)
    assert other.finish(claimed, now(table))  # type: ignore[arg-type]
    assert has_place(table)


def test_failure_frees_the_place(table: Timetable, other: OtherNode) -> None:
    _, claimed = running(table, other)
    other.finish(claimed, now(table), ValueError())  # type: ignore[arg-type]
    assert has_place(table)


def test_being_stopped_frees_the_place_once_the_code_has_ended(table: Timetable, other: OtherNode) -> None:
    run, claimed = running(table, other)
    table.scheduler.cancel_run(run.id)
    assert not has_place(table)
    other.finish_stopped(claimed, now(table))  # type: ignore[arg-type]
    assert has_place(table)


def test_cancelling_what_waits_frees_the_place(table: Timetable) -> None:
    table.scheduler.add_job(note, every(hours=1), id="job")
    tick(table, hours=1)
    table.scheduler.cancel_run(table.scheduler.runs("job")[0].id)
    assert has_place(table)


def test_a_retry_keeps_the_place_until_the_last(table: Timetable, other: OtherNode) -> None:
    _, claimed = running(table, other, retry=Retry.fixed(86_400, max_attempts=2))
    other.finish(claimed, now(table), ValueError())  # type: ignore[arg-type]
    assert states(table) == [RunState.RETRYING]
    assert not has_place(table)
    table.advance(days=1)
    assert states(table)[0] is RunState.FAILED


def test_a_rescued_run_keeps_the_place(table: Timetable, other: OtherNode) -> None:
    running(table, other)
    other.die(now(table))
    assert states(table) == [RunState.QUEUED]
    assert not has_place(table)


def test_a_rescued_run_that_may_not_be_tried_twice_frees_the_place(table: Timetable, other: OtherNode) -> None:
    running(table, other, on_crash="fail")
    other.die(now(table))
    assert states(table) == [RunState.FAILED]
    assert has_place(table)


def test_a_missed_start_frees_the_place(table: Timetable, other: OtherNode) -> None:
    table.scheduler.add_job(note, every(hours=1), id="job", misfire_grace_time=60)
    tick(table, hours=1)
    other.take(after(hours=1, seconds=61))
    assert states(table) == [RunState.MISSED]
    assert has_place(table)


def test_removing_the_job_cancels_what_waits_and_leaves_what_runs(table: Timetable, other: OtherNode) -> None:
    _, claimed = running(table, other)
    waiting = table.scheduler.run_now("job")
    table.scheduler.remove_job("job")
    assert table.scheduler.get_run(waiting.id).state is RunState.CANCELLED
    assert table.scheduler.get_run(waiting.id).stop_reason == "the job was removed"
    assert states(table)[0] is RunState.RUNNING
    assert other.finish(claimed, now(table))  # type: ignore[arg-type]


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)  # SQLite locks no rows
@pytest.mark.parametrize(
    ("before", "after_it"), [(RunState.RUNNING, RunState.STOPPING), (RunState.QUEUED, RunState.CANCELLED)]
)
def test_a_tick_does_not_wait_for_a_locked_run_and_asks_it_to_stop_later(
    table: Timetable, other: OtherNode, database: Database, before: RunState, after_it: RunState
) -> None:
    table.scheduler.add_job(note, every(hours=1), id="job", overlap="cancel_running")
    table.scheduler.add_job(note, every(hours=1), id="beside")
    run = table.scheduler.run_now("job")
    if before is RunState.RUNNING:
        other.take(now(table))
    engine = table.scheduler.inline_engine()
    with database.engine.connect() as elsewhere:
        elsewhere.execute(select(schema.runs).with_for_update())
        table.clock.advance(hours=1)
        assert engine.tick() == 2
        assert engine.tick() == 0
        assert table.scheduler.get_run(run.id).state is before
    engine.tick()
    assert table.scheduler.get_run(run.id).state is after_it
    assert engine.drain() == (1 if before is RunState.RUNNING else 2)


def test_a_run_that_ended_meanwhile_is_not_asked_to_stop(table: Timetable, database: Database) -> None:
    table.scheduler.add_job(note, every(hours=1), id="job")
    table.advance(hours=1)
    (run,) = table.scheduler.runs("job")
    at, key = RunKey.parse(run.id)
    with database.write() as connection:
        assert not stop_replaced(connection, [(at, key)], now(table))
    assert table.scheduler.get_run(run.id).state is RunState.SUCCEEDED
