"""What is committed is on disk: no connection that writes has a weaker durability than was chosen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, Engine, event

from horarium import Run, Scheduler, at, task
from horarium.apscheduler import PlanJobStore
from horarium.store.database import Database

from .days import START
from .tasks import note

SYNCHRONOUS = {"sqlite": ("PRAGMA synchronous", 2), "postgresql": ("SHOW synchronous_commit", "on")}


@pytest.fixture
def committed() -> Iterator[set[Any]]:
    """How durable the connections are that commit something during the test."""
    seen: set[Any] = set()

    def look(connection: Connection) -> None:
        seen.add(connection.exec_driver_sql(SYNCHRONOUS[connection.dialect.name][0]).scalar())

    event.listen(Engine, "commit", look)
    yield seen
    event.remove(Engine, "commit", look)


@pytest.fixture
def careless(url: str) -> Iterator[str]:
    """The plan's address; on PostgreSQL of a database that has commits not wait for the disk."""
    if not url.startswith("postgresql"):
        yield url
        return
    name = url.rpartition("/")[2]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")  # type: ignore[arg-type]
        yield url
        connection.execute(f"ALTER DATABASE {name} RESET synchronous_commit")  # type: ignore[arg-type]


def full(url: str) -> set[Any]:
    return {SYNCHRONOUS["sqlite" if url.startswith("sqlite") else "postgresql"][1]}


@task("on_disk.work")
async def work(run: Run) -> None:
    await run.step("one", note)
    await run.step("two", lambda connection: None, transactional=True)
    await run.each([1, 2, 3], lambda item: item, key=str, concurrency=2)


def test_every_commit_of_a_started_scheduler_is_on_disk(careless: str, committed: set[Any]) -> None:
    scheduler = Scheduler(careless, apps=())
    scheduler.start()
    try:
        scheduler.add_job(note, at(START), id="job")
        scheduler.run(work)
        with scheduler.connection():
            pass
    finally:
        scheduler.shutdown()
    assert committed == full(careless)


def test_every_commit_of_a_job_store_in_a_scheduler_of_the_users_own_is_on_disk(
    careless: str, committed: set[Any]
) -> None:
    store = PlanJobStore(careless)
    store.start(None, "default")
    store.remove_all_jobs()
    store.shutdown()
    assert committed == full(careless)


def test_connections_that_are_opened_later_are_as_durable(careless: str) -> None:
    question, answer = SYNCHRONOUS["sqlite" if careless.startswith("sqlite") else "postgresql"]
    with closing(Database(careless)) as database:
        database.engine.dispose()
        with database.read() as one, database.write() as other:
            assert [one.exec_driver_sql(question).scalar(), other.exec_driver_sql(question).scalar()] == [answer] * 2


def test_an_sqlite_file_is_as_durable_as_the_setting_says(sqlite_tables: Any) -> None:
    with closing(Database(f"sqlite:///{sqlite_tables}", synchronous="NORMAL")) as database, database.read() as one:
        assert one.exec_driver_sql("PRAGMA synchronous").scalar() == 1


def test_what_a_server_does_for_its_standbys_is_left_as_it_is(postgres_url: str) -> None:
    name = postgres_url.rpartition("/")[2]
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} SET synchronous_commit = remote_apply")  # type: ignore[arg-type]
    with closing(Database(postgres_url)) as database, database.read() as one:
        assert one.exec_driver_sql("SHOW synchronous_commit").scalar() == "remote_apply"
