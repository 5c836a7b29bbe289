"""A whole scheduler in a test's thread, on a database of its own, driven by a clock that the test moves."""

from __future__ import annotations

import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from horarium.engines.inline import InlineEngine
from horarium.scheduler import Scheduler
from horarium.settings import Settings
from horarium.store.database import Address
from horarium.testing.clock import ManualClock


class Timetable:
    """`with Timetable() as table:` gives `table.scheduler` (engine "inline", started), `table.clock`, and time travel.

    `database` is an address; an SQLite file that is thrown away if left out. `scheduler_arguments` go to `Scheduler`.
    Runs are executed in the test's own thread, one after the other, so that nothing has to be waited for. Horarium's
    own jobs are left out, so that only the test's are counted; with `upkeep` they are there, as in a started scheduler.
    """

    def __init__(
        self,
        database: Address | None = None,
        *,
        start: datetime | None = None,
        upkeep: bool = False,
        **scheduler_arguments: Any,
    ) -> None:
        self._upkeep = upkeep
        self.clock = ManualClock() if start is None else ManualClock(start)
        self._folder = tempfile.TemporaryDirectory(prefix="horarium-test-") if database is None else None
        if self._folder is not None:
            database = f"sqlite:///{Path(self._folder.name) / 'plan.db'}"
        # Nothing of a thrown-away file needs to be on disk.
        settings = Settings(sqlite_synchronous="OFF", **scheduler_arguments.pop("settings", {}))
        scheduler_arguments.setdefault("apps", ())
        self.scheduler = Scheduler(
            database, settings=settings, engine="inline", clock=self.clock, **scheduler_arguments
        )

    def __enter__(self) -> Self:
        self.scheduler.start()
        if not self._upkeep:
            self.scheduler.remove_missing("builtin", [])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.scheduler.shutdown()
        if self._folder is not None:
            self._folder.cleanup()

    def run_due(self) -> int:
        """Decide and run everything that is due at the clock's time; answers how many runs were executed."""
        engine = self._engine()
        engine.tick()
        return engine.drain()

    def advance(self, **span: float) -> int:
        """Live through `hours=…, days=…`, each job and retry at its own time. Answers how many runs there were."""
        return self.advance_to(self.clock.now() + timedelta(**span))

    def advance_to(self, instant: datetime) -> int:
        """Live until `instant` (aware), as `advance` does."""
        engine = self._engine()
        executed = self.run_due()
        while (following := engine.next_time()) is not None and following <= instant:
            self.clock.set(max(following, self.clock.now()))
            executed += self.run_due()
        self.clock.set(instant)
        return executed

    def sleep_through(self, **span: float) -> int:
        """Let time pass with no node ticking, as in an outage, then decide and run what is due."""
        self.clock.advance(**span)
        return self.run_due()

    def _engine(self) -> InlineEngine:
        return self.scheduler.inline_engine()
