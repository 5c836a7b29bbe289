"""The tasks of the measured jobs, as an application would write them."""

import asyncio
import threading
import time

from horarium import Run, task

executed: list[int] = []
late: list[float] = []
first_call = threading.Event()
elapsed: list[float] = []


@task
async def noop(number: int) -> None:
    """The function that is run: it leaves a trace, so that runs can be counted."""
    executed.append(number)


@task
async def wait(number: int) -> None:
    """What fired jobs name: it takes its place on the node and does not end, so that firing alone is timed."""
    executed.append(number)
    await asyncio.Event().wait()


@task
async def note_lateness(due: float) -> None:
    """The function whose first line is awaited."""
    late.append(time.time() - due)
    first_call.set()


@task
async def all_items(run: Run, size: int, concurrency: int) -> None:
    """A batch: as many items at once as may be, each with a durable mark."""
    began = time.perf_counter()
    await run.each(range(size), item, concurrency=concurrency)
    elapsed.append(time.perf_counter() - began)


async def item(number: int) -> None:
    """One item."""
    executed.append(number)
