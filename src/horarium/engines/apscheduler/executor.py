"""The executor to plug into an APScheduler beside `PlanJobStore`. It runs nothing: the plan's runner does.

Stores and executors of a scheduler find each other here: APScheduler starts its executors before its stores, and tells
both which scheduler they belong to.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from apscheduler.executors.base import BaseExecutor

from horarium.engines.apscheduler.job import DueJob
from horarium.errors import ConfigurationError, JobError
from horarium.execution.places import Capacity
from horarium.job import EXECUTORS

LOOP_GRACE = 10.0
"""Seconds that a shutdown on an event loop waits for runs at most, since the loop stands still meanwhile."""


class Serving(Protocol):
    """A started `PlanJobStore`, as its executors know it."""

    def executors_changed(self) -> None:
        """An executor was added or has ended."""
        ...

    def end_runs(self, *, wait: bool, grace: float | None) -> None:
        """Execute no more runs; let those that run end, if `wait`, for `grace` seconds (None: however long)."""
        ...


class PlanExecutor(BaseExecutor):  # type: ignore[misc]  # APScheduler has no annotations
    """Runs the jobs of a `PlanJobStore`: `BackgroundScheduler(jobstores=..., executors={"default": PlanExecutor()})`.

    - `kind`: where jobs with this executor's alias run: "loop", "thread", "process"; None as their task says (async
      functions on an event loop of their own thread, plain ones on threads).
    - `threads`, `processes`, `loop`: how many runs of each kind this process has at once; those of the first executor
      of a scheduler count. More wait in the plan's queue, for any node.
    - `grace`: seconds that `shutdown(wait=True)` waits for runs before it tells them to stop; None: however long. On an
      event loop it is 10 at most. What was told to stop goes back to the queue.

    Raises ConfigurationError.
    """

    _scheduler: Any

    def __init__(
        self,
        kind: str | None = None,
        *,
        threads: int = Capacity().threads,
        processes: int = Capacity().processes,
        loop: int = Capacity().loop,
        grace: float | None = None,
    ) -> None:
        super().__init__()
        if kind is not None and kind not in EXECUTORS:
            raise ConfigurationError(f"PlanExecutor takes {', '.join(EXECUTORS)} or nothing, not {kind!r}")
        self.kind = kind
        self.capacity = Capacity(loop=loop, threads=threads, processes=processes)
        self.grace = grace
        self.alias = ""

    def start(self, scheduler: Any, alias: str) -> None:
        """Called by APScheduler: from now on jobs of this alias are run."""
        super().start(scheduler, alias)
        self.alias = alias
        with _lock:
            started = _executors.setdefault(scheduler, [])
            if self not in started:  # APScheduler starts its executors again after a start that failed
                started.append(self)
        _tell_stores(scheduler)

    def shutdown(self, wait: bool = True) -> None:
        """Called by APScheduler: run no more, and let what runs end if `wait`. Nodes end with their last executor."""
        scheduler, self._scheduler = self._scheduler, None
        if scheduler is None:
            return
        with _lock:
            left = _executors.get(scheduler, [])
            if self in left:
                left.remove(self)
            stores = [] if left else list(_stores.get(scheduler, ()))
        grace = self.grace
        if _on_event_loop():
            grace = LOOP_GRACE if grace is None else min(grace, LOOP_GRACE)
        for store in stores:
            store.end_runs(wait=wait, grace=grace)
        _tell_stores(scheduler)

    def submit_job(self, job: Any, run_times: Sequence[datetime]) -> None:
        """Collect a due job of the plan into its tick. Raises JobError for any other job."""
        if not isinstance(job, DueJob):
            raise JobError(
                f"job {job.id!r} is not in a PlanJobStore, and PlanExecutor runs no other jobs; "
                "give it another executor"
            )
        job.collect()

    def _do_submit_job(self, job: Any, run_times: Sequence[datetime]) -> None:
        self.submit_job(job, run_times)


_lock = threading.Lock()
_executors: WeakKeyDictionary[Any, list[PlanExecutor]] = WeakKeyDictionary()
_stores: WeakKeyDictionary[Any, list[Serving]] = WeakKeyDictionary()


def executors_of(scheduler: Any) -> list[PlanExecutor]:
    """The started PlanExecutors of a scheduler, the first one first."""
    with _lock:
        return list(_executors.get(scheduler, ()))


def serve(scheduler: Any, store: Serving) -> None:
    """Let the executors of a scheduler know a store that was started."""
    with _lock:
        stores = _stores.setdefault(scheduler, [])
        if store not in stores:
            stores.append(store)


def serve_no_more(scheduler: Any, store: Serving) -> None:
    """Forget a store that was shut down."""
    with _lock:
        stores = _stores.get(scheduler, [])
        if store in stores:
            stores.remove(store)


def _tell_stores(scheduler: Any) -> None:
    with _lock:
        stores = list(_stores.get(scheduler, ()))
    for store in stores:
        store.executors_changed()


def _on_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
