"""Transactions of the plan's database."""

import errno
import os

import psycopg
import pytest
from sqlalchemy import event, text

from horarium.errors import HorariumError, PlanUnavailable
from horarium.store.database import Database


@pytest.fixture
def database(plan_url):
    database = Database(plan_url)
    with database.write() as connection:
        connection.execute(text("CREATE TABLE noted (word TEXT)"))
    yield database
    database.close()


def words(database):
    with database.read() as connection:
        return connection.execute(text("SELECT word FROM noted")).scalars().all()


def note(database, word):
    with database.write() as connection:
        connection.execute(text("INSERT INTO noted VALUES (:word)"), {"word": word})


def test_a_commit_that_fails_leaves_nothing_behind_and_the_next_one_works(database, monkeypatch):
    def full(_connection):
        raise database.engine.dialect.loaded_dbapi.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(database.engine.dialect, "do_commit", full)
        with pytest.raises(PlanUnavailable, match="full"):
            note(database, "lost")
    note(database, "kept")
    assert words(database) == ["kept"]


def test_a_block_that_raises_writes_nothing(database):
    with pytest.raises(ZeroDivisionError), database.write() as connection:
        connection.execute(text("INSERT INTO noted VALUES ('lost')"))
        _ = 1 / 0
    assert words(database) == []


def test_a_wrong_statement_is_no_outage(database):
    with pytest.raises(Exception, match="no_such_table") as caught, database.read() as connection:
        connection.execute(text("SELECT * FROM no_such_table"))
    assert not isinstance(caught.value, HorariumError)


def test_connections_that_are_closed_as_soon_as_they_are_made_are_an_outage(postgres, postgres_url):
    database = Database(postgres_url)

    def cut(connection, _record):
        pid = connection.info.backend_pid
        with psycopg.connect(postgres.url, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s, 10000)", [pid])

    event.listen(database.engine, "connect", cut)
    with pytest.raises(PlanUnavailable, match="does not work: This connection is closed"):
        words(database)
    event.remove(database.engine, "connect", cut)
    with database.read() as connection:
        assert connection.scalar(text("SELECT 1")) == 1
    database.close()


def test_a_folder_that_is_not_there_is_named_when_the_database_is_used_and_waited_for(tmp_path):
    database = Database(f"sqlite:///{tmp_path / 'volume' / 'plan.db'}")
    with pytest.raises(
        PlanUnavailable, match=r"the folder of the plan's SQLite file cannot be reached: .*volume; make or mount it"
    ):
        words(database)
    (tmp_path / "volume").mkdir()
    with database.read() as connection:
        assert connection.scalar(text("SELECT 1")) == 1
    database.close()


def test_a_folder_that_cannot_even_be_looked_at_is_an_outage_too(tmp_path, monkeypatch):
    database = Database(f"sqlite:///{tmp_path / 'volume' / 'plan.db'}")

    def stale(*_arguments, **_options):
        raise OSError(errno.ESTALE, "Stale file handle")

    with monkeypatch.context() as patch:
        patch.setattr(os, "stat", stale)
        with pytest.raises(PlanUnavailable, match="cannot be reached"):
            words(database)
        with pytest.raises(PlanUnavailable, match="cannot be reached"):
            _ = database.is_missing
    database.close()


def test_a_connection_that_is_in_use_when_the_database_is_closed_is_closed_when_it_is_done(database):
    with database.read() as connection:
        driver = connection.connection.dbapi_connection
        database.close()
        assert connection.execute(text("SELECT 1")).scalar() == 1
    with pytest.raises(database.engine.dialect.loaded_dbapi.Error, match="closed"):
        driver.cursor().execute("SELECT 1")
    assert words(database) == [], "it may be opened again"
