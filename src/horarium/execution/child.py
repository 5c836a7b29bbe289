"""The child process: calls one function, tells the parent what came of it, and does not outlive the parent.

`processes.call_in_child` starts it as the leader of a process group of its own. It imports little, so that what the
task's module imports is what a start costs. The parent's own script (`__main__`) is never imported here.
"""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import fcntl
import functools
import inspect
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import PurePath
from types import FrameType, TracebackType
from typing import Any

from horarium.clock import SystemClock
from horarium.errors import ArgumentsNotJSON, JobError, ResultNotJSON, RunStopped
from horarium.execution import protocol
from horarium.execution.child_link import ParentPipe, PipeLink
from horarium.execution.context import Run, SyncRun
from horarium.execution.owner import set_plan_of_parent
from horarium.execution.protocol import Message
from horarium.execution.registry import REGISTRY, TaskDefinition
from horarium.jsontext import to_json_text


def main(requests: int, replies: int, lifeline: int, parent: int) -> None:
    """Take one call from the pipe `requests`, make it, and write its outcome to the pipe `replies`.

    On the pipe `lifeline` nothing is ever sent: it ends with the parent. `parent` is the parent's process id.
    """
    if sys.version_info >= (3, 14):
        faulthandler.enable(c_stack=False)  # C's would leave no room for Python's stack, which names the place
    for descriptor in (requests, replies, lifeline):
        os.set_inheritable(descriptor, False)
    _tie_group_to(lifeline)
    # A pipe is buffered by blocks, which a kill would take along: what a task prints is passed on line by line.
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    pipe = ParentPipe(requests, replies, parent)
    signal.signal(signal.SIGTERM, functools.partial(_terminated, pipe))
    call = pipe.first_message()
    pipe.listen()
    _send_logs(pipe, call["levels"])
    set_plan_of_parent(call["plan"])
    try:
        answer = {"op": "result", "value": _perform(pipe, call)}
    except BaseException as error:  # noqa: BLE001 - SystemExit and KeyboardInterrupt are answers as well
        answer = {"op": "error", "error": protocol.describe(error, _below_this_file(error))}
    pipe.send(answer)


def _perform(pipe: ParentPipe, call: Message) -> Any:
    """Find the function, call it, and answer its result once it is known to be JSON."""
    protocol.importing_task = True
    definition = REGISTRY.resolve(call["task"])
    protocol.importing_task = False
    args, kwargs = call["args"], call["kwargs"]
    if definition.run_face is not None:
        args, kwargs = definition.with_run(args, kwargs, _run_for(definition, pipe, call))
    pipe.send({"op": "started", "hears": definition.is_async or definition.run_face is not None})
    if pipe.stop_reason is not None:
        raise RunStopped(pipe.stop_reason)
    function = functools.partial(definition.function, *args, **kwargs)
    result = _await(pipe, function) if definition.is_async else function()
    if inspect.isawaitable(result):
        # A plain function may hand out something to await: an async one in an undeclared wrapper.
        result = _await(pipe, lambda: result)
    try:
        result = protocol.as_json(result)
        to_json_text(result, f"the result of {call['task']}")
    except ArgumentsNotJSON as error:
        raise ResultNotJSON(str(error)) from None
    return result


def _run_for(definition: TaskDefinition, pipe: ParentPipe, call: Message) -> Any:
    """What the function is given as `run`."""
    if call["facts"] is None:
        raise JobError(f"{definition.name} wants its run, but was called outside of any")
    link = PipeLink(pipe, protocol.facts_from_json(call["facts"]), SystemClock())
    return Run(link) if definition.run_face == "async" else SyncRun(link)


def _await(pipe: ParentPipe, begin: Callable[[], Awaitable[Any]]) -> Any:
    """Await what `begin` answers on an event loop; being told to stop cancels it."""

    async def main() -> Any:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()

        def cancel(_reason: str) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: it has just ended by itself
                loop.call_soon_threadsafe(task.cancel)  # type: ignore[union-attr]  # None only outside of a loop

        forget = pipe.on_stop(cancel)
        try:
            return await begin()
        finally:
            forget()

    try:
        return asyncio.run(main())
    except asyncio.CancelledError:
        if pipe.stop_reason is not None:
            raise RunStopped(pipe.stop_reason) from None
        raise


class _LogPipe(logging.Handler):
    """Sends what is logged here to the parent, which logs it there."""

    def __init__(self, pipe: ParentPipe) -> None:
        super().__init__()
        self._pipe = pipe
        self._text = logging.Formatter()

    def emit(self, record: logging.LogRecord) -> None:
        """Send a record; in a process that the task has forked, print it."""
        try:
            if self._pipe.is_ours:
                self._pipe.send({"op": "log", "record": self._as_json(record)})
            else:
                sys.stderr.write(self._text.format(record) + "\n")
        except Exception:  # noqa: BLE001 - as every handler of `logging`: a line must not end the task
            self.handleError(record)

    def _as_json(self, record: logging.LogRecord) -> Message:
        error = record.exc_text or (record.exc_info and self._text.formatException(record.exc_info))
        return {
            **{name: value for name, value in vars(record).items() if isinstance(value, str | int | float)},
            "msg": record.getMessage(),
            "exc_text": error or None,
        }


def _send_logs(pipe: ParentPipe, levels: dict[str, int]) -> None:
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    logging.getLogger().addHandler(_LogPipe(pipe))


def _tie_group_to(lifeline: int) -> None:
    """Have the kernel kill this process group when the parent's end of `lifeline` closes, whatever runs here.

    The thread that listens to the parent does the same everywhere, but not while native code holds the interpreter
    or the process is stopped. See F_SETOWN and F_SETSIG in fcntl(2).
    """
    if sys.platform == "linux":
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, -os.getpgrp())
        fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)


def _terminated(pipe: ParentPipe, number: int, _frame: FrameType | None) -> None:
    """SIGTERM: let the function clean up behind itself (`finally`, `with`), if it was the parent that sent it.

    A service manager that stops the parent signals every process of the service. What becomes of the run is then for
    the parent to say, and it is told at the same time.
    """
    if not pipe.is_ours:
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)
    if pipe.is_terminated:
        signal.signal(number, signal.SIG_DFL)
        raise SystemExit(128 + number)


def _below_this_file(error: BaseException) -> TracebackType | None:
    """The part of the traceback that is the task's: without this file and the event loop at its top."""
    trace = error.__traceback__
    while trace is not None and _is_above_task(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    return trace or error.__traceback__


def _is_above_task(file: str) -> bool:
    return file == __file__ or PurePath(file).parent.name == "asyncio"
