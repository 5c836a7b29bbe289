"""What can be configured: under `apps: auto_analyze:` in horarium.yaml, or by AUTO_ANALYZE_* in the environment."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, field_validator

from horarium import AppSettings
from horarium_apps.auto_analyze.domain.stages import OPTIONAL, Stage


class AutoAnalyzeSettings(AppSettings, section="auto_analyze"):
    """The settings of the application. Raises horarium's ConfigurationError for what cannot be used."""

    ffmpeg: str | None = Field(
        default=None,
        description="The ffmpeg (5.1 or newer) to analyse with, a path or a command; if left out, that of the Python "
        "package imageio-ffmpeg.",
    )
    concurrency: int = Field(default=2, ge=1, description="How many videos of one user are analysed at once.")
    video_timeout: float = Field(
        default=3600.0, gt=0, description="Seconds after which the analysis of one video is stopped, and has failed."
    )
    sheets_folder: Path = Field(
        default=Path("auto-analyze-sheets"), description="The folder for contact sheets, made when the first is drawn."
    )
    sheet_frames: int = Field(default=9, ge=0, description="How many frames a contact sheet shows; 0 draws none.")
    threads: int = Field(default=2, ge=1, description="How many threads the analysis of one video uses.")
    skip_stages: tuple[Stage, ...] = Field(
        default=(),
        description="Stages to leave out: fingerprint, speech, screen_text, words or hook.",
    )
    speech_model: str = Field(
        default="tiny.en",
        description="The Whisper model that listens: a name such as base or small, which is downloaded when it is "
        "first used, or a folder. tiny.en, which knows English, comes along.",
    )
    models_folder: Path | None = Field(
        default=None, description="Where models are kept that are downloaded; if left out, where Hugging Face does."
    )
    summary_model: str | None = Field(
        default=None, description="The Ollama model that writes summaries; if left out, they are extracts."
    )
    ollama_url: str = Field(default="http://127.0.0.1:11434", description="Where Ollama answers.")
    summary_timeout: float = Field(default=120.0, gt=0, description="Seconds that Ollama may take for one summary.")
    retries: int = Field(
        default=3,
        ge=0,
        description="How often a video that failed, or a stage of it, is tried again by itself. What cannot help, "
        "such as an empty file, is not tried again.",
    )
    retry_delay: float = Field(
        default=600.0, gt=0, description="Seconds before the first of these tries; each next one waits twice as long."
    )

    @field_validator("skip_stages")
    @classmethod
    def _are_optional(cls, stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
        if needed := [stage for stage in stages if stage not in OPTIONAL]:
            raise ValueError(f"{needed[0]!r} cannot be left out; {', '.join(OPTIONAL)} can")
        return stages
