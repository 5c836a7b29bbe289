"""What can be configured: under `apps: auto_analyze:` in horarium.yaml, or by AUTO_ANALYZE_* in the environment."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from horarium import AppSettings


class AutoAnalyzeSettings(AppSettings, section="auto_analyze"):
    """The settings of the application. Raises horarium's ConfigurationError for what cannot be used."""

    ffmpeg: str | None = Field(
        default=None,
        description="The ffmpeg (5.1 or newer) to analyse with, a path or a command; if left out, that of the Python "
        "package imageio-ffmpeg.",
    )
    concurrency: int = Field(default=2, ge=1, description="How many videos of one user are analysed at once.")
    video_timeout: float = Field(
        default=1800.0, gt=0, description="Seconds after which the analysis of one video is stopped, and has failed."
    )
    sheets_folder: Path = Field(
        default=Path("auto-analyze-sheets"), description="The folder for contact sheets, made when the first is drawn."
    )
    sheet_frames: int = Field(default=9, ge=0, description="How many frames a contact sheet shows; 0 draws none.")
