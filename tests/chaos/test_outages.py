"""PostgreSQL away, for a moment or for longer than a lease, and connections cut in the middle of anything."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import psycopg
import pytest

from horarium import Scheduler, every
from horarium.errors import PlanUnavailable
from horarium.states import FINAL, RunState
from horarium.testing import TemporaryPostgres

from .fleet import Ledger, NodeProcess, eventually, onlooker

Start = Callable[..., NodeProcess]

JOBS = 15


@pytest.fixture(scope="module")
def server() -> Iterator[TemporaryPostgres]:
    """A PostgreSQL that may be stopped."""
    with TemporaryPostgres(fsync=False, own=True) as postgres:
        yield postgres


@pytest.fixture
def url(server: TemporaryPostgres) -> Iterator[str]:
    server.start()
    address = server.create_database()
    yield address
    server.start()
    server.drop_database(address)


@pytest.fixture
def shaky(url: str) -> Iterator[Scheduler]:
    """A plan on a server that may be stopped."""
    scheduler = onlooker(url)
    yield scheduler
    scheduler.shutdown()


def beat(plan: Scheduler, ledger: Ledger) -> None:
    for number in range(JOBS):
        task = "chaos.beat" if number % 2 else "chaos.beat_in_thread"
        plan.add_job(
            task,
            every(seconds=0.2),
            id=f"beat-{number}",
            args=[str(ledger)],
            coalesce=False,
            overlap="allow",
            catch_up=10_000,
        )


def assert_each_occurrence_ran_once(plan: Scheduler, ledger: Ledger) -> None:
    for number in range(JOBS):
        plan.pause_job(f"beat-{number}")
    eventually(lambda: not plan.runs(states=[state for state in RunState if state not in FINAL]), "all end")
    runs = [run for run in plan.runs(limit=None) if run.job_id.startswith("beat")]
    assert {run.state for run in runs} == {RunState.SUCCEEDED}
    executed = [line.split()[0] for line in ledger.lines("beat")]
    assert sorted(executed) == sorted(f"{run.job_id}@{run.scheduled_at.isoformat()}" for run in runs)
    for number in range(JOBS):
        times = sorted(run.scheduled_at for run in runs if run.job_id == f"beat-{number}")
        found = plan.get_job(f"beat-{number}")
        assert found is not None
        assert times[1:] == [at for at in found.trigger.between(times[0], times[-1], 10**6) if at > times[0]]
    assert {run.crashes for run in runs} == {0}


def test_a_short_stop_of_the_server_loses_no_result_and_doubles_no_run(
    shaky: Scheduler, url: str, server: TemporaryPostgres, nodes: Start, ledger: Ledger, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    for job, task in (("loop", "chaos.hold"), ("thread", "chaos.hold_in_thread"), ("child", "chaos.hold_in_process")):
        shaky.add_job(task, every(hours=1), id=job, args=[str(ledger), str(gate)])
    shaky.add_job("chaos.batch", every(hours=1), id="batch", args=[str(ledger), 2_000])
    beat(shaky, ledger)
    fleet = [nodes(url, lease=60.0) for _ in range(2)]
    held = [shaky.run_now(job) for job in ("loop", "thread", "child", "batch")]
    eventually(lambda: len(ledger.lines("begin")) == 4 and ledger.lines("item"), "they run")
    server.stop("immediate")
    gate.touch()
    eventually(lambda: len(ledger.lines("end")) >= 3, "they end while the server is away")
    time.sleep(1.5)
    server.start()
    ended = [shaky.wait_for_run(run.id, timeout=20) for run in held]
    assert [(run.state, run.attempt, run.crashes) for run in ended] == [(RunState.SUCCEEDED, 1, 0)] * 4
    assert [run.result for run in ended] == ["held", "held", "held", {"done": 2_000, "total": 2_000}]
    assert set(ledger.counts("item").values()) == {1}
    seen = len(ledger.lines("beat"))
    eventually(lambda: len(ledger.lines("beat")) > seen + JOBS * 5, "ticks go on")
    assert_each_occurrence_ran_once(shaky, ledger)
    assert [node.tracebacks for node in fleet] == [[], []]
    assert {node.id for node in shaky.nodes()} == {node.id for node in fleet}


def test_after_a_stop_longer_than_the_lease_nodes_go_on_as_new_ones_and_no_run_is_suspected(
    shaky: Scheduler, url: str, server: TemporaryPostgres, nodes: Start, ledger: Ledger, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    for job, task in (("loop", "chaos.hold"), ("thread", "chaos.hold_in_thread"), ("child", "chaos.hold_in_process")):
        shaky.add_job(task, every(hours=1), id=job, args=[str(ledger), str(gate)])
    fleet = [nodes(url, lease=1.5, heartbeat=0.3) for _ in range(2)]
    held = [shaky.run_now(job) for job in ("loop", "thread", "child")]
    eventually(lambda: len(ledger.lines("begin")) == 3, "they run")
    children = [int(pid) for pid in " ".join(ledger.lines("begin ")).split() if pid.isdigit() and int(pid) > 1]
    server.stop("immediate")
    eventually(lambda: ledger.lines("told 1"), "the thread is told that its node lost it")
    eventually(lambda: ledger.lines("cancelled 1"), "so is the coroutine")
    eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children), "the child and its own are killed")
    server.start()
    eventually(lambda: len(ledger.lines("begin")) == 6, "they are run again")
    gate.touch()
    ended = [shaky.wait_for_run(run.id, timeout=20) for run in held]
    assert [(run.state, run.attempt, run.crashes) for run in ended] == [(RunState.SUCCEEDED, 2, 0)] * 3
    assert len(ledger.lines("end")) == 3
    ids = {node.id for node in shaky.nodes()}
    assert len(ids) == 2
    assert ids.isdisjoint({node.id for node in fleet})


def test_connections_that_are_cut_at_any_time_lose_nothing_and_double_nothing(
    shaky: Scheduler, url: str, server: TemporaryPostgres, nodes: Start, ledger: Ledger
) -> None:
    beat(shaky, ledger)
    shaky.add_job("chaos.batch", every(hours=1), id="batch", args=[str(ledger), 3_000])
    fleet = [nodes(url, lease=60.0) for _ in range(2)]
    run = shaky.run_now("batch")
    eventually(lambda: len(ledger.lines("beat")) > JOBS, "they run")
    cut = 0
    with closing(psycopg.connect(server.url, autocommit=True)) as connection:
        database = url.rpartition("/")[2]
        for _ in range(40):
            row = connection.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = %s", [database]
            ).fetchone()
            cut += row[0] if row else 0
            time.sleep(0.05)
    assert cut > 40
    with suppress(PlanUnavailable):
        shaky.get_run(run.id)
    assert shaky.wait_for_run(run.id, timeout=30).result == {"done": 3_000, "total": 3_000}
    assert set(ledger.counts("item").values()) == {1}
    seen = len(ledger.lines("beat"))
    eventually(lambda: len(ledger.lines("beat")) > seen + JOBS * 2, "ticks go on")
    assert_each_occurrence_ran_once(shaky, ledger)
    assert [node.tracebacks for node in fleet] == [[], []]
    assert {node.id for node in shaky.nodes()} == {node.id for node in fleet}
