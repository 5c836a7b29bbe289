"""Processes killed with SIGKILL: what was committed is kept, what was not is done again, and at once."""

import random
import time
from collections.abc import Callable

import pytest

from horarium import Scheduler, every
from horarium.states import FINAL, RunState
from horarium.store.work import Work
from horarium.values import RunKey

from .fleet import Ledger, NodeProcess, eventually

Start = Callable[..., NodeProcess]

ITEMS = 1_200
CONCURRENCY = 4
LONG = 60.0
"""A lease that no test waits for."""


def committed_items(plan: Scheduler, run_id: str, batch: str) -> set[str]:
    """The items whose marks are on disk."""
    done, _, _, _ = Work(plan._plan.database).load_marks(RunKey.parse(run_id), batch)
    return {f"item {key}" for key in done}


@pytest.mark.parametrize(
    ("plan_url", "task", "batch"),
    [("sqlite", "chaos.batch", "_item"), ("postgresql", "chaos.batch_in_thread", "_plain_item")],
    indirect=["plan_url"],
)
def test_no_item_whose_mark_was_committed_is_computed_again(
    plan: Scheduler, plan_url: str, nodes: Start, ledger: Ledger, task: str, batch: str
) -> None:
    seed = random.randrange(10**6)
    chance = random.Random(seed)
    plan.add_job(task, every(hours=1), id="batch", args=[str(ledger), ITEMS])
    node = nodes(plan_url, lease=LONG)
    run = plan.run_now("batch")
    repeated = 0
    for _ in range(2):  # a third crash would stop the run
        seen = len(ledger.lines("item"))
        eventually(lambda seen=seen: len(ledger.lines("item")) > seen + 50, f"items go on (seed {seed})")
        time.sleep(chance.random() * 0.2)
        node.kill()
        committed = committed_items(plan, run.id, batch)
        before = ledger.counts("item")
        assert len(committed) < ITEMS, "the batch must be killed in its middle"
        node.start()
        eventually(lambda before=before: ledger.counts("item").total() > before.total(), f"goes on (seed {seed})", 15)
        repeated += len(set(before) - committed)
        again = [item for item in committed if ledger.counts("item")[item] > before[item]]
        assert not again, f"computed again although committed (seed {seed}): {again[:5]}"
    ended = plan.wait_for_run(run.id, timeout=60)
    assert (ended.state, ended.result) == (RunState.SUCCEEDED, {"done": ITEMS, "total": ITEMS})
    counts = ledger.counts("item")
    assert set(counts) == {f"item {number}" for number in range(ITEMS)}
    assert counts.total() == ITEMS + repeated
    assert repeated <= 2 * 2 * CONCURRENCY


def test_every_occurrence_has_exactly_one_run_although_nodes_are_killed_between_and_during_ticks(
    plan: Scheduler, plan_url: str, nodes: Start, ledger: Ledger
) -> None:
    seed = random.randrange(10**6)
    chance = random.Random(seed)
    jobs = [f"beat-{number}" for number in range(8)]
    for job in jobs:
        plan.add_job(
            "chaos.beat", every(seconds=0.1), id=job, args=[str(ledger)], coalesce=False, catch_up=1000, overlap="allow"
        )
    node = nodes(plan_url, lease=LONG)
    for _ in range(3):
        seen = len(ledger.lines())
        eventually(lambda seen=seen: len(ledger.lines()) > seen, f"ticks (seed {seed})")
        time.sleep(chance.random() * 0.3)
        node.kill()
        node.start()
    for job in jobs:
        plan.pause_job(job)
    eventually(lambda: all(run.state in FINAL for run in plan.runs(limit=None)), f"all runs end (seed {seed})")
    done = {line.split()[0] for line in ledger.lines()}
    for job in jobs:
        runs = sorted(run.scheduled_at for run in plan.runs(job, limit=None))
        found = plan.get_job(job)
        assert found is not None
        expected = found.trigger.between(runs[0], runs[-1], 10**6)
        assert runs[1:] == [at for at in expected if at > runs[0]], f"{job} (seed {seed})"
        assert {f"{job}@{at.isoformat()}" for at in runs} <= done
    states = {run.state for run in plan.runs(limit=None)}
    assert states == {RunState.SUCCEEDED}, f"seed {seed}"


@pytest.mark.parametrize("plan_url", ["sqlite"], indirect=True)
def test_steps_that_were_committed_are_not_computed_again(
    plan: Scheduler, plan_url: str, nodes: Start, ledger: Ledger
) -> None:
    plan.add_job("chaos.steps", every(hours=1), id="steps", args=[str(ledger), 400])
    node = nodes(plan_url, lease=LONG)
    run = plan.run_now("steps")
    for _ in range(2):
        seen = len(ledger.lines())
        eventually(lambda seen=seen: len(ledger.lines()) > seen + 20, "steps go on")
        node.kill()
        node.start()
    assert plan.wait_for_run(run.id, timeout=60).state is RunState.SUCCEEDED
    counts = {line.rpartition(" ")[0]: 0 for line in ledger.lines()}
    for line in ledger.lines():
        counts[line.rpartition(" ")[0]] += 1
    assert set(counts) == {f"step {number}" for number in range(400)}
    assert sum(count - 1 for count in counts.values()) <= 2, "at most the step that was under way at each kill"


@pytest.mark.parametrize("plan_url", ["sqlite"], indirect=True)
def test_a_run_that_advances_between_kills_outlives_more_of_them_than_one_that_does_not(
    plan: Scheduler, plan_url: str, nodes: Start, ledger: Ledger
) -> None:
    plan.add_job("chaos.steps", every(hours=1), id="steps", args=[str(ledger), 200])
    node = nodes(plan_url, lease=LONG)
    run = plan.run_now("steps")
    for _ in range(4):
        seen = len(ledger.lines())
        eventually(lambda seen=seen: len(ledger.lines()) > seen + 2, "steps go on")
        node.kill()
        node.start()
    ended = plan.wait_for_run(run.id, timeout=60)
    assert (ended.state, ended.crashes, ended.attempt) == (RunState.SUCCEEDED, 1, 5)


@pytest.mark.parametrize(
    ("plan_url", "task"), [("sqlite", "chaos.leave"), ("postgresql", "chaos.kill")], indirect=["plan_url"]
)
def test_a_run_that_kills_its_process_is_stopped_after_three_crashes_and_its_neighbours_are_not(
    plan: Scheduler, plan_url: str, nodes: Start, ledger: Ledger, task: str
) -> None:
    gate = ledger.path.with_name("gate")
    plan.add_job(task, every(hours=1), id="killer", args=[str(ledger)])
    for number in range(3):
        plan.add_job("chaos.hold", every(hours=1), id=f"good-{number}", args=[str(ledger), str(gate)])
    good = [plan.run_now(f"good-{number}") for number in range(3)]
    node = nodes(plan_url, lease=LONG)
    eventually(lambda: len(ledger.lines("begin")) == 3, "the good ones run")
    killer = plan.run_now("killer")
    starts = 1
    while plan.get_run(killer.id).state not in FINAL:
        if not node.alive:
            node.died()
            node.start()
            starts += 1
            if starts == 3:
                gate.touch()
        time.sleep(0.05)
        assert starts < 8
    stopped = plan.get_run(killer.id)
    assert (stopped.state, stopped.crashes) == (RunState.FAILED, 3)
    assert "3 nodes died" in str(stopped.error)
    assert [plan.wait_for_run(run.id, timeout=20).state for run in good] == [RunState.SUCCEEDED] * 3
    assert len(ledger.lines("kill")) + len(ledger.lines("leave")) == 3


@pytest.mark.parametrize("plan_url", ["sqlite"], indirect=True)
def test_a_thread_that_never_ends_keeps_neither_its_process_nor_its_run(
    plan: Scheduler, plan_url: str, nodes: Start, ledger: Ledger
) -> None:
    gate = ledger.path.with_name("gate")
    plan.add_job("chaos.hold_in_thread", every(hours=1), id="deaf", args=[str(ledger), str(gate), True])
    node = nodes(plan_url, lease=LONG, shutdown={"wait": False})
    run = plan.run_now("deaf")
    eventually(lambda: ledger.lines("begin"), "it runs")
    assert node.end() == "left behind"
    gate.touch()
    nodes(plan_url, lease=LONG)
    ended = plan.wait_for_run(run.id, timeout=20)
    assert (ended.state, ended.attempt) == (RunState.SUCCEEDED, 2), "the next node sees that the process is gone"
