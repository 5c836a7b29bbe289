"""Tasks whose effects can be counted from outside: each appends a line to a file, which outlives any process."""

import asyncio
import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

from horarium import Run, task
from horarium.execution.context import SyncRun


def note(path: str, *words: object) -> None:
    """Append a line in one write, so that lines of several processes do not mix."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, (" ".join(map(str, words)) + "\n").encode())
    finally:
        os.close(descriptor)


def _name(run: Run | SyncRun) -> str:
    return f"{run.job_id}@{run.scheduled_at.isoformat()}"


@task("chaos.beat")
async def beat(run: Run, path: str) -> None:
    note(path, _name(run), run.attempt)


@task("chaos.beat_in_thread")
def beat_in_thread(run: SyncRun, path: str) -> None:
    note(path, _name(run), run.attempt)


@task("chaos.batch")
async def batch(run: Run, path: str, items: int, concurrency: int = 4) -> dict[str, int]:
    note(path, "begin", run.attempt)
    tally = await run.each(range(items), _item, path, concurrency=concurrency)
    note(path, "end", run.attempt)
    return {"done": tally.done, "total": tally.total}


async def _item(number: int, path: str) -> None:
    note(path, "item", number)
    await asyncio.sleep(0.002)


@task("chaos.batch_in_thread")
def batch_in_thread(run: SyncRun, path: str, items: int) -> dict[str, int]:
    tally = run.each(range(items), _plain_item, path, concurrency=3)
    return {"done": tally.done, "total": tally.total}


def _plain_item(number: int, path: str) -> None:
    note(path, "item", number)
    time.sleep(0.002)


@task("chaos.steps")
async def steps(run: Run, path: str, number: int) -> None:
    for step in range(number):
        await run.step(f"step {step}", note, path, "step", step, run.attempt)


@task("chaos.hold")
async def hold(run: Run, path: str, gate: str) -> str:
    """Wait for a file on the event loop."""
    note(path, "begin", run.attempt)
    try:
        while not Path(gate).exists():
            await asyncio.sleep(0.02)
    except asyncio.CancelledError:
        note(path, "cancelled", run.attempt, run.stop_reason)
        raise
    note(path, "end", run.attempt)
    return "held"


@task("chaos.hold_in_thread")
def hold_in_thread(run: SyncRun, path: str, gate: str, deaf: bool = False) -> str:
    """Wait for a file in a thread, and go on waiting when told to stop if `deaf`."""
    note(path, "begin", run.attempt)
    told = False
    while not Path(gate).exists():
        time.sleep(0.02)
        if run.is_stopping and not told:
            told = True
            note(path, "told", run.attempt, run.stop_reason)
            if not deaf:
                run.check()
    if deaf and run.is_stopping:
        with contextlib.suppress(Exception):
            run.step("late", note, path, "late", run.attempt)
            note(path, "late write accepted", run.attempt)
    note(path, "end", run.attempt)
    return "held"


@task("chaos.hold_in_process", executor="process")
def hold_in_process(path: str, gate: str) -> str:
    """Wait for a file in a child process, with a grandchild."""
    with subprocess.Popen(["sleep", "600"]) as grandchild:
        note(path, "begin", os.getpid(), grandchild.pid)
        while not Path(gate).exists():
            time.sleep(0.02)
        grandchild.kill()
    note(path, "end", os.getpid())
    return "held"


@task("chaos.kill")
async def kill(run: Run, path: str) -> None:
    note(path, "kill", run.attempt)
    os.kill(os.getpid(), signal.SIGKILL)
    await asyncio.sleep(60)


@task("chaos.leave")
def leave(run: SyncRun, path: str) -> None:
    note(path, "leave", run.attempt)
    os._exit(7)


@task("chaos.block")
async def block(run: Run, path: str, seconds: float) -> str:
    """Hold up the event loop."""
    note(path, "begin", run.attempt)
    time.sleep(seconds)
    note(path, "end", run.attempt)
    return "blocked"
