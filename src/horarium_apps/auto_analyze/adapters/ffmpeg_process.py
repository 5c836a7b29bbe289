"""Running ffmpeg: found, started, drained, and killed when it takes too long."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from typing import IO, cast

from horarium_apps.auto_analyze.domain.errors import AnalysisError, FfmpegMissingError

_LINE = 64 * 1024
_HEAD_LINES = 500
_TAIL_LINES = 200
_OUTPUT_LIMIT = 256 * 1024 * 1024

OnLine = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Finished:
    """An ffmpeg that has ended.

    Parameters:
        code: its exit code; negative for a signal.
        output: what it wrote to its standard output, unless a caller took it line by line.
        log: lines of its log. Of a very long log only the beginning and the end are kept.
        expired: True when it was killed because its time was up.
    """

    code: int
    output: bytes
    log: tuple[str, ...]
    expired: bool


def find_ffmpeg(named: str | None = None) -> str:
    """Return the ffmpeg to use.

    Parameters:
        named: path or command of an ffmpeg (5.1 or newer) to use instead of the one that the Python package
            `imageio-ffmpeg` brings.

    Raises:
        FfmpegMissingError: there is none.
    """
    if named:
        found = shutil.which(named)
        if found is None:
            raise FfmpegMissingError(
                f"The ffmpeg named in the settings, {named!r}, is not there or cannot be executed."
            )
        return found
    try:
        # Optional, so imported by name and late: a machine with its own ffmpeg does not need the package.
        return str(import_module("imageio_ffmpeg").get_ffmpeg_exe())
    except (ImportError, RuntimeError) as error:
        raise FfmpegMissingError(
            "There is no ffmpeg: install it with `pip install 'horarium[auto-analyze]'`, or name one in the settings."
        ) from error


def run_ffmpeg(
    command: Sequence[str],
    *,
    timeout: float,
    feed: bytes | None = None,
    on_output: OnLine | None = None,
    on_log: OnLine | None = None,
) -> Finished:
    """Run one ffmpeg to its end.

    Its pipes are always emptied, so that it never waits for us; what is kept of them is bounded. It stays in
    our process group and ends with it. Whatever is raised meanwhile, by a callback too, kills it first.

    Parameters:
        command: the program and its arguments.
        timeout: seconds after which it is killed.
        feed: what it reads from its standard input; without it that is empty.
        on_output: takes its output line by line, in the caller's thread; an exception from it ends the run.
        on_log: sees every line of its log, in another thread; must not raise.

    Raises:
        FfmpegMissingError: it cannot be started.
        AnalysisError: its output is far too large.
    """
    try:
        process = subprocess.Popen(  # noqa: S603 - a list of arguments, no shell
            command,
            stdin=subprocess.DEVNULL if feed is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    except OSError as error:
        raise FfmpegMissingError(f"The ffmpeg at {command[0]} cannot be started: {error.strerror}.") from error
    log = _Log(on_log)
    expired = threading.Event()
    watch = threading.Timer(timeout, _expire, (process, expired))
    watch.daemon = True
    helpers = [threading.Thread(target=log.drain, args=(process.stderr,), daemon=True)]
    if feed is not None:
        helpers.append(threading.Thread(target=_feed, args=(process.stdin, feed), daemon=True))
    with process:
        try:
            for helper in (watch, *helpers):
                helper.start()
            output = _read(cast("IO[bytes]", process.stdout), on_output)
            process.wait()
        except BaseException:
            process.kill()
            raise
        finally:
            watch.cancel()
            for helper in helpers:
                if helper.is_alive():
                    helper.join()
    return Finished(process.returncode, output, log.lines(), expired.is_set())


class _Log:
    """The first and the last lines of a log."""

    def __init__(self, on_line: OnLine | None) -> None:
        self._on_line = on_line
        self._head: list[str] = []
        self._tail: deque[str] = deque(maxlen=_TAIL_LINES)

    def drain(self, pipe: IO[bytes]) -> None:
        while line := pipe.readline(_LINE):
            text = line.decode("utf-8", "replace").rstrip("\r\n")
            (self._head if len(self._head) < _HEAD_LINES else self._tail).append(text)
            if self._on_line is not None:
                self._on_line(text)

    def lines(self) -> tuple[str, ...]:
        return (*self._head, *self._tail)


def _expire(process: subprocess.Popen[bytes], expired: threading.Event) -> None:
    if process.poll() is None:
        expired.set()
        process.kill()


def _feed(pipe: IO[bytes], content: bytes) -> None:
    # ffmpeg may end before it has read everything; its exit code and log say why.
    with suppress(BrokenPipeError, ConnectionResetError), pipe:
        pipe.write(content)


def _read(pipe: IO[bytes], on_line: OnLine | None) -> bytes:
    if on_line is not None:
        while line := pipe.readline(_LINE):
            on_line(line.decode("utf-8", "replace").rstrip("\r\n"))
        return b""
    output = pipe.read(_OUTPUT_LIMIT + 1)
    if len(output) > _OUTPUT_LIMIT:
        raise AnalysisError(f"ffmpeg's output is larger than {_OUTPUT_LIMIT} bytes.")
    return output
