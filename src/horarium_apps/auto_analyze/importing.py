"""The import of a folder: files found, compared with what the user has, and written in groups."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from horarium_apps.auto_analyze import queries
from horarium_apps.auto_analyze.domain.errors import UserNotFoundError
from horarium_apps.auto_analyze.domain.importing import Fate, ImportReport, KnownVideo, fate_of
from horarium_apps.auto_analyze.domain.media import FoundVideo, UnreadableFile
from horarium_apps.auto_analyze.domain.stages import Fraction
from horarium_apps.auto_analyze.domain.video import VideoStatus
from horarium_apps.auto_analyze.ports import VideoFiles

Transaction = Callable[[], AbstractContextManager[Any]]
"""Opens a transaction of the plan's database: `Scheduler.connection`."""

_GROUP = 200


def import_folder(
    folder: Path, user_id: int, *, files: VideoFiles, transaction: Transaction, progress: Fraction | None = None
) -> ImportReport:
    """Add every video under a folder to a user's; what the user has by content is not added twice.

    Parameters:
        progress: told how much of the files, by count, has been read.

    Returns:
        What was done. After an error or an interruption the import can simply be repeated.

    Raises:
        ImportFolderError: the folder cannot be read at all.
        UserNotFoundError: there is no such user.
    """
    found = files.find(folder, progress)
    with transaction() as connection:
        if queries.find_user(connection, user_id) is None:
            raise UserNotFoundError(user_id)
    report = ImportReport()
    for group in _groups(found):
        report.unreadable += [each for each in group if isinstance(each, UnreadableFile)]
        readable = [each for each in group if isinstance(each, FoundVideo)]
        with transaction() as connection:
            fates = _write(connection, user_id, readable)
        for fate in fates:
            report.count(fate)
    return report


def _groups(found: Iterable[FoundVideo | UnreadableFile]) -> Iterator[list[FoundVideo | UnreadableFile]]:
    source = iter(found)
    while group := list(islice(source, _GROUP)):
        yield group


def _write(connection: Any, user_id: int, group: Sequence[FoundVideo]) -> list[Fate]:
    """Write what becomes of some files. Imports of the same user go one after the other here, so that each looks
    at what the other has added.
    """
    if queries.find_user(connection, user_id, lock=True) is None:
        raise UserNotFoundError(user_id)
    by_content = queries.videos_by_content(connection, user_id, {file.content_hash for file in group})
    by_path = queries.waiting_videos_by_path(connection, user_id, [file.path for file in group])
    fates: list[Fate] = []
    added: list[FoundVideo] = []
    for file in group:
        known = by_content.get(file.content_hash)
        there = by_path.get(file.path)
        fate = fate_of(file, known, there, Path.exists)
        fates.append(fate)
        match fate:
            case Fate.ADDED:
                added.append(file)
            case Fate.CHANGED if there is not None:
                queries.update_video_file(connection, there, file, fate)
            case Fate.MOVED | Fate.AGAIN if known is not None:
                queries.update_video_file(connection, known, file, fate)
        # A copy of the same file later in the group finds it known.
        by_content[file.content_hash] = KnownVideo(0, file.path, VideoStatus.NEW)
    queries.add_videos(connection, user_id, added, datetime.now(UTC))
    return fates
