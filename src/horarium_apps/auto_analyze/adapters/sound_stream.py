"""The sound of a video, decoded by ffmpeg bit by bit, so that an hour of it is never held at once."""

from __future__ import annotations

import subprocess
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Self, cast

from horarium_apps.auto_analyze.adapters.ffmpeg import input_arguments, is_permanent
from horarium_apps.auto_analyze.adapters.ffmpeg_output import first_error
from horarium_apps.auto_analyze.adapters.ffmpeg_process import Finished, find_ffmpeg
from horarium_apps.auto_analyze.domain.errors import AnalysisError, FfmpegMissingError
from horarium_apps.auto_analyze.domain.media import AudioStream
from horarium_apps.auto_analyze.domain.names import quoted

RATE = 16_000
"""Samples a second of the stream: what Whisper listens to."""

SAMPLE_BYTES = 2

_PIECE = 10 * RATE * SAMPLE_BYTES
_PATIENCE = 120.0
_LINE = 64 * 1024
_LOG_LINES = 200


class SoundStream:
    """One sound track as 16 kHz mono, signed 16-bit little-endian samples, read from the front.

    Its first sample is time 0 of the video: a track that begins later, or has gaps, is filled up with silence. Use it
    in a `with` block, whose end ends ffmpeg.

    Parameters:
        path: the video.
        sound: which of its tracks.
        ffmpeg: path or command of an ffmpeg (5.1 or newer); None for the one of the package `imageio-ffmpeg`.
        threads: threads to decode with.
        patience: seconds that ffmpeg may take for ten seconds of sound before it is killed. Time between two reads
            does not count, as ffmpeg waits meanwhile.

    Raises:
        FfmpegMissingError: there is no ffmpeg.
    """

    def __init__(
        self,
        path: Path,
        sound: AudioStream,
        *,
        ffmpeg: str | None = None,
        threads: int = 2,
        patience: float = _PATIENCE,
    ) -> None:
        self._path = path
        self._patience = patience
        self._given = 0
        self._ended = False
        self._expired = threading.Event()
        self._command = [
            *(find_ffmpeg(ffmpeg), "-nostdin", "-hide_banner", "-nostats", "-loglevel", "level+error"),
            *("-threads", str(threads), *input_arguments(path), "-map", f"0:{sound.index}"),
            *("-af", f"aresample={RATE}:async=1:first_pts=0", "-ac", "1", "-f", "s16le", "pipe:1"),
        ]

    def __enter__(self) -> Self:
        try:
            self._process = subprocess.Popen(  # noqa: S603 - a list of arguments, no shell
                self._command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
        except OSError as error:
            raise FfmpegMissingError(
                f"The ffmpeg at {self._command[0]} cannot be started: {error.strerror}."
            ) from error
        self._log: deque[str] = deque(maxlen=_LOG_LINES)
        self._drain = threading.Thread(target=_drain, args=(self._process.stderr, self._log), daemon=True)
        self._drain.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._ended:
            self._process.kill()
        with self._process:
            self._drain.join()

    def read(self, seconds: float) -> bytes:
        """Return the next samples: as many as asked for, and fewer only at the end of the sound.

        Raises:
            AnalysisError: not one sample can be decoded, ffmpeg took too long, or the outside world failed. A track
                that is damaged in places gives what can be decoded.
        """
        wanted = round(seconds * RATE) * SAMPLE_BYTES
        pieces = []
        while wanted > 0 and (piece := self._piece(min(wanted, _PIECE))):
            pieces.append(piece)
            wanted -= len(piece)
        samples = b"".join(pieces)
        self._given += len(samples)
        if wanted > 0:
            self._end()
        return samples[: len(samples) - len(samples) % SAMPLE_BYTES]

    def _piece(self, size: int) -> bytes:
        if self._ended:
            return b""
        with self._hurried():
            return cast("IO[bytes]", self._process.stdout).read(size)

    @contextmanager
    def _hurried(self) -> Iterator[None]:
        watch = threading.Timer(self._patience, self._expire)
        watch.daemon = True
        watch.start()
        try:
            yield
        finally:
            watch.cancel()

    def _expire(self) -> None:
        if self._process.poll() is None:
            self._expired.set()
            self._process.kill()

    def _end(self) -> None:
        if self._ended:
            return
        with self._hurried():
            code = self._process.wait()
            self._drain.join()
        self._ended = True
        name = quoted(self._path)
        if self._expired.is_set():
            raise AnalysisError(
                f"The sound of {name} took longer than {self._patience:g} seconds for ten seconds of it to read.",
                permanent=False,
            )
        if code < 0:
            raise AnalysisError(f"ffmpeg was stopped by signal {-code} while it read {name}.", permanent=False)
        permanent = is_permanent(Finished(code, b"", tuple(self._log), expired=False))
        if not self._given or (code != 0 and not permanent):
            cause = first_error(self._log) or "there is not one sample in it"
            raise AnalysisError(f"The sound of {name} cannot be decoded: {cause}.", permanent=permanent)


def _drain(pipe: IO[bytes], log: deque[str]) -> None:
    while line := pipe.readline(_LINE):
        log.append(line.decode("utf-8", "replace").rstrip("\r\n"))
