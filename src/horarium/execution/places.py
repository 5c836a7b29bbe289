"""How many runs this node has room for, by executor, and how many items of batches may have a child process."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from horarium.errors import RunStopped
from horarium.job import LOOP, PROCESS, THREAD, Job


@dataclass(frozen=True, slots=True)
class Capacity:
    """How many runs at once: async functions on the event loop, plain ones on threads, child processes."""

    loop: int = 1_000
    threads: int = 20
    processes: int = os.cpu_count() or 1


class Places:
    """The free places of a node. Safe to use from any thread."""

    def __init__(self, capacity: Capacity) -> None:
        self._free = {LOOP: capacity.loop, THREAD: capacity.threads, PROCESS: capacity.processes}
        self._lock = threading.Lock()
        self._closed = False

    def take(self, kind: str) -> bool:
        """Reserve a place; False when there is none."""
        with self._lock:
            if self._closed or self._free[kind] <= 0:
                return False
            self._free[kind] -= 1
            return True

    def take_up_to(self, kind: str, number: int) -> int:
        """Reserve so many places, or as many as there are; answers how many."""
        with self._lock:
            taken = 0 if self._closed else max(min(self._free[kind], number), 0)
            self._free[kind] -= taken
            return taken

    def give_back(self, kind: str, number: int = 1) -> None:
        """Free places that were reserved."""
        with self._lock:
            self._free[kind] += number

    def free(self) -> Mapping[str, int]:
        """How many places are free, without those kinds that have none."""
        with self._lock:
            return {} if self._closed else {kind: number for kind, number in self._free.items() if number > 0}

    def close(self) -> None:
        """Give no more places."""
        with self._lock:
            self._closed = True


class Reservation:
    """Places that a tick takes for its runs. `kind_of(job)`: None when the task of the job is not known here."""

    def __init__(self, places: Places, kind_of: Callable[[Job], str | None], taking: int) -> None:
        self._places = places
        self._kind_of = kind_of
        self.taking = taking
        self.taken: dict[str, int] = {}
        self._known: dict[tuple[str, str | None], str | None] = {}

    def takes(self, job: Job) -> bool:
        """Whether there is a place for a run of this job; it is reserved."""
        kind = self.kind_of(job)
        if kind is None or not self._places.take(kind):
            return False
        self.taken[kind] = self.taken.get(kind, 0) + 1
        return True

    def kind_of(self, job: Job) -> str | None:
        """Which executor a run of the job needs; a thousand jobs of a tick are of a few tasks."""
        alike = job.task, job.policies.executor
        if alike not in self._known:
            self._known[alike] = self._kind_of(job)
        return self._known[alike]

    def cancel(self) -> None:
        """Give back what it still holds."""
        for kind, number in self.taken.items():
            if number:
                self._places.give_back(kind, number)
        self.taken.clear()


OnStop = Callable[[Callable[[str], None]], Callable[[], None]]
"""Has a function called with the reason when a run is told to stop; answers a function that forgets it."""


class Turns:
    """How many items of batches have a child process at once on a node, however many batches there are.

    Who waits longest is next, so that no batch keeps the others from theirs. They are apart from the places of runs: a
    run that waits for its items would else keep them from beginning. Safe to use from any thread.
    """

    def __init__(self, number: int) -> None:
        self._free = number
        self._waiting: deque[threading.Event] = deque()
        self._lock = threading.Lock()

    @contextmanager
    def turn(self, on_stop: OnStop) -> Iterator[None]:
        """Wait for a turn, and have it in the block. Raises RunStopped when the run is told to stop before it comes."""
        self._take(on_stop)
        try:
            yield
        finally:
            self._give_back()

    def _take(self, on_stop: OnStop) -> None:
        mine = threading.Event()
        with self._lock:
            if self._free > 0:
                self._free -= 1
                return
            self._waiting.append(mine)
        reasons: list[str] = []

        def wake(reason: str) -> None:
            reasons.append(reason)
            mine.set()

        forget = on_stop(wake)
        try:
            mine.wait()
        finally:
            forget()
        with self._lock:
            if mine not in self._waiting:
                return  # it was given to us, whatever else happened meanwhile
            self._waiting.remove(mine)
        raise RunStopped(reasons[0])

    def _give_back(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._free += 1
