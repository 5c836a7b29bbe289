"""The connection to the plan's database: addresses, pools, transactions, and what its errors mean."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, NamedTuple
from weakref import WeakSet

from sqlalchemy import Connection as Connection  # noqa: PLC0414 - for those who may not import SQLAlchemy
from sqlalchemy import Engine, Pool, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, DisconnectionError, InvalidRequestError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import ConnectionPoolEntry

from horarium.clock import Clock, SystemClock
from horarium.errors import ConfigurationError, HorariumError, PlanUnavailable
from horarium.store.dialects import dialect_for

Address = str | URL | Engine
"""What a database may be given as."""

_POSTGRESQL_NAMES = ("postgres", "postgresql", "postgresql+psycopg")
_WAIT_FOR_LOCK_MS = 30_000
_POOL_SIZE = 8
_LONG = 1.0
_SYNCHRONOUS = (
    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
)

_databases: WeakSet[Database] = WeakSet()
_of_the_parent: list[Pool] = []
"""Pools of the process that this one was forked from: kept, since closing a connection would end it over there too."""


class Held(NamedTuple):
    """The name of the thread that is the only writer, and since when it is, in seconds of `Clock.elapsed`."""

    thread: str
    since: float


class Database:
    """The plan's database: an address that it opens (and closes), or an engine that it was given (and leaves open).

    `synchronous` is SQLite's durability: FULL (default) means that what is committed is on disk. `clock` measures how
    long transactions take.
    """

    def __init__(self, address: Address, *, synchronous: str = "FULL") -> None:
        self._owns_engine = not isinstance(address, Engine)
        self.engine = address if isinstance(address, Engine) else _open(address, synchronous)
        self.dialect = dialect_for(self.engine.dialect.name)
        # A single SELECT needs no transaction round it, which would be two more round trips to a server.
        self._reader = self.engine
        if not self.dialect.one_writer:
            self._reader = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        # SQLite lets one writer in at a time and makes the others poll; inside one process a lock is fairer and faster.
        self._writer = threading.Lock() if self.dialect.one_writer else nullcontext()
        self._writing: int | None = None
        self.clock: Clock = SystemClock()
        self._held: Held | None = None
        self._held_long = (0.0, 0.0)
        self._given_up: str | None = None
        _databases.add(self)

    @property
    def address(self) -> str:
        """The address for people: without its password."""
        return self.engine.url.render_as_string(hide_password=True)

    @property
    def full_address(self) -> str:
        """The address with its password, for another process that is to open the same database."""
        return self.engine.url.render_as_string(hide_password=False)

    @property
    def path(self) -> Path | None:
        """The file of an SQLite database."""
        if self.engine.dialect.name != "sqlite" or not self.engine.url.database:
            return None
        return Path(self.engine.url.database)

    @property
    def is_missing(self) -> bool:
        """Whether there is no such SQLite file yet. Raises PlanUnavailable without its folder."""
        if self.path is None or self._is_uri:
            return False
        if (missing_folder := self._missing_folder()) is not None:
            raise PlanUnavailable(missing_folder)
        return not os.path.exists(self.path)  # noqa: PTH110 - never raises

    @property
    def _is_uri(self) -> bool:
        """Whether an engine that was given names its file in SQLite's own way, which is no path."""
        return (self.engine.url.database or "").startswith("file:")

    def _missing_folder(self) -> str | None:
        """What is wrong when the folder of the SQLite file is not there: a volume that is not mounted, say."""
        if self.path is None or self._is_uri or os.path.isdir(self.path.parent):  # noqa: PTH112 - never raises
            return None
        where = self.path.parent
        return (
            f"the folder of the plan's SQLite file cannot be reached: {where}; make or mount it, or correct the address"
        )

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for reading. Raises PlanUnavailable when the database does not answer."""
        self._refuse_if_given_up()
        with self._translated(), self._connected(self._reader) as connection:
            yield connection

    @property
    def is_written_here(self) -> bool:
        """Whether this thread has a transaction open beside which it cannot have another."""
        return self._writing == threading.get_ident() and self.dialect.one_writer

    @property
    def held(self) -> Held | None:
        """Who in this process keeps all others from writing, other processes too; None where they do not wait."""
        return self._held

    def held_until(self, moment: float) -> float | None:
        """Until when long transactions of this process kept all others from writing at `moment`; None if none did.

        Both are seconds of `Clock.elapsed`. While the transaction lasts, that is the present.
        """
        held = self._held
        if held is not None and held.since < moment:
            return self.clock.elapsed()
        since, until = self._held_long
        return until if since < moment < until else None

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that commits at the end of the block and is rolled back by any exception.

        Raises PlanUnavailable when the database does not answer or cannot be written, and HorariumError in a thread
        that has such a transaction open, where there can only be one.
        """
        if self.is_written_here:
            raise HorariumError(
                "this would wait for a transaction that the same thread has open: SQLite has one writer at a time. End "
                "the transaction first, or write through its connection"
            )
        self._refuse_if_given_up()
        with self._writer, self._translated(), self._connected(self.engine) as connection:
            self._writing = threading.get_ident()
            try:
                self.dialect.begin_write(connection)
                with self._counted():
                    yield connection
                _commit(connection)
            finally:
                self._writing = None

    @contextmanager
    def _counted(self) -> Iterator[None]:
        """Know for how long others cannot write; until before the commit, after which they can."""
        if not self.dialect.one_writer:
            yield
            return
        self._held = held = Held(threading.current_thread().name, self.clock.elapsed())
        try:
            yield
        finally:
            until = self.clock.elapsed()
            if until - held.since >= _LONG:
                since, before = self._held_long
                # One that followed the other at once left nobody else much room either.
                self._held_long = (since if held.since - before < _LONG else held.since, until)
            self._held = None

    @contextmanager
    def read_only(self) -> Iterator[Connection]:
        """A transaction that sees the database as it is at its first statement, locks out nobody, and cannot write.

        Raises HorariumError when something is written in it, PlanUnavailable when the database does not answer.
        """
        self._refuse_if_given_up()
        with self._translated(reading=True), self._connected(self.engine) as connection:
            self.dialect.begin_read(connection)
            try:
                yield connection
            finally:
                self.dialect.end_read(connection)

    def close(self) -> None:
        """Close the pool, if this object opened it; a connection that a thread still uses is closed when it is done."""
        if self._owns_engine:
            pool = self.engine.pool
            self.engine.dispose()  # which gives the engine a new pool
            event.listen(pool, "checkin", _close)
            pool.dispose()  # what came back between these two lines

    def forked(self) -> None:
        """In a new process: leave the connections to the one that they are of."""
        if self.dialect.one_writer:
            self._writer, self._writing, self._held = threading.Lock(), None, None
        if self._owns_engine:
            _of_the_parent.append(self.engine.pool)
            self.engine.dispose(close=False)

    def give_up(self, why: str) -> None:
        """Refuse every use from now on, with this sentence."""
        self._given_up = why

    def _refuse_if_given_up(self) -> None:
        if self._given_up is not None:
            raise HorariumError(self._given_up)

    def _connected(self, engine: Engine) -> Connection:
        try:
            return engine.connect()
        except InvalidRequestError as error:
            # The pool's word for it: each connection that it opened was closed before it could be used.
            raise PlanUnavailable(self._explain(error)) from error

    @contextmanager
    def _translated(self, *, reading: bool = False) -> Iterator[None]:
        try:
            yield
        except PoolTimeout as error:
            raise PlanUnavailable(self._explain(error)) from error
        except DBAPIError as error:
            if reading and self.dialect.is_refused_write(error.orig):
                raise HorariumError("this connection only reads; write through connection()") from error
            if not error.connection_invalidated and not self.dialect.is_outage(error.orig):
                raise
            raise PlanUnavailable(self._explain(error)) from error

    def _explain(self, error: Exception) -> str:
        if (missing := self._missing_folder()) is not None:
            return missing
        said = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
        return f"the plan's database {self.address} does not work: {said}{self.dialect.advice(said)}"


def _open(address: str | URL, synchronous: str) -> Engine:
    url = normalised(address)
    if url.get_backend_name() == "sqlite":
        return _open_sqlite(url, synchronous)
    return _open_postgresql(url)


def _commit(connection: Connection) -> None:
    """Commit; a connection on which that failed may have the transaction still open, and is thrown away."""
    try:
        connection.commit()
    except BaseException:
        connection.invalidate()
        raise


def normalised(address: str | URL) -> URL:
    """The address as SQLAlchemy wants it; `postgres://` (Heroku's spelling) is PostgreSQL.

    Raises ConfigurationError for what is neither SQLite nor PostgreSQL.
    """
    try:
        url = make_url(address)
    except ArgumentError as error:
        raise ConfigurationError(
            "the database address is not a URL; write sqlite:///file.db or postgresql://user@host/name"
        ) from error
    if url.drivername in _POSTGRESQL_NAMES:
        return url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() != "sqlite":
        raise ConfigurationError(
            f"databases of kind {url.drivername!r} are not supported; use sqlite:///file.db or postgresql://user@host/name"
        )
    if url.database in (None, "", ":memory:") or "mode=memory" in str(url):
        raise ConfigurationError(
            "an SQLite database in memory is lost with the process and private to one connection; name a file: sqlite:///app.db"
        )
    if (url.database or "").startswith("file:") or "uri" in url.query:
        raise ConfigurationError(
            "SQLite's own file: addresses (?uri=true) are not taken: the file is looked for, and copied before an "
            "upgrade, by its path. Write that: sqlite:///app.db, or sqlite:////srv/app.db for an absolute one"
        )
    return url


def _open_sqlite(url: URL, synchronous: str) -> Engine:
    options = {"timeout": _WAIT_FOR_LOCK_MS / 1000, "check_same_thread": False}
    engine = create_engine(url, pool_size=_POOL_SIZE, max_overflow=64, connect_args=options)

    @event.listens_for(engine, "connect")
    def _set_up(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        # Already so in all but a new file; asking first lets a read-only file be read.
        if cursor.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            # A read-only file, or another process that switches it, are noticed when something is written.
            with suppress(connection.OperationalError):
                cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute(f"PRAGMA synchronous = {synchronous}")
        cursor.close()

    return engine


def _open_postgresql(url: URL) -> Engine:
    try:
        engine = create_engine(
            url,
            pool_size=_POOL_SIZE,
            max_overflow=24,
            pool_timeout=10,
            connect_args={
                "options": "-c timezone=UTC -c lock_timeout=15s -c idle_in_transaction_session_timeout=60s",
                "application_name": "horarium",
                "connect_timeout": 5,
                "keepalives_idle": 10,
                "keepalives_interval": 5,
                "keepalives_count": 3,
                "tcp_user_timeout": 20_000,
            },
        )
    except ImportError as error:
        raise ConfigurationError("PostgreSQL needs psycopg: pip install 'horarium[postgresql]'") from error

    @event.listens_for(engine, "connect")
    def _commit_to_disk(connection: Any, _record: Any) -> None:
        # A role or a database may have it off for the sake of an application's own tables. Only off is changed:
        # what somebody has chosen for standbys ("local", "remote_apply") is flushed here as well.
        connection.execute(_SYNCHRONOUS)
        connection.commit()

    @event.listens_for(engine, "checkout")
    def _refuse_a_dead_connection(connection: Any, _record: Any, _proxy: Any) -> None:
        # Nothing may arrive on an idle connection but its end. Asking the socket costs no round trip; the pool
        # answers this error by opening a new connection.
        if connection.closed or _readable(connection.fileno()):
            raise DisconnectionError("the server closed this connection")

    return engine


def _close(_connection: Any, record: ConnectionPoolEntry) -> None:
    record.invalidate()


def _readable(descriptor: int) -> bool:
    poller = select.poll()
    poller.register(descriptor, select.POLLIN)
    return bool(poller.poll(0))


def _forked() -> None:
    for database in tuple(_databases):
        database.forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
