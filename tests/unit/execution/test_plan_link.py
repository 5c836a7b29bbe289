"""A run's link to a real plan while the database comes and goes."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from horarium.clock import SystemClock
from horarium.errors import JobError, PlanUnavailable, RunLost
from horarium.execution.alarms import Alarms
from horarium.execution.execution import Execution
from horarium.execution.link import Mark
from horarium.execution.places import Turns
from horarium.execution.plan_link import Desk, PlanLink
from horarium.execution.recorder import Recorder
from horarium.execution.records import Writer
from horarium.execution.registry import REGISTRY, task
from horarium.job import Job
from horarium.store import schema
from horarium.store.claims import Claims
from horarium.store.database import Connection, Database
from horarium.store.jobs import Jobs
from horarium.store.nodes import Identity, Nodes
from horarium.store.runs import Runs
from horarium.store.upgrade import CORE, upgrade_at_start
from horarium.store.work import Work
from horarium.values import ItemFailure, Progress
from horarium.when import every

PATIENCE = 20.0


@task("link.nothing")
def nothing() -> None:
    """A task."""


class Weather:
    """Lets the database be away: the next transactions are refused before they begin, or lose their answers."""

    def __init__(self, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        self.refused = 0
        self.lost = 0
        self.tries = 0
        self.on_refusal: Callable[[], None] = lambda: None
        real = database.write

        @contextmanager
        def write() -> Iterator[Connection]:
            self.tries += 1
            if self.refused:
                self.refused -= 1
                self.on_refusal()
                raise PlanUnavailable("connection refused")
            with real() as connection:
                yield connection
            if self.lost:
                self.lost -= 1
                raise PlanUnavailable("the server closed the connection")

        monkeypatch.setattr(database, "write", write)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(f"sqlite:///{tmp_path / 'plan.db'}", synchronous="OFF")
    upgrade_at_start(made, [CORE])
    with made.write() as connection:
        connection.exec_driver_sql("CREATE TABLE effects (what TEXT)")
    yield made
    made.close()


@pytest.fixture
def execution(database: Database) -> Execution:
    """A run in its first attempt, which node "one" has."""
    now = datetime.now(UTC)
    Nodes(database).register(Identity("one", "host", 1, "", "1"), now, 60)
    Jobs(database).add([Job(id="job", task="link.nothing", trigger=every(hours=1))], now)
    Runs(database).run_now("job", now)
    (claimed,) = Claims(database).claim("one", now + timedelta(seconds=1), 1, executors=["thread"])
    return Execution(
        claimed.key,
        claimed.job,
        REGISTRY.resolve("link.nothing"),
        node="one",
        attempt=1,
        failures=0,
        started_at=now,
        args=(),
        kwargs={},
    )


@pytest.fixture
def link(database: Database, execution: Execution) -> Iterator[PlanLink]:
    clock, alarms = SystemClock(), Alarms()
    recorder = Recorder(database, Writer(database.dialect, clock))
    recorder.start()
    with ThreadPoolExecutor(1) as writers:
        yield PlanLink(execution, Desk(database, Work(database), recorder, clock, writers, alarms, Turns(2)))
    recorder.close(PATIENCE)
    alarms.close()


@pytest.fixture
def weather(link: PlanLink, database: Database, monkeypatch: pytest.MonkeyPatch) -> Weather:
    return Weather(database, monkeypatch)


def effects(database: Database) -> Counter[str]:
    with database.read() as connection:
        return Counter(connection.exec_driver_sql("SELECT what FROM effects").scalars())


def insert(connection: Connection, what: str) -> str:
    connection.exec_driver_sql("INSERT INTO effects VALUES (?)", (what,))
    return what


def writing(key: str, outcome: str = "done") -> Mark:
    failure = ItemFailure(key, "ValueError", "bad") if outcome == "failed" else None
    return Mark(key, outcome, failure, write=lambda connection: insert(connection, f"{outcome} {key}") and None)


@pytest.mark.parametrize("what", ["refused", "lost"])
def test_a_transactional_step_outlives_an_outage_and_is_done_once(
    link: PlanLink, database: Database, weather: Weather, what: str
) -> None:
    setattr(weather, what, 1)
    assert link.transactional_step("pay", lambda connection: insert(connection, "paid")) == "paid"
    assert effects(database) == {"paid": 1}
    assert link.load_step("pay") == (True, "paid")


@pytest.mark.parametrize("what", ["refused", "lost"])
def test_a_step_outlives_an_outage(link: PlanLink, weather: Weather, what: str) -> None:
    setattr(weather, what, 2)
    assert link.save_step("list", (1, 2)) == [1, 2]
    assert link.load_step("list") == (True, [1, 2])


@pytest.mark.parametrize("what", ["refused", "lost"])
def test_marks_that_write_outlive_an_outage_and_write_once(
    link: PlanLink, database: Database, weather: Weather, what: str
) -> None:
    link.load_marks("batch")
    setattr(weather, what, 1)
    link.save_marks("batch", [writing("a"), writing("b", "failed")]).result(PATIENCE)
    link.save_marks("batch", [writing("c")]).result(PATIENCE)
    assert effects(database) == {"done a": 1, "failed b": 1, "done c": 1}
    assert link.load_marks("batch").done == {"a", "c"}


def test_marks_that_all_failed_and_whose_answer_was_lost_write_once(
    link: PlanLink, database: Database, weather: Weather
) -> None:
    link.load_marks("batch")
    weather.lost = 1
    link.save_marks("batch", [writing("a", "failed")]).result(PATIENCE)
    assert effects(database) == {"failed a": 1}


def test_a_write_that_failed_is_told_although_the_answer_was_lost(
    link: PlanLink, database: Database, weather: Weather
) -> None:
    link.load_marks("batch")
    weather.lost = 1
    bad = Mark("bad", "done", write=lambda connection: connection.exec_driver_sql("INSERT INTO nowhere VALUES (1)"))
    (failure,) = link.save_marks("batch", [writing("good"), bad]).result(PATIENCE)
    assert (failure.key, effects(database)) == ("bad", {"done good": 1})
    assert link.load_marks("batch").done == {"good"}


def test_waiting_for_the_database_ends_when_the_run_is_told_to_stop(
    link: PlanLink, execution: Execution, weather: Weather
) -> None:
    weather.refused = 1_000
    weather.on_refusal = lambda: execution.tell_to_stop("its node lost it", lost=True)
    with pytest.raises(PlanUnavailable):
        link.transactional_step("pay", lambda connection: insert(connection, "paid"))
    assert weather.tries == 1


def test_every_write_of_a_run_that_was_lost_is_refused(
    link: PlanLink, database: Database, execution: Execution
) -> None:
    Claims(database).give_back([execution.holder], datetime.now(UTC))
    link.load_marks("batch")
    with pytest.raises(RunLost):
        link.save_step("list", 1)
    with pytest.raises(RunLost):
        link.transactional_step("pay", lambda connection: insert(connection, "paid"))
    with pytest.raises(RunLost), link.transaction() as connection:
        insert(connection, "paid")
    with pytest.raises(RunLost):
        link.save_marks("batch", [Mark("a", "done")]).result(PATIENCE)
    with pytest.raises(RunLost):
        link.save_marks("batch", [writing("a")]).result(PATIENCE)
    assert not effects(database)


@pytest.mark.parametrize("what", ["step", "transactional step", "transaction", "batch"])
def test_what_would_wait_for_the_functions_own_transaction_is_refused(link: PlanLink, what: str) -> None:
    inner: dict[str, Callable[[], Any]] = {
        "step": lambda: link.save_step("inner", 1),
        "transactional step": lambda: link.transactional_step("inner", lambda _: 1),
        "transaction": lambda: link.transaction().__enter__(),
        "batch": lambda: link.load_marks("inner"),
    }
    with pytest.raises(JobError, match="would wait for the transaction"), link.transaction():
        inner[what]()
    assert link.save_step("after", 1) == 1


def test_a_recorder_that_ends_leaves_no_step_waiting(link: PlanLink, execution: Execution, weather: Weather) -> None:
    weather.refused = 1_000
    raised: list[BaseException] = []

    def save() -> None:
        try:
            link.save_step("list", 1)
        except PlanUnavailable as error:
            raised.append(error)

    thread = threading.Thread(target=save)
    thread.start()
    while not weather.tries:
        pass
    assert link._desk.recorder.close(0.05) is False
    thread.join(PATIENCE)
    assert raised


def test_progress_that_comes_at_once_after_another_is_shown_although_no_more_comes(
    link: PlanLink, database: Database, execution: Execution
) -> None:
    link.report_progress(Progress(1, 3, "first"))
    link.report_progress(Progress(2, 3, "second"))
    query = select(schema.runs.c.progress).where(schema.runs.c.job_key == execution.key.job_key)
    deadline = time.monotonic() + PATIENCE
    shown = ""
    while "second" not in shown:
        assert time.monotonic() < deadline, shown
        time.sleep(0.02)
        with database.read() as connection:
            shown = connection.scalar(query) or ""
