"""The inline engine: ticks and runs in the caller's thread, when the caller says so. For tests with a clock to set."""

from __future__ import annotations

import functools
from datetime import datetime

from horarium.engines.base import Engine, EngineHealth
from horarium.engines.node import Node
from horarium.execution import capture
from horarium.execution.execution import tell_missed
from horarium.job import EXECUTORS
from horarium.store.claims import Claims

_RUNS_AT_ONCE = 100


class InlineEngine(Engine):
    """Ticks only in `tick()`; runs what is queued in `drain()`, one run after the other."""

    name = "inline"

    def __init__(self, node: Node) -> None:
        self._node = node
        self._clock = node.clock
        self._claims = Claims(node.database, functools.partial(tell_missed, node.events))
        self._next_waiting: datetime | None = None
        node.runner.places.close()  # ticks only put runs in the queue; `drain` is who executes them

    def start(self) -> None:
        """Begin to keep what runs log."""
        capture.install()

    def stop(self) -> None:
        """Stop keeping what runs log."""
        capture.remove()

    def wake(self) -> None:
        """Nothing to wake: the caller looks when it wants to."""

    def health(self) -> EngineHealth:
        """Always well."""
        return EngineHealth(ticking=True, paused=False, last_tick=self._node.ticker.last_tick, error=None)

    def tick(self) -> int:
        """Decide everything that is due now; answers how many occurrences got a run."""
        made = 0
        now = self._clock.now()
        self._node.ticker.ask_again()
        while due := self._node.ticker.due(now):
            settled = self._node.ticker.apply(due, now, self._node.id)
            made += len(settled.queued) + len(settled.started)
        self._node.ticker.last_tick = now
        return made

    def drain(self) -> int:
        """Execute what waits and may be started now, and what that puts in the queue; answers how many runs."""
        executed = 0
        while self._waits():
            claimed = self._claims.claim(
                self._node.id,
                self._clock.now(),
                _RUNS_AT_ONCE,
                executors=EXECUTORS,
                without_tasks=self._node.ticker.unknown_tasks,
            )
            if not claimed:
                break
            for one in claimed:
                self._node.runner.execute(one)
            executed += len(claimed)
        return executed

    def _waits(self) -> bool:
        """Whether a run waits that may be started now; notes when the next one may be."""
        self._next_waiting = self._claims.next_time()
        return self._next_waiting is not None and self._next_waiting <= self._clock.now()

    def next_time(self) -> datetime | None:
        """When something happens next by itself: a job comes due, or a run may be tried again.

        What could have happened by now and did not, since the plan is paused or nobody knows the task, waits for more
        than its time.
        """
        now = self._clock.now()
        if self._waits():
            self._next_waiting = self._claims.next_time(after=now)
        times = (self._node.ticker.next_time(), self._next_waiting)
        return min((time for time in times if time is not None and time > now), default=None)
