"""An APScheduler whose loop a test turns by hand, over a plan whose clock the test sets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest
from apscheduler.schedulers.base import BaseScheduler
from apscheduler.schedulers.blocking import BlockingScheduler

from horarium.engines.apscheduler import PlanExecutor, PlanJobStore
from horarium.engines.apscheduler.ticking import LEAST
from horarium.engines.inline import InlineEngine
from horarium.engines.node import Node, NodeOptions
from horarium.events import EventBus
from horarium.job import Job, Policies
from horarium.store.database import Database
from horarium.store.holds import Holds
from horarium.store.jobs import Jobs
from horarium.store.plan_clock import PlanClock
from horarium.store.runs import Runs
from horarium.store.upgrade import CORE, upgrade_at_start
from horarium.testing import ManualClock
from horarium.when import Trigger

from . import tasks

START = datetime(2026, 3, 2, 6, tzinfo=UTC)
_LEASE = 1e8


class HandScheduler(BlockingScheduler):
    """Turns its loop only in `turn`."""

    def start(self, paused: bool = False) -> None:
        self.wakeups = 0
        BaseScheduler.start(self, paused)

    def shutdown(self, wait: bool = True) -> None:
        BaseScheduler.shutdown(self, wait)

    def wakeup(self) -> None:
        self.wakeups += 1

    def turn(self) -> float | None:
        """Once through the loop; the seconds that it would sleep after."""
        seconds: float | None = self._process_jobs()
        return seconds


class Plugged:
    """A plan, a node that executes only in `drain`, and an APScheduler over both, all in the test's thread."""

    def __init__(self, database: Database) -> None:
        self.database = database
        upgrade_at_start(database, [CORE])
        self.clock = ManualClock(START)
        self.jobs, self.runs, self.holds = Jobs(database), Runs(database), Holds(database)
        self.node = Node(
            database,
            clock=PlanClock(database, self.clock),
            events=EventBus(),
            options=NodeOptions(lease=_LEASE),
        )
        self.node.begin()
        self.inline = InlineEngine(self.node)
        self.store = PlanJobStore(node=self.node)
        self.executor = PlanExecutor()
        self.scheduler = HandScheduler(
            timezone=UTC, jobstores={"default": self.store}, executors={"default": self.executor}
        )
        self.scheduler.start()

    def close(self) -> None:
        if self.scheduler.running:
            self.scheduler.shutdown()
        self.node.stop(wait=False)

    def add(self, job_id: str, trigger: Trigger, task: str = "note", **fields: Any) -> Job:
        policies = Policies(executor="thread", **fields.pop("policies", {}))
        job = Job(id=job_id, task=f"{tasks.__name__}:{task}", trigger=trigger, policies=policies, **fields)
        (added,) = self.jobs.add([job], self.clock.now())
        self.node.announce()
        return added

    def turn(self) -> float:
        """Once through APScheduler's loop, a little later; the seconds that it would sleep."""
        self.clock.advance(seconds=2 * LEAST)
        seconds = self.scheduler.turn()
        assert seconds is not None
        return seconds

    def states(self, job_id: str | None = None) -> list[str]:
        return [run.state.value for run in self.runs.find(job_id=job_id)]

    def times(self, job_id: str) -> list[datetime]:
        return sorted(run.scheduled_at for run in self.runs.find(job_id=job_id))


@pytest.fixture(autouse=True)
def _forget_calls() -> Iterator[None]:
    tasks.calls.clear()
    tasks.gate.clear()
    yield
    tasks.gate.set()


@pytest.fixture
def make_database() -> Iterator[Callable[[str], Database]]:
    made: list[Database] = []

    def make(url: str) -> Database:
        made.append(Database(url, synchronous="OFF"))
        return made[-1]

    yield make
    for database in made:
        database.close()


@pytest.fixture
def plugged(plan_url: str, make_database: Callable[[str], Database]) -> Iterator[Plugged]:
    """A plugged-in plan on each database."""
    with closing(Plugged(make_database(plan_url))) as plugged:
        yield plugged
