"""Fixtures for all tests: a temporary PostgreSQL, and a plan address on each database."""

import signal
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from horarium.testing.postgres import TemporaryPostgres


# A shell that starts the tests in the background has them ignore SIGINT, and so do the processes that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Reports go from process to process, and some tests log on purpose what no encoding has."""
    report = yield
    report.sections = [(name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections]
    return report


@pytest.fixture(scope="session")
def postgres() -> Iterator["TemporaryPostgres"]:
    """One PostgreSQL for the session, without fsync; a test that stops PostgreSQL makes its own."""
    # Imported late: a test of one floor runs without the floors above it, which horarium.testing needs.
    from horarium.testing.postgres import TemporaryPostgres

    with TemporaryPostgres(fsync=False) as server:
        yield server


@pytest.fixture
def postgres_url(postgres: "TemporaryPostgres") -> Iterator[str]:
    """The address of a fresh, empty PostgreSQL database."""
    url = postgres.create_database()
    yield url
    postgres.drop_database(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def plan_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a fresh, empty database, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/plan.db"
    # Asked for late: a run of the sqlite half alone starts no server.
    url: str = request.getfixturevalue("postgres_url")
    return url
