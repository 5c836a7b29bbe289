"""Files on this machine: finding videos, recognising them by content, writing results."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from horarium_apps.auto_analyze.domain.errors import AnalysisError, ImportFolderError
from horarium_apps.auto_analyze.domain.media import FoundVideo, UnreadableFile
from horarium_apps.auto_analyze.domain.names import quoted
from horarium_apps.auto_analyze.domain.stages import Fraction

# fmt: off
VIDEO_EXTENSIONS = frozenset({
    ".3g2", ".3gp", ".asf", ".avi", ".divx", ".f4v", ".flv", ".m2ts", ".m2v", ".m4v", ".mkv", ".mov", ".mp4",
    ".mpeg", ".mpg", ".mts", ".mxf", ".ogv", ".qt", ".rm", ".rmvb", ".ts", ".vob", ".webm", ".wmv",
})
# fmt: on
"""Endings of file names (lower case) that an import takes for videos."""

_PARTIAL_ENDINGS = (".part", ".partial", ".temp", ".tmp", ".crdownload", ".download")
_CHUNK = 1024 * 1024
# A second try may go better with these: a network drive that was away, a full disk that was cleared.
_PASSING = frozenset({errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.ENOSPC, errno.EAGAIN, errno.EMFILE, errno.ENFILE})


class LocalFiles:
    """The file system of this machine.

    Parameters:
        extensions: endings of file names, in lower case and with their dot, that an import takes for videos.
    """

    def __init__(self, extensions: frozenset[str] = VIDEO_EXTENSIONS) -> None:
        self._extensions = extensions

    def find(self, folder: Path, progress: Fraction | None = None) -> Iterator[FoundVideo | UnreadableFile]:
        """Yield every video under a folder, sorted within each folder, and what could not be read.

        Hidden files and folders and unfinished downloads are left out. Symbolic links are followed; a folder
        or file that is reached a second time (a loop, a hard link) is not walked or hashed again.

        Parameters:
            progress: told how much of the files, by count, has been hashed.

        Raises:
            ImportFolderError: there is no such folder, or it cannot be opened. Raised by the call itself.
        """
        root = absolute(folder)
        try:
            is_folder = stat.S_ISDIR(root.stat().st_mode)
        except (OSError, ValueError) as error:
            raise ImportFolderError(f"the folder {root} cannot be read: {_words(error)}") from error
        if not is_folder:
            raise ImportFolderError(f"{root} is not a folder; name the folder that holds the videos")
        return self._identify_all(list(self._walk(root)), progress)

    def identify(self, path: Path, progress: Fraction | None = None) -> FoundVideo:
        """Read the whole file and return what it is recognised by.

        Parameters:
            progress: told how much of the content, by bytes, has been read.

        Raises:
            AnalysisError: the file is missing, is no regular file, cannot be read, or is being written.
        """
        try:
            return _hashed(path, progress)
        except FileNotFoundError as error:
            # It may come back with the drive that it is on.
            told = f"{quoted(path)} is missing: there is no file at its path."
            raise AnalysisError(told, permanent=False) from error
        except (OSError, ValueError) as error:
            passing = isinstance(error, OSError) and error.errno in _PASSING
            raise AnalysisError(f"{quoted(path)} cannot be read: {_words(error)}.", permanent=not passing) from error

    def is_unchanged(self, video: FoundVideo) -> bool:
        """Tell, by size and modification time, whether the file is still the one that was identified."""
        try:
            now = video.path.stat()
        except (OSError, ValueError):
            return False
        return (now.st_size, now.st_mtime_ns) == (video.size, video.mtime_ns)

    def save(self, path: Path, content: bytes) -> None:
        """Write a file so that readers, and a crash, find the old one or the new one and never a part.

        Folders that do not exist are made.

        Raises:
            AnalysisError: it cannot be written, as with a full disk; a later try may succeed.
        """
        temporary = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor, temporary = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).chmod(0o644)
            Path(temporary).replace(path)
        except (OSError, ValueError) as error:
            if temporary is not None:
                Path(temporary).unlink(missing_ok=True)
            raise AnalysisError(f"{quoted(path)} cannot be written: {_words(error)}.", permanent=False) from error

    def _identify_all(
        self, found: list[Path | UnreadableFile], progress: Fraction | None
    ) -> Iterator[FoundVideo | UnreadableFile]:
        for done, each in enumerate(found, start=1):
            if isinstance(each, UnreadableFile):
                yield each
            else:
                try:
                    yield self.identify(each)
                except AnalysisError as error:
                    yield UnreadableFile(each, str(error))
            if progress is not None:
                progress(done / len(found))

    def _walk(self, root: Path) -> Iterator[Path | UnreadableFile]:
        seen: set[tuple[int, int]] = set()
        folders = [root]
        while folders:
            folder = folders.pop()
            try:
                facts = folder.stat()
                if (facts.st_dev, facts.st_ino) in seen:
                    continue
                seen.add((facts.st_dev, facts.st_ino))
                with os.scandir(folder) as entries:
                    names = sorted(entry.name for entry in entries if not entry.name.startswith("."))
            except OSError as error:
                yield UnreadableFile(folder, f"The folder {quoted(folder)} cannot be read: {_words(error)}.")
                continue
            below = []
            for name in names:
                path = folder / name
                match self._kind(path, seen):
                    case "folder":
                        below.append(path)
                    case "video":
                        yield path
                    case UnreadableFile() as problem:
                        yield problem
            folders.extend(reversed(below))

    def _kind(self, path: Path, seen: set[tuple[int, int]]) -> str | UnreadableFile | None:
        """Return what an entry is; only regular files whose names promise a whole video are videos."""
        promising = self._promises_video(path)
        try:
            facts = path.stat()
        except OSError as error:
            if not promising:
                return None
            return UnreadableFile(path, f"{quoted(path)} cannot be read: {_words(error)}.")
        if stat.S_ISDIR(facts.st_mode):
            return "folder"
        if not promising:
            return None
        if not stat.S_ISREG(facts.st_mode):
            return UnreadableFile(path, f"{quoted(path)} is not a regular file.")
        if not is_text(str(path)):
            return UnreadableFile(path, f"{quoted(path)}: the path is not valid UTF-8. Rename it.")
        if facts.st_ino and (facts.st_dev, facts.st_ino) in seen:
            return None
        seen.add((facts.st_dev, facts.st_ino))
        return "video"

    def _promises_video(self, path: Path) -> bool:
        partial = path.stem.lower().endswith(_PARTIAL_ENDINGS)
        return path.suffix.lower() in self._extensions and not partial


def _hashed(path: Path, progress: Fraction | None) -> FoundVideo:
    # A named pipe would block the opening itself, so its kind is asked for first.
    if not stat.S_ISREG(path.stat().st_mode):
        raise ValueError("it is a folder" if path.is_dir() else "it is not a regular file")
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        before = os.fstat(file.fileno())
        read = 0
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            read += len(chunk)
            if progress is not None:
                progress(min(1.0, read / max(1, before.st_size)))
        after = os.fstat(file.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or read != after.st_size:
        raise BlockingIOError(errno.EAGAIN, "it is being written right now; import it when it is complete")
    return FoundVideo(absolute(path), digest.hexdigest(), after.st_size, after.st_mtime_ns)


def absolute(path: Path) -> Path:
    """Return a path as videos are known by it: absolute, and without "..". Links that a user chose stay."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would replace links


def is_text(path: str) -> bool:
    """Tell whether a path is text, and not bytes of another encoding, so that a database can keep it."""
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _words(error: OSError | ValueError) -> str:
    """Return the reason alone, without the number and the path that Python adds."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[0].lower() + error.strerror[1:]
    return str(error)
