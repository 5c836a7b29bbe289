"""Why a video could not be analysed, as a sentence for people."""

from __future__ import annotations

from pathlib import PurePath
from typing import Protocol

from horarium_apps.auto_analyze.domain.errors import AutoAnalyzeError
from horarium_apps.auto_analyze.domain.names import quoted

_OWN = AutoAnalyzeError.__module__ + "."
_LONGEST = 2000


class KeptError(Protocol):
    """An error as the scheduler keeps it: the full name of its class, and its message."""

    @property
    def type(self) -> str:
        """Such as "package.module.Class"."""
        ...

    @property
    def message(self) -> str:
        """What it said."""
        ...

    @property
    def permanent(self) -> bool:
        """Whether trying again is pointless."""
        ...


def why_failed(error: KeptError, path: PurePath, timeout: float) -> str:
    """Return the sentence; our own errors are sentences already.

    Parameters:
        path: of the video's file.
        timeout: seconds that its analysis may take.
    """
    name = error.type.rpartition(".")[2]
    if error.type.startswith(_OWN):
        sentence = error.message
    elif name == "RunTimeout":
        sentence = f"{quoted(path)} took longer than {timeout:g} seconds to analyse and was stopped."
    else:
        said = f"{name}: {error.message}" if error.message else name
        sentence = f"The analysis of {quoted(path)} broke off: {said}"
    # What an error says may come from a file; a database's text holds no NUL.
    return sentence.replace("\0", "")[:_LONGEST]
