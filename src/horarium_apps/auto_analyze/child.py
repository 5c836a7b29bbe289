"""What happens to one video in its child process, which a timeout or a cancel really ends.

It is imported by each child: only what an analysis needs may be imported here.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from horarium import SyncRun
from horarium_apps.auto_analyze.adapters.ffmpeg import Ffmpeg, Limits
from horarium_apps.auto_analyze.adapters.files import LocalFiles
from horarium_apps.auto_analyze.analysis import (
    add_missing_sheet,
    analyze_identified,
    changed_meanwhile,
    check_unchanged,
    identify,
)
from horarium_apps.auto_analyze.domain.document import to_document
from horarium_apps.auto_analyze.domain.document_reader import from_document
from horarium_apps.auto_analyze.domain.media import Analysis, FoundVideo
from horarium_apps.auto_analyze.domain.names import quoted
from horarium_apps.auto_analyze.domain.outcome import from_steps, into_document
from horarium_apps.auto_analyze.domain.stages import Progress, in_words, overall
from horarium_apps.auto_analyze.optional_stages import STAGES, patience
from horarium_apps.auto_analyze.pipeline import run_stages

MEDIA = "media"
"""The step that keeps what ffmpeg told."""


def analyze_in_child(run: SyncRun, video: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Analyse one video and tell its progress, stage by stage.

    Each stage is a step of the run: after a crash the video goes on with the stage that was not done. The file is read
    first in any case, since it may have been replaced in between, and looked at again after each stage: nothing of
    another file is ever kept for this one.

    Parameters:
        video: `path`, `content_hash`, `size` and `mtime_ns` of the file as it was imported, `sheet_path` for its
            contact sheet (None to draw none), and `known`: what earlier analyses of it found, `media` (the document of
            ffmpeg's stages, or None), `outcomes` (those of the others, by name) and `older` (the same of what is to be
            done afresh).
        options: the settings of the application.

    Returns:
        The document.

    Raises:
        AnalysisError: the video cannot be analysed.
        RunStopped: the run was told to stop meanwhile.
    """
    path = Path(video["path"])

    def report(stage: str, fraction: float) -> None:
        run.check()
        run.progress(overall(stage, fraction), 1.0, f"{quoted(path)}: {in_words(stage)}")

    files = LocalFiles()
    current = identify(FoundVideo(path, video["content_hash"], video["size"], video["mtime_ns"]), files, report)

    def keep(name: str, compute: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        def of_this_file() -> dict[str, Any]:
            found = compute()
            check_unchanged(current, files)
            return found

        kept: dict[str, Any] = run.step(name, of_this_file)
        return kept

    media = keep(MEDIA, lambda: _media_of(video, current, files, options, report))
    if media["content_hash"] != current.content_hash:
        # An earlier attempt of this run kept what it found of a file that was replaced, and imported again, since.
        raise changed_meanwhile(path)
    outcomes = run_stages(
        STAGES,
        path,
        from_document(media),
        options=options,
        known=from_steps(video["known"]["outcomes"]),
        older=from_steps(video["known"]["older"]),
        keep=keep,
        report=report,
    )
    return into_document(media, outcomes)


def _media_of(
    video: dict[str, Any], current: FoundVideo, files: LocalFiles, options: dict[str, Any], report: Progress
) -> dict[str, Any]:
    """Return the document of ffmpeg's stages: the known one, with the contact sheet that it lacks, or a new one."""
    media = Ffmpeg(options["ffmpeg"], limits=Limits(decode=patience(options), threads=options["threads"]))
    sheet_path = None if video["sheet_path"] is None else Path(video["sheet_path"])
    frames = options["sheet_frames"]
    known = _read(video["known"]["media"])
    if known is None:
        analysis = analyze_identified(
            current, media=media, files=files, sheet_path=sheet_path, sheet_frames=frames, progress=report
        )
    elif sheet_path is None:
        analysis = known
    else:
        analysis = add_missing_sheet(
            known, current, media=media, files=files, sheet_path=sheet_path, sheet_frames=frames, progress=report
        )
    return to_document(analysis)


def _read(document: dict[str, Any] | None) -> Analysis | None:
    """Return what an earlier document tells; None when there is none that can be read, so that it is made anew."""
    try:
        return None if document is None else from_document(document)
    except ValueError:
        return None
