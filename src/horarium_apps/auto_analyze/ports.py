"""What the application needs from the outside world."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from horarium_apps.auto_analyze.domain.contact_sheet import SheetPlan
from horarium_apps.auto_analyze.domain.media import (
    AudioStream,
    FoundVideo,
    HeardSound,
    Probe,
    SeenPicture,
    UnreadableFile,
    VideoStream,
)
from horarium_apps.auto_analyze.domain.stages import Fraction


@dataclass(frozen=True, slots=True)
class SheetPicture:
    """A drawn contact sheet: the JPEG itself, its size in pixels, and the frames (seconds) that it shows."""

    jpeg: bytes
    width: int
    height: int
    columns: int
    rows: int
    times: tuple[float, ...]


class MediaTool(Protocol):
    """Reads pictures and sound. Each call may take long, and raises `AnalysisError` for what it cannot read."""

    def version(self) -> str:
        """Return the tool's name and version."""
        ...

    def probe(self, path: Path) -> Probe:
        """Return what the headers of the file say."""
        ...

    def listen(self, path: Path, sound: AudioStream, duration: float | None, progress: Fraction) -> HeardSound:
        """Decode a whole sound track and return its loudness and true length (`duration`: seconds expected)."""
        ...

    def watch(self, path: Path, picture: VideoStream, duration: float | None, progress: Fraction) -> SeenPicture:
        """Decode a whole picture stream and return its cuts and true length (`duration`: seconds expected)."""
        ...

    def contact_sheet(
        self, path: Path, picture: VideoStream, plan: SheetPlan, progress: Fraction
    ) -> SheetPicture | None:
        """Draw the planned frames into one JPEG; None when not one of them can be drawn."""
        ...


class VideoFiles(Protocol):
    """The files that hold videos."""

    def find(self, folder: Path, progress: Fraction | None = None) -> Iterator[FoundVideo | UnreadableFile]:
        """Yield every video under a folder, and what could not be read."""
        ...

    def identify(self, path: Path, progress: Fraction | None = None) -> FoundVideo:
        """Return the file's content hash, size and modification time; raises `AnalysisError`."""
        ...

    def is_unchanged(self, video: FoundVideo) -> bool:
        """Tell, without reading it, whether the file is still the one that was identified."""
        ...

    def save(self, path: Path, content: bytes) -> None:
        """Write a file whole or not at all; raises `AnalysisError`."""
        ...
