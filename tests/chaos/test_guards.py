"""The counters of these tests count: each guard of the plan is taken out once, and what it guards against is seen."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from sqlalchemy import text

from horarium import Run, Scheduler, every, task
from horarium.errors import RunLost
from horarium.execution import records
from horarium.execution.context import SyncRun
from horarium.settings import Settings
from horarium.states import RunState
from horarium.store.claims import Claims
from horarium.testing import Timetable

from .fleet import eventually

executed: Counter[str] = Counter()
begun: list[int] = []
gate = threading.Event()


@task("guards.count")
async def count(run: Run) -> None:
    executed[str(run.scheduled_at)] += 1


@task("guards.hold")
def hold(run: SyncRun) -> None:
    """Write a step when the gate opens, whatever the run was told."""
    begun.append(run.attempt)
    gate.wait(30)
    with suppress(RunLost):
        run.step(f"late {run.attempt}", executed.update, [f"attempt {run.attempt}"])


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    executed.clear()
    begun.clear()
    gate.clear()
    yield
    gate.set()


def without(scheduler: Scheduler, statement: str) -> None:
    with scheduler.connection() as connection:
        connection.execute(text(statement))


@pytest.mark.parametrize("guarded", [True, False])
def test_without_its_key_an_occurrence_that_comes_due_twice_runs_twice(postgres_url: str, guarded: bool) -> None:
    with Timetable(postgres_url) as table:
        if not guarded:
            without(table.scheduler, "ALTER TABLE horarium_runs DROP CONSTRAINT pk_horarium_runs")
        table.scheduler.add_job("guards.count", every(minutes=1), id="count")
        table.advance(minutes=5)
        # A restored copy, a hand in the table: the clock of the job goes back.
        without(table.scheduler, "UPDATE horarium_job_clock SET next_run_time = next_run_time - interval '3 minutes'")
        table.advance(minutes=5)
    assert len(executed) >= 9
    assert set(executed.values()) == ({1} if guarded else {1, 2})


@contextmanager
def _started(url: str) -> Iterator[Scheduler]:
    scheduler = Scheduler(url, settings=Settings(config=None, lease=60.0), apps=())
    scheduler.start()
    try:
        yield scheduler
    finally:
        gate.set()
        scheduler.shutdown(grace=5)


@pytest.mark.parametrize("guarded", [True, False])
def test_without_the_index_of_slots_two_runs_of_a_job_overlap(plan_url: str, guarded: bool) -> None:
    with _started(plan_url) as scheduler:
        if not guarded:
            without(scheduler, "DROP INDEX uq_horarium_runs_slot")
        scheduler.add_job("guards.hold", every(seconds=0.1), id="hold")
        eventually(lambda: len(scheduler.why("hold", limit=10)) >= 5, "several occurrences are decided")
        assert (len(begun) == 1) is guarded


@pytest.mark.parametrize("guarded", [True, False])
def test_without_the_fence_a_run_that_was_lost_goes_on_to_write(
    plan_url: str, guarded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not guarded:

        def let_through(*_: Any, **__: Any) -> None:
            """Check nothing."""

        monkeypatch.setattr(records, "fence", let_through)
        monkeypatch.setattr("horarium.store.work.fence", let_through)
    with _started(plan_url) as lost, _started(plan_url) as other:
        node = lost._service.node
        assert node is not None
        other._service.node.runner.places.close()  # type: ignore[union-attr]
        lost.add_job("guards.hold", every(hours=1), id="hold")
        run = lost.run_now("hold")
        eventually(lambda: begun == [1], "it runs on the first node")
        node.runner.places.close()
        node.runner.attend = lambda: None  # type: ignore[method-assign]  # it does not hear that it lost its run
        other._service.node.runner.places._closed = False  # type: ignore[union-attr]
        other._plan.nodes.stop(node.id, other._now(), "as if its lease had run out")
        Claims(other._plan.database).rescue(node.id, other._now())
        eventually(lambda: begun == [1, 2], "the other node has it")
        gate.set()
        ended = other.wait_for_run(run.id, timeout=20)
        assert (ended.state, ended.attempt) == (RunState.SUCCEEDED, 2)
        eventually(lambda: not node.runner.running(), "the first has ended too")
        steps = _steps(other)
        assert ("late 1" in steps) is not guarded
        assert "late 2" in steps


def _steps(scheduler: Scheduler) -> set[str]:
    with scheduler.connection() as connection:
        return set(connection.execute(text("SELECT key FROM horarium_steps")).scalars())
