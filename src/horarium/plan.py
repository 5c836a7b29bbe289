"""The plan put together: the database, its upgrade at first use, and everything that reads or changes it."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from horarium.clock import Clock
from horarium.store.claims import Claims
from horarium.store.database import Address, Database
from horarium.store.holds import Holds
from horarium.store.jobs import Jobs
from horarium.store.nodes import Nodes
from horarium.store.plan_clock import PlanClock
from horarium.store.runs import Runs
from horarium.store.upgrade import Applied, Branch, upgrade_at_start


class Plan:
    """A plan's database and its tables, made or brought up to date when they are first needed."""

    def __init__(
        self, address: Address, branches: Sequence[Branch], clock: Clock, *, synchronous: str = "FULL"
    ) -> None:
        self.unprepared = Database(address, synchronous=synchronous)
        self.clock = PlanClock(self.unprepared, clock)
        self.branches = tuple(branches)
        self._prepared = False
        self._lock = threading.Lock()

    @property
    def database(self) -> Database:
        """The database, with its tables as this release needs them. Raises PlanUnavailable, SchemaError."""
        if not self._prepared:
            self.prepare()
        return self.unprepared

    def prepare(self) -> list[Applied]:
        """Make the tables of an empty database, or upgrade an embedded one; answers what was done."""
        with self._lock:
            applied = [] if self._prepared else upgrade_at_start(self.unprepared, self.branches)
            if not self._prepared:
                self.clock.measure()
            self._prepared = True
            return applied

    def forked(self) -> None:
        """In a new process: a lock that a thread of the old one had is nobody's here."""
        self._lock = threading.Lock()

    @property
    def jobs(self) -> Jobs:
        """The plan's jobs."""
        return Jobs(self.database)

    @property
    def holds(self) -> Holds:
        """Its pauses."""
        return Holds(self.database)

    @property
    def runs(self) -> Runs:
        """Its runs."""
        return Runs(self.database)

    @property
    def nodes(self) -> Nodes:
        """Its nodes."""
        return Nodes(self.database)

    @property
    def claims(self) -> Claims:
        """What waits in it."""
        return Claims(self.database)

    def close(self) -> None:
        """Close the database, if it was opened here."""
        self.unprepared.close()
