"""The errors of the application."""

from __future__ import annotations


class AutoAnalyzeError(Exception):
    """The automatic analysis of videos failed."""


class ImportFolderError(AutoAnalyzeError):
    """The folder to import videos from cannot be read at all."""


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
