"""A node of another process, played by a test: it takes runs, ends them, or dies with them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from horarium.clock import SystemClock
from horarium.errors import RunStopped
from horarium.execution.execution import End, Execution, raised, returned
from horarium.execution.records import EndRecord, NoteRecord, Writer
from horarium.execution.registry import REGISTRY
from horarium.states import RunState
from horarium.store.claims import Claimed, Claims
from horarium.store.database import Database
from horarium.store.dialects import Dialect
from horarium.store.nodes import Identity, Nodes, renew_lease
from horarium.store.rescue import SHUT_DOWN
from horarium.store.work import Holder, Work


class OtherNode:
    """It lives for an hour from `now`, and knows `tasks`."""

    def __init__(self, database: Database, now: datetime, name: str = "other", tasks: Collection[str] = ()) -> None:
        self.name = name
        self._database = database
        self._claims = Claims(database)
        Nodes(database).register(Identity(name, "elsewhere", 1, "", "test"), now, 3_600)
        with database.write() as connection:
            renew_lease(connection, name, now, 3_600, 0.0, tasks)

    def take(self, now: datetime, limit: int = 100, *, suspects: bool = True) -> list[Claimed]:
        """Claim what waits."""
        return self._claims.claim(self.name, now, limit, executors=("loop", "thread", "process"), suspects=suspects)

    def finish(self, claimed: Claimed, now: datetime, error: Exception | None = None) -> bool:
        """Record the end of a run; whether it was still this node's."""
        execution = self._execution(claimed)
        end = returned(execution, None, now) if error is None else raised(execution, error, now)
        return self._write(end, execution)

    def finish_late(self, claimed: Claimed, now: datetime) -> bool:
        """Record that a run ended because it was told that its time is up."""
        execution = self._execution(claimed)
        execution.tell_to_stop("its time is up", timed_out=True)
        return self._write(raised(execution, RunStopped("its time is up"), now), execution)

    def finish_stopped(self, claimed: Claimed, now: datetime) -> bool:
        """Record that a run ended because it was told to stop."""
        execution = self._execution(claimed)
        execution.tell_to_stop("told")
        end = raised(execution, RuntimeError("stopped"), now)
        assert end.state is RunState.CANCELLED
        return self._write(end, execution)

    def time_out(self, claimed: Claimed, reason: str = "it took longer than its timeout of 1 s") -> None:
        """Show that a run, in a thread, goes on although its time is up."""
        note = NoteRecord(self.holder(claimed), stopping=reason)
        with self._database.write() as connection:
            Writer(self._database.dialect, SystemClock())(connection, [note])

    def give_back(self, claimed: Claimed, now: datetime) -> None:
        """Leave a run to others, as a node that shuts down does."""
        self._claims.give_back([self.holder(claimed)], now)

    def leave(self) -> None:
        """Say that it shuts down, while runs that were told to stop have not ended."""
        Nodes(self._database).leave(self.name, SHUT_DOWN)

    def die(self, now: datetime) -> int:
        """Have somebody rescue its runs; answers how many there were."""
        Nodes(self._database).stop(self.name, now, "it died")
        return self._claims.rescue(self.name, now)

    def holder(self, claimed: Claimed) -> Holder:
        """What its writes name."""
        return Holder(claimed.key, claimed.attempt, self.name)

    @property
    def dialect(self) -> Dialect:
        """Its database's ways."""
        return self._database.dialect

    @property
    def work(self) -> Work:
        """How it writes steps."""
        return Work(self._database)

    def _execution(self, claimed: Claimed) -> Execution:
        return Execution(
            claimed.key,
            claimed.job,
            REGISTRY.resolve(claimed.job.task),
            node=self.name,
            attempt=claimed.attempt,
            failures=claimed.failures,
            started_at=claimed.started_at,
            args=claimed.job.args,
            kwargs=claimed.job.kwargs,
        )

    def _write(self, end: End, execution: Execution) -> bool:
        record = EndRecord(execution, end, lambda _execution, _end, _error: None)
        with self._database.write() as connection:
            Writer(self._database.dialect, SystemClock())(connection, [record])
        return not record.is_refused
