"""The analysis of one video, from the file to its result."""

from __future__ import annotations

from dataclasses import replace
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
from horarium_apps.auto_analyze.domain.stages import Progress, Stage
from horarium_apps.auto_analyze.ports import MediaTool, SheetPicture, VideoFiles

_SHEET_FRAMES = 9
_HASHING_SHARE = 0.9
_NOTHING_DRAWN = "No frame could be drawn for a contact sheet."
_NO_SHEET = "There is no contact sheet: "


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
    3. Look again: it must not have changed meanwhile. Only then is the sheet written. Where it cannot be written, as
       with a full disk, a note says so, and all the rest is kept.

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
    current = identify(video, files, report)
    return analyze_identified(
        current, media=media, files=files, sheet_path=sheet_path, sheet_frames=sheet_frames, progress=report
    )


def analyze_identified(
    current: FoundVideo,
    *,
    media: MediaTool,
    files: VideoFiles,
    sheet_path: Path | None,
    sheet_frames: int,
    progress: Progress,
) -> Analysis:
    """Analyse a video that was just identified: `analyze_video` without its first step, with the same parameters."""
    path = current.path
    try:
        probe = media.probe(path)
        picture = moving_picture(path, probe)
        progress(Stage.PROBE, 1.0)
        heard = None
        if probe.audio:
            heard = media.listen(path, probe.audio[0], probe.duration, lambda done: progress(Stage.LOUDNESS, done))
        seen = media.watch(path, picture, probe.duration, lambda done: progress(Stage.CUTS, done))
        notes = (*(heard.notes if heard else ()), *seen.notes, *check_complete(path, probe, seen, heard))
        drawn = None
        if sheet_path is not None:
            drawn = _draw(path, picture, seen, media, sheet_frames, progress)
    except AnalysisError as error:
        if not files.is_unchanged(current):
            raise changed_meanwhile(path) from error
        raise
    check_unchanged(current, files)
    analysis = _result(current, probe, picture, seen, heard, notes, media.version())
    return analysis if sheet_path is None else _with_sheet(analysis, drawn, sheet_path, files)


def add_missing_sheet(
    analysis: Analysis,
    current: FoundVideo,
    *,
    media: MediaTool,
    files: VideoFiles,
    sheet_path: Path,
    sheet_frames: int,
    progress: Progress,
) -> Analysis:
    """Return an earlier analysis of the same file with a contact sheet, if it has none and one can be drawn.

    Raises:
        AnalysisError: the file was changed or removed meanwhile.
    """
    if analysis.contact_sheet is not None or _NOTHING_DRAWN in analysis.notes:
        return analysis
    picture = next(each for each in analysis.video if each.index == analysis.picture)
    shown = analysis.duration if not picture.frame_rate else analysis.frames / picture.frame_rate
    seen = SeenPicture(analysis.cuts, analysis.frames, min(analysis.duration, shown))
    try:
        drawn = _draw(current.path, picture, seen, media, sheet_frames, progress)
    except AnalysisError as error:
        check_unchanged(current, files)
        return _without_sheet(analysis, error)
    check_unchanged(current, files)
    return _with_sheet(analysis, drawn, sheet_path, files)


def identify(video: FoundVideo, files: VideoFiles, progress: Progress) -> FoundVideo:
    """Read the file, which must be the one that was imported. Raises AnalysisError when it is not."""
    progress(Stage.PROBE, 0.0)
    current = files.identify(video.path, lambda done: progress(Stage.PROBE, done * _HASHING_SHARE))
    if current.size == 0:
        raise AnalysisError(f"{quoted(video.path)} is empty.")
    if current.content_hash != video.content_hash:
        raise AnalysisError(
            f"{quoted(video.path)} is not the file that was imported: its content has changed since. "
            "Import its folder again."
        )
    return current


def check_unchanged(current: FoundVideo, files: VideoFiles) -> None:
    """Raise AnalysisError when the file is not any more what it was when it was identified."""
    if not files.is_unchanged(current):
        raise changed_meanwhile(current.path)


def changed_meanwhile(path: Path) -> AnalysisError:
    """Return the error of a file that was changed or removed while it was analysed; another try may go well."""
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


def _with_sheet(analysis: Analysis, drawn: SheetPicture | None, path: Path, files: VideoFiles) -> Analysis:
    """Return the analysis with the sheet that was drawn, once it is written."""
    if drawn is None:
        return replace(analysis, notes=(*analysis.notes, _NOTHING_DRAWN))
    try:
        files.save(path, drawn.jpeg)
    except AnalysisError as error:
        return _without_sheet(analysis, error)
    sheet = ContactSheet(path.name, drawn.width, drawn.height, drawn.columns, drawn.rows, drawn.times, str(path.parent))
    return replace(analysis, contact_sheet=sheet, notes=_other_notes(analysis))


def _without_sheet(analysis: Analysis, error: AnalysisError) -> Analysis:
    return replace(analysis, notes=(*_other_notes(analysis), f"{_NO_SHEET}{error}"))


def _other_notes(analysis: Analysis) -> tuple[str, ...]:
    return tuple(note for note in analysis.notes if not note.startswith(_NO_SHEET))


def _result(
    file: FoundVideo,
    probe: Probe,
    picture: VideoStream,
    seen: SeenPicture,
    heard: HeardSound | None,
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
        contact_sheet=None,
        notes=notes,
        tool=tool,
    )


def _ignore(_stage: str, _fraction: float) -> None:
    """Take progress that nobody asked for."""
