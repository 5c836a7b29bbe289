"""Calling a function in a child process that a timeout, a cancel or this process's own death really ends."""

from __future__ import annotations

import functools
import logging
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from horarium.errors import ChildProcessDied, HorariumError, JobError, RunStopped, RunTimeout
from horarium.execution import protocol
from horarium.execution.child_output import STDERR, STDOUT, Printed, levels, replay
from horarium.execution.child_process import ChildProcess
from horarium.execution.faults import RemoteError
from horarium.execution.link import RunLink
from horarium.execution.owner import plan_for_child
from horarium.execution.protocol import Message
from horarium.execution.served_link import ServedLink
from horarium.jsontext import to_json_text
from horarium.values import Progress

__all__ = ["GRACE", "RemoteError", "call_in_child"]

GRACE = 5.0
"""Seconds that a child has between being told to stop and SIGTERM."""

TERM_TO_KILL = 2.0
"""Seconds between SIGTERM and SIGKILL, at most."""

_LEAVING = 1.0
_ENDED_BY_STOP = frozenset({"SystemExit", "KeyboardInterrupt", "asyncio.exceptions.CancelledError"})


def call_in_child(
    task: str,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    *,
    link: RunLink | None = None,
    timeout: float | None = None,
    grace: float = GRACE,
    prefix: str = "",
    what: str | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Any:
    """Call the function `task` ("package.module:function") in a fresh child process and wait for its result.

    Blocks: call it in a thread. The child has this process's environment, working directory and `sys.path`. What it
    logs is logged here by loggers of the same names, what it prints by `horarium.child.stdout` and `.stderr`.

    `link` is the run's link to the plan: it says when to stop, and serves the function if that wants `run`. `prefix`
    is put before the keys of its steps and batches, for a function that does one item of a batch. `on_progress` takes
    its progress in place of the link. `what` is what the messages call it.

    `timeout` is seconds from here on, the child's start included. At a timeout, or when the link says stop, the child
    is told: an async function is cancelled, `run.check()` raises. `grace` seconds later (at once for a timed-out
    function that cannot hear) its group gets SIGTERM, which raises SystemExit in the function, and `TERM_TO_KILL`
    seconds later (with a shorter grace: that long) SIGKILL. When the call ends, however it does, all of the group
    is killed; only a process that made itself a session of its own escapes.

    Returns the result as JSON reads it back, also one that comes after the timeout, or after the run was told to stop.
    Raises RunTimeout, RunStopped, ChildProcessDied, TaskNotFound, ArgumentsNotJSON, JobError for what no import finds;
    errors of `horarium.errors` that the function raised as they are, and RemoteError with the description of any other.
    """
    module, colon, _ = task.partition(":")
    if not colon or module == "__main__":
        raise JobError(
            f'{task!r} cannot run in a child process, which finds functions only as "package.module:function" and '
            "never imports the script that was started: move the function to a module, and import it from there"
        )
    if protocol.importing_task:
        raise JobError(
            f"{task!r} was called in a child process by the import of another child's task, which would go on without "
            'end: put what a script does when it is started under `if __name__ == "__main__":`'
        )
    reason = link.stop_reason() if link is not None else None
    if reason is not None:
        raise RunStopped(reason)
    call = _Call(what or f"{task} in a child process", link, prefix, on_progress, timeout, grace)
    call.make(task, args, kwargs or {})
    return call.outcome()


class _Call:
    """One call: what the parent makes of what a child says. Everything happens in the thread that calls `make`."""

    def __init__(
        self,
        what: str,
        link: RunLink | None,
        prefix: str,
        on_progress: Callable[[Progress], None] | None,
        timeout: float | None,
        grace: float,
    ) -> None:
        self._what = what
        self._link = link
        self._prefix = prefix
        self._on_progress = on_progress or (link.report_progress if link is not None else None)
        self._timeout = timeout
        self._grace = grace
        self._stdout = Printed(STDOUT, logging.INFO)
        self._stderr = Printed(STDERR, logging.WARNING)
        self._child: ChildProcess
        self._served: ServedLink | None = None
        self._hears = False
        self._told: str | None = None
        self._timed_out = False
        self._began = False
        self._answer: Message | None = None

    def make(self, task: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        """Start a child, have it make the call, and see it to its end."""
        to_json_text([args, kwargs], f"the arguments of {self._what}")
        lines = protocol.encode(sys.path) + protocol.encode(self._message(task, args, kwargs))
        with ChildProcess(
            task, on_reply=self._take, on_stdout=self._stdout.feed, on_stderr=self._stderr.feed
        ) as self._child:
            self._child.send(lines)
            if self._timeout is not None:
                self._child.set_alarm(self._timeout, self._time_out)
            forget = self._listen()
            try:
                self._child.run()
            finally:
                forget()
        self._stdout.finish()
        self._stderr.finish()

    def outcome(self) -> Any:
        """The result, or its error raised."""
        answer = self._answer
        error = protocol.rebuild(answer["error"]) if answer and answer["op"] == "error" else None
        if answer is not None and error is None:
            return answer["value"]
        # What a stop cut off may be an import, whose error is not the function's own.
        by_stop = error is not None and (not self._began or _is_end_by_stop(error))
        if self._timed_out and (error is None or by_stop):
            # The function's own error has a traceback, which shows where it was when the time was over.
            raise RunTimeout(self._what, self._timeout or 0) from error
        if error is None:
            if self._told is not None:
                raise RunStopped(self._told)
            raise ChildProcessDied(self._how_it_died(), self._stderr.tail)
        if self._told is not None and by_stop:
            raise RunStopped(self._told) from error
        raise error

    def _message(self, task: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Message:
        link = self._link
        return {
            "task": task,
            "args": list(args),
            "kwargs": dict(kwargs),
            "levels": levels(),
            "plan": plan_for_child(),
            "facts": protocol.facts_to_json(link.facts) if link is not None else None,
        }

    def _listen(self) -> Callable[[], None]:
        """Hear from the link when to stop; answers what ends that."""
        link, child = self._link, self._child
        if link is None:
            return lambda: None
        self._served = ServedLink(
            link,
            self._prefix,
            lambda reply: child.post(functools.partial(child.send, protocol.encode(reply))),
        )
        return link.on_stop(lambda reason: child.post(functools.partial(self._tell, reason)))

    def _take(self, line: bytes) -> None:
        message = protocol.decode(line)
        match message["op"]:
            case "started":
                self._began = True
                self._hears = message["hears"]
            case "log":
                replay(message["record"])
            case "progress":
                if self._on_progress is not None:
                    self._on_progress(Progress(message["done"], message["total"], message["message"]))
            case "result" | "error":
                self._answer = message
                # It has said all; threads that it forgot to end must not keep it.
                self._child.set_alarm(max(self._grace, _LEAVING), self._kill)
            case _:
                if self._served is not None:
                    self._served.answer(message)

    def _time_out(self) -> None:
        self._timed_out = True
        self._tell(f"it took longer than its timeout of {self._timeout:g} s")

    def _tell(self, reason: str) -> None:
        if self._told is not None or self._answer is not None:
            return
        self._told = reason
        self._child.send(protocol.encode({"op": "stop", "reason": reason}))
        useless = self._timed_out and not self._hears
        self._child.set_alarm(0 if useless else self._grace, self._terminate)

    def _terminate(self) -> None:
        # Not by a signal from here: the child knows one sent by others from this one, which follows its `stop`.
        self._child.send(protocol.encode({"op": "terminate"}))
        self._child.set_alarm(min(self._grace, TERM_TO_KILL), self._kill)

    def _kill(self) -> None:
        self._child.signal_group(signal.SIGKILL)

    def _how_it_died(self) -> str:
        code = self._child.returncode or 0
        if code < 0:
            how = f"was killed by {_name_of_signal(-code)}"
            if -code == signal.SIGKILL:
                how += " (out of memory?)"
        else:
            how = f"ended with exit code {code} without an answer"
        return f"{self._what} {how}"


def _name_of_signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _is_end_by_stop(error: HorariumError) -> bool:
    if isinstance(error, RemoteError):
        return error.info.type in _ENDED_BY_STOP
    return isinstance(error, RunStopped)
