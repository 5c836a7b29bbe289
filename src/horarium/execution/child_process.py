"""A child process with its pipes: starting it, moving bytes to and from it, signalling its group, burying it."""

from __future__ import annotations

import contextlib
import os
import queue
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Self

from horarium.errors import ChildProcessDied
from horarium.execution.protocol import Lines

Taker = Callable[[bytes], None]

_CHUNK = 65_536
_DRAIN = 1_048_576  # as much as a pipe can hold
_POLL = 0.05
_LONGEST = 3_600.0  # a selector refuses to wait for some weeks

# sys.path comes over the pipe and first: without it Horarium itself might not be found in the child.
_BOOT = (
    "import json,sys;pipes=[int(one)for one in sys.argv[1:5]];sys.argv[1:]=[];"
    "sys.path[:]=json.loads(open(pipes[0],'rb',0,closefd=False).readline());"
    "from horarium.execution.child import main;main(*pipes)"
)


class ChildProcess:
    """A fresh interpreter, leader of its own process group, and the loop that moves bytes to and from it.

    `task` is shown in the list of processes. `on_reply` takes lines of the answering pipe, `on_stdout` and `on_stderr`
    what was printed. Use it as a context manager: whatever happens in the block, at its end the whole group is killed
    and the process reaped. Only `post` may be called from other threads.
    """

    def __init__(self, task: str, *, on_reply: Taker, on_stdout: Taker, on_stderr: Taker) -> None:
        self._selector = selectors.DefaultSelector()
        self._descriptors: set[int] = set()
        self._replies = Lines()
        self._on_reply = on_reply
        self._outgoing = bytearray()
        self._alarm: tuple[float, Callable[[], None]] | None = None
        self._posted: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._closing = threading.Lock()
        self._closed = False
        self._ended = False
        try:
            their_requests, self._requests = self._pipe()
            replies, their_replies = self._pipe()
            their_lifeline, _ = self._pipe()
            stdout, their_stdout = self._pipe()
            stderr, their_stderr = self._pipe()
            self._wake_up, self._waker = self._pipe()
            self._process = _start(task, (their_requests, their_replies, their_lifeline), their_stdout, their_stderr)
        except BaseException:
            self._close()
            raise
        for descriptor in (their_requests, their_replies, their_lifeline, their_stdout, their_stderr):
            self._close_one(descriptor)
        self._sources: dict[int, Taker] = {replies: self._take_reply, stdout: on_stdout, stderr: on_stderr}
        for descriptor in (*self._sources, self._requests, self._wake_up, self._waker):
            os.set_blocking(descriptor, False)
        for source in self._sources:
            self._selector.register(source, selectors.EVENT_READ, lambda source=source: self._read(source))
        self._selector.register(self._wake_up, selectors.EVENT_READ, self._take_posted)
        self._watched = self._watch()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.returncode is None:
            self.signal_group(signal.SIGKILL)
            self._process.wait()
        self._close()

    @property
    def returncode(self) -> int | None:
        """The exit code, or minus the signal's number; None while the process lives."""
        return self._process.returncode

    def post(self, callback: Callable[[], None]) -> None:
        """Have `run` call `callback` in its thread; nothing happens when the child has ended. For other threads."""
        with self._closing:
            if self._closed:
                return
            self._posted.put(callback)
            with contextlib.suppress(BlockingIOError):  # full of wake-ups: one more says nothing new
                os.write(self._waker, b"\0")

    def set_alarm(self, seconds: float, callback: Callable[[], None]) -> None:
        """Have `run` call `callback` in so many seconds, in place of the alarm set before."""
        self._alarm = (time.monotonic() + seconds, callback)

    def send(self, data: bytes) -> None:
        """Write to the child, as it reads. What a dead child does not read is dropped."""
        idle = not self._outgoing
        self._outgoing += data
        if idle:
            self._selector.register(self._requests, selectors.EVENT_WRITE, self._write)

    def signal_group(self, number: signal.Signals) -> None:
        """Send a signal to the child and everything that it started in its group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):  # nobody left, or only the dead
            os.killpg(self._process.pid, number)

    def run(self) -> None:
        """Move bytes, call what is posted and ring alarms until the child has ended; then end its group."""
        while not self._has_ended():
            for key, _ in self._selector.select(self._patience()):
                key.data()
            self._ring()
        # Before the child is reaped: until then its number cannot belong to anybody else.
        self.signal_group(signal.SIGKILL)
        self._process.wait()
        for source in self._sources:
            self._drain(source)

    def _pipe(self) -> tuple[int, int]:
        ends = os.pipe()
        self._descriptors.update(ends)
        return ends

    def _watch(self) -> bool:
        """Have the loop notice the child's end, where the system can tell; otherwise `run` asks again and again."""
        if sys.platform == "linux":
            with contextlib.suppress(OSError):
                watched = os.pidfd_open(self._process.pid)
                self._descriptors.add(watched)
                self._selector.register(watched, selectors.EVENT_READ, self._end)
                return True
        return False

    def _end(self) -> None:
        self._ended = True

    def _has_ended(self) -> bool:
        return self._ended or (not self._watched and self._process.poll() is not None)

    def _patience(self) -> float:
        patience = _LONGEST if self._watched else _POLL
        if self._alarm is not None:
            patience = max(min(self._alarm[0] - time.monotonic(), patience), 0)
        return patience

    def _ring(self) -> None:
        if self._alarm is not None and time.monotonic() >= self._alarm[0]:
            _, callback = self._alarm
            self._alarm = None
            callback()

    def _read(self, source: int) -> int:
        """Hand on what there is; answers how many bytes that was."""
        try:
            chunk = os.read(source, _CHUNK)
        except BlockingIOError:
            return 0
        if chunk:
            self._sources[source](chunk)
        else:
            self._selector.unregister(source)
        return len(chunk)

    def _drain(self, source: int) -> None:
        # Not to the end of the file: a descendant that left the group may hold the pipe open for ever.
        if source not in self._selector.get_map():
            return
        taken = 0
        while taken < _DRAIN and (count := self._read(source)):
            taken += count

    def _take_reply(self, chunk: bytes) -> None:
        for line in self._replies.feed(chunk):
            self._on_reply(line)

    def _take_posted(self) -> None:
        os.read(self._wake_up, _CHUNK)
        with contextlib.suppress(queue.Empty):
            while True:
                self._posted.get_nowait()()

    def _write(self) -> None:
        try:
            written = os.write(self._requests, self._outgoing)
        except BrokenPipeError:
            written = len(self._outgoing)
        del self._outgoing[:written]
        if not self._outgoing:
            self._selector.unregister(self._requests)

    def _close_one(self, descriptor: int) -> None:
        self._descriptors.discard(descriptor)
        os.close(descriptor)

    def _close(self) -> None:
        with self._closing:
            self._closed = True
        self._selector.close()
        for descriptor in tuple(self._descriptors):
            self._close_one(descriptor)


def _start(task: str, pipes: tuple[int, int, int], stdout: int, stderr: int) -> subprocess.Popen[bytes]:
    numbers = [str(number) for number in (*pipes, os.getpid())]
    try:
        return subprocess.Popen(  # noqa: S603 - this interpreter; no shell, and the task's name is an argument
            [sys.executable, "-P", "-X", "faulthandler", "-c", _BOOT, *numbers, task],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            pass_fds=pipes,
            start_new_session=True,
        )
    except OSError as error:
        raise ChildProcessDied(f"a child process for {task!r} could not be started: {error}") from error
