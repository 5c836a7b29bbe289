"""Frames of a video as raw pixels, streamed one at a time from one ffmpeg."""

from __future__ import annotations

import math
import subprocess
import threading
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, cast

from horarium_apps.auto_analyze.adapters.ffmpeg import input_arguments, is_permanent, why_not_decoded
from horarium_apps.auto_analyze.adapters.ffmpeg_process import Finished, find_ffmpeg
from horarium_apps.auto_analyze.domain import fingerprint, hook
from horarium_apps.auto_analyze.domain.contact_sheet import fitted
from horarium_apps.auto_analyze.domain.errors import AnalysisError, FfmpegMissingError
from horarium_apps.auto_analyze.domain.media import Cut, VideoStream
from horarium_apps.auto_analyze.domain.names import quoted
from horarium_apps.auto_analyze.domain.stages import Fraction

READ_SIDE = 960
"""Pixels of the longer side of a frame that is read for text."""

TIMEOUT = 3600.0
"""Seconds that one ffmpeg may take."""

_GRID = 5
"""Places a second at which a frame for reading can be: one a second, and the first after each cut."""

# Over this length it is faster to seek each frame of a fingerprint than to decode the whole video.
_SEEK_SECONDS = 120.0
_LOG_LINES = 200


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture, upright, as people see it at a time.

    Parameters:
        at: seconds from the start of the video.
        pixels: row by row; a byte each when it is grey, else red, green and blue.
    """

    at: float
    width: int
    height: int
    pixels: bytes

    @property
    def grey(self) -> bool:
        """True when a pixel is one byte."""
        return len(self.pixels) == self.width * self.height


@dataclass(frozen=True, slots=True)
class Sampling:
    """Which frames an ffmpeg delivers, and how.

    Parameters:
        rate: frames a second; each shows what is on screen at its time.
        width, height: pixels of each, whatever the shape of the picture is.
        grey: a byte a pixel instead of three.
        start, length: the part of the video, in seconds; no length for all of it.
        threads: for decoding.
        timeout: seconds after which ffmpeg is killed.
    """

    rate: float
    width: int
    height: int
    grey: bool = False
    start: float = 0.0
    length: float | None = None
    threads: int = 2
    timeout: float = TIMEOUT


def sample_frames(
    path: Path, picture: VideoStream, sampling: Sampling, *, ffmpeg: str | None = None
) -> Generator[Frame, None, None]:
    """Yield frames in order of time; only one is in memory. ffmpeg is killed when the generator is closed.

    Parameters:
        picture: the stream to look at.
        ffmpeg: path or command of an ffmpeg; None for the one of the package `imageio-ffmpeg`.

    Raises:
        FfmpegMissingError: there is no ffmpeg.
        AnalysisError: not one frame can be decoded, it took too long, or ffmpeg ended badly.
    """
    command = _command(find_ffmpeg(ffmpeg), path, picture, sampling)
    size = sampling.width * sampling.height * (1 if sampling.grey else 3)
    try:
        process = subprocess.Popen(  # noqa: S603 - a list of arguments, no shell
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
    except OSError as error:
        raise FfmpegMissingError(f"The ffmpeg at {command[0]} cannot be started: {error.strerror}.") from error
    log: deque[str] = deque(maxlen=_LOG_LINES)
    expired = threading.Event()
    drain = threading.Thread(target=_drain, args=(process.stderr, log), daemon=True)
    watch = threading.Timer(sampling.timeout, _expire, (process, expired))
    watch.daemon = True
    count = 0
    with process:
        try:
            drain.start()
            watch.start()
            while len(pixels := cast("IO[bytes]", process.stdout).read(size)) == size:
                yield Frame(sampling.start + count / sampling.rate, sampling.width, sampling.height, pixels)
                count += 1
            process.wait()
        finally:
            # A caller that has seen enough closes the generator in the middle; a dead process minds no kill.
            process.kill()
            watch.cancel()
            if drain.is_alive():
                drain.join()
    _check(path, Finished(process.returncode, b"", tuple(log), expired.is_set()), sampling, count)


def frames_to_read(
    path: Path,
    picture: VideoStream,
    cuts: Iterable[Cut] = (),
    *,
    ffmpeg: str | None = None,
    threads: int = 2,
    timeout: float = TIMEOUT,
) -> Iterator[Frame]:
    """Yield the frames in which text is looked for: one a second, and one just after each cut.

    Coloured, and shrunk so that the longer side is at most `READ_SIDE` pixels.

    Raises:
        AnalysisError: as `sample_frames`.
    """
    width, height = fitted(picture.shown_size or (READ_SIDE, READ_SIDE), READ_SIDE)
    # The first place of the grid that is after the cut, or the next where the frame is still being dissolved.
    after_cuts = {math.floor(cut.at * _GRID) + 1 for cut in cuts}
    sampling = Sampling(_GRID, width, height, threads=threads, timeout=timeout)
    with closing(sample_frames(path, picture, sampling, ffmpeg=ffmpeg)) as frames:
        for place, frame in enumerate(frames):
            if place % _GRID == 0 or place in after_cuts:
                yield frame


def frames_to_hash(
    path: Path,
    picture: VideoStream,
    seconds: float,
    progress: Fraction | None = None,
    *,
    ffmpeg: str | None = None,
    threads: int = 2,
    timeout: float = TIMEOUT,
) -> list[bytes]:
    """Return `fingerprint.FRAMES` small grey pictures, spread evenly over a video; an empty one could not be decoded.

    Parameters:
        seconds: how far the picture can be decoded.
        progress: told how much is done; may raise to end it.

    Raises:
        AnalysisError: as `sample_frames`.
    """
    count = fingerprint.FRAMES
    if seconds <= 0:
        raise AnalysisError(f"{quoted(path)} has no length, so no frames can be spread over it.")
    small = Sampling(2 * count / seconds, fingerprint.WIDTH, fingerprint.HEIGHT, True, 0.0, None, threads, timeout)
    found: list[bytes] = []
    report = progress or _ignore
    if seconds > _SEEK_SECONDS:
        for place in range(count):
            found.append(_sought(path, picture, small, (place + 0.5) * seconds / count, ffmpeg))
            report(len(found) / count)
        return found
    # Every second place of a grid twice as fine is the middle of a share.
    with closing(sample_frames(path, picture, small, ffmpeg=ffmpeg)) as frames:
        for frame in islice(frames, 1, 2 * count, 2):
            found.append(frame.pixels)
            report(len(found) / count)
    return [*found, *[b""] * (count - len(found))]


def opening_frames(
    path: Path,
    picture: VideoStream,
    *,
    ffmpeg: str | None = None,
    threads: int = 2,
    timeout: float = TIMEOUT,
) -> Sequence[bytes]:
    """Return small grey pictures of a video's first seconds, `hook.RATE` a second, from which movement is measured.

    Raises:
        AnalysisError: as `sample_frames`.
    """
    sampling = Sampling(hook.RATE, hook.SIDE, hook.SIDE, True, 0.0, hook.SECONDS, threads, timeout)
    most = round(hook.RATE * hook.SECONDS) + 1
    return [frame.pixels for frame in sample_frames(path, picture, sampling, ffmpeg=ffmpeg)][:most]


def _sought(path: Path, picture: VideoStream, small: Sampling, at: float, ffmpeg: str | None) -> bytes:
    wanted = Sampling(1.0, small.width, small.height, True, at, 1.0, small.threads, small.timeout)
    try:
        with closing(sample_frames(path, picture, wanted, ffmpeg=ffmpeg)) as frames:
            return next(frames).pixels
    except FfmpegMissingError:
        raise
    except AnalysisError as error:
        if not error.permanent:
            raise
        return b""


def _command(executable: str, path: Path, picture: VideoStream, sampling: Sampling) -> list[str]:
    part = ["-ss", f"{sampling.start:.3f}"] if sampling.start else []
    if sampling.length is not None:
        part += ["-t", f"{sampling.length:.3f}"]
    # Each place shows the last frame that began before it, as a screen does; the first frame fills a late start.
    steady = f"fps=fps={sampling.rate:.9g}:start_time=0:round=up"
    flags = "area" if sampling.grey else "bicubic"
    return [
        *(executable, "-nostdin", "-hide_banner", "-nostats", "-loglevel", "level+warning"),
        *("-threads", str(sampling.threads), *part, *input_arguments(path)),
        *("-map", f"0:{picture.index}", "-an", "-sn", "-dn"),
        *("-vf", f"{steady},scale={sampling.width}:{sampling.height}:flags={flags},setsar=1"),
        *("-f", "rawvideo", "-pix_fmt", "gray" if sampling.grey else "rgb24", "pipe:1"),
    ]


def _check(path: Path, finished: Finished, sampling: Sampling, count: int) -> None:
    if finished.expired:
        raise AnalysisError(f"{quoted(path)} took longer than {sampling.timeout:g} seconds to read.", permanent=False)
    if finished.code < 0:
        raise AnalysisError(
            f"ffmpeg was stopped by signal {-finished.code} while it read {quoted(path)}; "
            "the machine may be out of memory.",
            permanent=False,
        )
    if finished.code != 0 or count == 0:
        raise AnalysisError(why_not_decoded(path, finished), permanent=is_permanent(finished))


def _drain(pipe: IO[bytes], log: deque[str]) -> None:
    for line in pipe:
        log.append(line.decode("utf-8", "replace").rstrip("\r\n"))


def _expire(process: subprocess.Popen[bytes], expired: threading.Event) -> None:
    if process.poll() is None:
        expired.set()
        process.kill()


def _ignore(_: float) -> None:
    """Take progress that nobody asked for."""
