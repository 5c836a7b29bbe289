"""`run.each`: one function for many items, each marked durably when it is done, none stopping the others.

An item begins while fewer than 2 x `concurrency` are begun and not committed: that many are repeated at most after a
crash, and half of them can be computed while the other half is being committed.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Sequence, Sized
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from horarium.errors import JobError, RunStopped
from horarium.execution.calls import in_thread, to_the_end
from horarium.execution.core import RunCore, checked_key
from horarium.execution.functions import check_function, is_async, name_of, reference_of
from horarium.execution.items import ItemWorker, OnDone, OnFailed, Work
from horarium.execution.marks import Committer, Score
from horarium.execution.pools import DaemonPool
from horarium.execution.steps import check_timeout
from horarium.job import EXECUTORS
from horarium.retry import Retry
from horarium.values import Tally

Items = Iterable[Any] | AsyncIterable[Any]

_BREATH = 1_000
"""Items known from earlier attempts that are passed over before the event loop gets its turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How a batch is done: the keyword parameters of `run.each`, checked. Times are seconds. Raises JobError."""

    key: Callable[[Any], Any] | None = None
    batch: str | None = None
    size: int | None = None
    pause: float = 0.0
    concurrency: int = 1
    retry: Retry | None = None
    timeout: float | None = None
    executor: str | None = None
    on_done: OnDone | None = None
    on_failed: OnFailed | None = None

    def __post_init__(self) -> None:
        if self.concurrency < 1:
            raise JobError(f"concurrency must be at least 1, not {self.concurrency!r}")
        if self.size is not None and self.size < 1:
            raise JobError(f"size must be at least 1, not {self.size!r}")
        if self.pause < 0:
            raise JobError(f"pause must be 0 s or more, not {self.pause!r}")
        if self.pause and self.size is None:
            raise JobError("pause needs size: after how many items to pause")
        if self.executor is not None and self.executor not in EXECUTORS:
            raise JobError(f"executor {self.executor!r} is not one of {', '.join(EXECUTORS)}")
        check_timeout(self.timeout, "the timeout of an item")
        for name in ("on_done", "on_failed"):
            hook = getattr(self, name)
            if hook is None:
                continue
            check_function(hook, name)
            if is_async(hook):
                raise JobError(f"{name} must be a plain function: it is called in the thread that commits")

    def place_for(self, function: Callable[..., Any]) -> str:
        """Where `function` is called. Raises JobError when it cannot be called there."""
        check_function(function, "run.each()")
        if self.executor == "loop" and not is_async(function):
            raise JobError(
                f"{name_of(function)} is a plain function, which would block the event loop; leave executor out"
            )
        if self.executor == "thread" and is_async(function):
            raise JobError(f"{name_of(function)} is async and runs on the event loop; leave executor out")
        return self.executor or ("loop" if is_async(function) else "thread")


async def each(
    core: RunCore,
    items: Items,
    function: Callable[..., Any],
    args: Sequence[Any],
    way: Way,
) -> Tally:
    """`Run.each`, and `SyncRun.each` on an event loop of its own: see there."""
    core.check()
    place = way.place_for(function)
    task = reference_of(function) if place == "process" else ""
    with core.scope.claim("batch", way.batch or name_of(function)) as name:
        started = core.link.clock.elapsed()
        earlier = await in_thread(functools.partial(core.link.load_marks, name))
        score = Score(name, earlier, len(items) if isinstance(items, Sized) else None)
        pool = None if place == "loop" else DaemonPool(way.concurrency, "horarium-item")
        work = Work(
            core=core,
            batch=name,
            function=function,
            args=args,
            place=place,
            task=task,
            pool=pool,
            retry=way.retry,
            timeout=way.timeout,
            on_done=way.on_done,
            on_failed=way.on_failed,
        )
        try:
            await _Batch(work, score, _iterate(items), way).run()
        finally:
            if pool is not None:
                pool.shutdown()
        return score.tally(core.link.clock.elapsed() - started)


class _Batch:
    """A batch in its course: workers that draw from one source of items, and a committer of their marks."""

    def __init__(self, work: Work, score: Score, source: AsyncIterator[Any], way: Way) -> None:
        self._work = work
        self._link = work.core.link
        self._score = score
        self._source = source
        self._way = way
        self._committer = Committer(self._link, work.batch, score, self._committed)
        self._workers: dict[asyncio.Task[None], ItemWorker] = {}
        self._progress = work.core.scope.report  # of the item in whose function this batch is, if it is in one
        self._turn = asyncio.Lock()
        self._changed = asyncio.Event()
        self._met = 0  # items taken from the source
        self._begun = 0  # of these, the ones to compute
        self._computing = 0  # begun, without an outcome yet
        self._open = 0  # begun, not committed yet
        self._exhausted = False
        self._ended: BaseException | None = None

    async def run(self) -> None:
        """Do all items. Raises RunStopped, or what the source of items or the plan raised; finished marks are kept."""
        loop = asyncio.get_running_loop()

        def told_to_stop(reason: str) -> None:
            with suppress(RuntimeError):  # the loop is closed: the batch has ended
                loop.call_soon_threadsafe(self._end, RunStopped(reason), True)

        self._report()
        forget = self._link.on_stop(told_to_stop)
        committing = asyncio.create_task(self._commit())
        for _ in range(self._way.concurrency):
            worker = ItemWorker(self._work, self._report, lambda: self._ended is not None)
            self._workers[asyncio.create_task(self._draw(worker))] = worker
        cancelled = await to_the_end(self._workers, lambda: self._end(asyncio.CancelledError(), True))
        forget()
        self._committer.close()
        cancelled |= await to_the_end([committing])
        if cancelled or committing.cancelled():
            raise asyncio.CancelledError
        if self._ended is not None:
            raise self._ended

    async def _draw(self, worker: ItemWorker) -> None:
        """Take items and compute them until there are no more, or the batch has to end."""
        self._work.core.enter(worker.scope)
        try:
            while (taken := await self._next()) is not None:
                try:
                    mark = await worker.compute(*taken)
                finally:
                    self._computing -= 1
                    self._changed.set()
                self._committer.hand_over(mark)
        except RunStopped as error:
            self._end(error, True)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - raised by `run`, when what is being computed has ended
            self._end(error, False)

    async def _next(self) -> tuple[str, Any] | None:
        """The next item to compute, once there is room for it; None when there is none, or the batch has to end."""
        async with self._turn:
            while True:
                await self._until(lambda: self._open < 2 * self._way.concurrency)
                if not self._goes_on():
                    return None
                try:
                    item = await anext(self._source)
                except StopAsyncIteration:
                    self._exhausted = True
                    self._score.end_of_items(self._met)
                    return None
                self._met += 1
                key = self._key_of(item)
                if key is not None and self._score.meet(key):
                    await self._pause_if_due()
                    if not self._goes_on():
                        return None
                    self._begun += 1
                    self._computing += 1
                    self._open += 1
                    return key, item
                if self._met % _BREATH == 0:
                    await asyncio.sleep(0)

    def _key_of(self, item: Any) -> str | None:
        """The item's key. Without one it has failed, under its number; the others go on."""
        if self._way.key is None and not _is_key(item):
            raise JobError(
                f"the items of {self._work.batch} are {type(item).__name__}, not text or numbers; give run.each() a "
                "`key`: a function from an item to what names it in every attempt, such as key=lambda user: user.id"
            )
        try:
            return _key_text(item if self._way.key is None else self._way.key(item))
        except Exception as error:  # noqa: BLE001 - one item that is not as expected must not stop the others
            self._open += 1
            self._committer.hand_over(self._work.mark_failed(f"#{self._met}", item, error))
            return None

    async def _pause_if_due(self) -> None:
        if self._way.pause and self._way.size and self._begun and self._begun % self._way.size == 0:
            await self._until(lambda: self._computing == 0)
            if self._ended is None:
                await self._work.core.wait(self._way.pause)

    async def _until(self, condition: Callable[[], bool]) -> None:
        """Wait until `condition` holds or the batch has to end. Only who has the turn waits here."""
        while not condition() and self._ended is None:
            self._changed.clear()
            await self._changed.wait()

    def _goes_on(self) -> bool:
        """Whether to take another item."""
        reason = self._link.stop_reason() if self._ended is None else None
        if reason is not None:
            self._end(RunStopped(reason), True)
        return self._ended is None and not self._exhausted

    def _end(self, error: BaseException, cancel: bool) -> None:
        """Begin no item more, and raise `error` at the end. `cancel`: what is awaited now is cancelled; threads end."""
        if self._ended is None:
            self._ended = error
        self._changed.set()
        if cancel:
            for task, worker in self._workers.items():
                if not worker.in_thread:
                    task.cancel()

    async def _commit(self) -> None:
        try:
            await self._committer.run()
        except Exception as error:  # noqa: BLE001 - raised by `run`, when what is being computed has ended
            self._end(error, True)

    def _committed(self, number: int) -> None:
        self._open -= number
        self._changed.set()
        self._report()

    def _report(self, message: str = "") -> None:
        """Tell how far the batch is. Called from threads too, when an item's function reports its part."""
        running = sum(worker.part for worker in tuple(self._workers.values()))
        self._progress(self._score.progress(running, message))


class _Plainly:
    """A plain iterable, to be iterated like an async one."""

    def __init__(self, items: Iterable[Any]) -> None:
        self._iterator = iter(items)

    def __aiter__(self) -> _Plainly:
        return self

    async def __anext__(self) -> Any:
        try:
            return next(self._iterator)
        except StopIteration:
            raise StopAsyncIteration from None


def _iterate(items: Items) -> AsyncIterator[Any]:
    if isinstance(items, AsyncIterable):
        return aiter(items)
    if isinstance(items, Iterable):
        return _Plainly(items)
    raise JobError(f"run.each() needs something to iterate over, not {type(items).__name__}")


def _key_text(value: Any) -> str:
    if not _is_key(value):
        raise JobError(f"`key` answered {value!r}, which is not text, a whole number or a UUID")
    return checked_key(str(value), "the key of an item")


def _is_key(value: Any) -> bool:
    return isinstance(value, str | int | UUID) and not isinstance(value, bool)
