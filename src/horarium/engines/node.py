"""A node: lease, runner and ticker of one process, and the attendant that claims what waits.

The order of things matters at both ends: a node has a lease before it takes runs, and has none left when it says
goodbye.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from horarium.engines.attendant import Attendant
from horarium.engines.ticker import Ticker
from horarium.errors import TaskNotFound
from horarium.events import EventBus
from horarium.execution.lease import HEARTBEAT, LEASE, Lease
from horarium.execution.places import Capacity
from horarium.execution.registry import REGISTRY, Registry
from horarium.execution.runner import Runner
from horarium.job import Job
from horarium.store.claims import Claims
from horarium.store.database import Database
from horarium.store.plan_clock import PlanClock
from horarium.store.rescue import SHUT_DOWN
from horarium.store.wakeups import Wakeups


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
        self.runner.on_unknown_task = self._on_unknown_task
        self._attendant = Attendant(
            self.runner,
            Claims(database),
            self.ticker,
            self.clock,
            every=options.attend_every or database.dialect.look_every,
        )
        self.runner.on_free_place = self._attendant.place_is_free
        self.ticker.on_queued = self._attendant.queued
        self.on_plan_changed: Callable[[], None] = lambda: None

    @property
    def id(self) -> str:
        """The node's present id; another one after its lease was lost."""
        return self.lease.node

    @property
    def alive(self) -> bool:
        """Whether the node's lease holds and its attendant lives."""
        return self.lease.holds and self._attendant.alive

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
        self.wakeups.end()
        self._attendant.stop()
        clean = self.runner.stop(wait=wait, grace=grace)
        self.lease.end(reason=SHUT_DOWN, gracefully=clean)
        self.events.stop()
        self.wakeups.close()
        return clean

    def wake(self) -> None:
        """Look at the queue now."""
        self._attendant.wake()

    def announce(self) -> None:
        """Wake the other nodes, and this one: something was put in the queue or changed in the plan."""
        self.wakeups.announce()
        self._changed()

    def attend(self) -> None:
        """Once: tell runs that were asked to stop, and claim what waits. Raises PlanUnavailable."""
        self._attendant.attend()

    def _changed(self) -> None:
        self.ticker.lookahead.forget()
        self._attendant.wake()
        self.on_plan_changed()

    def _on_unknown_task(self, job: Job, error: TaskNotFound) -> None:
        self.ticker.set_aside(job, error)

    def _beat(self) -> None:
        # Not here: the next heartbeat must not wait for it.
        self._attendant.try_imports()

    def _lost(self, why: str) -> None:
        self.runner.stop_all(f"its node lost it: {why}", lost=True)
