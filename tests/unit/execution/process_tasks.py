"""Functions that the tests of child processes have called there."""

import asyncio
import ctypes
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from horarium.errors import PermanentError, Skip
from horarium.execution.context import Run, SyncRun

logger = logging.getLogger("tests.child")


class Unpicklable(Exception):
    permanent = True

    def __init__(self, first: str, second: str) -> None:
        super().__init__(first, second)
        self.lock = threading.Lock()

    def __str__(self) -> str:
        return "cannot be pickled"


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


class NothingNew(Skip):
    pass


ERRORS: dict[str, BaseException] = {
    "plain": ValueError("three is too many"),
    "unpicklable": Unpicklable("a", "b"),
    "unprintable": Unprintable(),
    "exit": SystemExit(3),
    "interrupt": KeyboardInterrupt(),
    "skip": Skip("nothing new"),
    "derived skip": NothingNew("nothing new at all"),
    "permanent": PermanentError("never"),
    "lone surrogate": ValueError("\udcff\x00"),
}


def echo(*args: Any, **kwargs: Any) -> Any:
    return {"args": args, **kwargs} if kwargs else list(args)


async def echo_async(value: Any) -> Any:
    await asyncio.sleep(0)
    return value


def fail(which: str) -> None:
    raise ERRORS[which]


def answer_a_set() -> set[int]:
    return {1, 2}


def where() -> dict[str, Any]:
    return {"cwd": str(Path.cwd()), "path": sys.path, "argv": sys.argv, "stdin": sys.stdin.read()}


def imported_modules() -> list[str]:
    return list(sys.modules)


def leave(code: int) -> None:
    os._exit(code)


def crash() -> None:
    ctypes.string_at(0)


def be_killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def chatter(lines: int) -> None:
    for number in range(lines):
        sys.stdout.write(f"out {number} {'x' * 90}\n")
        sys.stderr.write(f"err {number} {'x' * 90}\n")


def overwrite() -> None:
    sys.stdout.write("10%\r50%\r100%\n\nno newline at the end")


def log_something() -> None:
    logger.debug("not wanted")
    logger.info("%d of %d", 1, 2)
    try:
        ERRORS["plain"].with_traceback(None)
        fail("plain")
    except ValueError:
        logger.exception("it failed")


def hang(mark: str) -> None:
    """Never ends by itself; tells its process id, and cleans up when it is given the chance."""
    try:
        _tell(mark)
        while True:
            time.sleep(100)
    finally:
        Path(f"{mark}.cleaned").touch()


def hang_deaf(mark: str) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    hang(mark)


def hang_in_native_code(mark: str) -> None:
    """Hold the interpreter's lock, so that no other thread of the process can do anything."""
    _tell(mark)
    ctypes.PyDLL(None).sleep(1000)


def hang_with_family(mark: str) -> None:
    with subprocess.Popen(["sh", "-c", "sleep 1000 & sleep 1001 & echo $! $$; wait"], stdout=subprocess.PIPE) as shell:
        assert shell.stdout is not None
        _tell(mark, *shell.stdout.readline().split())
        time.sleep(1000)


def leave_family_behind(mark: str) -> None:
    _tell(mark, subprocess.Popen(["sleep", "1000"]).pid)


def leave_a_thread_behind() -> str:
    threading.Thread(target=time.sleep, args=(1000,)).start()
    return "done"


async def hang_async(mark: str) -> None:
    try:
        _tell(mark)
        await asyncio.sleep(1000)
    except asyncio.CancelledError:
        Path(f"{mark}.cleaned").touch()
        raise


def work_until_told(run: SyncRun, mark: str) -> None:
    _tell(mark)
    run.sleep(1000)


def finish_when_told(run: SyncRun, mark: str) -> str:
    _tell(mark)
    while not run.is_stopping:
        time.sleep(0.005)
    return "finished all the same"


def fork_and_log(run: SyncRun) -> list[str]:
    """Use the run and log in a process that the task forked, while the parent listens to this one."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            logger.warning("from the fork")
            run.progress(1)
        except Exception as error:
            os.write(write, str(error).encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(write)
    with os.fdopen(read, "rb") as stream:
        return [stream.read().decode()]


def facts(run: SyncRun) -> dict[str, Any]:
    return {
        "id": run.id,
        "job_id": run.job_id,
        "scheduled_at": run.scheduled_at.isoformat(),
        "attempt": run.attempt,
        "fencing_token": run.fencing_token,
    }


def facts_after_a_step(run: SyncRun) -> dict[str, Any]:
    run.step("only", echo)
    return facts(run)


def two_steps(run: SyncRun, log: str) -> list[Any]:
    def compute(value: Any) -> Any:
        with Path(log).open("a") as stream:
            stream.write(f"{value}\n")
        return value

    return [run.step("first", compute, 1), run.step("second", compute, (2, 3))]


async def many_steps(run: Run, number: int) -> list[int]:
    return list(await asyncio.gather(*(run.step(f"step {n}", echo_async, n) for n in range(number))))


def step_that_writes(run: SyncRun) -> None:
    run.step("write", echo, transactional=True)


def batch(run: SyncRun, items: list[str]) -> Any:
    return run.each(items, batch_item, concurrency=2)


async def batch_async(run: Run, items: list[str]) -> Any:
    return await run.each(items, batch_item, concurrency=2)


def batch_item(item: str) -> None:
    if item == "bad":
        raise ValueError("bad item")
    if item == "old":
        raise Skip("old item")


def batch_that_writes(run: SyncRun) -> Any:
    return run.each(["a"], batch_item, on_done=lambda connection, item, result: None)


def item_with_steps(item: str, run: SyncRun) -> str:
    run.progress(1, 2, f"half of {item}")
    return f"{run.step('half', str.upper, item)}!"


def report(run: SyncRun) -> None:
    run.progress(3, 10, "third")


def _tell(mark: str, *others: Any) -> None:
    """Leave this process's id and others', for the test to see."""
    text = " ".join(str(int(one)) for one in (os.getpid(), *others))
    Path(f"{mark}.new").write_text(text)
    Path(f"{mark}.new").rename(mark)
