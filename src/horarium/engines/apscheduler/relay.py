"""What happens to runs, told to listeners that a user added to an APScheduler.

| of the plan                                        | APScheduler's event                               |
|----------------------------------------------------|---------------------------------------------------|
| a run's first attempt begins here                  | EVENT_JOB_SUBMITTED                               |
| a run succeeded                                    | EVENT_JOB_EXECUTED, with its result               |
| a run failed (no retry is left) or was cancelled   | EVENT_JOB_ERROR, with its exception and traceback |
| occurrences are missed (one event for a summary)   | EVENT_JOB_MISSED                                  |
| an occurrence is skipped: max_instances run        | EVENT_JOB_MAX_INSTANCES                           |
| a tick decided the last occurrence of a job        | EVENT_JOB_REMOVED; the plan keeps the job, finished |

Listeners hear of the runs of their own process, in a thread of their own, so that a slow one holds up no run; those of
a scheduler on an event loop are called on that loop. While nobody listens nothing is done for them.
"""

from __future__ import annotations

import asyncio
import builtins
import logging
import queue
import sys
import threading
from collections.abc import Callable
from typing import Any

from apscheduler import events as native

from horarium.errors import HorariumError, RunNotFound, RunStopped
from horarium.events import Event, EventBus, OccurrencesDecided, RunChanged
from horarium.states import DecisionKind, RunState
from horarium.store.jobs import RESERVED_IDS
from horarium.store.runs import Runs
from horarium.values import ErrorInfo, RunInfo, RunKey

logger = logging.getLogger(__name__)

_CLOSING = 5.0
_ENDS = {
    RunState.SUCCEEDED: native.EVENT_JOB_EXECUTED,
    RunState.FAILED: native.EVENT_JOB_ERROR,
    RunState.CANCELLED: native.EVENT_JOB_ERROR,
    RunState.MISSED: native.EVENT_JOB_MISSED,
}
_OF_RUNS = (
    native.EVENT_JOB_SUBMITTED
    | native.EVENT_JOB_EXECUTED
    | native.EVENT_JOB_ERROR
    | native.EVENT_JOB_MISSED
    | native.EVENT_JOB_MAX_INSTANCES
    | native.EVENT_JOB_REMOVED
)


class TaskFailed(HorariumError):
    """Stands in an event for an exception that cannot be made again from what the plan keeps of it."""

    def __init__(self, info: ErrorInfo) -> None:
        super().__init__(str(info))
        self.info = info


class Relay:
    """Passes events of a node to the listeners of a scheduler."""

    def __init__(self, scheduler: Any, alias: str, bus: EventBus, runs: Runs) -> None:
        self._scheduler = scheduler
        self._alias = alias
        self._bus = bus
        self._runs = runs
        self._queue: queue.SimpleQueue[Event | str | None] = queue.SimpleQueue()
        self._hear = self._queue.put  # one object: the bus forgets a listener by identity
        self._thread: threading.Thread | None = None
        self._wanted = 0
        self.loop: asyncio.AbstractEventLoop | None = None

    def look(self) -> None:
        """Begin or stop to pass on events, as there are listeners now or not. Called at every tick."""
        # APScheduler does not tell who listens; a release that keeps its listeners elsewhere is told everything.
        listeners = getattr(self._scheduler, "_listeners", None)
        wanted = _OF_RUNS
        if listeners is not None:
            wanted = 0
            for _, mask in tuple(listeners):
                wanted |= mask & _OF_RUNS
        if wanted and not self._wanted:
            self._begin()
        elif self._wanted and not wanted:
            self._bus.unsubscribe(self._hear)
        self._wanted = wanted

    def finished(self, job_id: str) -> None:
        """The last occurrence of a job was decided."""
        if self._wanted & native.EVENT_JOB_REMOVED:
            self._queue.put(job_id)

    def close(self) -> None:
        """Pass on what has happened, and end."""
        self._bus.unsubscribe(self._hear)
        thread, self._thread = self._thread, None
        self._wanted = 0
        if thread is not None:
            self._queue.put(None)
            if thread is not threading.current_thread():
                thread.join(_CLOSING)

    def _begin(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="horarium-listeners", daemon=True)
            self._thread.start()
        self._bus.subscribe(self._hear)

    def _work(self) -> None:
        while (heard := self._queue.get()) is not None:
            try:
                self._pass_on(heard)
            except Exception:
                logger.exception("listeners could not be told of %r", heard)

    def _pass_on(self, heard: Event | str) -> None:
        if not isinstance(heard, str) and getattr(heard, "job_id", "").startswith(RESERVED_IDS):
            return
        if isinstance(heard, str):
            self._dispatch(native.JobEvent(native.EVENT_JOB_REMOVED, heard, self._alias))
        elif isinstance(heard, RunChanged):
            self._run_changed(heard)
        elif isinstance(heard, OccurrencesDecided):
            self._not_run(heard)

    def _run_changed(self, change: RunChanged) -> None:
        scheduled_at = RunKey.parse(change.run_id).scheduled_at.astimezone(self._scheduler.timezone)
        if change.state is RunState.RUNNING and change.attempt == 1:
            self._dispatch(
                native.JobSubmissionEvent(native.EVENT_JOB_SUBMITTED, change.job_id, self._alias, [scheduled_at])
            )
        code = _ENDS.get(change.state, 0)
        if not code & self._wanted:
            return
        run = None if code == native.EVENT_JOB_MISSED else self._run(change.run_id)
        event = native.JobExecutionEvent(code, change.job_id, self._alias, scheduled_at)
        if run is not None and code == native.EVENT_JOB_EXECUTED:
            event.retval = run.result
        elif code == native.EVENT_JOB_ERROR:
            info = None if run is None else run.error
            event.exception = exception_of(info) if info else RunStopped(_reason(run, change))
            event.traceback = "" if info is None else info.traceback
        self._dispatch(event)

    def _not_run(self, decided: OccurrencesDecided) -> None:
        last = decided.last_at.astimezone(self._scheduler.timezone)
        if decided.kind is DecisionKind.MISSED:
            self._dispatch(native.JobExecutionEvent(native.EVENT_JOB_MISSED, decided.job_id, self._alias, last))
        elif decided.kind is DecisionKind.SKIPPED:
            self._dispatch(
                native.JobSubmissionEvent(native.EVENT_JOB_MAX_INSTANCES, decided.job_id, self._alias, [last])
            )

    def _run(self, run_id: str) -> RunInfo | None:
        try:
            return self._runs.get(run_id)
        except (RunNotFound, HorariumError) as error:
            logger.debug("listeners are told of run %s without its result: %s", run_id, error)
            return None

    def _dispatch(self, event: Any) -> None:
        deliver: Callable[[Any], None] = self._scheduler._dispatch_event
        if self.loop is None:
            deliver(event)
            return
        try:
            self.loop.call_soon_threadsafe(deliver, event)
        except RuntimeError:
            logger.debug("the event loop is closed: its listeners do not hear of %s", event.job_id)


def exception_of(info: ErrorInfo) -> BaseException:
    """An exception like the one that was kept: of its own class if that is known here and takes its message."""
    module_name, _, name = info.type.rpartition(".")
    kind = getattr(sys.modules.get(module_name) if module_name else builtins, name, None)
    if isinstance(kind, type) and issubclass(kind, Exception):
        try:
            error = kind(info.message)
        except Exception as refusal:  # noqa: BLE001 - a stranger's class, which may want other arguments
            logger.debug("%s does not take a message: %s", info.type, refusal)
        else:
            if str(error) == info.message:
                return error
    return TaskFailed(info)


def _reason(run: RunInfo | None, change: RunChanged) -> str:
    return (run and run.stop_reason) or change.error or "it was cancelled"
