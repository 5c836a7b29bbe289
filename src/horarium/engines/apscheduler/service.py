"""What a started store does for its scheduler: its node, its ticks, and its listeners."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from apscheduler.schedulers.blocking import BlockingScheduler

from horarium.engines.apscheduler.pacing import Aside, InPlace, Pace
from horarium.engines.apscheduler.relay import Relay
from horarium.engines.apscheduler.ticking import Tick, Ticking
from horarium.engines.node import Node
from horarium.store.runs import Runs
from horarium.store.settling import Settled, Thought

logger = logging.getLogger(__name__)


class Service:
    """Ticks for one scheduler, from `begin` to `end`. Only a node that is `owned` is started and stopped with it."""

    def __init__(self, scheduler: Any, alias: str, node: Node, *, owned: bool, batch: int) -> None:
        self.node = node
        self.ticking = Ticking(node, batch=batch, on_settled=self._settled)
        self._scheduler = scheduler
        self._alias = alias
        self._owned = owned
        self._batch = batch
        self._relay = Relay(scheduler, alias, node.events, Runs(node.database))
        self._pace: Pace | None = None

    def begin(self) -> None:
        """Start the node, if it is ours, and tick from now on. Raises PlanUnavailable."""
        # What runs before the first tick is heard too.
        self._relay.look()
        if self._owned:
            self.node.on_plan_changed = self._wake
            self.node.start()
        if isinstance(self._scheduler, BlockingScheduler):
            self._pace = InPlace(self.ticking)
        else:
            self._pace = Aside(self.ticking, self._wake)

    def take(self) -> Tick:
        """A tick for APScheduler's loop. Does not raise."""
        try:
            self._relay.look()
        except Exception:
            logger.exception("whether anybody listens to scheduler %r could not be found out", self._alias)
        if isinstance(self._pace, Aside) and self._relay.loop is None:
            with suppress(RuntimeError):  # a loop of another kind than asyncio's: it is told from the listeners' thread
                self._relay.loop = asyncio.get_running_loop()
        return Tick.empty() if self._pace is None else self._pace.take()

    def give_back(self, tick: Tick) -> float:
        """End the tick; answers the seconds to the next one. Does not raise."""
        return self._pace.give_back(tick) if self._pace is not None else 0.0

    def end(self, *, wait: bool, grace: float | None) -> None:
        """Tick no more, and stop the node if it is ours; see `Node.stop`."""
        pace, self._pace = self._pace, None
        if pace is not None:
            pace.stop()
        if self._owned:
            self.node.on_plan_changed = lambda: None
            self.node.stop(wait=wait, grace=grace)
        self._relay.close()

    def _wake(self) -> None:
        try:
            self._scheduler.wakeup()
        except (RuntimeError, AttributeError) as error:
            logger.debug("the scheduler was not woken: %s", error)  # its event loop is closed or closing

    def _settled(self, thoughts: Sequence[Thought], settled: Settled) -> None:
        over = [thought.job for thought in thoughts if thought.verdict.next_run_time is None]
        if not over:
            return
        # After a lost race only what this node is sure to have written counts as its own.
        ours = {job.key for job, _ in (*settled.started, *settled.unrun)}
        for job in over:
            if not settled.lost_races or job.key in ours:
                self._relay.finished(job.id)
