"""How a function is called, whatever its kind: awaited on the loop, called in a thread, waited for without a loop.

A thread cannot be stopped. Whoever waits for one here waits until it has ended, a cancellation notwithstanding, so that
nothing goes on behind the back of a run that counts as ended.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
import logging
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from concurrent.futures import Executor, Future
from typing import Any, TypeVar

from horarium.errors import RunTimeout

logger = logging.getLogger(__name__)

T = TypeVar("T")


async def in_thread(function: Callable[[], T], *, pool: Executor | None = None) -> T:
    """Call `function` in a thread of `pool`, or in one of its own, with the caller's context variables.

    Returns what it returns and raises what it raises. Cancelled, it waits for the thread to end before it passes the
    cancellation on.
    """
    call = functools.partial(contextvars.copy_context().run, _outcome, function)
    outcome = asyncio.wrap_future(pool.submit(call) if pool else _start_thread(call))
    cancelled = await to_the_end([outcome])
    returned, answer = outcome.result()
    if cancelled:
        if inspect.iscoroutine(answer):
            answer.close()
        raise asyncio.CancelledError
    if returned:
        return answer  # type: ignore[no-any-return]
    try:
        raise answer
    finally:
        del answer  # an exception that this frame keeps alive, and which keeps this frame alive


async def to_the_end(futures: Iterable[asyncio.Future[Any]], on_cancel: Callable[[], None] = lambda: None) -> bool:
    """Wait until all `futures` are done, without cancelling them when cancelled. Answers whether it was cancelled.

    `on_cancel` is called at every cancellation that comes in.
    """
    waiting, cancelled = set(futures), False
    while waiting:
        try:
            _, waiting = await asyncio.wait(waiting)
        except asyncio.CancelledError:
            cancelled = True
            on_cancel()
    return cancelled


async def awaited(awaitable: Awaitable[T], seconds: float | None, what: Callable[[], str]) -> T:
    """Await with a timeout in seconds. Raises RunTimeout, speaking of `what()`, when it is over."""
    if seconds is None:
        return await awaitable
    try:
        async with asyncio.timeout(seconds) as limit:
            return await awaitable
    except TimeoutError:
        if limit.expired():
            raise RunTimeout(what(), seconds) from None
        raise


def timed(function: Callable[[], T], timeout: float | None, what: Callable[[], str]) -> T:
    """Call a plain function that may take `timeout` seconds.

    It cannot be stopped: when it goes on for too long there is a warning. What it returns then, late, counts all the
    same: its work is done, and would only be done twice.
    """
    if timeout is None:
        return function()
    alarm = threading.Timer(timeout, contextvars.copy_context().run, (_warn_late, what, timeout))
    alarm.daemon = True
    alarm.start()
    try:
        return function()
    finally:
        alarm.cancel()


def drive(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine to its end from plain code, on an event loop of its own.

    In a thread whose event loop is running already, that happens in another thread, while this one waits.
    """
    if not _is_in_loop():
        with asyncio.Runner() as runner:
            return runner.run(coroutine)
    return _start_thread(functools.partial(contextvars.copy_context().run, drive, coroutine)).result()


def _is_in_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _outcome(function: Callable[[], Any]) -> tuple[bool, Any]:
    """What came of a call, as a value: a future does not take every exception (a StopIteration hangs it)."""
    try:
        return True, function()
    except BaseException as error:  # noqa: BLE001 - carried over to the thread that waits
        return False, error


def _start_thread(call: Callable[[], T]) -> Future[T]:
    """Start a thread for one call. A daemon: a function that never ends must not keep the process from ending."""
    future: Future[T] = Future()

    def work() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # noqa: BLE001 - carried over to the thread that waits
            future.set_exception(error)

    future.set_running_or_notify_cancel()
    threading.Thread(target=work, name="horarium-call", daemon=True).start()
    return future


def _warn_late(what: Callable[[], str], timeout: float) -> None:
    logger.warning(
        "%s has been running for longer than its timeout of %g s; a plain function in a thread cannot be stopped, so "
        "that its place stays taken until it ends (executor='process' can be)",
        what(),
        timeout,
    )
