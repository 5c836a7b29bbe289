"""Several nodes on one plan: one run for each occurrence, also when a node is frozen, late, or has a wrong clock."""

import json
import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from horarium import Scheduler, every
from horarium.states import FINAL, RunState

from .fleet import Ledger, NodeProcess, eventually, onlooker

Start = Callable[..., NodeProcess]


@pytest.fixture
def shared(postgres_url: str) -> Iterator[Scheduler]:
    """A plan on PostgreSQL."""
    scheduler = onlooker(postgres_url)
    yield scheduler
    scheduler.shutdown()


def all_ended(plan: Scheduler) -> bool:
    return not plan.runs(states=[state for state in RunState if state not in FINAL])


def test_each_occurrence_is_executed_once_whatever_the_number_of_nodes(
    plan: Scheduler, plan_url: str, tmp_path: Path, ledger: Ledger
) -> None:
    plan.start(paused=True)  # makes the tables
    plan.shutdown()
    number = 2 if plan_url.startswith("sqlite") else 3
    for job in range(30):
        task = "chaos.beat" if job % 2 else "chaos.beat_in_thread"
        plan.add_job(task, every(seconds=0.5), id=f"beat-{job}", args=[str(ledger)], coalesce=False, overlap="allow")
    fleet = [NodeProcess(plan_url, tmp_path, lease=30.0) for _ in range(number)]
    try:
        for node in fleet:
            node.begin()
        for node in fleet:
            node.ready()
        plan.resume()
        eventually(lambda: len(ledger.lines()) > 30 * 8, "they run")
        eventually(lambda: len({run.node for run in plan.runs(limit=None)} - {None}) > 1, "they share them")
        plan.pause()
        eventually(lambda: all_ended(plan), "all end")
        time.sleep(0.3)
        runs = plan.runs(limit=None)
        assert {run.state for run in runs} == {RunState.SUCCEEDED}
        executed = ledger.counts()
        assert set(executed.values()) == {1}
        assert set(executed) == {f"{run.job_id}@{run.scheduled_at.isoformat()} {run.attempt}" for run in runs}
    finally:
        for node in fleet:
            node.kill()


def test_a_frozen_nodes_runs_go_to_another_and_its_late_writes_are_refused(
    shared: Scheduler, postgres_url: str, nodes: Start, ledger: Ledger, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    for job, task in (("loop", "chaos.hold"), ("thread", "chaos.hold_in_thread"), ("child", "chaos.hold_in_process")):
        options = {"deaf": True} if job == "thread" else {}
        shared.add_job(task, every(hours=1), id=job, args=[str(ledger), str(gate)], kwargs=options)
    frozen = nodes(postgres_url)
    runs = [shared.run_now(job) for job in ("loop", "thread", "child")]
    eventually(lambda: len(ledger.lines("begin")) == 3, "they run")
    other = nodes(postgres_url)
    frozen.freeze()
    eventually(lambda: len(ledger.lines("begin")) == 6, "the other node rescues them when the lease has run out")
    gate.touch()
    ended = [shared.wait_for_run(run.id, timeout=20) for run in runs]
    assert [(run.state, run.attempt, run.node) for run in ended] == [(RunState.SUCCEEDED, 2, other.id)] * 3
    gate.unlink()
    frozen.thaw()
    eventually(lambda: ledger.lines("told 1"), "the thread on the frozen node is told that it lost its run")
    eventually(lambda: ledger.lines("cancelled 1"), "and so is the coroutine")
    gate.touch()
    eventually(lambda: len(ledger.lines("end")) >= 4, "the thread has ended")
    assert not ledger.lines("late write accepted")
    assert [shared.get_run(run.id) for run in runs] == ended
    again = eventually(
        lambda: [node for node in shared.nodes() if node.pid == frozen.pid and node.id != frozen.id], "a new node id"
    )
    other.kill()
    run = shared.run_now("loop")
    assert shared.wait_for_run(run.id, timeout=20).node == again[0].id, "it goes on"


def test_nodes_frozen_in_the_middle_of_ticks_lose_no_occurrence_and_make_no_second_run(
    shared: Scheduler, postgres_url: str, nodes: Start, ledger: Ledger
) -> None:
    seed = random.randrange(10**6)
    chance = random.Random(seed)
    for job in range(20):
        shared.add_job(
            "chaos.beat",
            every(seconds=0.1),
            id=f"beat-{job}",
            args=[str(ledger)],
            coalesce=False,
            overlap="allow",
            catch_up=10_000,
        )
    fleet = [nodes(postgres_url, lease=1.2, heartbeat=0.3) for _ in range(2)]
    for turn in range(3):
        node = fleet[turn % 2]
        time.sleep(chance.random() * 0.3)
        node.freeze()
        time.sleep(1.6)  # longer than its lease: that is what is tried here
        node.thaw()
    seen = len(ledger.lines())
    eventually(lambda: len(ledger.lines()) > seen + 200, f"all go on (seed {seed})")
    for job in range(20):
        shared.pause_job(f"beat-{job}")
    eventually(lambda: all_ended(shared), f"all end (seed {seed})")
    runs = shared.runs(limit=None)
    assert {run.state for run in runs} == {RunState.SUCCEEDED}, f"seed {seed}"
    for job in range(20):
        times = sorted(run.scheduled_at for run in runs if run.job_id == f"beat-{job}")
        found = shared.get_job(f"beat-{job}")
        assert found is not None
        expected = list(found.trigger.between(times[0], times[-1], 10**6))
        assert times[1:] == [at for at in expected if at > times[0]], f"seed {seed}"
    executed = {line.split()[0] for line in ledger.lines()}
    assert executed == {f"{run.job_id}@{run.scheduled_at.isoformat()}" for run in runs}
    attempts = {line: count for line, count in ledger.counts().items() if count > 1}
    assert not attempts, "no attempt is executed twice"


def test_due_times_and_leases_follow_the_databases_clock(
    shared: Scheduler, postgres_url: str, nodes: Start, ledger: Ledger, tmp_path: Path
) -> None:
    early, late = tmp_path / "early.json", tmp_path / "late.json"
    shared.add_job("chaos.beat", every(seconds=0.5), id="beat", args=[str(ledger)], coalesce=False, overlap="allow")
    first = nodes(postgres_url, clock_ahead=300.0, health_to=early)
    second = nodes(postgres_url, clock_ahead=-300.0, health_to=late)
    eventually(lambda: len(ledger.lines()) > 8, "occurrences run")
    now = datetime.now(UTC)
    runs = shared.runs("beat", limit=None)
    assert all(abs((run.started_at - run.scheduled_at).total_seconds()) < 3 for run in runs if run.started_at)
    assert all(abs((run.scheduled_at - now).total_seconds()) < 30 for run in runs)
    offsets = {node.id: node.clock_offset for node in shared.nodes()}
    assert offsets == {first.id: pytest.approx(-300, abs=1), second.id: pytest.approx(300, abs=1)}
    for path, offset in ((early, -300), (late, 300)):
        health = eventually(lambda path=path: path.exists() and json.loads(path.read_text()), "its health is told")
        assert health["status"] == "ok"
        assert health["node"]["clock_offset"] == pytest.approx(offset, abs=1)
    time.sleep(3.2)  # longer than the leases: neither takes the other for dead
    assert {node.id for node in shared.nodes()} == {first.id, second.id}
    assert "+300.0 s off" in first.log
    assert all(count == 1 for count in ledger.counts().values())


@pytest.mark.parametrize("plan_url", ["postgresql"], indirect=True)
def test_a_task_that_holds_up_the_event_loop_for_longer_than_the_lease_keeps_its_run(
    plan: Scheduler, plan_url: str, nodes: Start, ledger: Ledger
) -> None:
    plan.add_job("chaos.block", every(hours=1), id="block", args=[str(ledger), 3.0])
    node = nodes(plan_url, lease=1.2, heartbeat=0.3)
    run = plan.run_now("block")
    nodes(plan_url, lease=1.2, heartbeat=0.3)
    ended = plan.wait_for_run(run.id, timeout=20)
    assert (ended.state, ended.attempt, ended.crashes) == (RunState.SUCCEEDED, 1, 0)
    assert ended.node == node.id
    assert ledger.counts() == {"begin 1": 1, "end 1": 1}
