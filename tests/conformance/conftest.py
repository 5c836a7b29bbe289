"""A plan on each database, driven by a clock that the tests move, and other nodes on the same plan."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from horarium.scheduler import Scheduler
from horarium.store.database import Database
from horarium.store.schema import metadata
from horarium.store.upgrade import CORE, upgrade_at_start
from horarium.testing import Timetable

from . import tasks
from .days import START

if TYPE_CHECKING:
    from horarium.testing.postgres import TemporaryPostgres


@pytest.fixture(autouse=True)
def _forget_calls() -> None:
    tasks.forget()


@pytest.fixture(scope="session")
def sqlite_tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the plan's tables, to be copied: that is quicker than making them for every test."""
    path = tmp_path_factory.mktemp("tables") / "plan.db"
    with closing(Database(f"sqlite:///{path}", synchronous="OFF")) as database:
        upgrade_at_start(database, [CORE])
    return path


@pytest.fixture(scope="session")
def postgres_tables(postgres: TemporaryPostgres) -> Iterator[str]:
    """The address of a database with the plan's tables, to be emptied for every test."""
    url = postgres.create_database("conformance")
    with closing(Database(url)) as database:
        upgrade_at_start(database, [CORE])
    yield url
    postgres.drop_database(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a plan without jobs, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        made: Path = request.getfixturevalue("sqlite_tables")
        return f"sqlite:///{shutil.copy(made, tmp_path / 'plan.db')}"
    address: str = request.getfixturevalue("postgres_tables")
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("SET lock_timeout = '5s'")
        connection.execute(f"TRUNCATE {', '.join(metadata.tables)} RESTART IDENTITY")  # type: ignore[arg-type]
    return address


@pytest.fixture
def table(url: str) -> Iterator[Timetable]:
    """A started scheduler on a plan without jobs, at noon of a Monday."""
    with Timetable(url, start=START) as started:
        yield started


@pytest.fixture
def scheduler(table: Timetable) -> Scheduler:
    """The scheduler of `table`."""
    return table.scheduler


@pytest.fixture(scope="module")
def refusing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scheduler]:
    """One scheduler on SQLite for tests of what is refused before a database sees it: they leave nothing behind."""
    with Timetable(f"sqlite:///{tmp_path_factory.mktemp('refusing')}/plan.db", start=START) as started:
        yield started.scheduler


@pytest.fixture
def database(url: str, table: Timetable) -> Iterator[Database]:
    """The plan's database, beside the scheduler."""
    del table  # it made the tables
    with closing(Database(url)) as opened:
        yield opened


@pytest.fixture
def more(url: str) -> Iterator[Callable[..., Timetable]]:
    """`more(start)` is another scheduler on the same plan, with a clock of its own."""
    with ExitStack() as stack:

        def start(now: datetime = START, **arguments: Any) -> Timetable:
            another = Timetable(url, start=now, **arguments)
            stack.callback(another.scheduler.shutdown)
            another.scheduler.start()
            return another

        yield start
