"""The runner over a real plan: what it takes, what it gives back, and how ends that cannot be written are written."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from horarium.clock import SystemClock
from horarium.decide import decide
from horarium.errors import PlanUnavailable
from horarium.events import EventBus
from horarium.execution.context import SyncRun
from horarium.execution.places import THREAD, Capacity
from horarium.execution.records import EndRecord
from horarium.execution.registry import REGISTRY, task
from horarium.execution.runner import Runner
from horarium.job import Job, Policies
from horarium.states import RunState
from horarium.store.claims import Claims
from horarium.store.database import Database
from horarium.store.jobs import Jobs
from horarium.store.nodes import Identity, Nodes
from horarium.store.plan_clock import PlanClock
from horarium.store.runs import Runs
from horarium.store.settling import Thought
from horarium.store.ticks import Ticks
from horarium.store.upgrade import CORE, upgrade_at_start
from horarium.store.work import Holder
from horarium.values import RunInfo, RunKey
from horarium.when import every

PATIENCE = 20.0
PLACES = 3


def eventually(condition: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.01)
    return found


@task("runner.work")
def work(run: SyncRun) -> str:
    return _present[0].work(run)


_present: list["Ran"] = []


@dataclass
class Ran:
    """A runner on a plan with one job, whose function waits for the gate."""

    database: Database
    node: str = "one"
    holds: bool = True
    begun: list[int] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    stopped: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.clock = PlanClock(self.database, SystemClock())
        _present[:] = [self]
        for node in ("one", "two"):
            Nodes(self.database).register(Identity(node, "host", 1, "", "1"), self.now, 60)
        jobs = Jobs(self.database)
        jobs.add(
            [Job(id="work", task="runner.work", trigger=every(hours=1), policies=Policies(executor=THREAD))], self.now
        )
        self.job = jobs.get("work")
        self.claims, self.runs = Claims(self.database), Runs(self.database)
        self.runner = Runner(
            self.database,
            REGISTRY,
            self.clock,
            EventBus(),
            node=lambda: self.node,
            holds=lambda: self.holds,
            capacity=Capacity(threads=PLACES),
        )
        self.runner.start()

    @property
    def now(self) -> datetime:
        return datetime.now(UTC)

    def work(self, run: SyncRun) -> str:
        self.begun.append(run.attempt)
        while not self.gate.wait(0.01):
            if run.stop_reason is not None:
                self.stopped.append(run.stop_reason)
                run.check()
        return "done"

    def enqueue(self) -> str:
        return self.runs.run_now("work", self.now).id

    def claim(self) -> int:
        return self.runner.claim(self.now + timedelta(seconds=1))

    def get(self, run_id: str) -> RunInfo:
        return self.runs.get(run_id)

    def free(self) -> int:
        return self.runner.places.free().get(THREAD, 0)

    def tick(self, *, node: str) -> list[tuple[Job, datetime]]:
        """What a tick of `node` does before its runs are launched."""
        ticks = Ticks(self.database)
        (due,) = ticks.due(self.now + timedelta(hours=2), 10)
        verdict = decide(due.job, due.due_at, due.due_at)
        self.reservation = self.runner.reserve()
        thoughts = [Thought(due.job, due.due_at, due.version, verdict)]
        settled = ticks.write(thoughts, node=node, now=self.now, takes=self.reservation.takes)
        return list(settled.started)


@pytest.fixture
def ran(tmp_path: Path) -> Iterator[Ran]:
    database = Database(f"sqlite:///{tmp_path / 'plan.db'}", synchronous="OFF")
    upgrade_at_start(database, [CORE])
    made = Ran(database)
    yield made
    made.gate.set()
    made.runner.stop(wait=True, grace=PATIENCE)
    database.close()


def test_a_run_that_the_plan_gives_to_this_node_and_that_it_does_not_know_goes_back_at_the_second_sight(
    ran: Ran,
) -> None:
    run = ran.enqueue()
    Claims(ran.database).claim("one", ran.now + timedelta(seconds=1), 1, executors=[THREAD])  # its answer got lost
    ran.runner.attend()
    assert ran.get(run).state is RunState.RUNNING
    ran.runner.attend()
    assert (ran.get(run).state, ran.get(run).crashes) == (RunState.QUEUED, 0)


def test_runs_of_a_tick_that_is_still_under_way_are_not_given_back(ran: Ran) -> None:
    started = ran.tick(node="one")
    for _ in range(5):  # the process is slow between the commit and the launch
        ran.runner.attend()
    ran.runner.launch(ran.reservation, started, ran.now, "one")
    ran.gate.set()
    run = str(RunKey(started[0][1], ran.job.key))
    eventually(lambda: ran.get(run).state is RunState.SUCCEEDED, "it ends")
    assert (ran.get(run).attempt, ran.begun) == (1, [1])


@pytest.mark.parametrize("what", ["another id by now", "no lease by now"])
def test_runs_of_a_tick_whose_node_lost_its_lease_meanwhile_are_not_begun(ran: Ran, what: str) -> None:
    started = ran.tick(node="one")
    ran.node, ran.holds = ("two", True) if what == "another id by now" else ("one", False)
    ran.runner.launch(ran.reservation, started, ran.now, "one")
    run = str(RunKey(started[0][1], ran.job.key))
    eventually(lambda: ran.get(run).state is RunState.QUEUED, "it is left to others")
    assert not ran.begun
    assert ran.free() == PLACES


def test_a_run_that_is_not_this_nodes_any_more_is_told_at_the_second_sight(ran: Ran) -> None:
    run = ran.enqueue()
    assert ran.claim() == 1
    eventually(lambda: ran.begun, "it runs")
    ran.claims.give_back([Holder(RunKey.parse(run), 1, "one")], ran.now)  # as a person's hand in the tables might
    ran.runner.attend()
    assert not ran.stopped
    ran.runner.attend()
    eventually(lambda: ran.stopped == ["it is no longer this node's"], "it is told")
    eventually(lambda: not ran.runner.running(), "it ends")
    assert ran.get(run).state is RunState.QUEUED, "its end is not written"


def test_a_run_comes_back_to_a_node_where_its_lost_attempt_has_not_ended(ran: Ran) -> None:
    run = ran.enqueue()
    ran.claim()
    eventually(lambda: ran.begun == [1], "the first attempt runs")
    ran.claims.give_back([Holder(RunKey.parse(run), 1, "one")], ran.now)
    assert ran.claim() == 1
    eventually(lambda: ran.begun == [1, 2], "the second runs beside it")
    for _ in range(3):
        ran.runner.attend()
    assert (ran.get(run).state, ran.get(run).attempt) == (RunState.RUNNING, 2)
    ran.gate.set()
    eventually(lambda: not ran.runner.running(), "both end")
    assert (ran.get(run).state, ran.get(run).attempt) == (RunState.SUCCEEDED, 2)
    assert ran.free() == PLACES


def test_a_claim_that_fails_keeps_no_place(ran: Ran, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise PlanUnavailable("connection refused")

    monkeypatch.setattr(ran.runner._claims, "claim", refuse)
    with pytest.raises(PlanUnavailable):
        ran.claim()
    assert ran.free() == PLACES


def test_only_as_many_runs_are_claimed_as_there_are_places(ran: Ran) -> None:
    jobs = [
        Job(id=f"work-{n}", task="runner.work", trigger=every(hours=1), policies=Policies(executor=THREAD))
        for n in range(PLACES + 2)
    ]
    Jobs(ran.database).add(jobs, ran.now)
    runs = [ran.runs.run_now(job.id, ran.now).id for job in jobs]
    assert ran.claim() == PLACES
    assert ran.claim() == 0
    assert sorted(ran.get(run).attempt for run in runs) == [0, 0, 1, 1, 1]


def test_a_run_that_ended_while_its_node_goes_down_is_recorded_all_the_same(ran: Ran) -> None:
    run = ran.enqueue()
    ran.claim()
    eventually(lambda: ran.begun, "it runs")
    ran.gate.set()
    assert ran.runner.stop(wait=False)
    assert ran.get(run).state is RunState.SUCCEEDED


def test_an_end_that_the_database_refuses_is_written_without_its_texts(
    ran: Ran, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = ran.runner._recorder._write_together

    def refuse_results(connection: Any, records: Any) -> None:
        if any(isinstance(record, EndRecord) and record.end.finish.result for record in records):
            raise ValueError("invalid memory alloc request size 1073741824")
        written(connection, records)

    monkeypatch.setattr(ran.runner._recorder, "_write_together", refuse_results)
    run = ran.enqueue()
    ran.claim()
    ran.gate.set()
    eventually(lambda: ran.get(run).state is RunState.SUCCEEDED, "it is recorded")
    assert (ran.get(run).result, ran.begun) == (None, [1])


def test_at_the_end_with_the_database_away_the_runs_are_said_to_be_left(
    ran: Ran, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("horarium.execution.runner.CHILD_GRACE", 0.1)
    run = ran.enqueue()
    ran.claim()
    eventually(lambda: ran.begun, "it runs")
    real = ran.database.write

    def refuse() -> Any:
        raise PlanUnavailable("connection refused")

    monkeypatch.setattr(ran.database, "write", refuse)
    ran.gate.set()
    assert ran.runner.stop(wait=True) is False
    assert "left to whoever finds that this node has gone" in caplog.text
    monkeypatch.setattr(ran.database, "write", real)
    assert ran.get(run).state is RunState.RUNNING
