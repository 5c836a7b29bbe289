"""The plan as a job store of APScheduler 3.11: the whole contract of its `BaseJobStore`.

In a scheduler's loop (`get_due_jobs`, then `get_next_run_time`) the store ticks: the first reads and decides, the
second writes; see `ticking`. Everything else is a person's change of the plan, or a look at it.

What differs from APScheduler's own stores:

- Arguments are JSON. Others are refused with ArgumentsNotJSON, and so are methods of instances, which are arguments in
  disguise.
- A job whose function cannot be imported, or whose row cannot be read, is kept. These methods do not show it; those of
  horarium's `Scheduler` do, with why, and it runs when it can.
- `add_job(..., replace_existing=True)` with an unchanged trigger keeps the next run time (one that is given as
  `next_run_time=` counts), and a pause by a person.
- A job whose schedule is over is hidden like one that was removed, and its id is free. The plan keeps it with its runs.
"""

from __future__ import annotations

import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from apscheduler.job import Job as NativeJob
from apscheduler.jobstores.base import BaseJobStore
from apscheduler.util import maybe_ref

from horarium.clock import SystemClock
from horarium.engines.apscheduler.changes import Changes, Kinds
from horarium.engines.apscheduler.definitions import alias_for
from horarium.engines.apscheduler.executor import executors_of, serve, serve_no_more
from horarium.engines.apscheduler.job import DueJob, PlanJob
from horarium.engines.apscheduler.service import Service
from horarium.engines.apscheduler.ticking import LONGEST, Tick
from horarium.engines.node import Node, NodeOptions
from horarium.engines.ticker import TICK_BATCH
from horarium.errors import ConfigurationError, JobNotFound, TaskNotFound
from horarium.events import EventBus
from horarium.execution.functions import MISSING, found_in
from horarium.execution.registry import REGISTRY, Registry
from horarium.job import Job
from horarium.states import JobStatus
from horarium.store.database import Database
from horarium.store.jobs import INTERNAL_ORIGINS, Jobs
from horarium.store.plan_clock import PlanClock
from horarium.store.replanning import replan_for_new_zones
from horarium.store.ticks import Ticks
from horarium.store.upgrade import CORE, upgrade_at_start
from horarium.upkeep.prune import prune_job

_SHOWN = {JobStatus.SCHEDULED, JobStatus.PAUSED}
_PAGE = 100
_ALL = 1_000_000_000

KEEP_DAYS = 90.0
"""How many days runs are remembered."""

KEEP_RUNS = 1_000
"""How many runs of each job are remembered."""


class PlanJobStore(BaseJobStore):  # type: ignore[misc]  # APScheduler has no annotations
    """Keeps the jobs of an APScheduler in the plan: `BackgroundScheduler(jobstores={"default": PlanJobStore(url)})`.

    - `url`: the plan's address, such as "sqlite:///app.db" or "postgresql://user@host/name", or a `Database`.
    - `engine`: instead of it an SQLAlchemy engine, or a reference to one, "package.module:engine". It is left open.
    - `node`: a node that somebody else starts and stops; its database is the plan. Without one, the store starts a node
      with its scheduler and stops it with the scheduler's executors.
    - `options`: how that node lives; `tick_batch`: how many due jobs one tick decides at most.
    - `keep_days`, `keep_runs`: how long, and how many of each job, runs are remembered (None: for ever). What somebody
      else has set for this plan holds until other values than these are given.

    It needs a `PlanExecutor` in the same scheduler. Raises ConfigurationError.
    """

    def __init__(
        self,
        url: str | Database | None = None,
        *,
        engine: Any = None,
        node: Node | None = None,
        registry: Registry = REGISTRY,
        options: NodeOptions | None = None,
        tick_batch: int = TICK_BATCH,
        keep_days: float | None = KEEP_DAYS,
        keep_runs: int | None = KEEP_RUNS,
    ) -> None:
        super().__init__()
        given = [one for one in (url, engine, node) if one is not None]
        if len(given) != 1:
            raise ConfigurationError(
                'PlanJobStore: Need either "url", "engine" or "node" defined, and only one of them; for example '
                'PlanJobStore("sqlite:///app.db")'
            )
        self._given_node = node
        self._owns_database = node is None and not isinstance(url, Database)
        if node is not None:
            self.database, registry = node.database, node.registry
        elif isinstance(url, Database):
            self.database = url
        else:
            self.database = Database(maybe_ref(engine) if url is None else url)
        self._registry = registry
        self._options = options
        self._batch = tick_batch
        self._keep = (keep_days, keep_runs)
        self._jobs = Jobs(self.database)
        self._changes = Changes(self.database, registry)
        self._service: Service | None = None
        self._kinds: Kinds = {}
        self._here = threading.local()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} (url={self.database.address})>"

    @property
    def service(self) -> Service | None:
        """The store's work in its scheduler; None while it has none."""
        return self._service

    # --- life

    def start(self, scheduler: Any, alias: str) -> None:
        """Called by APScheduler. Without a scheduler the store can be read and changed, and does not tick.

        Raises ConfigurationError without a PlanExecutor, SchemaError, PlanUnavailable.
        """
        super().start(scheduler, alias)
        if scheduler is None:
            self._kinds = {}
            upgrade_at_start(self.database, [CORE])
            return
        self.end_runs(wait=False, grace=None)  # APScheduler starts its stores again after a start that failed
        self._begin()
        serve(scheduler, self)

    def shutdown(self) -> None:
        """Called by APScheduler. Runs that are left are told to stop; with `wait=True` its executors have waited."""
        self.end_runs(wait=False, grace=None)
        if self._scheduler is not None:
            serve_no_more(self._scheduler, self)
        if self._owns_database:
            self.database.close()

    def executors_changed(self) -> None:
        """An executor was added or has ended: the first one brings the node back."""
        if self._service is None and executors_of(self._scheduler):
            self._begin()
        self._kinds = self._find_kinds()

    def end_runs(self, *, wait: bool, grace: float | None) -> None:
        """Stop the node; see `Node.stop`."""
        service, self._service = self._service, None
        if service is not None:
            service.end(wait=wait, grace=grace)

    def _begin(self) -> None:
        executors = executors_of(self._scheduler)
        if not executors:
            raise ConfigurationError(
                "PlanJobStore needs a PlanExecutor in its scheduler, which has every run recorded and go on after a "
                "crash; APScheduler's other executors do not know the plan: "
                'BackgroundScheduler(jobstores=..., executors={"default": PlanExecutor()})'
            )
        self._kinds = self._find_kinds()
        node = self._given_node
        if node is None:
            self._prepare()
            options = self._options or NodeOptions(capacity=executors[0].capacity)
            clock = PlanClock(self.database, SystemClock())
            node = Node(self.database, clock=clock, events=EventBus(), registry=self._registry, options=options)
        owned = self._given_node is None
        service = Service(self._scheduler, self._alias, node, owned=owned, batch=self._batch)
        try:
            service.begin()
        except BaseException:
            service.end(wait=False, grace=None)
            raise
        self._service = service

    def _prepare(self) -> None:
        """Make or upgrade the plan's tables, work out times anew if zones changed, and have old history forgotten."""
        upgrade_at_start(self.database, [CORE])
        now = SystemClock().now()
        replan_for_new_zones(self.database, now)
        wanted = prune_job(*self._keep)
        is_chosen = self._keep != (KEEP_DAYS, KEEP_RUNS)
        if is_chosen or not self._jobs.with_ids([wanted.id]):
            self._jobs.add([wanted], now, replace_existing=True)

    def _find_kinds(self) -> Kinds:
        return {executor.alias: executor.kind for executor in executors_of(self._scheduler)}

    # --- ticks

    def get_due_jobs(self, now: datetime) -> list[NativeJob]:
        """What is due. In a scheduler's loop this begins a tick, and never raises; what goes wrong is tried again."""
        if self._scheduler is None:
            return self._read_due(now)
        service, executor = self._service, next(iter(self._kinds), None)
        if service is None or executor is None:
            return []  # APScheduler's loop comes once more after its shutdown
        tick = self._here.tick = service.take()
        basket, registry, scheduler, alias = tick.collected, self._registry, self._scheduler, self._alias
        return [DueJob(thought, basket, registry, scheduler, alias, executor) for thought in tick.thoughts]

    def get_next_run_time(self) -> datetime | None:
        """When the next job is due. At the end of a tick this writes it, and answers when to begin the next one.

        That is a second away at most, and a pause when something went wrong; it does not raise then.
        """
        if self._scheduler is None:
            return self._read_next()
        tick: Tick | None = getattr(self._here, "tick", None)
        service, self._here.tick = self._service, None
        if service is None:
            return None
        if tick is not None:
            pause = service.give_back(tick)  # it writes, which takes time: the clock is read afterwards
            return datetime.now(UTC) + timedelta(seconds=pause)
        try:
            return self._read_next()
        except Exception as error:  # noqa: BLE001 - the loop of a scheduler may be the caller
            self._logger.warning("the next run time could not be read: %s", error)
            return datetime.now(UTC) + timedelta(seconds=LONGEST)

    # --- looking

    def lookup_job(self, job_id: str) -> NativeJob | None:
        """The job with this id; None when there is none to show. Raises PlanUnavailable."""
        try:
            job = self._jobs.get(job_id)
        except JobNotFound:
            return None
        return self._shown(job) if self._is_shown(job) else None

    def get_all_jobs(self) -> list[NativeJob]:
        """The jobs by next run time, paused ones last. Raises PlanUnavailable."""
        found = [job for job in self._jobs.find() if self._is_shown(job)]
        return [self._shown(job) for job in sorted(found, key=lambda job: job.paused)]

    def _read_due(self, now: datetime) -> list[NativeJob]:
        due = [one for one in Ticks(self.database).due(now, _ALL) if self._is_there(one.job.task)]
        due.sort(key=lambda one: (one.due_at, one.job.key))
        return [self._shown(replace(one.job, next_run_time=one.due_at)) for one in due]

    def _read_next(self) -> datetime | None:
        offset = 0
        while page := self._jobs.find(status=JobStatus.SCHEDULED, limit=_PAGE, offset=offset):
            for job in page:
                if self._is_there(job.task):
                    return job.next_run_time
            offset += _PAGE
        return None

    def _shown(self, job: Job) -> PlanJob:
        executor = alias_for(job, self._kinds, self._registry)
        return PlanJob(job, self._registry, self._scheduler, self._alias, executor)

    def _is_shown(self, job: Job) -> bool:
        return job.status in _SHOWN and job.origin not in INTERNAL_ORIGINS and self._is_there(job.task)

    def _is_there(self, task: str) -> bool:
        """Whether the task can be imported here, and was not taken out of its module since."""
        try:
            self._registry.resolve(task)
        except TaskNotFound:
            return False
        module_name, colon, qualname = task.partition(":")
        module = sys.modules.get(module_name) if colon else None
        return module is None or found_in(module, qualname) is not MISSING

    # --- changing

    def add_job(self, job: NativeJob) -> None:
        """Add a job. Raises ConflictingIdError, ArgumentsNotJSON, JobError, TriggerError, PlanUnavailable."""
        self._changes.add(job, self._kinds, self._now())
        self._announce()

    def update_job(self, job: NativeJob) -> None:
        """Write what was changed of a job that this store gave out, or put a new definition in the place of the old.

        Raises JobLookupError, and what `add_job` raises.
        """
        if isinstance(job, DueJob):
            job.collect()
            return
        self._changes.update(job, self._kinds, self._now())
        self._announce()

    def remove_job(self, job_id: str) -> None:
        """Take a job out of the plan; its runs stay readable. Raises JobLookupError, PlanUnavailable."""
        tick: Tick | None = getattr(self._here, "tick", None)
        if tick is not None and any(thought.job.id == job_id for thought in tick.thoughts):
            # The only reason that APScheduler's loop has: it does not find the executor.
            self._logger.error("job %s stays, although APScheduler wants it removed for want of an executor", job_id)
            return
        self._changes.remove(job_id, self._now())
        self._announce()

    def remove_all_jobs(self) -> None:
        """Take every job out of the plan, those that are not shown too. Raises PlanUnavailable."""
        self._changes.remove_all(self._now())
        self._announce()

    # --- the rest

    def _now(self) -> datetime:
        return SystemClock().now() if self._service is None else self._service.node.clock.now()

    def _announce(self) -> None:
        if self._service is not None:
            self._service.node.announce()
