"""The analysis of one video, from the file to its result."""

from __future__ import annotations

from pathlib import Path

from horarium_apps.auto_analyze.domain.checks import check_complete, moving_picture
from horarium_apps.auto_analyze.domain.contact_sheet import plan_sheet
from horarium_apps.auto_analyze.domain.errors import AnalysisError
from horarium_apps.auto_analyze.domain.media import (
    Analysis,
    ContactSheet,
    FoundVideo,
    HeardSound,
    Probe,
    SeenPicture,
    VideoStream,
)
from horarium_apps.auto_analyze.domain.names import quoted
from horarium_apps.auto_analyze.domain.stages import Fraction, Progress, Stage
from horarium_apps.auto_analyze.ports import MediaTool, SheetPicture, VideoFiles

_SHEET_FRAMES = 9
_HASHING_SHARE = 0.9


def analyze_video(
    video: FoundVideo,
    *,
    media: MediaTool,
    files: VideoFiles,
    sheet_path: Path | None = None,
    sheet_frames: int = _SHEET_FRAMES,
    progress: Progress | None = None,
) -> Analysis:
    """Analyse one video: probe it, measure its loudness, find its cuts, draw a contact sheet.

    1. Hash the file: it must still be the one that was imported.
    2. Read its headers; decode its first sound track, then its picture; seek the frames of the sheet.
    3. Look again: it must not have changed meanwhile. Only then is the sheet written.

    Parameters:
        video: the file as it was imported.
        sheet_path: where to write the contact sheet (JPEG); None for none. An older file there is replaced.
        sheet_frames: how many frames the sheet shows at most.
        progress: told the stage and how much of it is done.

    Returns:
        The analysis. A file without sound has no loudness; that is no error.

    Raises:
        AnalysisError: the video is missing, changed, empty, cut short, no video, or could not be read in time.
    """
    report = progress or _ignore
    report(Stage.PROBE, 0.0)
    current = identify(video, files, lambda done: report(Stage.PROBE, done * _HASHING_SHARE))
    try:
        probe = media.probe(video.path)
        picture = moving_picture(video.path, probe)
        report(Stage.PROBE, 1.0)
        heard = None
        if probe.audio:
            heard = media.listen(video.path, probe.audio[0], probe.duration, lambda done: report(Stage.LOUDNESS, done))
        seen = media.watch(video.path, picture, probe.duration, lambda done: report(Stage.CUTS, done))
        notes = (*(heard.notes if heard else ()), *seen.notes, *check_complete(video.path, probe, seen, heard))
        drawn = None
        if sheet_path is not None:
            drawn = _draw(video.path, picture, seen, media, sheet_frames, report)
    except AnalysisError as error:
        if not files.is_unchanged(current):
            raise _changed_meanwhile(video.path) from error
        raise
    if not files.is_unchanged(current):
        raise _changed_meanwhile(video.path)
    sheet = None
    if sheet_path is not None:
        if drawn is None:
            notes += ("No frame could be drawn for a contact sheet.",)
        else:
            files.save(sheet_path, drawn.jpeg)
            sheet = ContactSheet(sheet_path.name, drawn.width, drawn.height, drawn.columns, drawn.rows, drawn.times)
    return _result(current, probe, picture, seen, heard, sheet, notes, media.version())


def identify(video: FoundVideo, files: VideoFiles, progress: Fraction) -> FoundVideo:
    """Read the file, which must be the one that was imported. Raises AnalysisError when it is not."""
    current = files.identify(video.path, progress)
    if current.size == 0:
        raise AnalysisError(f"{quoted(video.path)} is empty.")
    if current.content_hash != video.content_hash:
        raise AnalysisError(
            f"{quoted(video.path)} is not the file that was imported: its content has changed since. "
            "Import its folder again."
        )
    return current


def _changed_meanwhile(path: Path) -> AnalysisError:
    return AnalysisError(f"{quoted(path)} was changed or removed while it was analysed.", permanent=False)


def _draw(
    path: Path, picture: VideoStream, seen: SeenPicture, media: MediaTool, wanted: int, report: Progress
) -> SheetPicture | None:
    report(Stage.CONTACT_SHEET, 0.0)
    size = picture.shown_size
    if size is None:
        return None
    plan = plan_sheet(size, seconds=seen.seconds, frames=seen.frames, wanted=wanted)
    return media.contact_sheet(path, picture, plan, lambda done: report(Stage.CONTACT_SHEET, done))


def _result(
    file: FoundVideo,
    probe: Probe,
    picture: VideoStream,
    seen: SeenPicture,
    heard: HeardSound | None,
    sheet: ContactSheet | None,
    notes: tuple[str, ...],
    tool: str,
) -> Analysis:
    duration = probe.duration
    if duration is None:
        duration = max(seen.seconds, heard.seconds if heard else 0.0)
    bit_rate = probe.bit_rate
    if bit_rate is None and duration > 0:
        bit_rate = round(file.size * 8 / duration)
    return Analysis(
        content_hash=file.content_hash,
        size=file.size,
        container=probe.container,
        duration=duration,
        bit_rate=bit_rate,
        video=probe.video,
        audio=probe.audio,
        other=probe.other,
        picture=picture.index,
        frames=seen.frames,
        loudness=heard.loudness if heard else None,
        cuts=seen.cuts,
        contact_sheet=sheet,
        notes=notes,
        tool=tool,
    )


def _ignore(_stage: str, _fraction: float) -> None:
    """Take progress that nobody asked for."""
