"""What the command's exit code says to scripts."""

from __future__ import annotations

from enum import IntEnum
from typing import Self


class ExitCode(IntEnum):
    """The exit codes, each with its meaning. The help and the documentation are made from them."""

    meaning: str

    OK = 0, "done"
    FAILED = 1, "failed: a run that was waited for, a check, or an internal error"
    USAGE = 2, "the command line cannot be understood"
    NOT_FOUND = 3, "there is no such job, run or task"
    UNAVAILABLE = 4, "the plan's database is missing, out of reach, or of another release"
    CONFLICT = 5, "not possible in this state: the id is taken, the run has ended"
    CONFIGURATION = 6, "a setting, configuration file or application cannot be used"
    STILL_WAITING = 124, "a run was waited for no longer: --timeout was over, or nobody took it for a minute"
    INTERRUPTED = 130, "interrupted by Ctrl+C"
    BROKEN_PIPE = 141, "the reader of the output went away"

    def __new__(cls, value: int, meaning: str) -> Self:
        """A code with its meaning."""
        code = int.__new__(cls, value)
        code._value_ = value
        code.meaning = meaning
        return code


def listing() -> str:
    """The codes as lines for a help page."""
    return "\n".join(f"  {code.value:>3}  {code.meaning}" for code in ExitCode)
