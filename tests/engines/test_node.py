"""A node in this process: lost answers, stop requests, lost leases, and what it does not let a run do to the others."""

import asyncio
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import text

from horarium import Run, Scheduler, every, get_scheduler, task
from horarium.clock import SystemClock
from horarium.errors import HorariumError, JobError, RunStateError
from horarium.events import Event, RunChanged
from horarium.execution.context import SyncRun
from horarium.settings import Settings
from horarium.states import FINAL, RunState
from horarium.store.database import Database
from horarium.values import RunInfo

PATIENCE = 20.0

done: Counter[str] = Counter()
begun = threading.Event()
gate = threading.Event()
told = threading.Event()


def eventually(condition: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.01)
    return found


@task("node.count")
async def count(run: Run) -> None:
    done[f"{run.job_id}@{run.scheduled_at}"] += 1


@task("node.count_in_thread")
def count_in_thread(run: SyncRun) -> None:
    done[f"{run.job_id}@{run.scheduled_at}"] += 1


@task("node.work")
async def work(run: Run) -> dict[str, int]:
    """Steps, transactional ones, and two batches, each effect counted."""
    for number in range(10):
        await run.step(f"plain {number}", _count, f"plain {number}")
        await run.step(f"transactional {number}", _insert, f"step {number}", transactional=True)
    plain = await run.each(range(300), _item, batch="plain", concurrency=5)
    writing = await run.each(range(100), _other_item, batch="writing", on_done=_insert_item, concurrency=5)
    return {"plain": plain.done, "writing": writing.done}


def _count(what: str) -> None:
    done[what] += 1


def _insert(connection: Any, what: str) -> None:
    connection.execute(text("INSERT INTO effects (what) VALUES (:what)"), {"what": what})


async def _item(number: int) -> None:
    done[f"item {number}"] += 1
    await asyncio.sleep(0.001)


async def _other_item(number: int) -> None:
    done[f"other item {number}"] += 1


def _insert_item(connection: Any, item: int, _result: Any) -> None:
    _insert(connection, f"item {item}")


@task("node.hold")
async def hold(run: Run) -> str:
    begun.set()
    try:
        while not gate.is_set():
            await asyncio.sleep(0.01)
    except asyncio.CancelledError:
        told.set()
        raise
    return "held"


@task("node.hold_in_thread")
def hold_in_thread(run: SyncRun) -> str:
    """Goes on when it is told to stop, until the gate opens."""
    begun.set()
    while not gate.wait(0.01):
        if run.is_stopping:
            told.set()
    run.check()
    return "held"


@task("node.hold_in_process", executor="process")
def hold_in_process() -> str:
    time.sleep(600)
    return "held"


@task("node.hold_a_transaction")
async def hold_a_transaction(run: Run) -> str:
    """A transactional step that takes long, while the run goes on to report, to log, and to make another step."""
    long = asyncio.create_task(run.step("long", _wait_in_transaction, transactional=True))
    while not begun.is_set():
        await asyncio.sleep(0.01)
    run.progress(1, 2)
    run.logger.info("in the middle")
    await run.step("short", _count, "short")
    await long
    return "through"


def _wait_in_transaction(_connection: Any) -> None:
    begun.set()
    gate.wait(PATIENCE)


@task("node.step_in_transaction")
def step_in_transaction(run: SyncRun) -> None:
    with run.transaction():
        run.step("inner", _count, "inner")


@task("node.stop_the_loop")
async def stop_the_loop() -> str:
    asyncio.get_running_loop().stop()
    await asyncio.sleep(0)
    return "went on"


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("horarium.execution.runner.CHILD_GRACE", 0.2)
    done.clear()
    for event in (begun, gate, told):
        event.clear()
    yield
    gate.set()


@pytest.fixture
def scheduler(plan_url: str) -> Iterator[Scheduler]:
    made = Scheduler(plan_url, settings=Settings(config=None, lease=20.0, heartbeat=0.5), apps=())
    made.start()
    yield made
    gate.set()
    made.shutdown(grace=5.0)


def database_of(scheduler: Scheduler) -> Database:
    return scheduler._plan.database


@contextmanager
def commits(database: Database, fate: Callable[[], str]) -> Iterator[None]:
    """Every commit comes to "pass", is "undone", or is done and its answer "lost"."""
    dialect = database.engine.dialect
    commit, error = dialect.do_commit, dialect.loaded_dbapi.OperationalError

    def instead(connection: Any) -> None:
        what = fate()
        if what == "undone":
            dialect.do_rollback(connection)
        else:
            commit(connection)
        if what != "pass":
            raise error("server closed the connection unexpectedly")

    dialect.do_commit = instead  # type: ignore[method-assign]
    try:
        yield
    finally:
        dialect.do_commit = commit  # type: ignore[method-assign]


def test_commits_that_fail_or_whose_answer_is_lost_lead_to_no_lost_and_no_doubled_run(scheduler: Scheduler) -> None:
    seed = random.randrange(10**6)
    chance = random.Random(seed)
    with scheduler.connection() as connection:
        connection.execute(text("CREATE TABLE effects (what VARCHAR(100))"))
    for number in range(8):
        name = "node.count" if number % 2 else "node.count_in_thread"
        scheduler.add_job(
            name, every(seconds=0.1), id=f"count-{number}", coalesce=False, overlap="allow", catch_up=1000
        )
    scheduler.add_job("node.work", every(hours=1), id="work")
    run = scheduler.run_now("work")
    fates: Counter[str] = Counter()

    def fate() -> str:
        (chosen,) = chance.choices(("pass", "undone", "lost"), (6, 1, 2))
        fates[chosen] += 1
        return chosen

    with commits(database_of(scheduler), fate):
        eventually(lambda: len(done) > 400, f"it goes on (seed {seed})")
    assert fates["lost"] > 10
    ended = scheduler.wait_for_run(run.id, timeout=PATIENCE)
    for number in range(8):
        scheduler.pause_job(f"count-{number}")
    eventually(
        lambda: not scheduler.runs(states=[one for one in RunState if one not in FINAL]), f"all end (seed {seed})"
    )
    assert (ended.state, ended.result) == (RunState.SUCCEEDED, {"plain": 300, "writing": 100}), f"seed {seed}"
    assert set(done.values()) == {1}, f"seed {seed}: {done.most_common(3)}"
    runs = [one for one in scheduler.runs(limit=None) if one.job_id.startswith("count")]
    assert {f"{one.job_id}@{one.scheduled_at}" for one in runs} == {key for key in done if key.startswith("count")}
    with scheduler.connection() as connection:
        effects = Counter(connection.execute(text("SELECT what FROM effects")).scalars())
    assert set(effects.values()) == {1}, f"seed {seed}: {effects.most_common(3)}"
    assert len(effects) == 110


@pytest.mark.parametrize("name", ["node.hold", "node.hold_in_thread", "node.hold_in_process"])
def test_a_request_to_stop_reaches_a_run_wherever_it_is(scheduler: Scheduler, name: str) -> None:
    scheduler.add_job(name, every(hours=1), id="hold")
    run = scheduler.run_now("hold")
    eventually(lambda: scheduler.get_run(run.id).state is RunState.RUNNING, "it runs")
    if name == "node.hold_in_thread":
        assert begun.wait(PATIENCE)
    assert scheduler.cancel_run(run.id, "enough").state is RunState.STOPPING
    if name == "node.hold_in_thread":
        assert told.wait(PATIENCE)
        gate.set()
    ended = scheduler.wait_for_run(run.id, timeout=PATIENCE)
    assert (ended.state, ended.stop_reason) == (RunState.CANCELLED, "enough")


def test_the_place_of_a_cancelled_run_stays_taken_until_its_thread_ends(scheduler: Scheduler) -> None:
    scheduler.add_job("node.hold_in_thread", every(hours=1), id="hold", overlap="queue")
    first = scheduler.run_now("hold")
    assert begun.wait(PATIENCE)
    scheduler.cancel_run(first.id)
    assert told.wait(PATIENCE)
    second = scheduler.run_now("hold")
    node = scheduler._service.node
    assert node is not None
    for _ in range(3):
        node.attend()
    assert [scheduler.get_run(run.id).state for run in (first, second)] == [RunState.STOPPING, RunState.QUEUED]
    gate.set()
    assert scheduler.wait_for_run(first.id, timeout=PATIENCE).state is RunState.CANCELLED
    assert scheduler.wait_for_run(second.id, timeout=PATIENCE).state is RunState.SUCCEEDED


def test_a_long_transaction_of_a_run_holds_up_neither_itself_nor_the_others(scheduler: Scheduler) -> None:
    if database_of(scheduler).dialect.one_writer:
        pytest.skip("SQLite has one writer at a time: whoever holds a transaction open holds up everybody")
    scheduler.add_job("node.hold_a_transaction", every(hours=1), id="long")
    scheduler.add_job("node.count", every(hours=1), id="count")
    run = scheduler.run_now("long")
    assert begun.wait(PATIENCE)
    for _ in range(3):
        other = scheduler.run_now("count")
        assert scheduler.wait_for_run(other.id, timeout=5).state is RunState.SUCCEEDED, "before the lock's timeout"
    assert scheduler.get_run(run.id).state is RunState.RUNNING
    gate.set()
    assert scheduler.wait_for_run(run.id, timeout=PATIENCE).result == "through"
    assert done["short"] == 1


def test_a_step_in_a_transaction_of_the_same_run_is_refused_and_does_not_hang(scheduler: Scheduler) -> None:
    scheduler.add_job("node.step_in_transaction", every(hours=1), id="nested")
    run = scheduler.run_now("nested")
    ended = scheduler.wait_for_run(run.id, timeout=PATIENCE)
    assert ended.state is RunState.FAILED
    assert ended.error is not None
    assert ended.error.type == f"{JobError.__module__}.JobError"
    assert "would wait for the transaction" in ended.error.message


def test_a_second_transaction_of_one_thread_is_refused_where_there_is_one_writer(scheduler: Scheduler) -> None:
    if not database_of(scheduler).dialect.one_writer:
        with scheduler.connection(), scheduler.connection() as inner:
            assert inner.execute(text("SELECT 1")).scalar_one() == 1
        return
    with scheduler.connection(), pytest.raises(HorariumError, match="the same thread has open"), scheduler.connection():
        pass
    with scheduler.connection() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1


def test_a_slow_listener_holds_up_no_run_and_hears_of_all_in_their_order(scheduler: Scheduler) -> None:
    heard: list[Event] = []

    def listen(event: Event) -> None:
        gate.wait(PATIENCE)
        heard.append(event)

    scheduler.subscribe(listen)
    scheduler.add_job("node.count", every(hours=1), id="count")
    runs = [scheduler.run_now("count") for _ in range(3)]
    assert [scheduler.wait_for_run(run.id, timeout=PATIENCE).state for run in runs] == [RunState.SUCCEEDED] * 3
    assert not heard
    gate.set()
    eventually(lambda: len(heard) == 6, "it hears")
    for run in runs:
        states = [event.state for event in heard if isinstance(event, RunChanged) and event.run_id == run.id]
        assert states == [RunState.RUNNING, RunState.SUCCEEDED]


def test_a_task_that_stops_the_event_loop_does_not_end_the_others(scheduler: Scheduler) -> None:
    scheduler.add_job("node.hold", every(hours=1), id="hold")
    scheduler.add_job("node.stop_the_loop", every(hours=1), id="stop")
    held = scheduler.run_now("hold")
    assert begun.wait(PATIENCE)
    assert scheduler.wait_for_run(scheduler.run_now("stop").id, timeout=PATIENCE).result == "went on"
    gate.set()
    assert scheduler.wait_for_run(held.id, timeout=PATIENCE).result == "held"


def test_runs_that_have_no_place_wait_without_being_claimed_in_vain(plan_url: str) -> None:
    settings = Settings(config=None, lease=20.0, threads=1, processes=1)
    scheduler = Scheduler(plan_url, settings=settings, apps=())
    scheduler.start()
    try:
        scheduler.add_job("node.hold_in_thread", every(hours=1), id="hold", overlap="allow")
        runs = [scheduler.run_now("hold") for _ in range(20)]
        assert begun.wait(PATIENCE)
        node = scheduler._service.node
        assert node is not None
        for _ in range(5):
            node.attend()
        gate.set()
        ended = [scheduler.wait_for_run(run.id, timeout=PATIENCE) for run in runs]
        assert {(run.state, run.attempt) for run in ended} == {(RunState.SUCCEEDED, 1)}
    finally:
        gate.set()
        scheduler.shutdown()


@task("node.waits_in_the_loop")
async def waits_in_the_loop() -> list[str]:
    scheduler = get_scheduler()
    with pytest.raises(RunStateError, match=r"asyncio\.to_thread"):
        scheduler.run("node.returns")
    with pytest.raises(RunStateError, match=r"asyncio\.to_thread"):
        scheduler.wait_for_run(scheduler.run_now("other").id)
    return [str(await asyncio.to_thread(scheduler.run, "node.returns"))]


@task("node.returns")
async def returns() -> str:
    return "done"


def test_an_async_task_waits_for_a_run_only_in_a_thread(scheduler: Scheduler) -> None:
    scheduler.add_job("node.returns", every(hours=1), id="other")
    scheduler.add_job("node.waits_in_the_loop", every(hours=1), id="waits")
    ended = scheduler.wait_for_run(scheduler.run_now("waits").id, timeout=PATIENCE)
    assert (ended.state, ended.result) == (RunState.SUCCEEDED, ["done"])


@task("node.fails_in_a_batch")
def fails_in_a_batch(run: SyncRun) -> None:
    async def torn(_item: int) -> None:
        raise ValueError("torn")

    run.each([1], torn)


def test_the_failure_of_an_async_item_of_a_plain_task_is_told_by_itself(scheduler: Scheduler) -> None:
    scheduler.add_job("node.fails_in_a_batch", every(hours=1), id="batch")
    run = scheduler.run_now("batch")
    scheduler.wait_for_run(run.id, timeout=PATIENCE)
    logged = "".join(line.message for _, line in scheduler.run_logs(run.id))
    assert "torn" in logged
    assert "no running event loop" not in logged


@task("node.outlasts_the_lease")
def outlasts_the_lease(run: SyncRun) -> str:
    with run.transaction():
        told.set()
        gate.wait(PATIENCE)
    return "through"


def test_a_transaction_that_outlasts_the_lease_costs_no_run_its_attempt(plan_url: str) -> None:
    made = Scheduler(plan_url, settings=Settings(config=None, lease=1.5, heartbeat=0.3), apps=())
    made.start()
    try:
        lease = made._service.node.lease
        made.add_job("node.hold", every(hours=1), id="beside")
        made.add_job("node.outlasts_the_lease", every(hours=1), id="long")
        beside = made.run_now("beside")
        assert begun.wait(PATIENCE)
        long = made.run_now("long")
        assert told.wait(PATIENCE)
        until = SystemClock().elapsed() + 2.5
        while SystemClock().elapsed() < until:
            time.sleep(0.05)
            assert lease.holds
        gate.set()
        ended = [made.wait_for_run(run.id, timeout=PATIENCE) for run in (beside, long)]
        assert [(run.state, run.attempt, run.crashes) for run in ended] == [(RunState.SUCCEEDED, 1, 0)] * 2
    finally:
        gate.set()
        made.shutdown(grace=5.0)


def test_a_run_that_was_locked_when_a_newer_one_took_its_place_is_told_soon_after(scheduler: Scheduler) -> None:
    database = database_of(scheduler)
    if database.dialect.one_writer:
        pytest.skip("SQLite locks no rows")
    scheduler.add_job("node.hold_in_thread", every(hours=1), id="job", overlap="cancel_running")
    first = scheduler.run_now("job")
    assert begun.wait(PATIENCE)
    with database.engine.connect() as elsewhere:
        elsewhere.execute(text("SELECT 1 FROM horarium_runs FOR UPDATE"))
        scheduler.modify_job("job", next_run_time=scheduler._now())
        newer = wait_for_second_run(scheduler)
        assert not told.is_set()
    assert told.wait(PATIENCE), [(run.id, run.state, run.stop_reason) for run in scheduler.runs("job")]
    assert scheduler.get_run(first.id).state is RunState.STOPPING
    gate.set()
    assert scheduler.wait_for_run(newer.id, timeout=PATIENCE).state is RunState.SUCCEEDED


def wait_for_second_run(scheduler: Scheduler) -> RunInfo:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if len(runs := scheduler.runs("job")) == 2:
            return max(runs, key=lambda run: run.created_at)
        time.sleep(0.01)
    pytest.fail("no newer run was made while the older one was locked")
