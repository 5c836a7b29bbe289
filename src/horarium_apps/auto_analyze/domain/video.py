"""Users, their saved videos, and how each stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path


class VideoStatus(StrEnum):
    """How a video stands."""

    NEW = "new"
    ANALYSING = "analysing"
    ANALYSED = "analysed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class User:
    """Somebody whose videos are analysed."""

    id: int
    name: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Video:
    """A saved video as it stands. Times are aware, in UTC.

    Parameters:
        path: of the file when it was imported; absolute.
        content_hash: SHA-256 of its content, in hexadecimal.
        size: bytes.
        attempts: how often its analysis was begun.
        begun_at: when that was, the last time.
        duration: seconds; None before it was analysed.
        sheet_path: the contact sheet; None without one.
        error: why the last analysis failed, a sentence; None unless it did.
        retry_at: when it, or the stages of it that failed, are tried again by themselves; None when they are not.
    """

    id: int
    user_id: int
    path: Path
    content_hash: str
    size: int
    status: VideoStatus
    added_at: datetime
    attempts: int
    begun_at: datetime | None = None
    analysed_at: datetime | None = None
    duration: float | None = None
    sheet_path: Path | None = None
    error: str | None = None
    retry_at: datetime | None = None
