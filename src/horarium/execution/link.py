"""What a run's code needs of the plan, behind one Protocol.

The runner implements it on the plan's store; in a child process it is implemented over the pipe to the parent. `Run`,
`SyncRun`, steps and batches are written against it, once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from horarium.clock import Clock
from horarium.values import ItemFailure, Progress


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What a run is: all of it JSON but for the times, so that it can be handed to a child process."""

    id: str
    job_id: str
    task: str
    scheduled_at: datetime
    attempt: int
    fencing_token: int
    node: str
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Marks:
    """What is known of a batch from earlier attempts: keys of done and of skipped items."""

    done: frozenset[str]
    skipped: frozenset[str]


@dataclass(frozen=True, slots=True)
class Mark:
    """The outcome of one item, to be committed. `write`, where given, is called with the connection of the very
    transaction that commits the mark; if it raises, its own writes are undone and the item counts as failed."""

    key: str
    outcome: str  # "done", "skipped" or "failed"
    failure: ItemFailure | None = None
    write: Callable[[Any], None] | None = None


class RunLink(Protocol):
    """The plan, as one attempt of a run sees it. Every write is fenced: RunLost when the run is not ours now."""

    facts: RunFacts
    clock: Clock

    def load_step(self, key: str) -> tuple[bool, Any]:
        """Whether a step was committed, and its result."""
        ...

    def save_step(self, key: str, result: Any) -> Any:
        """Commit a step's result; on disk when this returns. Answers the result's JSON round trip.

        Raises ArgumentsNotJSON when it has none.
        """
        ...

    def transactional_step(self, key: str, body: Callable[[Any], Any]) -> Any:
        """Call `body(connection)`; commit what it wrote and the step's mark together, fenced. Answers as save_step."""
        ...

    def transaction(self) -> AbstractContextManager[Any]:
        """A transaction of the plan's database that commits at the end of the block, and only while the run is ours.

        Gives an SQLAlchemy Connection. Raises JobError in a child process, which has no connection.
        """
        ...

    def load_marks(self, batch: str) -> Marks:
        """The marks of a batch."""
        ...

    def save_marks(self, batch: str, marks: Sequence[Mark]) -> Future[Sequence[ItemFailure]]:
        """Commit marks in one fenced transaction (grouped with whatever else is being committed).

        The future answers the failures that a mark's `write` added, and raises RunLost or PlanUnavailable.
        """
        ...

    def report_progress(self, progress: Progress) -> None:
        """Note how far the run is. Returns at once; written when the recorder next writes, the newest wins."""
        ...

    def child_turn(self) -> AbstractContextManager[None]:
        """Wait until an item may have a child process, and have it in the block: a node has only so many at once.

        Raises RunStopped when the run is told to stop meanwhile.
        """
        ...

    def stop_reason(self) -> str | None:
        """Why the run should stop, or None. Cheap: asked before every step and item."""
        ...

    def on_stop(self, callback: Callable[[str], None]) -> Callable[[], None]:
        """Call `callback(reason)` when told to stop (at once if it was). Answers a function that forgets it."""
        ...
