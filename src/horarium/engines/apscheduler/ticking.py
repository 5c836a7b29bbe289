"""A tick in two halves, as APScheduler's loop wants it: reading and thinking, then writing. Neither half ever raises.

APScheduler guards only some of the calls in its loop; what any other raises ends its thread while it says that it is
running. So whatever goes wrong here is logged, kept for `health`, and answered with a pause.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Self

from horarium.clock import EPOCH
from horarium.decide import decide
from horarium.engines.node import Node
from horarium.engines.ticker import TICK_BATCH
from horarium.errors import PlanUnavailable
from horarium.job import Job
from horarium.states import JobStatus
from horarium.store.settling import Settled, Thought
from horarium.store.ticks import Ticks
from horarium.wording import counted

logger = logging.getLogger(__name__)

LONGEST = 1.0
"""Seconds after which the plan is looked at, whatever it said last."""

LEAST = 0.01
"""Seconds between two looks that only wake-ups ask for: a thousand added jobs are a few looks, not a thousand."""

_AHEAD = timedelta(seconds=LONGEST)
_FIRST_PAUSE = 0.1
_A_MOMENT = 0.3  # seconds: several ticks of a backlog
_SAY_AGAIN_EVERY = 60


@dataclass(slots=True)
class Tick:
    """What one tick read and decided, and what APScheduler's loop collected of it."""

    now: datetime
    thoughts: list[Thought] = field(default_factory=list)
    collected: list[Thought] = field(default_factory=list)
    full: bool = False
    looked: bool = True
    failed: bool = False

    @classmethod
    def empty(cls) -> Self:
        """A tick in which nobody looked at the plan."""
        return cls(EPOCH, looked=False)


class Ticking:
    """The ticks of a node. `on_settled` hears what each tick wrote; `batch` is how many due jobs one tick takes."""

    def __init__(
        self,
        node: Node,
        *,
        batch: int = TICK_BATCH,
        on_settled: Callable[[Sequence[Thought], Settled], None] | None = None,
    ) -> None:
        self._node = node
        self._ticks = Ticks(node.database)
        self._batch = batch
        self._on_settled = on_settled
        self._quiet_until = 0.0
        self._failing_until = 0.0
        self._failures = 0
        self._next_due: datetime | None = None
        self._begun = 0
        self._begun_at = float("-inf")
        self.looked_at: float | None = None
        self.last_error: str | None = None

    def begin(self) -> Tick:
        """Read what is due and decide it. Writes nothing, but that rows which cannot be decided are set aside."""
        at = self._node.clock.elapsed()
        self.looked_at = time.monotonic()
        tick = Tick(self._node.clock.now())
        if at < self._failing_until or (at < self._quiet_until and not self._is_due(tick.now)):
            tick.looked = False
            return tick
        self._quiet_until = at + LEAST
        try:
            self._look(tick)
        except Exception as error:  # noqa: BLE001 - see above
            self._fail(tick, error)
        return tick

    def finish(self, tick: Tick) -> float:
        """Write what was collected, launch its runs, and answer in how many seconds to begin again."""
        try:
            if tick.looked and not tick.failed:
                if len(tick.collected) < len(tick.thoughts):
                    self._node.ticker.lookahead.forget()  # what was passed over is still due
                if tick.collected:
                    self._write(tick)
                pause = self._pause_after(tick)
                self._succeed(tick)
                return pause
        except Exception as error:  # noqa: BLE001 - see above
            self._fail(tick, error)
        rest = max(self._failing_until, self._quiet_until) - self._node.clock.elapsed()
        if not tick.failed and self._next_due is not None:
            rest = min(rest, (self._next_due - self._node.clock.now()).total_seconds())
        return min(max(rest, 0.0), LONGEST)

    # --- the first half

    def _look(self, tick: Tick) -> None:
        if not self._node.lease.holds:
            raise PlanUnavailable("its lease ran out, and there is no new one yet")
        due = self._node.ticker.due(tick.now, self._batch, _AHEAD)
        tick.full = len(due) >= self._batch
        for one in due:
            try:
                verdict = decide(one.job, one.due_at, tick.now)
            except Exception as error:  # noqa: BLE001 - one job's trigger must not stop the others
                self._set_aside(one.job, error)
            else:
                tick.thoughts.append(Thought(one.job, one.due_at, one.version, verdict))

    def _is_due(self, now: datetime) -> bool:
        return self._next_due is not None and self._next_due <= now

    # --- the second half

    def _write(self, tick: Tick) -> None:
        if not self._node.lease.holds:
            raise PlanUnavailable("its lease ran out during the tick, which is another node's to write now")
        try:
            with self._reading_ahead(tick):
                self._settle(tick, tick.collected)
        except PlanUnavailable:
            raise
        except Exception as error:
            if not self._settle_apart(tick):
                raise
            logger.warning("a tick was written job by job, since it could not be written at once: %s", error)

    @contextmanager
    def _reading_ahead(self, tick: Tick) -> Iterator[None]:
        """Read for the next tick while the block waits for the database, when one has to follow at once.

        Not while runs begin here: that time is theirs.
        """
        if not tick.full or not self._node.database.dialect.has_server or self._runs_begin():
            yield
            return
        reader = threading.Thread(target=self._read_ahead, args=(tick.now,), name="horarium-ahead", daemon=True)
        with suppress(RuntimeError):  # the process has no more threads: the next tick reads for itself
            reader.start()
        try:
            yield
        finally:
            if reader.ident is not None:
                reader.join()

    def _runs_begin(self) -> bool:
        """Whether a run began here a moment ago."""
        begun, at = self._node.runner.begun, self._node.clock.elapsed()
        if begun > self._begun:
            self._begun, self._begun_at = begun, at
        return at < self._begun_at + _A_MOMENT

    def _read_ahead(self, now: datetime) -> None:
        try:
            self._node.ticker.read_ahead(now, self._batch)
        except Exception as error:  # noqa: BLE001 - the next tick reads for itself, and meets it
            logger.debug("nothing was read ahead: %s", error)

    def _settle(self, tick: Tick, thoughts: Sequence[Thought]) -> None:
        settled = self._node.ticker.write(thoughts, tick.now, self._node.id)
        if self._on_settled is not None:
            self._on_settled(thoughts, settled)

    def _settle_apart(self, tick: Tick) -> bool:
        """Write each job by itself and set aside those that cannot be written, if others can: it is their fault then.

        Whether any was written.
        """
        failed: list[tuple[Job, Exception]] = []
        for thought in tick.collected:
            try:
                self._settle(tick, [thought])
            except PlanUnavailable:
                raise
            except Exception as error:  # noqa: BLE001 - one job must not stop the others
                failed.append((thought.job, error))
        some_written = len(failed) < len(tick.collected)
        for job, why in failed if some_written else ():
            self._set_aside(job, why)
        return some_written

    def _pause_after(self, tick: Tick) -> float:
        if tick.full and tick.collected:
            self._next_due = tick.now
            return 0.0
        due = self._node.ticker.next_time()
        # What is due and was passed over by APScheduler's loop would be so again: no need to hurry.
        is_held_up = due is not None and due <= tick.now and not tick.collected
        self._next_due = None if is_held_up else due
        if due is None or is_held_up:
            return LONGEST
        return min(max((due - self._node.clock.now()).total_seconds(), 0.0), LONGEST)

    # --- what went wrong

    def _set_aside(self, job: Job, error: Exception) -> None:
        logger.error("job %s is set aside: %s: %s", job.id, type(error).__name__, error, exc_info=error)
        self._ticks.hold({(job.key, job.revision): f"{type(error).__name__}: {error}"}, JobStatus.QUARANTINED)

    def _fail(self, tick: Tick, error: Exception) -> None:
        tick.failed = True
        self._node.ticker.lookahead.forget()
        self._failures += 1
        self._next_due = None
        pause = min(_FIRST_PAUSE * 2 ** min(self._failures - 1, 10), LONGEST)
        self._failing_until = self._node.clock.elapsed() + pause
        self.last_error = self._node.ticker.last_error = str(error) or type(error).__name__
        if self._failures % _SAY_AGAIN_EVERY == 1:
            unexpected = None if isinstance(error, PlanUnavailable) else error
            logger.warning("node %s cannot tick and tries again: %s", self._node.id, error, exc_info=unexpected)

    def _succeed(self, tick: Tick) -> None:
        self._node.ticker.last_tick = tick.now
        if self._failures:
            logger.info("node %s ticks again, after %s", self._node.id, counted(self._failures, "failed attempt"))
            self._failures = 0
            self.last_error = self._node.ticker.last_error = None
