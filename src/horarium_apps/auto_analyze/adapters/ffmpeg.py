"""ffmpeg as the tool that reads pictures and sound."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from horarium_apps.auto_analyze.adapters.ffmpeg_output import (
    first_error,
    is_error,
    parse_cut,
    parse_frame_count,
    parse_loudness,
    parse_out_time,
    parse_probe,
    parse_version,
)
from horarium_apps.auto_analyze.adapters.ffmpeg_process import Finished, OnLine, find_ffmpeg, run_ffmpeg
from horarium_apps.auto_analyze.domain.checks import nothing_decoded
from horarium_apps.auto_analyze.domain.contact_sheet import SheetPlan, fitted, grid
from horarium_apps.auto_analyze.domain.errors import AnalysisError, FfmpegMissingError
from horarium_apps.auto_analyze.domain.media import (
    SOUND_NOT_DECODED,
    AudioStream,
    Cut,
    HeardSound,
    Probe,
    SeenPicture,
    VideoStream,
)
from horarium_apps.auto_analyze.domain.names import quoted
from horarium_apps.auto_analyze.domain.stages import Fraction
from horarium_apps.auto_analyze.ports import SheetPicture

CUT_THRESHOLD = 10.0
"""Score (0 to 100) from which a change of picture counts as a cut: the default of ffmpeg's `scdet` filter."""

# Playlists, concatenation lists and the like name other files and addresses; a file that is analysed must not make
# ffmpeg open anything else. Nothing but these formats is read, whatever the name of the file promises.
_FORMATS = (
    "mov,mp4,matroska,webm,avi,flv,mpegts,mpeg,mpegvideo,m4v,h264,hevc,av1,obu,ivf,asf,ogg,mxf,nut,rm,dv,wtv,gif,"
    "mjpeg,mp3,aac,flac,wav,jpeg_pipe,png_pipe,webp_pipe,bmp_pipe,gif_pipe,tiff_pipe"
)
_PROTOCOLS = "file,pipe"
_MAX_PIXELS = 8192 * 8192
_WATCHED_SIDE = 320
_MAX_CUTS = 5000
# Over this length frames are at least a minute apart in a sheet, and the nearest keyframe is near enough.
_EXACT_SEEK_SECONDS = 600.0
_GAP = 6
_CRASHES = frozenset({signal.SIGSEGV, signal.SIGABRT, signal.SIGFPE, signal.SIGILL})
_TOO_OLD = ("Unrecognized option", "No such filter", "Option not found")


@dataclass(frozen=True, slots=True)
class Limits:
    """How long one call of ffmpeg may take, in seconds, and how many threads it may use to decode.

    Parameters:
        probe: for the headers.
        decode: for each of the two passes over the whole file, one for the sound and one for the picture.
        frame: for one frame of the contact sheet, and for drawing it.
        threads: more are faster and take more memory, which grows with the size of the picture.
    """

    probe: float = 60.0
    decode: float = 3600.0
    frame: float = 60.0
    threads: int = 2


class Ffmpeg:
    """ffmpeg, started once for each question.

    Parameters:
        named: path or command of an ffmpeg (5.1 or newer); None for the one of the package `imageio-ffmpeg`.
        limits: time and threads.

    Raises:
        FfmpegMissingError: there is no ffmpeg.
    """

    def __init__(self, named: str | None = None, *, limits: Limits | None = None) -> None:
        self.executable = find_ffmpeg(named)
        self._limits = limits or Limits()

    def version(self) -> str:
        """Return the name and version, such as "ffmpeg 7.1"."""
        return self._version

    def probe(self, path: Path) -> Probe:
        """Return what the headers of the file say.

        Raises:
            AnalysisError: ffmpeg cannot open it as a picture or sound.
        """
        finished = self._run(path, ["-hide_banner", *input_arguments(path)], self._limits.probe)
        probe = parse_probe(_without_name(finished.log, path))
        if probe is None:
            raise AnalysisError(_why_not_opened(path, finished), permanent=is_permanent(finished))
        return probe

    def listen(self, path: Path, sound: AudioStream, duration: float | None, progress: Fraction) -> HeardSound:
        """Decode a whole sound track. One that cannot be decoded has no loudness and a note, and is no error.

        Raises:
            AnalysisError: it took too long, or the outside world failed.
        """
        # A pass of its own: with picture and sound in one, some versions of ffmpeg report the length of the
        # shorter and others that of the longer, and a sound track that cannot be decoded fails the picture too.
        arguments = ["-map", f"0:{sound.index}", "-af", "ebur128=peak=true:framelog=verbose"]
        finished, findings, pace = self._decode(path, arguments, duration, progress)
        if finished.code != 0:
            if not is_permanent(finished):
                raise AnalysisError(why_not_decoded(path, finished), permanent=False)
            return HeardSound(None, pace.seconds, notes=(SOUND_NOT_DECODED,))
        return HeardSound(parse_loudness(finished.log), pace.seconds, findings.errors)

    def watch(self, path: Path, picture: VideoStream, duration: float | None, progress: Fraction) -> SeenPicture:
        """Decode a whole picture stream and find its cuts, on a smaller picture, which is as good and faster.

        Raises:
            AnalysisError: it cannot be decoded, or it took too long.
        """
        width, height = fitted(picture.shown_size or (_WATCHED_SIDE, _WATCHED_SIDE), _WATCHED_SIDE)
        shrunk = f"scale={width}:{height}:flags=fast_bilinear"
        arguments = ["-map", f"0:{picture.index}", "-fps_mode", "passthrough"]
        arguments += ["-vf", f"{shrunk},scdet=threshold={CUT_THRESHOLD:g}"]
        finished, findings, pace = self._decode(path, arguments, duration, progress)
        if finished.code != 0:
            permanent = is_permanent(finished)
            undecoded = permanent and pace.frames == 0
            words = nothing_decoded(path) if undecoded else why_not_decoded(path, finished)
            raise AnalysisError(words, permanent=permanent)
        notes = (f"Only the first {_MAX_CUTS} cuts are kept.",) if findings.more_cuts else ()
        return SeenPicture(tuple(findings.cuts), pace.frames, pace.seconds, findings.errors, notes)

    def contact_sheet(
        self, path: Path, picture: VideoStream, plan: SheetPlan, progress: Fraction
    ) -> SheetPicture | None:
        """Draw the planned frames into one JPEG; None when not one of them can be decoded.

        Each frame is sought and decoded by itself, one after the other: neither time nor memory grows with the
        length of the video.

        Raises:
            AnalysisError: a frame took too long, or the picture cannot be encoded.
        """
        sought: list[tuple[float, bytes]] = []
        for done, at in enumerate(plan.times, start=1):
            cell = self._frame(path, picture, plan, at)
            if cell is not None:
                sought.append((at, cell))
            progress(done / (len(plan.times) + 1))
        if len(sought) < len(plan.times) and plan.times[-1] < _EXACT_SEEK_SECONDS:
            # Some files have no index to seek by; while they are short they can be read through instead.
            found = self._frames_in_one_pass(path, picture, plan)
            sought = found if len(found) > len(sought) else sought
        if not sought:
            return None
        times, cells = zip(*sought, strict=True)
        columns, rows = grid(len(cells), plan.cell_width, plan.cell_height)
        jpeg = self._tile(path, plan, cells, columns, rows)
        progress(1.0)
        return SheetPicture(
            jpeg=jpeg,
            width=columns * (plan.cell_width + _GAP) + _GAP,
            height=rows * (plan.cell_height + _GAP) + _GAP,
            columns=columns,
            rows=rows,
            times=times,
        )

    @cached_property
    def _version(self) -> str:
        finished = run_ffmpeg([self.executable, "-version"], timeout=self._limits.probe)
        version = parse_version(finished.output.decode("utf-8", "replace"))
        if version is None:
            raise FfmpegMissingError(f"The program at {self.executable} is not ffmpeg.")
        return version

    def _decode(
        self, path: Path, arguments: Sequence[str], duration: float | None, progress: Fraction
    ) -> tuple[Finished, _Findings, _Pace]:
        findings = _Findings()
        pace = _Pace(duration, progress)
        progress(0.0)
        finished = self._run(
            path,
            [
                *("-hide_banner", "-nostats", "-progress", "pipe:1", "-threads", str(self._limits.threads)),
                *(*input_arguments(path), *arguments, "-f", "null", "-"),
            ],
            self._limits.decode,
            on_output=pace.take,
            on_log=findings.take,
        )
        progress(1.0)
        return finished, findings, pace

    def _frame(self, path: Path, picture: VideoStream, plan: SheetPlan, at: float) -> bytes | None:
        exact = "-accurate_seek" if plan.times[-1] < _EXACT_SEEK_SECONDS else "-noaccurate_seek"
        arguments = [
            *("-hide_banner", "-nostats", "-threads", str(self._limits.threads)),
            *(exact, "-ss", f"{at:.3f}", *input_arguments(path)),
            *("-map", f"0:{picture.index}", "-frames:v", "1"),
            *("-vf", f"scale={plan.cell_width}:{plan.cell_height}:flags=bicubic,setsar=1"),
            *("-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"),
        ]
        finished = self._run(path, arguments, self._limits.frame)
        return finished.output if len(finished.output) == _cell_bytes(plan) else None

    def _frames_in_one_pass(self, path: Path, picture: VideoStream, plan: SheetPlan) -> list[tuple[float, bytes]]:
        chosen = "+".join(f"eq(n,{frame})" for frame in plan.frames)
        arguments = [
            *("-hide_banner", "-nostats", "-threads", str(self._limits.threads), *input_arguments(path)),
            *("-map", f"0:{picture.index}", "-fps_mode", "passthrough"),
            *("-vf", f"select='{chosen}',scale={plan.cell_width}:{plan.cell_height}:flags=bicubic,setsar=1"),
            *("-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"),
        ]
        pixels = self._run(path, arguments, self._limits.decode).output
        size = _cell_bytes(plan)
        cells = [pixels[start : start + size] for start in range(0, len(pixels) - size + 1, size)]
        return list(zip(plan.times, cells, strict=False))

    def _tile(self, path: Path, plan: SheetPlan, cells: Sequence[bytes], columns: int, rows: int) -> bytes:
        arguments = [
            *("-hide_banner", "-nostats", "-protocol_whitelist", "pipe"),
            *("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{plan.cell_width}x{plan.cell_height}", "-i", "pipe:0"),
            *("-vf", f"tile={columns}x{rows}:padding={_GAP}:margin={_GAP}:color=0x202020,format=yuvj420p"),
            *("-frames:v", "1", "-c:v", "mjpeg", "-q:v", "4", "-f", "image2pipe", "pipe:1"),
        ]
        finished = self._run(path, arguments, self._limits.frame, feed=b"".join(cells))
        if finished.code != 0 or not finished.output:
            raise AnalysisError(
                f"The contact sheet of {quoted(path)} cannot be drawn: {_cause(finished)}.",
                permanent=is_permanent(finished),
            )
        return finished.output

    def _run(
        self,
        path: Path,
        arguments: Sequence[str],
        timeout: float,
        *,
        feed: bytes | None = None,
        on_output: OnLine | None = None,
        on_log: OnLine | None = None,
    ) -> Finished:
        command = [self.executable, "-nostdin", "-loglevel", "level+info", *arguments]
        finished = run_ffmpeg(command, timeout=timeout, feed=feed, on_output=on_output, on_log=on_log)
        if finished.expired:
            raise AnalysisError(f"{quoted(path)} took longer than {timeout:g} seconds to read.", permanent=False)
        if -finished.code in _CRASHES:
            raise AnalysisError(f"ffmpeg crashed (signal {-finished.code}) while it read {quoted(path)}.")
        if finished.code < 0:
            raise AnalysisError(
                f"ffmpeg was stopped by signal {-finished.code} while it read {quoted(path)}; "
                "the machine may be out of memory.",
                permanent=False,
            )
        if any(words in line for line in finished.log for words in _TOO_OLD):
            raise FfmpegMissingError(
                f"{self.version()} at {self.executable} lacks what is needed here; 5.1 is the oldest that will do."
            )
        return finished


class _Findings:
    """Picks cuts and errors out of a log of any length."""

    def __init__(self) -> None:
        self.cuts: list[Cut] = []
        self.more_cuts = False
        self.errors = 0

    def take(self, line: str) -> None:
        if cut := parse_cut(line):
            if len(self.cuts) < _MAX_CUTS:
                self.cuts.append(cut)
            else:
                self.more_cuts = True
        elif is_error(line):
            self.errors += 1


class _Pace:
    """Follows `-progress`: how far the pass is, and at its end the length and the frames of the file."""

    def __init__(self, duration: float | None, progress: Fraction) -> None:
        self.seconds = 0.0
        self.frames = 0
        self._duration = duration
        self._progress = progress

    def take(self, line: str) -> None:
        if (frames := parse_frame_count(line)) is not None:
            self.frames = frames
        elif (seconds := parse_out_time(line)) is not None:
            self.seconds = round(seconds, 3)
            if self._duration:
                self._progress(min(1.0, seconds / self._duration))


def input_arguments(path: Path) -> list[str]:
    """Return the arguments that make ffmpeg read this file, and nothing else that the file may name."""
    return [
        *("-protocol_whitelist", _PROTOCOLS, "-format_whitelist", _FORMATS, "-max_pixels", str(_MAX_PIXELS)),
        *("-i", _url(path)),
    ]


def _cell_bytes(plan: SheetPlan) -> int:
    return plan.cell_width * plan.cell_height * 3


def _url(path: Path) -> str:
    # The prefix keeps a name such as "-y.mp4" or "concat:a.mp4" from being read as anything but a file.
    return f"file:{path.absolute()}"


def _without_name(log: Sequence[str], path: Path) -> list[str]:
    """Take the file's own name, which may hold line ends, out of the log."""
    shown = os.fsencode(_url(path)).decode("utf-8", "replace")
    return "\n".join(log).replace(shown, "file").split("\n")


def _why_not_opened(path: Path, finished: Finished) -> str:
    words = "\n".join(finished.log)
    name = quoted(path)
    if "Format not on whitelist" in words:
        return f"{name} is no video of a kind that is read here; playlists and lists of files are not."
    if "misdetection possible" in words:
        return f"{name} is not a video."
    if "moov atom not found" in words:
        return f"{name} is cut short: its index is missing, as in a download that did not finish."
    return f"{name} is damaged, or not a video: {_cause(finished)}."


def why_not_decoded(path: Path, finished: Finished) -> str:
    """Return the sentence about a file that ffmpeg opened and could not decode."""
    return f"{quoted(path)} cannot be decoded: {_cause(finished)}."


def _cause(finished: Finished) -> str:
    return first_error(finished.log) or f"ffmpeg ended with code {finished.code}"


def is_permanent(finished: Finished) -> bool:
    """Tell whether the file is at fault, by what ffmpeg says: a failed disk or a want of memory may pass."""
    passing = ("Input/output error", "Cannot allocate memory", "Stale file handle", "Resource temporarily unavailable")
    return not any(words in line for line in finished.log for words in passing)
