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
from horarium_apps.auto_analyze.analysis import analyze_video, identify
from horarium_apps.auto_analyze.domain.document import to_document
from horarium_apps.auto_analyze.domain.document_reader import from_document
from horarium_apps.auto_analyze.domain.media import FoundVideo
from horarium_apps.auto_analyze.domain.names import quoted
from horarium_apps.auto_analyze.domain.outcome import Outcome, into_document
from horarium_apps.auto_analyze.domain.stages import Stage, in_words, overall
from horarium_apps.auto_analyze.optional_stages import STAGES, patience
from horarium_apps.auto_analyze.pipeline import run_stages

MEDIA = "media"
"""The step that keeps what ffmpeg told."""


def analyze_in_child(run: SyncRun, video: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Analyse one video and tell its progress, stage by stage.

    Each stage is a step of the run: after a crash the video goes on with the stage that was not done.

    Parameters:
        video: `path`, `content_hash`, `size` and `mtime_ns` of the file as it was imported, `sheet_path` for its
            contact sheet (None for none), and `known`: what earlier analyses of it found, `media` (the document of
            ffmpeg's stages, or None) and `outcomes` (those of the others, by name).
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

    known = video["known"]
    media = run.step(MEDIA, _media_of, video, options, report)
    outcomes = run_stages(
        [stage for stage in STAGES if stage.name not in options["skip_stages"]],
        path,
        from_document(media),
        options=options,
        known={name: Outcome.from_json(facts) for name, facts in known["outcomes"].items()},
        keep=run.step,
        report=report,
    )
    return into_document(media, outcomes)


def _media_of(video: dict[str, Any], options: dict[str, Any], report: Callable[[str, float], None]) -> dict[str, Any]:
    """Return the document of ffmpeg's stages: the known one, if the file is still the same, or a new one."""
    known: dict[str, Any] | None = video["known"]["media"]
    found = FoundVideo(Path(video["path"]), video["content_hash"], video["size"], video["mtime_ns"])
    files = LocalFiles()
    if known is not None:
        identify(found, files, lambda done: report(Stage.PROBE, done))
        return known
    analysis = analyze_video(
        found,
        media=Ffmpeg(options["ffmpeg"], limits=Limits(decode=patience(options), threads=options["threads"])),
        files=files,
        sheet_path=Path(video["sheet_path"]) if video["sheet_path"] is not None else None,
        sheet_frames=options["sheet_frames"],
        progress=report,
    )
    return to_document(analysis)
