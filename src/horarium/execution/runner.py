"""The runner: the only way to execute a run. It takes runs, calls their functions, and has their ends recorded.

A run's walk here: `launch` (from a tick) or `claim` (from the queue) makes an `Execution`; `_dispatch` sends it to the
event loop, a thread or a child process, where `calling` calls the function; `returned` or `raised` says how it ended;
`_conclude` frees the place and hands the end to the recorder; `_recorded` forgets the run and tells the listeners.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from horarium.clock import Clock
from horarium.errors import PlanUnavailable, RunLost, TaskNotFound
from horarium.events import EventBus, RunChanged
from horarium.execution import capture
from horarium.execution.calling import call_async, call_in_thread, call_process
from horarium.execution.capture import RunLog, keeping
from horarium.execution.execution import End, Execution, executor_of, raised, returned
from horarium.execution.loop_thread import LoopThread
from horarium.execution.places import LOOP, PROCESS, Capacity, Places
from horarium.execution.plan_link import Desk, PlanLink
from horarium.execution.recorder import Recorder
from horarium.execution.records import EndRecord, NoteRecord, Writer
from horarium.execution.registry import Registry
from horarium.job import Job
from horarium.states import RunState
from horarium.store.claims import Claimed, Claims
from horarium.store.database import Database
from horarium.store.work import Work
from horarium.values import RunKey

logger = logging.getLogger(__name__)

CHILD_GRACE = 5.0
"""Seconds that a child process has to end by itself when it is told to stop."""

_WRITERS = 2


class Reservation:
    """Places that a tick took for the runs it is about to make."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self.taken: dict[str, int] = {}

    def takes(self, job: Job) -> bool:
        """Whether there is a place for a run of this job; it is reserved."""
        kind = self._runner.kind_of(job)
        if kind is None or not self._runner.places.take(kind):
            return False
        self.taken[kind] = self.taken.get(kind, 0) + 1
        return True


class Runner:
    """Executes the runs of one node. `node()` is the node's present id, `holds()` whether its lease stands."""

    def __init__(
        self,
        database: Database,
        registry: Registry,
        clock: Clock,
        events: EventBus,
        *,
        node: Callable[[], str],
        holds: Callable[[], bool],
        capacity: Capacity,
    ) -> None:
        self.places = Places(capacity)
        self._capacity = capacity
        self._claims = Claims(database)
        self._registry = registry
        self._clock = clock
        self._events = events
        self._node = node
        self._holds = holds
        self._executions: dict[RunKey, Execution] = {}
        self._strangers: set[RunKey] = set()
        self._lock = threading.Lock()
        self._idle = threading.Condition(self._lock)
        self._recorder = Recorder(database, Writer(database.dialect))
        self._loop = LoopThread()
        self._threads = ThreadPoolExecutor(capacity.threads, "horarium-run")
        self._children = ThreadPoolExecutor(capacity.processes, "horarium-child")
        writers = ThreadPoolExecutor(_WRITERS, "horarium-writer")
        self._desk = Desk(database, Work(database), self._recorder, clock, writers)
        self._pools = (self._threads, self._children, writers)
        self.on_free_place: Callable[[], None] = lambda: None
        self.on_unknown_task: Callable[[Job, TaskNotFound], None] = lambda _job, _error: None

    # --- life

    def start(self) -> None:
        """Begin to execute what is launched or claimed."""
        capture.install()
        self._loop.start()
        self._recorder.start()

    def stop(self, *, wait: bool, grace: float | None = None) -> bool:
        """Take no more runs; let those that run end, for `grace` seconds (None: however long, 0 unless `wait`).

        What is left then is told to stop; what ends by that is given back to the queue. Whether every run has ended.
        """
        self.places.close()
        if not self._wait_until_idle(grace if wait else 0):
            self.stop_all("its node shuts down")
            self._wait_until_idle(CHILD_GRACE + 2)
        clean = not self._executions
        for pool in self._pools:
            pool.shutdown(wait=clean, cancel_futures=True)
        self._loop.close(CHILD_GRACE)
        capture.remove()
        return self._recorder.close(CHILD_GRACE) and clean

    def running(self) -> list[Execution]:
        """What this node executes now."""
        with self._lock:
            return list(self._executions.values())

    # --- taking runs

    def reserve(self) -> Reservation:
        """A place to note what a tick takes."""
        return Reservation(self)

    def kind_of(self, job: Job) -> str | None:
        """Which executor a run of the job needs; None when its task is not known here."""
        try:
            return executor_of(job, self._registry.resolve(job.task))
        except TaskNotFound:
            return None

    def launch(self, reservation: Reservation, started: Sequence[tuple[Job, datetime]], now: datetime) -> None:
        """Execute the runs that a tick made for this node, and give back the places it took in vain."""
        node = self._node()
        executions = []
        for job, scheduled_at in started:
            definition = self._registry.resolve(job.task)
            execution = Execution(
                RunKey(scheduled_at, job.key),
                job,
                definition,
                node=node,
                attempt=1,
                failures=0,
                started_at=now,
                args=job.args,
                kwargs=job.kwargs,
            )
            reservation.taken[execution.kind] -= 1
            executions.append(execution)
        self.cancel_reservation(reservation)
        self._dispatch(executions)

    def cancel_reservation(self, reservation: Reservation) -> None:
        """Give back what the reservation still holds."""
        for kind, number in reservation.taken.items():
            if number:
                self.places.give_back(kind, number)
        reservation.taken.clear()

    def claim(self, now: datetime, without_tasks: Sequence[str] = ()) -> int:
        """Take waiting runs for the places that are free; answers how many there were. Raises PlanUnavailable."""
        free = self.places.free()
        if not free or not self._holds():
            return 0
        suspects = not any(execution.suspect for execution in self.running())
        claimed = self._claims.claim(
            self._node(), now, sum(free.values()), executors=list(free), without_tasks=without_tasks, suspects=suspects
        )
        executions, unwanted = [], []
        for one in claimed:
            execution = self._execution_of(one)
            if execution is None or not self.places.take(execution.kind):
                unwanted.append(one.key)
            else:
                executions.append(execution)
        if unwanted:
            self._claims.give_back(self._node(), unwanted, now)
        self._dispatch(executions)
        return len(executions)

    def execute(self, claimed: Claimed) -> None:
        """Execute one claimed run here and now, in this thread. For the inline engine."""
        execution = self._execution_of(claimed)
        if execution is None:
            self._claims.give_back(self._node(), [claimed.key], self._clock.now())
            return
        self._hold([execution])
        if execution.kind == LOOP:
            asyncio.run(self._run_on_loop(execution))
        else:
            self._run_in_thread(execution)

    # --- stopping runs

    def attend(self) -> None:
        """Compare what the plan says this node runs with what it does run. Raises PlanUnavailable.

        Runs that were asked to stop are told; runs that are not ours now are told and forgotten; runs that the plan
        gives us but that we do not know (the answer to a commit was lost) go back to the queue at the second sight.
        """
        node = self._node()
        mine = {execution.key: execution for execution in self.running() if execution.node == node}
        held = {one.key: one for one in self._claims.held_by(node)}
        for key, one in held.items():
            execution = mine.get(key)
            if execution is not None and one.state is RunState.STOPPING and execution.stop_reason is None:
                self.tell_to_stop(execution, one.stop_reason or "it was cancelled")
        known = self._executions.keys()
        strangers = {key for key in held if key not in known}
        returned_twice = strangers & self._strangers
        if returned_twice:
            logger.warning("%d runs that nobody here executes go back to the queue", len(returned_twice))
            self._claims.give_back(node, sorted(returned_twice), self._clock.now())
        self._strangers = strangers - returned_twice

    def tell_to_stop(
        self, execution: Execution, reason: str, *, lost: bool = False, timed_out: bool = False
    ) -> None:
        """Tell a run to stop: its coroutine is cancelled, its child killed, a thread only told."""
        execution.tell_to_stop(reason, lost=lost, timed_out=timed_out)
        task = execution.asyncio_task
        if task is not None and not self._loop.loop.is_closed():
            self._loop.loop.call_soon_threadsafe(task.cancel)

    def stop_all(self, reason: str, *, lost: bool = False) -> None:
        """Tell every run of this node to stop; `lost`: they are not ours any more."""
        for execution in self.running():
            execution.going_down = not lost
            self.tell_to_stop(execution, reason, lost=lost)

    # --- executing

    def _execution_of(self, claimed: Claimed) -> Execution | None:
        payload = json.loads(claimed.payload) if claimed.payload else {}
        job = claimed.job
        try:
            definition = self._registry.resolve(payload.get("task", job.task))
        except TaskNotFound as error:
            self.on_unknown_task(job, error)
            return None
        return Execution(
            claimed.key,
            job,
            definition,
            node=self._node(),
            attempt=claimed.attempt,
            failures=claimed.failures,
            started_at=claimed.started_at,
            args=tuple(payload.get("args", job.args)),
            kwargs=payload.get("kwargs", job.kwargs),
            suspect=claimed.suspect,
        )

    def _dispatch(self, executions: Sequence[Execution]) -> None:
        if not executions:
            return
        self._hold(executions)
        on_loop = [execution for execution in executions if execution.kind == LOOP]
        if on_loop:
            self._loop.loop.call_soon_threadsafe(self._spawn, on_loop)
        for execution in executions:
            if execution.kind == PROCESS:
                self._children.submit(self._run_in_thread, execution)
            elif execution.kind != LOOP:
                self._threads.submit(self._run_in_thread, execution)

    def _hold(self, executions: Sequence[Execution]) -> None:
        with self._lock:
            for execution in executions:
                self._executions[execution.key] = execution
        if self._events.listened_to:
            for execution in executions:
                self._tell(execution, RunState.RUNNING)

    def _spawn(self, executions: Sequence[Execution]) -> None:
        for execution in executions:
            execution.asyncio_task = self._loop.loop.create_task(self._run_on_loop(execution))

    async def _run_on_loop(self, execution: Execution) -> None:
        link = self._link(execution) if execution.definition.run_parameter is not None else None
        try:
            if execution.stop_reason is not None:
                raise asyncio.CancelledError
            with keeping(self._log_of(execution)):
                result = await call_async(execution, link)
            end = returned(execution, result, self._clock.now())
        except BaseException as error:  # noqa: BLE001 - whatever a task raises, SystemExit too, is that run's end
            end = raised(execution, error, self._clock.now())
        self._conclude(execution, end, link)

    def _run_in_thread(self, execution: Execution) -> None:
        link = self._link(execution)
        in_child = execution.kind == PROCESS
        alarm = None if in_child else self._set_alarm(execution)
        try:
            with keeping(self._log_of(execution)):
                result = call_process(execution, link, CHILD_GRACE) if in_child else call_in_thread(execution, link)
            end = returned(execution, result, self._clock.now())
        except BaseException as error:  # noqa: BLE001 - as above
            end = raised(execution, error, self._clock.now())
        finally:
            if alarm is not None:
                alarm.cancel()
        self._conclude(execution, end, link)

    def _link(self, execution: Execution) -> PlanLink:
        return PlanLink(execution, self._desk)

    def _log_of(self, execution: Execution) -> RunLog:
        numbers = itertools.count(1)
        holder, put = execution.holder, self._recorder.put
        return RunLog(execution.attempt, lambda line: put(NoteRecord(holder, line=line, number=next(numbers))))

    def _set_alarm(self, execution: Execution) -> threading.Timer | None:
        """Tell a run in a thread when its time is up; its place stays taken until it ends."""
        if execution.timeout is None:
            return None
        reason = f"it took longer than its timeout of {execution.timeout:g} s"
        alarm = threading.Timer(execution.timeout, self._time_out, (execution, reason))
        alarm.daemon = True
        alarm.start()
        return alarm

    def _time_out(self, execution: Execution, reason: str) -> None:
        self.tell_to_stop(execution, reason, timed_out=True)
        try:
            self._claims.mark_stopping(execution.holder, reason)
        except PlanUnavailable as error:
            logger.warning("that run %s is stopping could not be noted: %s", execution.key, error)

    def _conclude(self, execution: Execution, end: End, link: PlanLink | None) -> None:
        if link is not None:
            link.flush()
        if end.note:
            logger.warning("run %s of %s: %s", execution.key, execution.job.id, end.note)
        self.places.give_back(execution.kind)
        if execution.lost:
            self._recorded(execution, end, RunLost(str(execution.key)))
        elif execution.going_down and end.state is RunState.CANCELLED:
            self._give_back(execution, end)
        else:
            self._recorder.put(EndRecord(execution, end, self._recorded))

    def _give_back(self, execution: Execution, end: End) -> None:
        try:
            self._claims.give_back(execution.node, [execution.key], self._clock.now())
        except PlanUnavailable as error:
            logger.warning("run %s could not be given back: %s", execution.key, error)
        self._recorded(execution, end, None, given_back=True)

    def _recorded(self, execution: Execution, end: End, error: Exception | None, *, given_back: bool = False) -> None:
        """The end is on disk, or cannot be: forget the run, and tell."""
        with self._lock:
            self._executions.pop(execution.key, None)
            if not self._executions:
                self._idle.notify_all()
        self.on_free_place()
        if error is not None:
            logger.warning("the end of run %s (%s) was not recorded: %s", execution.key, end.state, error)
        elif self._events.listened_to:
            self._tell(execution, RunState.QUEUED if given_back else end.state, end)

    def _tell(self, execution: Execution, state: RunState, end: End | None = None) -> None:
        now = self._clock.now()
        self._events.emit(
            RunChanged(
                run_id=str(execution.key),
                job_id=execution.job.id,
                state=state,
                at=now,
                attempt=execution.attempt,
                duration=None if end is None else (end.finish.ended_at - execution.started_at).total_seconds(),
                error=None if end is None or end.error is None else str(end.error),
            )
        )

    def _wait_until_idle(self, seconds: float | None) -> bool:
        with self._idle:
            return self._idle.wait_for(lambda: not self._executions, seconds)
