"""One item of a batch: its function is called in its place, tried again if need be, and what came of it is a mark."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

from horarium.errors import RunStopped, Skip
from horarium.execution.calls import awaited, in_thread, timed
from horarium.execution.core import RunCore, Scope
from horarium.execution.faults import info_of, names_of
from horarium.execution.link import Mark
from horarium.execution.processes import call_in_child
from horarium.retry import Retry, is_permanent
from horarium.values import ErrorInfo, ItemFailure, Progress

logger = logging.getLogger(__name__)

OnDone = Callable[[Any, Any, Any], None]
OnFailed = Callable[[Any, Any, ErrorInfo], None]

_MESSAGE_LIMIT = 2_000
_ON_PURPOSE = "horarium.errors.HorariumError"


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What is done with every item of a batch. `place` is "loop", "thread" or "process", and then `task` names the
    function; `timeout` is seconds; the hooks' writes happen in `context`."""

    core: RunCore
    batch: str
    function: Callable[..., Any]
    args: Sequence[Any]
    place: str
    task: str
    pool: Executor | None
    retry: Retry | None
    timeout: float | None
    on_done: OnDone | None
    on_failed: OnFailed | None
    context: contextvars.Context = field(default_factory=contextvars.copy_context)
    failures_shown: set[str] = field(default_factory=set)

    def mark_done(self, key: str, item: Any, result: Any) -> Mark:
        """The mark of an item that went well."""
        if self.on_done is None:
            return Mark(key, "done")
        hook = self.on_done
        return Mark(key, "done", write=lambda connection: self.context.run(hook, connection, item, result))

    def mark_failed(self, key: str, item: Any, error: BaseException) -> Mark:
        """The mark of an item that failed. The first failure of each kind is logged as a warning, with its traceback
        unless it is one of Horarium's errors: those are raised on purpose, and an `on_failed` tells of them itself.
        """
        info = info_of(error)
        message = info.message if len(info.message) <= _MESSAGE_LIMIT else info.message[: _MESSAGE_LIMIT - 1] + "…"
        on_purpose = _ON_PURPOSE in names_of(error)
        if on_purpose and self.on_failed is not None:
            level = logging.DEBUG
        else:
            level = logging.INFO if info.type in self.failures_shown else logging.WARNING
        traceback = error if level == logging.WARNING and not on_purpose else None
        logger.log(level, "item %s of %s failed: %s: %s", key, self.batch, info.type, message, exc_info=traceback)
        self.failures_shown.add(info.type)
        failure = ItemFailure(key, info.type, message)
        if self.on_failed is None:
            return Mark(key, "failed", failure)
        hook = self.on_failed
        return Mark(key, "failed", failure, lambda connection: self.context.run(hook, connection, item, info))


class ItemWorker:
    """Computes items one after the other. `part` is how much of the present one is done, 0 to 1, as far as it says.

    `on_part(message)` is called when an item's function reports its progress, in whatever thread it does; `is_ending`
    says whether the batch is to end, so that nothing is tried again.
    """

    def __init__(self, work: Work, on_part: Callable[[str], None], is_ending: Callable[[], bool]) -> None:
        self._work = work
        self._on_part = on_part
        self._is_ending = is_ending
        self._key = ""
        self.scope = Scope(work.core, self._report)
        self.part = 0.0
        self.in_thread = False

    async def compute(self, key: str, item: Any) -> Mark:
        """The outcome of one item. Raises RunStopped when the item's function was stopped by it."""
        work = self._work
        self._key, tries = key, 0
        while True:
            tries += 1
            self.scope.begin(f"{work.batch}[{key}].")
            try:
                result = await self._call(item)
                return work.mark_done(key, item, result)
            except Skip as reason:
                logger.debug("item %s of %s skipped: %s", key, work.batch, reason)
                return Mark(key, "skipped")
            except RunStopped:
                raise
            except asyncio.CancelledError as error:
                task = asyncio.current_task()
                if task is None or task.cancelling():
                    raise
                return work.mark_failed(key, item, error)  # the item cancelled itself, nobody cancelled the batch
            except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever an item raises concerns that item alone
                if self._is_ending() or not _wants_retry(work.retry, tries, error):
                    return work.mark_failed(key, item, error)
                delay = work.retry.delay_before(tries + 1)  # type: ignore[union-attr]
                logger.info("item %s of %s: try %d failed (%s); next in %g s", key, work.batch, tries, error, delay)
            finally:
                self.part = 0.0
            await work.core.wait(delay)

    async def _call(self, item: Any) -> Any:
        work = self._work
        if work.place == "loop":
            return await awaited(work.function(item, *work.args), work.timeout, self._words)
        self.in_thread = True
        try:
            call = self._child if work.place == "process" else self._plain
            result = await in_thread(functools.partial(call, item), pool=work.pool)
        finally:
            self.in_thread = False
        # A plain function may hand out something to await: a lambda around an async one, an undeclared wrapper.
        return await awaited(result, work.timeout, self._words) if inspect.isawaitable(result) else result

    def _plain(self, item: Any) -> Any:
        work = self._work
        call = functools.partial(work.function, item, *work.args)
        return timed(call, work.timeout, self._words)

    def _child(self, item: Any) -> Any:
        work = self._work
        with work.core.link.child_turn():
            return call_in_child(
                work.task,
                (item, *work.args),
                link=work.core.link,
                timeout=work.timeout,
                prefix=self.scope.prefix,
                what=self._words(),
                on_progress=self._report,
            )

    def _report(self, progress: Progress) -> None:
        self.part = min(max(progress.done / progress.total, 0.0), 1.0) if progress.total else 0.0
        self._on_part(progress.message)

    def _words(self) -> str:
        return f"item {self._key!r} of {self._work.batch}"


def _wants_retry(retry: Retry | None, tries: int, error: BaseException) -> bool:
    return retry is not None and retry.wants_retry(tries, names_of(error), is_permanent(error))
