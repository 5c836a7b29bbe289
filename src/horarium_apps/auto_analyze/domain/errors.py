"""The errors of the application."""

from __future__ import annotations

from horarium import HorariumError

_LONGEST_LINE = 200


def first_line(error: Exception) -> str:
    """Return what a library's error says, on one line without a full stop, to be part of a sentence."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:_LONGEST_LINE].rstrip(".")


class AutoAnalyzeError(HorariumError):
    """The automatic analysis of videos failed."""


class ImportFolderError(AutoAnalyzeError):
    """The folder to import videos from cannot be read at all."""


class UserNotFoundError(AutoAnalyzeError, LookupError):
    """There is no user with this id."""

    def __init__(self, user_id: int) -> None:
        super().__init__(f"there is no user {user_id}; `horarium auto-analyze add-user NAME` adds one")
        self.user_id = user_id


class VideoNotFoundError(AutoAnalyzeError, LookupError):
    """There is no such video."""

    def __init__(self, video: str) -> None:
        super().__init__(f"there is no video {video}; `horarium auto-analyze list` shows those that there are")


class AnalysisError(AutoAnalyzeError):
    """One video cannot be analysed.

    The message is one sentence for people that names the file.

    Parameters:
        message: what is wrong and, where something can be done, what to do.
        permanent: True when trying again with the same file cannot help; False when the outside world
            failed (a timeout, a full disk, a file that was being written) and a later try may succeed.
    """

    def __init__(self, message: str, *, permanent: bool = True) -> None:
        super().__init__(message)
        self.permanent = permanent


class FfmpegMissingError(AnalysisError):
    """There is no ffmpeg to analyse with; no video can be analysed until there is one."""

    def __init__(self, message: str) -> None:
        super().__init__(message, permanent=False)


class StageSkippedError(AutoAnalyzeError):
    """One stage of an analysis is left out: its library is not installed, or the video gives it nothing to do.

    The message is one sentence for people; where something can be installed, it says what.
    """
