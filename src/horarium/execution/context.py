"""What a task is given of its run: `Run` in an async function, `SyncRun` in a plain one. Two faces of one core."""

from __future__ import annotations

import asyncio
import logging
import math
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from datetime import datetime
from typing import Any, ClassVar

from horarium.errors import RunStopped
from horarium.execution.batches import Items, Way, each
from horarium.execution.calls import drive
from horarium.execution.core import RunCore, Wait
from horarium.execution.items import OnDone, OnFailed
from horarium.execution.link import RunLink
from horarium.execution.steps import step, step_now
from horarium.retry import Retry
from horarium.values import Progress, Tally


class _Face:
    """What both faces have."""

    horarium_face: ClassVar[str]

    def __init__(self, link: RunLink, wait: Wait = asyncio.sleep) -> None:
        self._core = RunCore(link, wait)
        self._facts = link.facts

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id} of job {self.job_id!r}, attempt {self.attempt}>"

    @property
    def id(self) -> str:
        """The run's id, the same in all its attempts."""
        return self._facts.id

    @property
    def job_id(self) -> str:
        """The id of the job that this is a run of."""
        return self._facts.job_id

    @property
    def scheduled_at(self) -> datetime:
        """The occurrence: when the run was due, aware, in UTC. The same in all its attempts, and when it runs late."""
        return self._facts.scheduled_at

    def now(self) -> datetime:
        """The present time by the plan's clock, aware, in UTC: the database's, or the one that a test sets."""
        return self._core.link.clock.now()

    @property
    def attempt(self) -> int:
        """Which attempt this is; the first is 1."""
        return self._facts.attempt

    @property
    def fencing_token(self) -> int:
        """A number that is higher in each attempt.

        Hand it on with effects outside the database: who remembers the highest number it saw for this run, and refuses
        lower ones, cannot be changed by an attempt that was given up (a node that hung, and woke up again).
        """
        return self._facts.fencing_token

    @property
    def is_stopping(self) -> bool:
        """Whether the run was told to stop."""
        return self.stop_reason is not None

    @property
    def stop_reason(self) -> str | None:
        """Why the run was told to stop: cancelled, timed out, its node shuts down or lost it; None if it was not."""
        return self._core.link.stop_reason()

    @property
    def logger(self) -> logging.Logger:
        """The logger "horarium.run", whose lines from INFO on are kept with the run.

        Any other logger will do as well; see `horarium.execution.capture` for what is kept of its lines.
        """
        return logging.getLogger("horarium.run")

    def check(self) -> None:
        """Raise RunStopped if the run was told to stop. Call it where a long computation can be left."""
        self._core.check()

    def progress(self, done: float, total: float | None = None, message: str = "") -> None:
        """Say how far the run is. Returns at once and never fails; people are shown the newest.

        `done` of `total` are in any unit; leave `total` out while it is unknown. Numbers that are not finite count as
        unknown. In a function called by `each` it says how far that item is, and adds to the batch's own progress.
        """
        known = total if total is not None and math.isfinite(total) else None
        self._core.scope.report(Progress(done if math.isfinite(done) else 0, known, message))

    def transaction(self) -> AbstractContextManager[Any]:
        """A transaction on the application's own tables: `with run.transaction() as connection`.

        It commits at the end of the block, and only while the run is ours; an error in the block undoes it. It is not
        remembered: after a crash the block is run again, unless it is a transactional step. It blocks, so an async
        function uses it in plain functions that a thread calls, such as those of its steps.

        Gives an SQLAlchemy Connection. Raises RunLost when the run is no longer ours; PlanUnavailable; JobError in a
        child process, which has no connection, and when the block itself commits or rolls back: that may be done to
        savepoints only (`connection.begin_nested()`).
        """
        return self._core.link.transaction()


class Run(_Face):
    """A run as its async function sees it. A parameter annotated `Run`, or one named `run`, is given it."""

    horarium_face = "async"

    async def sleep(self, seconds: float) -> None:
        """Sleep for `seconds`, but no longer than until the run is told to stop. Raises RunStopped when it is."""
        self.check()
        loop, reasons, woken = asyncio.get_running_loop(), list[str](), asyncio.Event()

        def wake(reason: str) -> None:
            reasons.append(reason)
            with suppress(RuntimeError):  # the loop is closed, and nobody sleeps any more
                loop.call_soon_threadsafe(woken.set)

        forget = self._core.link.on_stop(wake)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await woken.wait()
        finally:
            forget()
        if reasons:
            raise RunStopped(reasons[0])

    async def step(
        self,
        key: str,
        function: Callable[..., Any],
        /,
        *args: Any,
        transactional: bool = False,
        timeout: float | None = None,  # noqa: ASYNC109 - a step's own timeout, which is an error of its own kind
        **kwargs: Any,
    ) -> Any:
        """Call `function(*args, **kwargs)` and keep its result: no attempt of this run computes it again.

        The result is kept as JSON and comes back as JSON reads it, the first time already: a tuple is a list.
        `function` may be async or plain; a plain one is called in a thread, and when the run is cancelled meanwhile,
        it ends and is kept first. `key` names the step in the run (in a function called by `each`: in the item).

        `transactional`: `function(connection, *args, **kwargs)` is a plain function that writes to the application's
        own tables through a SQLAlchemy Connection; what it wrote is committed together with the step, or not at all.
        It may not commit or roll back by itself (JobError); a savepoint is its own: `connection.begin_nested()`.

        `timeout` is seconds. A plain function cannot be stopped: what it returns late counts.

        Returns the result. Raises what `function` raises, and then keeps nothing; RunStopped, before it begins, when
        the run was told to stop; StepKeyUsedTwice; ArgumentsNotJSON when the result is not JSON; RunTimeout; JobError
        for a key that cannot be kept; RunLost when the run is no longer ours; PlanUnavailable.
        """
        return await step(self._core, key, function, args, kwargs, transactional, timeout)

    async def each(
        self,
        items: Items,
        function: Callable[..., Any],
        /,
        *args: Any,
        key: Callable[[Any], Any] | None = None,
        batch: str | None = None,
        size: int | None = None,
        pause: float = 0.0,
        concurrency: int = 1,
        retry: Retry | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - of one item, not of this call
        executor: str | None = None,
        on_done: OnDone | None = None,
        on_failed: OnFailed | None = None,
    ) -> Tally:
        """Call `function(item, *args)` for every item, mark each that is done, and go on when one fails.

        A marked item is not computed again in any attempt of this run; one that failed is. Raise `Skip("why")` in
        `function` to mark an item without its being done. After a crash at most 2 x `concurrency` items are repeated.

        - `items`: an iterable or an async iterable. It is asked on the event loop, so one that waits should be async.
        - `key`: from an item to what names it in every attempt (text, a whole number, a UUID); may be left out when
          the items are text or numbers themselves.
        - `batch`: names the batch in the run; the function's name if left out.
        - `size`, `pause`: after every `size` items wait until those are finished, and `pause` seconds more.
        - `concurrency`: how many items at a time. Async functions share the event loop, plain ones have threads.
        - `retry`: when and how often a failing item is tried again within this attempt; permanent errors are not.
        - `timeout`: seconds for each try of an item. A plain function in a thread cannot be stopped: an item
          that returns late is done.
        - `executor`: "process" calls `function` in a child process for each item, which a timeout or a cancel ends;
          `function` must be importable, item, arguments and result JSON.
        - `on_done(connection, item, result)`, `on_failed(connection, item, error)`: plain functions that write to the
          application's own tables in the transaction that marks the item, through a SQLAlchemy Connection; `error` is
          an ErrorInfo. If `on_done` raises, the item has failed; one that commits or rolls back fails the run.

        Progress is reported by itself: items finished, of how many there are.

        Returns a Tally, which counts items marked in earlier attempts too. Raises RunStopped when the run was told to
        stop: then no item is begun any more, async ones are cancelled, threads end, and what is done is marked; the
        same holds when the calling asyncio task is cancelled. Raises what `items` raises; StepKeyUsedTwice when two
        items have one key, or two batches one name; JobError for parameters that cannot be; RunLost; PlanUnavailable.
        """
        way = Way(
            key=key,
            batch=batch,
            size=size,
            pause=pause,
            concurrency=concurrency,
            retry=retry,
            timeout=timeout,
            executor=executor,
            on_done=on_done,
            on_failed=on_failed,
        )
        return await each(self._core, items, function, args, way)


class SyncRun(_Face):
    """A run as its plain function sees it. A parameter annotated `SyncRun`, or one named `run`, is given it.

    It may be used from several threads.
    """

    horarium_face = "sync"

    def sleep(self, seconds: float) -> None:
        """Sleep for `seconds`, but no longer than until the run is told to stop. Raises RunStopped when it is."""
        self.check()
        reasons, woken = list[str](), threading.Event()

        def wake(reason: str) -> None:
            reasons.append(reason)
            woken.set()

        forget = self._core.link.on_stop(wake)
        try:
            woken.wait(seconds)
        finally:
            forget()
        if reasons:
            raise RunStopped(reasons[0])

    def step(
        self,
        key: str,
        function: Callable[..., Any],
        /,
        *args: Any,
        transactional: bool = False,
        timeout: float | None = None,
        **kwargs: Any,
    ) -> Any:
        """Call `function(*args, **kwargs)` and keep its result: no attempt of this run computes it again.

        As `Run.step`, with the same parameters, result and errors, but waiting here: a plain function is called in
        this very thread, an async one on an event loop of its own.
        """
        return step_now(self._core, key, function, args, kwargs, transactional, timeout)

    def each(
        self,
        items: Items,
        function: Callable[..., Any],
        /,
        *args: Any,
        key: Callable[[Any], Any] | None = None,
        batch: str | None = None,
        size: int | None = None,
        pause: float = 0.0,
        concurrency: int = 1,
        retry: Retry | None = None,
        timeout: float | None = None,
        executor: str | None = None,
        on_done: OnDone | None = None,
        on_failed: OnFailed | None = None,
    ) -> Tally:
        """Call `function(item, *args)` for every item, mark each that is done, and go on when one fails.

        As `Run.each`, with the same parameters, result and errors, but waiting here. A plain `function` is called in
        `concurrency` threads, none of which is this one: what may only be used in the thread that made it (a sqlite3
        connection) is best made in `function`.
        """
        way = Way(
            key=key,
            batch=batch,
            size=size,
            pause=pause,
            concurrency=concurrency,
            retry=retry,
            timeout=timeout,
            executor=executor,
            on_done=on_done,
            on_failed=on_failed,
        )
        tally: Tally = drive(each(self._core, items, function, args, way))
        return tally
