"""What comes due within the next second, read before it does, so that at its time only the writing is left.

What is kept here may be out of date: jobs change. That does no harm, since a tick writes only over the version that was
read. What would be missed, a job that is due earlier than was known, makes whoever hears of it call `forget`.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from datetime import datetime

from horarium.store.settling import Thought
from horarium.store.ticks import Due


class Lookahead:
    """The jobs due until `until`, in their order. Safe to use from several threads."""

    def __init__(self) -> None:
        self._known: deque[Due] = deque()
        self._until: datetime | None = None
        self._complete = False
        self._generation = 0
        self._lock = threading.Lock()

    @property
    def generation(self) -> int:
        """Changes with every `forget`; what was read before one is not kept after it."""
        return self._generation

    def take(self, now: datetime, limit: int) -> list[Due] | None:
        """At most `limit` jobs that are due at `now`; None when the plan has to be read."""
        with self._lock:
            if self._until is None or now > self._until:
                return None
            ready: list[Due] = []
            while self._known and len(ready) < limit and self._known[0].due_at <= now:
                ready.append(self._known.popleft())
            return ready if ready or self._known or self._complete else None

    def keep(
        self, generation: int, found: Sequence[Due], now: datetime, until: datetime, *, complete: bool
    ) -> list[Due]:
        """Keep what is due later than `now`, and answer the others. `complete`: that is all until `until`."""
        ready = [due for due in found if due.due_at <= now]
        with self._lock:
            if generation == self._generation:
                self._known = deque(due for due in found if due.due_at > now)
                self._until, self._complete = until, complete
        return ready

    def next_time(self) -> datetime | None:
        """When the next known job is due, or until when none is; None when the plan has to be read."""
        with self._lock:
            if self._known:
                return self._known[0].due_at
            return self._until if self._complete else None

    def written(self, thoughts: Sequence[Thought], lost_races: int) -> None:
        """After a tick: forget everything if one of its jobs comes due again in the time that is known."""
        until = self._until
        if until is None:
            return
        again = any(t.verdict.next_run_time is not None and t.verdict.next_run_time <= until for t in thoughts)
        if again or lost_races:
            self.forget()

    def forget(self) -> None:
        """The plan has changed, or may have."""
        with self._lock:
            self._generation += 1
            self._known.clear()
            self._until = None
            self._complete = False
