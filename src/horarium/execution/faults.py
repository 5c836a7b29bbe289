"""Exceptions as they are kept and told: what is remembered of them when the object itself is gone."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from types import TracebackType

from horarium.errors import ChildProcessDied, HorariumError
from horarium.jsontext import clean
from horarium.retry import error_names, is_permanent
from horarium.values import ErrorInfo

TRACEBACK_LIMIT = 32_768
"""Characters of a traceback that are kept: its end, where the error is."""


class RemoteError(HorariumError):
    """An error raised in a child process. The exception itself stays there; `info` describes it.

    `names` are the full names of its class and of that class's bases, as `horarium.retry.error_names` gives them.
    """

    def __init__(self, info: ErrorInfo, names: Sequence[str] = ()) -> None:
        super().__init__(str(info))
        self.info = info
        self.names = tuple(names)

    @property
    def permanent(self) -> bool:
        """Whether the original error said that trying again cannot help."""
        return self.info.permanent


def info_of(error: BaseException, where: TracebackType | None = None) -> ErrorInfo:
    """An exception as it is kept; one from a child process as it was there. `where`: another traceback to show."""
    if isinstance(error, RemoteError):
        return error.info
    lines = traceback.format_exception(type(error), error, where or error.__traceback__)
    if isinstance(error, ChildProcessDied) and error.last_words:
        lines.append(f"The last that the child process wrote to stderr:\n{error.last_words}\n")
    return ErrorInfo(
        type=class_name(error),
        message=clean(_message_of(error)),
        traceback=clean("".join(lines)[-TRACEBACK_LIMIT:]),
        permanent=is_permanent(error),
    )


def names_of(error: BaseException) -> tuple[str, ...]:
    """The full names of an error's class and its bases, for retry policies; of one from a child, those it had there."""
    return error.names if isinstance(error, RemoteError) else error_names(error)


def class_name(error: BaseException) -> str:
    """The full name of an error's class: `package.module.Class`, builtins without their module."""
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _message_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as second:  # noqa: BLE001 - a stranger's __str__ must not hide which error it was
        return f"(its message cannot be shown: {type(second).__name__} in __str__)"
