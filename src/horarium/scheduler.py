"""The facade: one object with everything that an application asks of a scheduler."""

from __future__ import annotations

import asyncio
import functools
import threading
import weakref
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from horarium.clock import Clock, SystemClock
from horarium.engines.inline import InlineEngine
from horarium.engines.node import NodeOptions
from horarium.errors import ConfigurationError, JobError
from horarium.events import EventBus, Listener
from horarium.execution.lease import process_is_gone
from horarium.execution.owner import Owner, owner, plan_of_parent
from horarium.execution.places import Capacity
from horarium.facade.checks import days_of
from horarium.facade.jobs import JobMethods
from horarium.facade.runs import RunMethods
from horarium.plan import Plan
from horarium.plugins import App, find_apps, installed_apps
from horarium.service import Service
from horarium.settings import Settings
from horarium.startup import add_startup_jobs, branches_of
from horarium.store.database import Address, Connection
from horarium.store.pruning import Pruned, prune
from horarium.store.upgrade import PlanStatus, status
from horarium.values import NodeInfo
from horarium.when.zones import zone_name


class Scheduler(JobMethods, RunMethods):
    """A plan and, once started, a node that ticks and runs it.

    `database` is an address (`sqlite:///app.db`, `postgresql://…`), or an SQLAlchemy Engine, which is left open at the
    end; without one the settings say. Everything but running works without `start()`: a process may add jobs that
    another one runs. Methods keep APScheduler's names; times are aware, or naive in the job's zone.
    """

    def __init__(
        self,
        database: Address | None = None,
        *,
        settings: Settings | None = None,
        engine: str | None = None,
        timezone: str | None = None,
        apps: Sequence[App] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.settings = settings or _settings_for(database)
        self.apps = tuple(installed_apps() if apps is None else apps)
        self.timezone = zone_name(timezone) or self.settings.timezone
        self._events = EventBus()
        self._plan = Plan(
            self.settings.database_url if database is None else database,
            branches_of(self.apps),
            clock or SystemClock(),
            synchronous=self.settings.sqlite_synchronous,
        )
        options = NodeOptions(
            Capacity(self.settings.loop, self.settings.threads, self.settings.processes),
            self.settings.lease,
            self.settings.heartbeat,
        )
        self._service = Service(
            self._plan,
            engine or self.settings.engine,
            options,
            self._events,
            tick_batch=self.settings.tick_batch,
            owner=functools.partial(_owner_of, weakref.ref(self), self._plan.unprepared.full_address),
        )

    # --- life

    @property
    def running(self) -> bool:
        """Whether this process ticks."""
        return self._service.running

    def start(self, paused: bool = False) -> None:
        """Begin to tick and run. Raises PlanUnavailable, SchemaError or ConfigurationError when it cannot."""
        self._plan.prepare()
        add_startup_jobs(self._plan, self.apps, self.settings, self._now())
        if paused:
            self.pause()
        self._service.start()

    def shutdown(self, wait: bool = True, grace: float | None = None) -> bool:
        """Stop: no tick and no new run from now on; runs may end, for at most `grace` seconds (None: as they need).

        What is still running then, or at once without `wait`, is told to stop and goes back to the queue. Answers
        whether every run had ended.
        """
        return self._service.stop(wait=wait, grace=grace)

    def pause(self, by: str = "code") -> None:
        """Stop the ticks of all nodes of this plan; running and queued runs go on. `by`: who says so, for `why`."""
        self._plan.holds.pause_plan(by)
        self._service.announce()

    def resume(self) -> None:
        """Let the nodes tick again; what came due meanwhile is decided by each job's policies."""
        self._plan.holds.resume_plan()
        self._service.announce()

    @asynccontextmanager
    async def lifespan(self, _app: Any = None) -> AsyncIterator[None]:
        """For `FastAPI(lifespan=scheduler.lifespan)`. If the scheduler cannot start, the application still serves."""
        # In threads: a database that does not answer, or a run that takes its time, must not stop the event loop.
        await asyncio.to_thread(self._service.start_when_possible, self.start)
        try:
            yield
        finally:
            await asyncio.to_thread(self.shutdown, grace=self.settings.shutdown_grace)

    def inline_engine(self) -> InlineEngine:
        """The engine of a started `engine="inline"` scheduler, for tests that drive it. Raises ConfigurationError."""
        engine = self._service.engine
        if not isinstance(engine, InlineEngine):
            raise ConfigurationError('only a started scheduler with engine="inline" is driven by hand')
        return engine

    # --- looking after it

    @property
    def database_url(self) -> str:
        """The plan's address, without its password."""
        return self._plan.unprepared.address

    @contextmanager
    def connection(self, read_only: bool = False) -> Iterator[Connection]:
        """A transaction of the plan's database, for an application's own tables; commits at the end of the block.

        With `read_only` it cannot write (HorariumError), keeps nobody from writing, and sees the database as it was at
        its first statement. Without, it is the one writer that SQLite lets in. Raises PlanUnavailable.
        """
        if not isinstance(read_only, bool):
            raise JobError(f"read_only must be True or False, not {read_only!r}")
        database = self._plan.database
        with database.read_only() if read_only else database.write() as connection:
            yield connection

    def plan_status(self) -> PlanStatus:
        """Whether the plan exists and is `current`: made by this release, nothing to upgrade. Makes and writes nothing.

        Raises PlanUnavailable when the database does not answer.
        """
        return status(self._plan.unprepared, self._plan.branches)

    def nodes(self, all: bool = False) -> list[NodeInfo]:  # noqa: A002 - reads as it is meant
        """The nodes that have not ended, as far as the plan knows, or all that are remembered; the newest first."""
        return self._plan.nodes.find(all_of_them=all)

    def live_nodes(self) -> list[NodeInfo]:
        """The nodes that can run something now: whose lease holds and whose process, if it was on this host, is there.

        Raises PlanUnavailable.
        """
        present = self._now()
        return [node for node in self.nodes() if node.alive_at(present) and not process_is_gone(node)]

    def statistics(self, days: float = 7.0) -> dict[str, Any]:
        """Numbers of jobs by status, and of runs by state over the last `days`, as JSON. Raises JobError."""
        since = self._now() - days_of(days)
        jobs, runs = self._plan.jobs.count(), self._plan.runs.count(since=since)
        return {
            "jobs": {"total": sum(jobs.values()), **{status.value: number for status, number in jobs.items()}},
            "runs": {"total": sum(runs.values()), **{state.value: number for state, number in runs.items()}},
            "since": since.isoformat(),
            "paused": self._plan.holds.plan_pause() is not None,
            "running": self.running,
        }

    def health(self) -> dict[str, Any]:
        """How the scheduler is, as JSON; `status` is "ok", "degraded" or "down", and an "error" says what is wrong."""
        told = self._service.health()
        faults = {fault.name: fault.why for fault in find_apps().faults}
        told["apps"] = {"installed": [app.name for app in self.apps], "faults": faults}
        return told

    def prune(self) -> Pruned:
        """Forget history beyond the settings' age and number, as the built-in job does every night."""
        write = self._plan.database.write
        return prune(write, self._now(), days=self.settings.keep_days, keep=self.settings.keep_runs)

    def subscribe(self, listener: Listener) -> None:
        """Call `listener` with every event of this process's node (`horarium.events`). Raises JobError."""
        if not callable(listener):
            raise JobError(f"a listener is a function that takes an event, not {listener!r}")
        self._events.subscribe(listener)

    def unsubscribe(self, listener: Listener) -> None:
        """Call it no more."""
        self._events.unsubscribe(listener)


def _settings_for(database: Address | None) -> Settings:
    """The settings from outside; an address given in code takes the place of theirs, which may be another's."""
    return Settings(database_url=database) if isinstance(database, str) else Settings()


def _owner_of(scheduler: weakref.ref[Scheduler], address: str) -> Owner:
    return Owner(scheduler(), address)


_lock = threading.Lock()
_schedulers: list[Scheduler] = []


def get_scheduler() -> Scheduler:
    """Inside a task the scheduler that runs it; elsewhere that of this process, made from the settings at first.

    In a child process (`executor="process"`) it is one of the child's own on the plan of its run, which is not started:
    jobs can be added and read there. A thread that a task starts by itself counts as elsewhere.
    """
    mine = owner()
    if mine is not None and isinstance(mine.scheduler, Scheduler):
        return mine.scheduler
    with _lock:
        if not _schedulers:
            _schedulers.append(Scheduler(plan_of_parent()))
        return _schedulers[0]


def set_scheduler(scheduler: Scheduler | None) -> None:
    """Have `get_scheduler` answer this one, or make a new one when it is asked next."""
    with _lock:
        _schedulers[:] = [] if scheduler is None else [scheduler]
