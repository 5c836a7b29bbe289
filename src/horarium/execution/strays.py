"""Runs that the plan and this node disagree about: the answer to a commit was lost, or somebody changed the plan."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from horarium.values import RunKey

Token = tuple[RunKey, int]
"""An attempt of a run: what the plan and this node compare."""


class Takings:
    """Counts the transactions that take runs for this node, each from before its begin until its runs are held.

    Between the two the plan gives this node runs that it does not know yet, however long that is: a process can be
    stopped anywhere.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: set[int] = set()
        self.begun = 0

    def begin(self) -> int:
        """A transaction begins; answers its number."""
        with self._lock:
            self.begun += 1
            self._under_way.add(self.begun)
            return self.begun

    def end(self, number: int) -> None:
        """Its runs are held, or it failed."""
        with self._lock:
            self._under_way.discard(number)

    @contextmanager
    def one(self) -> Iterator[None]:
        """A transaction within a block."""
        number = self.begin()
        try:
            yield
        finally:
            self.end(number)

    @property
    def settled(self) -> int:
        """The number up to which all have ended."""
        with self._lock:
            return min(self._under_way, default=self.begun + 1) - 1


class Strays:
    """What was seen twice, with nothing under way between that could explain it."""

    def __init__(self) -> None:
        self._seen: dict[Token, int] = {}

    def confirm(self, seen: Collection[Token], settled: int, begun: int) -> list[Token]:
        """Those of `seen` that were seen before and are not about to be held.

        `settled` is from before the look, `begun` from after it: `Takings`.
        """
        sure = [token for token in seen if self._seen.get(token, settled + 1) <= settled]
        self._seen = {token: self._seen.get(token, begun) for token in seen if token not in sure}
        return sure
