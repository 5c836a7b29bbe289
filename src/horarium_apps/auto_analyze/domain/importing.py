"""What becomes of a file that an import finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from horarium_apps.auto_analyze.domain.media import FoundVideo, UnreadableFile
from horarium_apps.auto_analyze.domain.video import VideoStatus


class Fate(StrEnum):
    """What becomes of a found file."""

    ADDED = "added"
    KNOWN = "known"
    MOVED = "moved"
    CHANGED = "changed"
    AGAIN = "again"


@dataclass(frozen=True, slots=True)
class KnownVideo:
    """What is known of a video that the user has already."""

    id: int
    path: Path
    status: VideoStatus


@dataclass(slots=True)
class ImportReport:
    """What an import did.

    Parameters:
        added: videos that are new to the user.
        known: files whose content the user has already; nothing was done.
        moved: the same, but the file is at another place now, which was noted.
        changed: files whose content changed before it was analysed; the new content takes the place of the old.
        again: videos whose analysis had failed, and which are tried again.
        unreadable: files and folders that had to be left out, and why.
    """

    added: int = 0
    known: int = 0
    moved: int = 0
    changed: int = 0
    again: int = 0
    unreadable: list[UnreadableFile] = field(default_factory=list)

    def count(self, fate: Fate) -> None:
        """Count one file."""
        setattr(self, fate.value, getattr(self, fate.value) + 1)

    @property
    def to_analyse(self) -> int:
        """How many videos the next analysis has to do because of this import."""
        return self.added + self.changed + self.again


def fate_of(
    found: FoundVideo,
    same_content: KnownVideo | None,
    same_place: KnownVideo | None,
    is_there: Callable[[Path], bool],
) -> Fate:
    """Decide what becomes of a found file.

    Parameters:
        same_content: the user's video with this very content.
        same_place: the user's video, not analysed yet or in vain, that had other content at this path.
        is_there: tells whether a file exists.
    """
    if same_content is not None:
        if same_content.status is VideoStatus.FAILED:
            return Fate.AGAIN
        if same_content.path != found.path and not is_there(same_content.path):
            return Fate.MOVED
        return Fate.KNOWN
    if same_place is not None:
        return Fate.CHANGED
    return Fate.ADDED
