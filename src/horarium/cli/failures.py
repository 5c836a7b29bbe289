"""From what went wrong to a sentence and an exit code. A traceback is shown on request only."""

from __future__ import annotations

import json
import os
import sys
import traceback
from typing import Any, Protocol, runtime_checkable

from horarium.cli.exit_codes import ExitCode
from horarium.errors import (
    ConfigurationError,
    HorariumError,
    JobError,
    JobExists,
    JobNotFound,
    PlanUnavailable,
    RunNotFound,
    RunStateError,
    RunTimeout,
    SchemaError,
    TaskNotFound,
    TriggerError,
)


class StillWaiting(HorariumError):
    """A run that was waited for has not ended, and is waited for no longer. It goes on, or waits its turn."""


_CODES: tuple[tuple[tuple[type[Exception], ...], ExitCode], ...] = (
    ((JobNotFound, RunNotFound, TaskNotFound), ExitCode.NOT_FOUND),
    ((PlanUnavailable, SchemaError), ExitCode.UNAVAILABLE),
    ((JobExists, RunStateError), ExitCode.CONFLICT),
    ((StillWaiting, RunTimeout), ExitCode.STILL_WAITING),
    ((ConfigurationError,), ExitCode.CONFIGURATION),
    ((TriggerError, JobError), ExitCode.USAGE),
)


@runtime_checkable
class UsageProblem(Protocol):
    """What Typer raises for a command line that it cannot take."""

    exit_code: int
    message: str

    def format_message(self) -> str:
        """The sentence."""
        ...

    def show(self) -> None:
        """Write usage and sentence to the error stream."""
        ...


def exit_code_of(error: BaseException) -> int:
    """The exit code that stands for an error."""
    if isinstance(error, UsageProblem):
        return error.exit_code
    for kinds, code in _CODES:
        if isinstance(error, kinds):
            return code
    return ExitCode.FAILED


def report(error: BaseException, *, as_json: bool, verbose: bool) -> int:
    """Say on the error stream what went wrong; answers the exit code."""
    if verbose:
        sys.stderr.write("".join(traceback.format_exception(error)))
    code = exit_code_of(error)
    if isinstance(error, UsageProblem):
        error.message = error.message.removeprefix("Value error, ")  # pydantic's, which reads values for Typer
    if as_json:
        sys.stderr.write(json.dumps(to_json(error)) + "\n")
    elif isinstance(error, UsageProblem):
        error.show()
    else:
        sys.stderr.write(f"Error: {sentence(error)}\n")
    return code


def to_json(error: BaseException) -> dict[str, Any]:
    """An error as JSON: its class and its message."""
    kind = "UsageError" if isinstance(error, UsageProblem) else type(error).__name__
    return {"error": {"type": kind, "message": sentence(error)}}


def sentence(error: BaseException) -> str:
    """What went wrong, and what to do, for people at a terminal."""
    if isinstance(error, UsageProblem):
        return error.format_message()
    if isinstance(error, JobExists):
        return (
            f"a job {error.job_id!r} exists already; give another --id, or change that one with "
            f"`horarium jobs edit {error.job_id}`"
        )
    if isinstance(error, HorariumError):
        return str(error)
    if isinstance(error, OSError):  # of the machine: a full disk behind `> file`, say
        return f"{error}; --verbose shows where"
    return f"internal error: {type(error).__name__}: {error}; --verbose shows where"


def drop_unwritable_output() -> None:
    """Drop what could not be written, to a full disk say: the interpreter would try again at its end, and fail."""
    try:
        sys.stdout.flush()
    except OSError:
        drop_output()


def drop_output() -> None:
    """Let nothing more be written to a pipe whose reader went away, not even at the interpreter's end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, sys.stdout.fileno())
    finally:
        os.close(nowhere)
