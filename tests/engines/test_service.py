"""Starting, stopping and failing to start a scheduler, and what is left in the process afterwards."""

import asyncio
import functools
import gc
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from horarium import Scheduler, every, service, task
from horarium.errors import HorariumError, PlanUnavailable
from horarium.execution import runner
from horarium.execution.context import SyncRun
from horarium.execution.loop_thread import LoopThread
from horarium.settings import Settings
from horarium.states import RunState
from horarium.testing import TemporaryPostgres

QUIET = Settings(config=None, lease=5.0, heartbeat=0.5)
PATIENCE = 20.0

started = threading.Event()
gate = threading.Event()


def eventually(condition: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.01)
    return found


@task("service.quick")
async def quick() -> str:
    return "done"


@task("service.wait")
def wait(run: SyncRun) -> str:
    """Waits until it is told to stop, or the gate opens."""
    started.set()
    while not gate.wait(0.01):
        run.check()
    return "through"


@task("service.careless")
async def careless() -> None:
    """Waits for the gate without await."""
    gate.wait(PATIENCE)


@task("service.deaf")
def deaf() -> str:
    """Waits for the gate, whatever it is told."""
    started.set()
    gate.wait(PATIENCE)
    return "through"


@task("service.wait_on_loop")
async def wait_on_loop() -> str:
    started.set()
    while not gate.is_set():
        await asyncio.sleep(0.01)
    return "through"


@task("service.sleep_in_child", executor="process")
def sleep_in_child() -> str:
    time.sleep(600)
    return "through"


@pytest.fixture(autouse=True)
def _closed_gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("horarium.execution.runner.CHILD_GRACE", 0.2)
    started.clear()
    gate.clear()
    yield
    gate.set()


@pytest.fixture
def scheduler(plan_url: str) -> Iterator[Scheduler]:
    made = Scheduler(plan_url, settings=QUIET, apps=())
    yield made
    gate.set()
    made.shutdown(wait=False)


def horarium_threads() -> list[str]:
    return sorted(thread.name for thread in threading.enumerate() if thread is not threading.main_thread())


def open_files() -> int:
    gc.collect()
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def children() -> list[str]:
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()


def test_twenty_starts_and_stops_leave_no_thread_no_child_and_no_open_file(plan_url: str) -> None:
    def cycle() -> None:
        scheduler = Scheduler(plan_url, settings=QUIET, apps=())
        scheduler.start()
        scheduler.add_job("service.quick", every(hours=1), id="quick", replace_existing=True)
        run = scheduler.run_now("quick")
        assert scheduler.wait_for_run(run.id, timeout=PATIENCE).state is RunState.SUCCEEDED
        assert scheduler.shutdown()

    cycle()
    before = horarium_threads(), open_files(), children()
    for _ in range(20 if plan_url.startswith("sqlite") else 5):
        cycle()
    assert (horarium_threads(), open_files(), children()) == before


def test_a_second_start_and_a_second_shutdown_change_nothing(scheduler: Scheduler) -> None:
    scheduler.start()
    node = scheduler.health()["node"]["id"]
    scheduler.start()
    assert scheduler.health()["node"]["id"] == node
    assert len(scheduler.nodes()) == 1
    assert scheduler.shutdown()
    assert scheduler.shutdown()
    assert not scheduler.running


def test_a_scheduler_starts_again_after_a_shutdown_as_a_new_node(scheduler: Scheduler) -> None:
    scheduler.start()
    scheduler.add_job("service.quick", every(hours=1), id="quick")
    first = scheduler.health()["node"]["id"]
    assert scheduler.shutdown()
    scheduler.start()
    assert scheduler.running
    assert scheduler.health()["node"]["id"] != first
    run = scheduler.run_now("quick")
    assert scheduler.wait_for_run(run.id, timeout=PATIENCE).result == "done"
    (stopped,) = [node for node in scheduler.nodes(all=True) if node.id == first]
    assert (stopped.stopped_at is not None, stopped.stop_reason) == (True, "it was shut down")


@pytest.mark.parametrize("task_name", ["service.wait", "service.wait_on_loop"])
def test_shutdown_waits_for_runs(scheduler: Scheduler, task_name: str) -> None:
    scheduler.start()
    scheduler.add_job(task_name, every(hours=1), id="wait")
    run = scheduler.run_now("wait")
    assert started.wait(PATIENCE)
    threading.Timer(0.2, gate.set).start()
    assert scheduler.shutdown()
    ended = scheduler.get_run(run.id)
    assert (ended.state, ended.result) == (RunState.SUCCEEDED, "through")


@pytest.mark.parametrize("how", [{"wait": False}, {"grace": 0.1}])
@pytest.mark.parametrize("task_name", ["service.wait", "service.wait_on_loop", "service.sleep_in_child"])
def test_what_still_runs_at_a_shutdown_is_told_and_goes_back_to_the_queue(
    scheduler: Scheduler, task_name: str, how: dict[str, Any]
) -> None:
    before = children()
    scheduler.start()
    scheduler.add_job(task_name, every(hours=1), id="wait")
    run = scheduler.run_now("wait")
    eventually(lambda: scheduler.get_run(run.id).state is RunState.RUNNING, "it runs")
    assert scheduler.shutdown(**how), "all of it has ended"
    given_back = scheduler.get_run(run.id)
    assert (given_back.state, given_back.crashes, given_back.node) == (RunState.QUEUED, 0, None)
    assert children() == before


def test_a_run_that_a_person_cancelled_does_not_go_back_to_the_queue(scheduler: Scheduler) -> None:
    scheduler.start()
    scheduler.add_job("service.wait", every(hours=1), id="wait")
    run = scheduler.run_now("wait")
    assert started.wait(PATIENCE)
    scheduler.cancel_run(run.id, "not wanted any more")
    assert scheduler.shutdown(wait=False)
    cancelled = scheduler.get_run(run.id)
    assert (cancelled.state, cancelled.stop_reason) == (RunState.CANCELLED, "not wanted any more")


def test_work_that_must_not_be_tried_twice_fails_at_a_shutdown(scheduler: Scheduler) -> None:
    scheduler.start()
    scheduler.add_job("service.wait", every(hours=1), id="wait", on_crash="fail")
    run = scheduler.run_now("wait")
    assert started.wait(PATIENCE)
    assert scheduler.shutdown(wait=False)
    ended = scheduler.get_run(run.id)
    assert ended.state is RunState.FAILED
    assert 'on_crash: "fail"' in str(ended.error)


def test_a_thread_that_does_not_end_does_not_hold_up_the_shutdown_for_ever(scheduler: Scheduler) -> None:
    scheduler.start()
    scheduler.add_job("service.deaf", every(hours=1), id="deaf")
    run = scheduler.run_now("deaf")
    assert started.wait(PATIENCE)
    assert scheduler.shutdown(grace=0.1) is False
    assert scheduler.get_run(run.id).state is RunState.RUNNING, "nobody else may take it before the lease has run out"
    (node,) = scheduler.nodes()
    assert node.stopped_at is None


def test_a_shutdown_leaves_open_an_engine_that_it_was_given(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'plan.db'}")
    scheduler = Scheduler(engine, settings=QUIET, apps=())
    with engine.connect() as held:
        scheduler.start()
        assert scheduler.shutdown()
        assert held.execute(text("SELECT count(*) FROM horarium_jobs")).scalar_one() >= 1
    with engine.connect() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
    engine.dispose()


def test_an_application_serves_although_the_database_is_away_and_the_scheduler_starts_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(service, "_START_AGAIN_AFTER", 0.2)
    with TemporaryPostgres(fsync=False, own=True) as server:
        scheduler = Scheduler(server.create_database(), settings=QUIET, apps=())
        server.stop("immediate")

        async def serve() -> None:
            async with scheduler.lifespan():
                health = scheduler.health()
                assert health["status"] == "down"
                assert "does not work" in health["engine"]["error"]
                assert health["database"]["reachable"] is False
                server.start()
                while not scheduler.running:
                    await asyncio.sleep(0.02)
                assert scheduler.health()["status"] == "ok"
            assert not scheduler.running

        asyncio.run(asyncio.wait_for(serve(), PATIENCE))


def test_an_application_that_ends_before_its_scheduler_could_start_ends_the_trying(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_START_AGAIN_AFTER", 0.05)
    scheduler = Scheduler(f"sqlite:///{tmp_path / 'plan.db'}", settings=QUIET, apps=())
    tries: list[int] = []

    def start() -> None:
        tries.append(1)
        raise PlanUnavailable("the disk is full")

    monkeypatch.setattr(scheduler, "start", start)

    async def serve() -> None:
        async with scheduler.lifespan():
            while len(tries) < 3:
                await asyncio.sleep(0.01)
            assert scheduler.health()["engine"]["error"] == "the disk is full"

    asyncio.run(asyncio.wait_for(serve(), PATIENCE))
    assert "horarium-start" not in horarium_threads()


def test_a_start_that_succeeds_after_the_end_is_undone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_START_AGAIN_AFTER", 0.05)
    scheduler = Scheduler(f"sqlite:///{tmp_path / 'plan.db'}", settings=QUIET, apps=())
    real, under_way, go_on = scheduler.start, threading.Event(), threading.Event()

    def start() -> None:
        if not under_way.is_set() and threading.current_thread() is threading.main_thread():
            raise PlanUnavailable("away")
        under_way.set()
        go_on.wait(PATIENCE)
        real()

    monkeypatch.setattr(scheduler, "start", start)
    scheduler._service.start_when_possible(scheduler.start)
    assert under_way.wait(PATIENCE)
    ending = threading.Thread(target=scheduler.shutdown)
    ending.start()
    go_on.set()
    ending.join()
    eventually(lambda: not horarium_threads(), "nothing runs")
    assert not scheduler.running


def test_any_error_at_the_start_leaves_the_application_serving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scheduler = Scheduler(f"sqlite:///{tmp_path / 'plan.db'}", settings=QUIET, apps=())
    monkeypatch.setattr(scheduler, "start", lambda: 1 / 0)

    async def serve() -> str:
        async with scheduler.lifespan():
            return str(scheduler.health()["engine"]["error"])

    assert asyncio.run(serve()) == "division by zero"


def test_health_is_told_though_the_host_of_the_database_swallows_what_is_sent_to_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # connections are taken, and nobody ever answers
        port = silent.getsockname()[1]
        scheduler = Scheduler(f"postgresql://nobody@127.0.0.1:{port}/plan", settings=QUIET, apps=())
        began = time.monotonic()
        health = [scheduler.health() for _ in range(2)]
        assert time.monotonic() - began < 2 * 2.0
        assert {one["status"] for one in health} == {"down"}
        assert health[0]["database"]["reachable"] is False
        assert health[0]["database"]["error"] == "the plan's database has not answered for 1.5 s"
    scheduler.shutdown()


def test_a_forked_process_knows_that_it_runs_nothing(scheduler: Scheduler) -> None:
    def look() -> str:
        return f"{scheduler.running} {scheduler._service.start_error}"

    scheduler.start()
    said = in_a_fork(look)
    assert said.startswith("False this process was forked from the one that runs the scheduler"), said
    assert scheduler.health()["status"] == "ok", "the parent goes on"


def test_a_forked_process_uses_the_plan_on_connections_of_its_own(postgres_url: str) -> None:
    # Not on SQLite: if a thread of the parent was just in that library, it stays locked in the child.
    scheduler = Scheduler(postgres_url, settings=QUIET, apps=())
    scheduler.start()
    try:
        scheduler.add_job("service.quick", every(hours=1), id="quick")
        run_id = in_a_fork(lambda: scheduler.run_now("quick").id)
        assert scheduler.wait_for_run(run_id, timeout=PATIENCE).result == "done", "the parent goes on"
        assert scheduler.health()["status"] == "ok"
    finally:
        scheduler.shutdown()


def test_a_scheduler_on_sqlite_that_was_started_before_a_fork_is_refused_after_it(tmp_path: Path) -> None:
    scheduler = Scheduler(f"sqlite:///{tmp_path / 'plan.db'}", settings=QUIET, apps=())

    def use(call: Callable[[], object]) -> str:
        try:
            call()
        except HorariumError as error:
            return str(error)
        return "it was let in"

    scheduler.start()
    try:
        for call in (scheduler.get_jobs, scheduler.start, lambda: scheduler.pause_job("any")):
            said = in_a_fork(functools.partial(use, call))
            assert "started before the fork cannot be used after it" in said
        assert in_a_fork(lambda: str(scheduler.health()["status"])) == "down"
        assert scheduler.health()["status"] == "ok", "the parent goes on"
    finally:
        scheduler.shutdown()


def test_a_scheduler_on_sqlite_that_was_not_started_yet_is_started_after_a_fork(tmp_path: Path) -> None:
    scheduler = Scheduler(f"sqlite:///{tmp_path / 'plan.db'}", settings=QUIET, apps=())
    scheduler.add_job("service.quick", every(hours=1), id="quick")

    def live() -> str:
        scheduler.start()
        try:
            return str(scheduler.wait_for_run(scheduler.run_now("quick").id, timeout=PATIENCE).result)
        finally:
            scheduler.shutdown()

    try:
        assert in_a_fork(live) == "done"
    finally:
        scheduler.shutdown()


def in_a_fork(call: Callable[[], str]) -> str:
    """What `call` answers in a forked process."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, call().encode())
        finally:
            os._exit(0)
    os.close(writing)
    try:
        eventually(lambda: os.waitpid(child, os.WNOHANG)[0], "the child ends")
    except AssertionError:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        raise
    with os.fdopen(reading) as pipe:
        return pipe.read()


def test_health_says_that_an_async_function_blocks_the_loop(
    scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "LoopThread", functools.partial(LoopThread, 0.05))
    scheduler.start()
    scheduler.add_job("service.careless", every(hours=1), id="job")
    run = scheduler.run_now("job")
    node = eventually(lambda: (told := scheduler.health()["node"])["error"] and told, "the loop is blocked")
    assert node["error"].startswith("an async function has blocked the event loop for ")
    assert scheduler.health()["status"] == "degraded"
    gate.set()
    assert scheduler.wait_for_run(run.id, timeout=PATIENCE).state is RunState.SUCCEEDED
    eventually(lambda: scheduler.health()["status"] == "ok", "the loop goes on")
