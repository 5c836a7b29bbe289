"""What happens to one video in its child process, which a timeout or a cancel really ends.

It is imported by each child: only what an analysis needs may be imported here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from horarium import SyncRun
from horarium_apps.auto_analyze.adapters.ffmpeg import Ffmpeg, Limits
from horarium_apps.auto_analyze.adapters.files import LocalFiles
from horarium_apps.auto_analyze.analysis import analyze_video
from horarium_apps.auto_analyze.domain.document import to_document
from horarium_apps.auto_analyze.domain.media import FoundVideo
from horarium_apps.auto_analyze.domain.names import quoted
from horarium_apps.auto_analyze.domain.stages import overall


def analyze_in_child(run: SyncRun, video: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Analyse one video and tell its progress, stage by stage.

    Parameters:
        video: `path`, `content_hash`, `size` and `mtime_ns` of the file as it was imported, and `sheet_path` for its
            contact sheet (None for none).
        options: `ffmpeg` (a path or command, or None), `timeout` (seconds) and `sheet_frames`.

    Returns:
        The document.

    Raises:
        AnalysisError: the video cannot be analysed.
        RunStopped: the run was told to stop meanwhile.
    """
    path = Path(video["path"])

    def report(stage: str, fraction: float) -> None:
        run.check()
        run.progress(overall(stage, fraction), 1.0, f"{quoted(path)}: {stage}")

    analysis = analyze_video(
        FoundVideo(path, video["content_hash"], video["size"], video["mtime_ns"]),
        media=Ffmpeg(options["ffmpeg"], limits=Limits(decode=options["timeout"])),
        files=LocalFiles(),
        sheet_path=Path(video["sheet_path"]) if video["sheet_path"] is not None else None,
        sheet_frames=options["sheet_frames"],
        progress=report,
    )
    return to_document(analysis)
