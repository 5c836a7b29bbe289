"""The engine: an APScheduler of our own, whose thread is watched."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from horarium.clock import SystemClock
from horarium.engines.apscheduler import ApschedulerEngine, PlanJobStore
from horarium.engines.apscheduler import engine as engine_module
from horarium.engines.apscheduler.executor import executors_of
from horarium.engines.node import Node, NodeOptions
from horarium.errors import PlanUnavailable
from horarium.events import EventBus, RunChanged
from horarium.job import Job, Policies
from horarium.states import RunState
from horarium.store.database import Database
from horarium.store.jobs import Jobs
from horarium.store.plan_clock import PlanClock
from horarium.store.upgrade import CORE, upgrade_at_start
from horarium.when import Once, every

from . import tasks

SOON = 20.0


class Running:
    """An engine on a node that runs, and what became of its runs."""

    def __init__(self, database: Database) -> None:
        upgrade_at_start(database, [CORE])
        self.jobs = Jobs(database)
        self.events = EventBus()
        self.ended: list[RunChanged] = []
        self.changed = threading.Condition()
        self.events.subscribe(self._hear)
        clock = PlanClock(database, SystemClock())
        self.node = Node(database, clock=clock, events=self.events, options=NodeOptions(attend_every=30))
        self.node.start()
        self.engine = ApschedulerEngine(self.node)

    def close(self) -> None:
        self.engine.stop()
        self.node.stop(wait=False)

    def add(self, job_id: str, after: float = 0.0) -> datetime:
        at = datetime.now(UTC) + timedelta(seconds=after)
        job = Job(id=job_id, task=f"{tasks.__name__}:note", trigger=Once(at), policies=Policies(executor="thread"))
        self.jobs.add([job], datetime.now(UTC))
        return at

    def wait_for(self, job_id: str) -> RunChanged:
        def found() -> RunChanged | None:
            return next((end for end in self.ended if end.job_id == job_id), None)

        with self.changed:
            assert self.changed.wait_for(lambda: found() is not None, SOON)
            end = found()
        assert end is not None
        return end

    def _hear(self, event: Any) -> None:
        if isinstance(event, RunChanged) and event.state is RunState.SUCCEEDED:
            with self.changed:
                self.ended.append(event)
                self.changed.notify_all()


@pytest.fixture
def running(tmp_path: Path, make_database: Callable[[str], Database]) -> Iterator[Running]:
    running = Running(make_database(f"sqlite:///{tmp_path}/plan.db"))
    yield running
    running.close()


def thread_of(engine: ApschedulerEngine) -> threading.Thread:
    assert engine._shell is not None
    thread = engine._shell.thread
    assert thread is not None
    return thread


def test_it_ticks_in_a_daemon_thread_and_runs_what_is_due(running: Running) -> None:
    running.engine.start()
    running.add("once")
    running.engine.wake()
    running.wait_for("once")
    assert thread_of(running.engine).daemon
    health = running.engine.health()
    assert (health.ticking, health.error) == (True, None)
    assert health.last_tick is not None


def test_it_wakes_when_the_plan_changes(running: Running) -> None:
    running.engine.start()
    running.add("once")
    running.node.announce()
    running.wait_for("once")


def test_a_change_that_nobody_tells_is_seen_within_a_second(running: Running) -> None:
    running.engine.start()
    at = running.add("once", after=0.05)
    # Generous: only that it is found by itself is tested here.
    assert running.wait_for("once").at - at < timedelta(seconds=SOON)


def test_it_stops_and_may_be_started_again(running: Running) -> None:
    running.engine.start()
    thread = thread_of(running.engine)
    running.engine.stop()
    assert not thread.is_alive()
    assert not running.engine.health().ticking
    running.engine.start()
    running.add("once")
    running.node.announce()
    running.wait_for("once")


def test_it_leaves_the_node_to_whom_it_belongs(running: Running) -> None:
    running.engine.start()
    running.engine.stop()
    assert running.node.alive


def test_it_forgets_its_apscheduler_when_it_stops(running: Running) -> None:
    running.engine.start()
    shell = running.engine._shell
    running.engine.stop()
    assert executors_of(shell) == []


def test_a_thread_that_died_is_replaced(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    running.engine.start()
    thread = thread_of(running.engine)

    def fatal(*_: Any) -> Any:
        raise SystemExit

    with monkeypatch.context() as patch:
        # Beyond what may happen: even the store's guard is gone.
        patch.setattr(PlanJobStore, "get_next_run_time", fatal)
        running.engine.wake()
        thread.join(SOON)
    assert not thread.is_alive()
    running.engine.watch()
    assert thread_of(running.engine).is_alive()
    running.add("once")
    running.node.announce()
    running.wait_for("once")
    assert running.engine.health().ticking


def test_a_dead_thread_shows_in_health(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "WATCH_EVERY", SOON)
    running.engine.start()
    thread = thread_of(running.engine)

    def fatal(*_: Any) -> Any:
        raise RuntimeError("beyond what may happen")

    with monkeypatch.context() as patch:
        patch.setattr(PlanJobStore, "get_next_run_time", fatal)
        running.engine.wake()
        thread.join(SOON)
        health = running.engine.health()
    assert not health.ticking
    assert "beyond what may happen" in str(health.error)


def test_a_thread_that_hangs_is_replaced_and_ends_when_it_goes_on(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "WATCH_EVERY", SOON)
    hanging, go_on = threading.Event(), threading.Event()
    due = running.node.ticker.due

    def hang(*args: Any) -> Any:
        if not hanging.is_set():
            hanging.set()
            go_on.wait(SOON)
        return due(*args)

    running.engine.start()
    thread = thread_of(running.engine)
    monkeypatch.setattr(running.node.ticker, "due", hang)
    running.node.announce()
    assert hanging.wait(SOON)
    monkeypatch.setattr(engine_module, "HUNG_AFTER", 0.0)
    assert not running.engine.health().ticking
    running.engine.watch()
    monkeypatch.undo()
    assert thread_of(running.engine) is not thread
    running.add("once")
    running.node.announce()
    running.wait_for("once")
    go_on.set()
    thread.join(SOON)
    assert not thread.is_alive()


def test_an_outage_shows_in_health_and_is_over_by_itself(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    running.engine.start()
    failed = threading.Event()

    def away(*_: Any) -> Any:
        failed.set()
        raise PlanUnavailable("the plan's database does not work")

    with monkeypatch.context() as patch:
        patch.setattr(running.node.ticker, "due", away)
        running.node.announce()
        assert failed.wait(SOON)
        while running.engine.health().error is None:
            threading.Event().wait(0.01)
        assert "does not work" in str(running.engine.health().error)
        assert running.engine.health().ticking
    running.add("once")
    running.node.announce()
    running.wait_for("once")
    assert running.engine.health().error is None


def test_an_interval_runs(running: Running) -> None:
    running.engine.start()
    start = datetime.now(UTC) + timedelta(seconds=0.2)
    trigger = every(seconds=0.2, start=start)
    job = Job(id="often", task=f"{tasks.__name__}:note", trigger=trigger, policies=Policies(executor="thread"))
    running.jobs.add([job], datetime.now(UTC))
    running.node.announce()
    running.wait_for("often")
