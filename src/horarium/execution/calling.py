"""Calling a run's function where it belongs: on the event loop, in a thread, in a child process."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable
from typing import Any

from horarium.errors import RunTimeout
from horarium.execution.context import Run, SyncRun
from horarium.execution.execution import Execution
from horarium.execution.link import RunLink
from horarium.execution.processes import call_in_child


async def call_async(execution: Execution, link: RunLink | None) -> Any:
    """Await the function, at most for the run's timeout. Raises RunTimeout, or what the function raised."""
    args, kwargs = execution.args, execution.kwargs
    definition = execution.definition
    if definition.run_parameter is not None and link is not None:
        args, kwargs = definition.with_run(args, kwargs, Run(link))
    if execution.timeout is None:
        return await definition.function(*args, **kwargs)
    deadline = asyncio.timeout(execution.timeout)
    try:
        async with deadline:
            return await definition.function(*args, **kwargs)
    except TimeoutError as error:
        if deadline.expired():
            raise RunTimeout(f"run {execution.key}", execution.timeout) from error
        raise


def call_in_thread(execution: Execution, link: RunLink) -> Any:
    """Call the function here. A timeout is told to it by the runner; nobody can end a thread from outside."""
    definition = execution.definition
    args, kwargs = definition.with_run(execution.args, execution.kwargs, SyncRun(link))
    result = definition.function(*args, **kwargs)
    # A plain wrapper round an async function answers something to await.
    return asyncio.run(_awaited(result)) if inspect.isawaitable(result) else result


async def _awaited(result: Awaitable[Any]) -> Any:
    return await result


def call_process(execution: Execution, link: RunLink, grace: float) -> Any:
    """Call the function in a child process, which a timeout or a stop really ends."""
    return call_in_child(
        execution.definition.ref or execution.task_name,
        execution.args,
        execution.kwargs,
        link=link,
        timeout=execution.timeout,
        grace=grace,
        what=f"run {execution.key}",
    )
