"""Every error that Horarium raises, one class for each thing that a caller may want to handle.

All derive from `HorariumError`. Messages name the job, run or setting they speak of and say what to do next.
"""

from __future__ import annotations

from typing import Any


class HorariumError(Exception):
    """Root of all errors raised by Horarium."""


class ConfigurationError(HorariumError, ValueError):
    """A setting or a configuration file says something that cannot be used."""


class TriggerError(HorariumError, ValueError):
    """A trigger cannot be understood: the message names the field and what it takes."""


class JobError(HorariumError, ValueError):
    """A job's definition cannot be used."""


class ArgumentsNotJSON(JobError, TypeError):
    """The arguments of a job, or a result, cannot be written as JSON and read back as the same value."""


class ResultNotJSON(ArgumentsNotJSON):
    """The result of a function in a child process cannot be written as JSON. Its work is done all the same."""

    permanent = True


class JobNotFound(HorariumError, LookupError):
    """There is no job with this id."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"there is no job {job_id!r}; `horarium jobs list` shows those that exist")
        self.job_id = job_id


class JobExists(HorariumError, ValueError):
    """A job with this id is in the plan already."""

    def __init__(self, job_id: str) -> None:
        super().__init__(
            f"a job {job_id!r} exists already; give another id, or replace_existing=True to change that one"
        )
        self.job_id = job_id


class RunNotFound(HorariumError, LookupError):
    """There is no run with this id; `why` says it in other words."""

    def __init__(self, run_id: str, why: str = "") -> None:
        super().__init__(why or f"there is no run {run_id!r}; `horarium runs list` shows those that are kept")
        self.run_id = run_id


class RunStateError(HorariumError):
    """The run is not in a state that allows what was asked."""


class RunFailed(RunStateError):
    """A run that was waited for by `Scheduler.run` ended without a result: failed, cancelled or missed.

    `run` is the run as it ended (RunInfo). `error` is what its function raised (ErrorInfo: type, message, traceback,
    permanent), None when it was cancelled or missed; `run.stop_reason` says why then.
    """

    def __init__(self, run: Any) -> None:  # a RunInfo, whose module needs this one
        super().__init__(f"run {run.id} of {run.task} is {run.state}: {run.error or run.stop_reason}")
        self.run = run
        self.error = run.error


class TaskNotFound(HorariumError, LookupError):
    """The task's code cannot be imported here, so that its jobs are broken on this node."""

    def __init__(self, task: str, why: str) -> None:
        super().__init__(f"task {task!r} cannot be imported here: {why}")
        self.task = task
        self.why = why


class PermanentError(HorariumError):
    """Raise it, or a subclass, in a task or an item to say that trying again cannot help."""

    permanent = True


class Skip(HorariumError):
    """Raise it in an item's function to count the item as skipped, with the reason as its message."""


class StepKeyUsedTwice(HorariumError):
    """Two steps, batches or items of one attempt have the same key: the second would be given the first one's result.

    `key` is that key, `kind` what has it.
    """

    def __init__(self, key: str, kind: str = "step") -> None:
        super().__init__(f"{kind} key {key!r} was used already in this attempt; give each {kind} its own key")
        self.key = key
        self.kind = kind


class RunStopped(HorariumError):
    """The run was told to stop: cancelled, timed out, or its node lost it. `reason` says which."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the run was told to stop: {reason}")
        self.reason = reason


class RunLost(RunStopped):
    """The run belongs to another node or attempt now, and what this one wanted to write was refused."""

    def __init__(self, run_id: str) -> None:
        super().__init__(f"run {run_id} no longer belongs to this node and attempt; its write was refused")
        self.run_id = run_id


class RunTimeout(HorariumError, TimeoutError):
    """A run or an item took longer than its timeout."""

    def __init__(self, what: str, seconds: float) -> None:
        super().__init__(f"{what} took longer than its timeout of {seconds:g} s")
        self.seconds = seconds


class ChildProcessDied(HorariumError):
    """A child process ended without an answer: killed, out of memory, or a crash in native code.

    `last_words` are the last lines that it wrote to stderr, such as the stack that `faulthandler` shows.
    """

    def __init__(self, message: str, last_words: str = "") -> None:
        super().__init__(message)
        self.last_words = last_words


class PlanUnavailable(HorariumError):
    """The plan's database cannot be reached or written; the message says what the database said."""


class SchemaError(HorariumError):
    """The plan's tables are older or newer than this release, or not there."""
