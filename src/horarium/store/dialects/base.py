"""What the store asks of a database beyond SQLAlchemy Core. Two implementations, each only what differs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Insert, Table


class Move(NamedTuple):
    """A job that a tick thought about: it was due at `due_at` in `version`; its next time is `next_at`."""

    job_key: int
    version: int
    due_at: datetime
    next_at: datetime | None


class Fire(NamedTuple):
    """A run that a tick makes. `running`: this node has a place for it; otherwise it waits for any node."""

    scheduled_at: datetime
    job_key: int
    running: bool
    slot: int | None
    start_deadline: datetime | None


class Finish(NamedTuple):
    """The end of an attempt at `ended_at`. `state` is the run's new state; `not_before` is when a retry may start."""

    scheduled_at: datetime
    job_key: int
    attempt: int
    state: str
    failed: int
    keeps_slot: bool
    not_before: datetime | None
    ended_at: datetime
    result: str | None
    error: str | None


class Refused(NamedTuple):
    """What a tick could not apply: jobs that moved since they were read, and runs that found their place taken."""

    moves: list[int]
    fires: list[tuple[datetime, int]]


class Dialect(ABC):
    """One database's ways."""

    name: str
    one_writer: bool
    can_notify: bool
    has_server: bool
    """Whether another process does the work, so that this one can do its own meanwhile."""
    look_every: float
    """Seconds between a process's own looks at the queue."""

    @abstractmethod
    def begin_write(self, connection: Connection) -> None:
        """Begin a transaction that is going to write."""

    @abstractmethod
    def begin_read(self, connection: Connection) -> None:
        """Begin a transaction that cannot write."""

    @abstractmethod
    def end_read(self, connection: Connection) -> None:
        """End it, so that the next one on this connection can write."""

    @abstractmethod
    def is_refused_write(self, error: BaseException | None) -> bool:
        """Whether a driver's error says that something cannot be written because it must not."""

    @abstractmethod
    def now(self, connection: Connection) -> datetime | None:
        """The server's time, aware, in UTC; None where the database has no clock of its own."""

    @abstractmethod
    def apply_moves(
        self, connection: Connection, moves: Sequence[Move], fires: Sequence[Fire], *, node: str, now: datetime
    ) -> Refused:
        """Move each job that is still as it was read, and insert the runs of those that moved.

        In one statement or one writer's transaction: nobody sees the one without the other.
        """

    @abstractmethod
    def finish(self, connection: Connection, ends: Sequence[Finish], *, node: str) -> list[tuple[datetime, int]]:
        """Write the ends of attempts that are still this node's; answers the keys of those that are not.

        Refused too: another attempt (`retrying`) of a run that somebody asked to stop.
        """

    @abstractmethod
    def walk_in_order(self, connection: Connection) -> None:
        """For the rest of the transaction, read what is wanted in an index's order by walking that index.

        The first of a long queue are found at once then; sorted, the whole queue would be read for them.
        """

    @abstractmethod
    def insert_new(self, table: Table) -> Insert:
        """An INSERT that leaves out rows whose key is there already, for what may be written a second time."""

    @abstractmethod
    def insert_over(self, table: Table, changing: Sequence[str]) -> Insert:
        """An INSERT that changes these columns of rows whose key is there already."""

    @abstractmethod
    def among(self, column: ColumnElement[int], values: Sequence[int]) -> ColumnElement[bool]:
        """Whether a column is one of many numbers, given as one parameter: no statement to be put together for each."""

    @abstractmethod
    def is_no_time(self, column: ColumnElement[Any]) -> ColumnElement[bool] | None:
        """Whether a column of times holds what is none, and comes after all times; None where it cannot."""

    @abstractmethod
    def notify(self, connection: Connection, channel: str) -> None:
        """Wake the nodes that listen, when this transaction commits."""

    @abstractmethod
    def notifications(self, connection: Connection, channel: str, seconds: float) -> Iterator[bool]:
        """Listen on this connection: True for wake-ups, False when `seconds` went by without one. Endless."""

    @abstractmethod
    def lock_migrations(self, connection: Connection) -> None:
        """Make other processes that want to migrate wait until this transaction ends."""

    @abstractmethod
    def is_outage(self, error: BaseException | None) -> bool:
        """Whether a driver's error means that the database is away or cannot be written, not that we asked wrongly."""

    @abstractmethod
    def advice(self, message: str) -> str:
        """What a person can do about an outage's message, beginning with a semicolon; or nothing."""
