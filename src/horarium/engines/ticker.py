"""The tick: due jobs in, decisions and runs out. Every engine calls it; nothing here knows who does."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta

from horarium.clock import Clock
from horarium.decide import decide
from horarium.engines.lookahead import Lookahead
from horarium.errors import TaskNotFound
from horarium.events import EventBus, OccurrencesDecided
from horarium.execution.registry import Registry
from horarium.execution.runner import Runner
from horarium.job import Job
from horarium.states import JobStatus
from horarium.store.database import Database
from horarium.store.nodes import Nodes
from horarium.store.settling import Settled, Thought
from horarium.store.ticks import Due, Ticks
from horarium.wording import counted

logger = logging.getLogger(__name__)

TICK_BATCH = 1_000
"""How many due jobs at most one tick decides."""


_NOT_AHEAD = timedelta()


class Ticker:
    """Reads what is due, has it decided, writes it, and gives the new runs to the runner."""

    def __init__(self, database: Database, registry: Registry, runner: Runner, clock: Clock, events: EventBus) -> None:
        self._ticks = Ticks(database)
        self._nodes = Nodes(database)
        self._registry = registry
        self._runner = runner
        self._clock = clock
        self._events = events
        self._strange: set[int] = set()
        self._unknown_tasks: set[str] = set()
        self._unasked: list[tuple[datetime, int]] = []
        self._lock = threading.Lock()
        self.lookahead = Lookahead()
        self.on_queued: Callable[[Collection[str]], None] = lambda kinds: None
        self.last_tick: datetime | None = None
        self.last_error: str | None = None

    @property
    def unknown_tasks(self) -> list[str]:
        """Tasks that could not be imported here, so that runs of them are left to others."""
        with self._lock:
            return sorted(self._unknown_tasks)

    def due(self, now: datetime, limit: int = TICK_BATCH, ahead: timedelta = _NOT_AHEAD) -> list[Due]:
        """What is due and can run here; nothing while the plan is paused. Raises PlanUnavailable.

        With `ahead`, what comes due within that time is read along, and the plan is not read again meanwhile.
        """
        ready = self.lookahead.take(now, limit)
        if ready is None:
            generation = self.lookahead.generation
            found = self._ticks.due(now + ahead, limit, self._strange)
            ready = found
            if ahead:
                ready = self.lookahead.keep(generation, found, now, now + ahead, complete=len(found) < limit)
        known = []
        for due in ready:
            try:
                self._registry.resolve(due.job.task)
            except TaskNotFound as error:
                self.set_aside(due.job, error)
            else:
                known.append(due)
        return known

    def read_ahead(self, now: datetime, limit: int) -> None:
        """Read what the next tick needs to know of its jobs, when this one has as many as it takes.

        Raises PlanUnavailable.
        """
        self._ticks.read_ahead(now, limit, self._strange)

    def apply(self, due: Sequence[Due], now: datetime, node: str) -> Settled:
        """Decide these jobs, write it, launch the runs. Raises PlanUnavailable, and then nothing is written."""
        thoughts = [Thought(one.job, one.due_at, one.version, decide(one.job, one.due_at, now)) for one in due]
        return self.write(thoughts, now, node)

    def write(self, thoughts: Sequence[Thought], now: datetime, node: str) -> Settled:
        """Write what was decided and launch the runs. Raises PlanUnavailable, and then nothing is written."""
        reservation = self._runner.reserve()
        try:
            settled = self._ticks.write(thoughts, node=node, now=now, takes=reservation.takes)
        except BaseException:
            self._runner.cancel_reservation(reservation)
            self.lookahead.forget()
            raise
        if settled.unasked:
            with self._lock:
                self._unasked.extend(settled.unasked)
        self.lookahead.written(thoughts, settled.lost_races)
        self._runner.launch(reservation, settled.started, now, node)
        if settled.queued:
            kinds = {reservation.kind_of(job) for job in settled.queued}
            self.on_queued([kind for kind in kinds if kind is not None])
        if self._events.listened_to:
            for job, one in settled.unrun:
                self._events.emit(
                    OccurrencesDecided(job.id, one.kind, one.count, one.first_at, one.last_at, one.reason)
                )
        return settled

    def ask_again(self) -> None:
        """Ask those runs to stop that made way for a newer one and could not be asked. Raises PlanUnavailable."""
        if not self._unasked:
            return
        with self._lock:
            unasked, self._unasked = self._unasked, []
        left = unasked
        try:
            left = self._ticks.stop_replaced(unasked, self._clock.now())
        finally:
            with self._lock:
                self._unasked.extend(left)

    def next_time(self) -> datetime | None:
        """When the next job is due that can run here, or to look again."""
        return self.lookahead.next_time() or self._ticks.next_time(self._strange)

    def set_aside(self, job: Job, error: TaskNotFound) -> None:
        """Leave a job whose task is not known here to the others; broken if none of them knows it.

        A run may be of the task that its job had before: then it waits by itself, and the job goes on.
        """
        with self._lock:
            self._unknown_tasks.add(error.task)
            if error.task == job.task:
                self._strange.add(job.key)
        if error.task != job.task:
            logger.warning("a run of job %s waits for a node that knows its task: %s", job.id, error)
            return
        if job.task in self._nodes.tasks_of_live_nodes(self._clock.now()):
            logger.info("job %s is left to other nodes: %s", job.id, error)
            return
        if self._ticks.hold({(job.key, job.revision): str(error)}, JobStatus.BROKEN):
            logger.error("job %s is broken: %s", job.id, error)
        else:
            # It has another definition now, which may be of a task that is known here.
            with self._lock:
                self._strange.discard(job.key)

    def look_again(self) -> None:
        """Try once more to import what could not be imported; what can is let run again. Raises PlanUnavailable."""
        self._ticks.hold_what_is_never_due()
        broken = self._ticks.broken()
        unknown = self.unknown_tasks
        if broken or unknown:
            self._registry.forget_failures()
        found = {task for task in unknown if self._knows(task)}
        with self._lock:
            self._strange.clear()
            self._unknown_tasks -= found
        mended = [key for key, task in broken if self._knows(task)]
        if mended:
            self._ticks.release(mended)
            logger.info("can run again: %s", counted(len(mended), "broken job"))

    def _knows(self, task: str) -> bool:
        try:
            self._registry.resolve(task)
        except TaskNotFound:
            return False
        return True
