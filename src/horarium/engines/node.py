"""A node: lease, runner and ticker of one process, and the attendant that claims what waits.

The order of things matters at both ends: a node has a lease before it takes runs, and has none left when it says
goodbye.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from horarium.engines.ticker import Ticker
from horarium.errors import PlanUnavailable, TaskNotFound
from horarium.events import EventBus
from horarium.execution.lease import HEARTBEAT, LEASE, Lease
from horarium.execution.places import Capacity
from horarium.execution.registry import REGISTRY, Registry
from horarium.execution.runner import Runner
from horarium.job import Job
from horarium.store.claims import Claims
from horarium.store.database import Database
from horarium.store.plan_clock import PlanClock
from horarium.store.wakeups import Wakeups

logger = logging.getLogger(__name__)

_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0


@dataclass(frozen=True, slots=True)
class NodeOptions:
    """How a node lives. All times are seconds. `attend_every`: how often the queue is looked at without being woken."""

    capacity: Capacity = field(default_factory=Capacity)
    lease: float = LEASE
    heartbeat: float = HEARTBEAT
    attend_every: float | None = None


class Node:
    """One start of a process that ticks and runs."""

    def __init__(
        self,
        database: Database,
        *,
        clock: PlanClock,
        events: EventBus,
        registry: Registry = REGISTRY,
        options: NodeOptions | None = None,
    ) -> None:
        options = options or NodeOptions()
        self.database = database
        self.clock = clock
        self.events = events
        self.registry = registry
        self._claims = Claims(database)
        self._attend_every = options.attend_every or database.dialect.look_every
        self.lease = Lease(
            database,
            self.clock,
            events,
            on_lost=self._lost,
            on_beat=self._beat,
            known_tasks=registry.known,
            seconds=options.lease,
            heartbeat=options.heartbeat,
        )
        self.runner = Runner(
            database,
            registry,
            self.clock,
            events,
            node=lambda: self.lease.node,
            holds=lambda: self.lease.holds,
            capacity=options.capacity,
        )
        self.ticker = Ticker(database, registry, self.runner, self.clock, events)
        self.wakeups = Wakeups(database)
        self.runner.on_free_place = self._on_free_place
        self.runner.on_unknown_task = self._on_unknown_task
        self.ticker.on_queued = self.wake
        self._more_waits = False
        self._look_again = False
        self._woken = threading.Event()
        self._ending = threading.Event()
        self._attendant = threading.Thread(target=self._attend_on, name="horarium-attendant", daemon=True)
        self.on_plan_changed: Callable[[], None] = lambda: None

    @property
    def id(self) -> str:
        """The node's present id; another one after its lease was lost."""
        return self.lease.node

    @property
    def alive(self) -> bool:
        """Whether the node's lease holds and its attendant lives."""
        return self.lease.holds and self._attendant.is_alive()

    def begin(self) -> None:
        """Register, and rescue what dead nodes left. Raises PlanUnavailable."""
        self.lease.begin()
        self.ticker.look_again()

    def start(self) -> None:
        """Begin, and take runs from now on, in threads. Raises PlanUnavailable."""
        self.begin()
        self.events.start()
        self.runner.start()
        self.lease.keep()
        self._attendant.start()
        self.wakeups.listen(self._changed)

    def stop(self, *, wait: bool = True, grace: float | None = None) -> bool:
        """Take no more runs, let those that run end (see `Runner.stop`), and say goodbye. Whether all had ended."""
        self._ending.set()
        self._woken.set()
        self.wakeups.end()
        if self._attendant.is_alive():
            self._attendant.join(_LONGEST_PAUSE)
        clean = self.runner.stop(wait=wait, grace=grace)
        self.lease.end(reason="it was shut down", gracefully=clean)
        self.events.stop()
        self.wakeups.close()
        return clean

    def wake(self) -> None:
        """Look at the queue now."""
        self._woken.set()

    def announce(self) -> None:
        """Wake the other nodes, and this one: something was put in the queue or changed in the plan."""
        self.wakeups.announce()
        self._changed()

    def attend(self) -> None:
        """Once: tell runs that were asked to stop, and claim what waits. Raises PlanUnavailable."""
        self.runner.attend()
        # Noted first: a place that becomes free while this claims is a reason to come again.
        self._more_waits = self._claims.anything_waits(self.clock.now())
        if self._more_waits:
            self.runner.claim(self.clock.now(), self.ticker.unknown_tasks)

    def _attend_on(self) -> None:
        pause = _FIRST_PAUSE
        while not self._ending.is_set():
            self._woken.wait(self._attend_every)
            self._woken.clear()
            if self._ending.is_set():
                return
            try:
                self._attend_once()
                pause = _FIRST_PAUSE
            except PlanUnavailable as error:
                logger.warning("node %s cannot look at the queue: %s", self.id, error)
                self._ending.wait(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
            except Exception:
                logger.exception("node %s failed to look at the queue", self.id)
                self._ending.wait(_LONGEST_PAUSE)

    def _attend_once(self) -> None:
        if self._look_again:
            self.ticker.look_again()
            self._look_again = False
        self.attend()

    def _changed(self) -> None:
        self.ticker.lookahead.forget()
        self._woken.set()
        self.on_plan_changed()

    def _on_free_place(self) -> None:
        if self._more_waits:
            self._woken.set()

    def _on_unknown_task(self, job: Job, error: TaskNotFound) -> None:
        self.ticker.set_aside(job, error)

    def _beat(self) -> None:
        # Not here: to look again means to import, which can take long, and the next heartbeat must not wait for it.
        self._look_again = True
        self._woken.set()

    def _lost(self, why: str) -> None:
        self.runner.stop_all(f"its node lost it: {why}", lost=True)
