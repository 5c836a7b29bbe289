"""The runner: the only way to execute a run. It takes runs, calls their functions, and has their ends recorded.

A run's walk here: `launch` (from a tick) or `claim` (from the queue) makes an `Execution`; `_dispatch` sends it to the
event loop, a thread or a child process, where `calling` calls the function; `returned` or `raised` says how it ended;
`_conclude` frees the place and hands the end to the recorder; `_recorded` forgets the run and tells the listeners.
"""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import threading
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from datetime import datetime

from horarium.clock import Clock
from horarium.errors import PlanUnavailable, RunLost, TaskNotFound
from horarium.events import EventBus
from horarium.execution import capture, owner
from horarium.execution.alarms import Alarm, Alarms
from horarium.execution.calling import call_async, call_in_thread, call_process
from horarium.execution.execution import End, Execution, change_of, executor_of, raised, returned, tell_missed
from horarium.execution.loop_thread import LoopThread
from horarium.execution.places import Capacity, Places, Reservation, Turns
from horarium.execution.plan_link import Desk, PlanLink
from horarium.execution.pools import DaemonPool
from horarium.execution.recorder import Recorder
from horarium.execution.records import BackRecord, EndRecord, NoteRecord, Writer, log_of
from horarium.execution.registry import Registry
from horarium.execution.strays import Strays, Takings, Token
from horarium.job import EXECUTORS, LOOP, PROCESS, Job
from horarium.states import RunState
from horarium.store.claims import Claimed, Claims
from horarium.store.database import Database
from horarium.store.work import Holder, Work
from horarium.values import RunKey

logger = logging.getLogger(__name__)

CHILD_GRACE = 5.0
"""Seconds that a child process has to end by itself when it is told to stop."""

_WRITERS = 2


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
        self._claims = Claims(database, functools.partial(tell_missed, events))
        self._registry = registry
        self._clock = clock
        self._events = events
        self._node = node
        self._holds = holds
        self._executions: dict[Token, Execution] = {}
        self._executing = self.begun = 0
        self._takings = Takings()
        self._strangers, self._missing = Strays(), Strays()
        self._lock = threading.Lock()
        self._idle = threading.Condition(self._lock)
        self._recorder = Recorder(database, Writer(database.dialect, clock))
        self.loop_thread = LoopThread()
        self._threads = DaemonPool(capacity.threads, "horarium-run")
        self._children = DaemonPool(capacity.processes, "horarium-child")
        self._alarms = Alarms()
        self._started = False
        writers, turns = DaemonPool(_WRITERS, "horarium-writer"), Turns(capacity.processes)
        self._desk = Desk(database, Work(database), self._recorder, clock, writers, self._alarms, turns)
        self._pools = (self._threads, self._children, writers)
        self.owner: owner.Owner | None = None
        self.on_free_place: Callable[[], None] = lambda: None
        self.on_unknown_task: Callable[[Job, TaskNotFound], None] = lambda _job, _error: None

    # --- life

    def start(self) -> None:
        """Begin to execute what is launched or claimed."""
        self._started = True
        capture.install()
        self.loop_thread.start()
        self._recorder.start()

    def stop(self, *, wait: bool, grace: float | None = None) -> bool:
        """Take no more runs; let those that run end, for `grace` seconds (None: however long, 0 unless `wait`).

        What is left then is told to stop; what ends by that is given back to the queue. Whether every run has ended and
        its end is on disk; while the database is away that is not waited for longer than a few seconds.
        """
        self.places.close()
        ended = self._wait_until_idle(grace if wait else 0)
        if not ended:
            self.stop_all("its node shuts down")
            ended = self._wait_until_idle(CHILD_GRACE + 2)
        for pool in self._pools:
            pool.shutdown(wait=ended, cancel_futures=True)
        self.loop_thread.close(CHILD_GRACE)
        self._alarms.close()
        recorded = self._recorder.close(CHILD_GRACE)
        if self._started:
            capture.remove()
        left = self.running()
        if left:
            names = ", ".join(sorted(str(execution.key) for execution in left)[:5])
            logger.error("runs left to whoever finds that this node has gone: %d, such as %s", len(left), names)
        return ended and recorded and not left

    def running(self) -> list[Execution]:
        """What this node executes now."""
        with self._lock:
            return list(self._executions.values())

    # --- taking runs

    def reserve(self) -> Reservation:
        """A place to note what a tick takes. It ends with `launch` or `cancel_reservation`."""
        return Reservation(self.places, self.kind_of, self._takings.begin())

    def kind_of(self, job: Job) -> str | None:
        """Which executor a run of the job needs; None when its task is not known here."""
        try:
            return executor_of(job, self._registry.resolve(job.task))
        except TaskNotFound:
            return None

    def launch(
        self, reservation: Reservation, started: Sequence[tuple[Job, datetime]], now: datetime, node: str
    ) -> None:
        """Execute the runs that a tick made for this node, and give back the places it took in vain."""
        executions = []
        for job, scheduled_at in started:
            definition = self._registry.resolve(job.task)
            key, args, kwargs = RunKey(scheduled_at, job.key), job.args, job.kwargs
            execution = Execution(
                key, job, definition, node=node, attempt=1, failures=0, started_at=now, args=args, kwargs=kwargs
            )
            reservation.taken[execution.kind] -= 1
            executions.append(execution)
        if executions and (node != self._node() or not self._holds()):
            self._return(executions)
        else:
            self._dispatch(executions)
        self.cancel_reservation(reservation)

    def cancel_reservation(self, reservation: Reservation) -> None:
        """Give back what the reservation still holds."""
        reservation.cancel()
        self._takings.end(reservation.taking)

    def claim(self, now: datetime, without_tasks: Sequence[str] = (), kinds: Collection[str] = EXECUTORS) -> int:
        """Take waiting runs for the places that are free; answers how many there were. Raises PlanUnavailable."""
        # Each kind by itself: else those that have no place would be taken along, and be given back.
        free = self.places.free().items() if self._holds() else ()
        return sum(self._claim(kind, number, now, without_tasks) for kind, number in free if kind in kinds)

    def _claim(self, kind: str, number: int, now: datetime, without_tasks: Sequence[str]) -> int:
        node = self._node()
        suspects = not any(execution.suspect for execution in self.running())
        # Taken first: a tick that took them meanwhile would leave runs claimed in vain.
        places = self.places.take_up_to(kind, number)
        executions, unwanted = [], []
        try:
            with self._takings.one():
                claimed = self._claims.claim(
                    node, now, places, executors=[kind], without_tasks=without_tasks, suspects=suspects
                )
                for one in claimed:
                    execution = self._execution_of(one, node)
                    if execution is not None and execution.kind == kind and places:
                        places -= 1
                    elif execution is None or not self.places.take(execution.kind):
                        unwanted.append(Holder(one.key, one.attempt, node))
                        continue
                    executions.append(execution)
                self._dispatch(executions)
        finally:
            self.places.give_back(kind, places)
        if unwanted:
            self._claims.give_back(unwanted, now, keep_places=False)
        return len(executions)

    def execute(self, claimed: Claimed) -> None:
        """Execute one claimed run here and now, in this thread. For the inline engine."""
        node = self._node()
        execution = self._execution_of(claimed, node)
        if execution is None:
            mine = [Holder(claimed.key, claimed.attempt, node)]
            self._claims.give_back(mine, self._clock.now(), keep_places=False)
            return
        self._hold([execution])
        if execution.kind == LOOP:
            asyncio.run(self._run_on_loop(execution))
        else:
            self._run_in_thread(execution)

    # --- stopping runs

    def attend(self) -> None:
        """Compare what the plan says this node runs with what it does run. Raises PlanUnavailable.

        Runs that were asked to stop are told; at the second sight, runs that are not ours now are told that they are
        lost, and runs that the plan gives us but that we do not know (the answer to a commit was lost) are given back.
        """
        node, settled = self._node(), self._takings.settled
        mine: dict[Token, Execution] = {}
        for execution in self.running():
            if execution.node == node:
                mine[execution.token] = execution
            elif not execution.lost:
                self.tell_to_stop(execution, "its node lost it", lost=True)
        held = {(one.key, one.attempt): one for one in self._claims.held_by(node)}
        begun = self._takings.begun
        for token, one in held.items():
            known = mine.get(token)
            if known is not None and one.state is RunState.STOPPING and known.stop_reason is None:
                self.tell_to_stop(known, one.stop_reason or "it was cancelled")
        with self._lock:
            unknown = held.keys() - self._executions.keys()
        strangers = self._strangers.confirm(unknown, settled, begun)
        if strangers:
            self._claims.give_back([Holder(*token, node) for token in strangers], self._clock.now())
            logger.warning("runs that went back to the queue, since nobody here executed them: %d", len(strangers))
        for token in self._missing.confirm(mine.keys() - held.keys(), settled, begun):
            self.tell_to_stop(mine[token], "it is no longer this node's", lost=True)

    def tell_to_stop(self, execution: Execution, reason: str, **how: bool) -> None:
        """Tell a run to stop, as `Execution.tell_to_stop`; a coroutine is cancelled, a child killed, a thread told."""
        execution.tell_to_stop(reason, **how)
        task = execution.asyncio_task
        if task is not None:
            with suppress(RuntimeError):  # the loop was closed meanwhile
                self.loop_thread.loop.call_soon_threadsafe(task.cancel)

    def stop_all(self, reason: str, *, lost: bool = False) -> None:
        """Tell every run of this node to stop; `lost`: they are not ours any more."""
        for execution in self.running():
            self.tell_to_stop(execution, reason, lost=lost, going_down=not lost)

    # --- executing

    def _execution_of(self, claimed: Claimed, node: str) -> Execution | None:
        job = claimed.job
        try:
            payload = json.loads(claimed.payload) if claimed.payload else {}
            definition = self._registry.resolve(payload.get("task", job.task))
        except TaskNotFound as error:
            self._set_aside(job, error)
            return None
        return Execution(
            claimed.key,
            job,
            definition,
            node=node,
            attempt=claimed.attempt,
            failures=claimed.failures,
            started_at=claimed.started_at,
            args=tuple(payload.get("args", job.args)),
            kwargs=payload.get("kwargs", job.kwargs),
            suspect=claimed.suspect,
        )

    def _set_aside(self, job: Job, error: TaskNotFound) -> None:
        try:
            self.on_unknown_task(job, error)
        except PlanUnavailable as away:
            logger.warning("that job %s has no task here could not be noted: %s", job.id, away)

    def _return(self, executions: Sequence[Execution]) -> None:
        """Do not begin these: this process was stopped until its lease had run out."""
        for execution in executions:
            self.places.give_back(execution.kind)
            self._recorder.put(BackRecord(execution.holder))

    def _dispatch(self, executions: Sequence[Execution]) -> None:
        if not executions:
            return
        self._hold(executions)
        on_loop = [execution for execution in executions if execution.kind == LOOP]
        if on_loop:
            self.loop_thread.loop.call_soon_threadsafe(self._spawn, on_loop)
        for execution in executions:
            if execution.kind == PROCESS:
                self._children.submit(self._run_in_thread, execution)
            elif execution.kind != LOOP:
                self._threads.submit(self._run_in_thread, execution)

    def _hold(self, executions: Sequence[Execution]) -> None:
        with self._lock:
            self._executing += len(executions)
            self.begun += len(executions)
            for execution in executions:
                self._executions[execution.token] = execution
        if self._events.listened_to:
            for execution in executions:
                self._tell(execution, RunState.RUNNING)

    def _spawn(self, executions: Sequence[Execution]) -> None:
        for execution in executions:
            execution.asyncio_task = self.loop_thread.loop.create_task(self._run_on_loop(execution))

    async def _run_on_loop(self, execution: Execution) -> None:
        link = self._link(execution) if execution.definition.run_parameter is not None else None
        try:
            if execution.stop_reason is not None:
                raise asyncio.CancelledError  # noqa: TRY301 - told to stop before it began: it ends as if later
            with owner.owned_by(self.owner), capture.keeping(log_of(execution, self._recorder)):
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
            with owner.owned_by(self.owner), capture.keeping(log_of(execution, self._recorder)):
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

    def _set_alarm(self, execution: Execution) -> Alarm | None:
        """Tell a run in a thread when its time is up; its place stays taken until it ends."""
        if execution.timeout is None:
            return None
        reason = f"it took longer than its timeout of {execution.timeout:g} s"
        return self._alarms.set(execution.timeout, functools.partial(self._time_out, execution, reason))

    def _time_out(self, execution: Execution, reason: str) -> None:
        self.tell_to_stop(execution, reason, timed_out=True)
        self._recorder.put(NoteRecord(execution.holder, stopping=reason))

    def _conclude(self, execution: Execution, end: End, link: PlanLink | None) -> None:
        """The function has ended: free its place, and have the end recorded."""
        if link is not None:
            link.flush()
        if end.note:
            logger.warning("run %s of %s: %s", execution.key, execution.job.id, end.note)
        self.places.give_back(execution.kind)
        if execution.lost:
            self._recorded(execution, end, RunLost(str(execution.key)))
        elif execution.going_down and end.state is RunState.CANCELLED:
            self._recorder.put(BackRecord(execution.holder, functools.partial(self._given_back, execution, end)))
        else:
            self._recorder.put(EndRecord(execution, end, self._recorded))
        with self._lock:
            self._executing -= 1
            if not self._executing:
                self._idle.notify_all()

    def _recorded(self, execution: Execution, end: End, error: Exception | None) -> None:
        """The end is on disk, or cannot be: forget the run, and tell."""
        if error is not None and not isinstance(error, (PlanUnavailable, RunLost)) and not end.bare:
            self._recorder.put(EndRecord(execution, end.without_texts(error), self._recorded))
            return
        self._forget(execution, end, end.state, error)

    def _given_back(self, execution: Execution, end: End, error: Exception | None) -> None:
        self._forget(execution, end, RunState.QUEUED, error)

    def _forget(self, execution: Execution, end: End, state: RunState, error: Exception | None) -> None:
        if not isinstance(error, PlanUnavailable):
            with self._lock:
                self._executions.pop(execution.token, None)
        self.on_free_place()
        if error is not None:
            logger.warning("the end of run %s (%s) was not recorded: %s", execution.key, end.state, error)
        elif self._events.listened_to:
            self._tell(execution, state, end)

    def _tell(self, execution: Execution, state: RunState, end: End | None = None) -> None:
        self._events.emit(change_of(execution, state, end, self._clock.now()))

    def _wait_until_idle(self, seconds: float | None) -> bool:
        """Wait until no function is executed here; ends may still wait to be recorded."""
        with self._idle:
            return self._idle.wait_for(lambda: not self._executing, seconds)
