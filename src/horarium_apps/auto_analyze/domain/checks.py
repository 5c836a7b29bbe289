"""Rules: which files are videos that can be analysed, and which are only part of one."""

from __future__ import annotations

from pathlib import PurePath

from horarium_apps.auto_analyze.domain.errors import AnalysisError
from horarium_apps.auto_analyze.domain.media import HeardSound, Probe, SeenPicture, VideoStream
from horarium_apps.auto_analyze.domain.names import quoted

# A container's duration and its last frame never agree to the millisecond; less than this is not a cut-short file.
_SHORTFALL_SECONDS = 0.5
_SHORTFALL_SHARE = 0.05


def moving_picture(path: PurePath, probe: Probe) -> VideoStream:
    """Return the stream to analyse.

    Raises:
        AnalysisError: the file is sound only, a still picture, or has no picture that can be read.
    """
    formats = probe.container.split(",")
    if any(name == "image2" or name.endswith("_pipe") for name in formats):
        raise AnalysisError(f"{quoted(path)} is a still picture, not a video.")
    picture = probe.picture
    if picture is None:
        if probe.audio:
            raise AnalysisError(f"{quoted(path)} holds sound only and no moving picture.")
        raise AnalysisError(f"{quoted(path)} holds no moving picture.")
    if picture.shown_size is None:
        raise AnalysisError(f"{quoted(path)} has a picture stream without a single picture in it.")
    return picture


def check_complete(path: PurePath, probe: Probe, seen: SeenPicture, heard: HeardSound | None) -> tuple[str, ...]:
    """Return notes about a file that was read to its end but not without trouble.

    Raises:
        AnalysisError: no picture could be decoded, or the file ends early, as an unfinished download does.
    """
    if seen.frames == 0:
        raise AnalysisError(nothing_decoded(path))
    seconds = max(seen.seconds, heard.seconds if heard else 0.0)
    complaints = seen.complaints + (heard.complaints if heard else 0)
    declared = probe.duration or 0.0
    if declared - seconds > max(_SHORTFALL_SECONDS, _SHORTFALL_SHARE * declared):
        # Other streams (data, a second sound track) may well be longer than what is decoded here:
        # it takes a reader's complaint as well to say that the file was cut.
        if complaints:
            raise AnalysisError(
                f"{quoted(path)} is cut short: {seconds:.1f} of its {declared:.1f} seconds can be read."
            )
        return (f"Picture and sound end at {seconds:.1f} of {declared:.1f} seconds.",)
    if complaints:
        return (f"Parts of the file are damaged: {_errors(complaints)} while decoding.",)
    return ()


def nothing_decoded(path: PurePath) -> str:
    """Return the sentence about a file whose pictures cannot be read, not even one."""
    return f"{quoted(path)} has a picture stream, but not one picture in it can be decoded."


def _errors(count: int) -> str:
    return "1 error" if count == 1 else f"{count} errors"
