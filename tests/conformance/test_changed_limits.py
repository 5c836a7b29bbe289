"""How many runs of a job are active at most, when that is changed while some are."""

from __future__ import annotations

import pytest

from horarium import RunState, every
from horarium.states import DecisionKind
from horarium.store.database import Database
from horarium.testing import Timetable

from .days import START, after
from .othernode import OtherNode
from .tasks import note

RUNNING = (RunState.RUNNING,)


@pytest.fixture
def other(database: Database) -> OtherNode:
    return OtherNode(database, START)


def tick(table: Timetable, **span: float) -> None:
    table.clock.advance(**span)
    table.scheduler.inline_engine().tick()


def running(table: Timetable) -> int:
    return len(table.scheduler.runs("job", states=RUNNING))


def five_running(table: Timetable, other: OtherNode, **policies: object) -> list[object]:
    """A job with five runs that another node executes, the oldest first."""
    table.scheduler.add_job(note, every(hours=1), id="job", **policies)  # type: ignore[arg-type]
    taken = []
    for _ in range(5):
        tick(table, hours=1)
        taken += other.take(table.clock.now())
    assert running(table) == 5
    return sorted(taken, key=lambda one: one.key)


@pytest.mark.parametrize("overlap", ["skip", "queue"])
@pytest.mark.parametrize("most", [1, 2])
def test_a_lowered_max_instances_counts_the_runs_that_are_active_whatever_their_slots(
    table: Timetable, other: OtherNode, overlap: str, most: int
) -> None:
    first, second, *_ = five_running(table, other, overlap=overlap, max_instances=5)
    table.scheduler.modify_job("job", max_instances=most)
    other.finish(first, table.clock.now())  # type: ignore[arg-type]
    other.finish(second, table.clock.now())  # type: ignore[arg-type]
    tick(table, hours=1)
    assert other.take(table.clock.now()) == []
    assert running(table) == 3


def test_a_lowered_max_instances_lets_runs_begin_again_once_few_enough_are_active(
    table: Timetable, other: OtherNode
) -> None:
    taken = five_running(table, other, max_instances=5)
    table.scheduler.modify_job("job", max_instances=2)
    for one in taken[:4]:
        other.finish(one, table.clock.now())  # type: ignore[arg-type]
    tick(table, hours=1)
    assert len(other.take(table.clock.now())) == 1
    tick(table, hours=1)
    assert other.take(table.clock.now()) == []
    assert running(table) == 2


@pytest.mark.parametrize("overlap", ["skip", "queue"])
def test_runs_that_began_while_overlaps_were_allowed_count_when_they_no_longer_are(
    table: Timetable, other: OtherNode, overlap: str
) -> None:
    taken = five_running(table, other, overlap="allow")
    table.scheduler.modify_job("job", overlap=overlap, max_instances=2)
    other.finish(taken[0], table.clock.now())  # type: ignore[arg-type]
    tick(table, hours=1)
    assert other.take(table.clock.now()) == []
    for one in taken[1:4]:
        other.finish(one, table.clock.now())  # type: ignore[arg-type]
    tick(table, hours=1)
    assert len(other.take(table.clock.now())) == 1
    assert running(table) == 2


def test_runs_that_waited_while_overlaps_were_allowed_take_turns_when_they_no_longer_are(
    table: Timetable, other: OtherNode
) -> None:
    table.scheduler.add_job(note, every(hours=1), id="job", overlap="allow")
    for _ in range(3):
        tick(table, hours=1)
    table.scheduler.modify_job("job", overlap="skip")
    (first,) = other.take(table.clock.now())
    assert other.take(table.clock.now()) == []
    other.finish(first, table.clock.now())
    assert len(other.take(table.clock.now())) == 1


def test_a_job_that_was_lowered_to_one_says_why_it_skips(table: Timetable, other: OtherNode) -> None:
    taken = five_running(table, other, max_instances=5)
    table.scheduler.modify_job("job", max_instances=1)
    other.finish(taken[0], table.clock.now())  # type: ignore[arg-type]
    tick(table, hours=1)
    assert table.scheduler.why("job", after(hours=6))[0].kind is DecisionKind.SKIPPED
