"""A job: a task, a trigger, arguments and policies. Frozen; what the plan holds and what `decide` reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self, TypeVar

from horarium.errors import JobError
from horarium.retry import Retry
from horarium.states import JobStatus, OnCrash, Overlap
from horarium.when.base import Trigger

CATCH_UP = 100
"""How many missed occurrences at most are run one by one after an outage when `coalesce` is off."""

_Choice = TypeVar("_Choice", bound=StrEnum)

MOST_CAUGHT_UP = 10_000
"""The highest `catch_up`: all of them are made in one transaction of a tick."""

_MOST = 2**31 - 1  # what a database keeps in an integer column
_LONGEST = {"misfire_grace_time": 1e9, "timeout": 1e9, "keep_days": 36_525}

FILE_ORIGIN = "file:"
"""What the origin of a file's jobs begins with; the name of the file follows."""

LOOP, THREAD, PROCESS = "loop", "thread", "process"

EXECUTORS = (LOOP, THREAD, PROCESS)
"""Where a function may run: on the event loop, in a thread, in a child process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """How a job's occurrences become runs and how its runs are treated. None means: as the task says.

    `misfire_grace_time` and `timeout` are seconds; `keep_runs` is a number of runs and `keep_days` an age. Each of the
    three may be given as a timedelta, and is a number from then on. Raises JobError.
    """

    executor: str | None = None
    overlap: Overlap = Overlap.SKIP
    max_instances: int = 1
    misfire_grace_time: float | None = None
    coalesce: bool = True
    catch_up: int = CATCH_UP
    on_crash: OnCrash = OnCrash.RESUME
    retry: Retry | None = None
    timeout: float | None = None
    keep_runs: int | None = None
    keep_days: float | None = None

    def __post_init__(self) -> None:
        put = object.__setattr__
        if self.executor is not None and self.executor not in EXECUTORS:
            raise JobError(f"executor {self.executor!r} is not one of {', '.join(EXECUTORS)}")
        put(self, "overlap", _choice(Overlap, self.overlap, "overlap"))
        put(self, "on_crash", _choice(OnCrash, self.on_crash, "on_crash"))
        if not isinstance(self.coalesce, bool):
            raise JobError(f"coalesce is true or false, not {self.coalesce!r}")
        if self.retry is not None and not isinstance(self.retry, Retry):
            raise JobError(f"retry must be a Retry, such as Retry.fixed(60), not {self.retry!r}")
        _check_whole("max_instances", self.max_instances, _MOST)
        _check_whole("catch_up", self.catch_up, MOST_CAUGHT_UP)
        if self.keep_runs is not None:
            _check_whole("keep_runs", self.keep_runs, _MOST)
        for name in _LONGEST:
            if getattr(self, name) is not None:
                put(self, name, checked_length(name, getattr(self, name)))

    def to_json(self) -> dict[str, Any]:
        """As JSON, without what is at its default."""
        data = {name: value for name in POLICY_NAMES if (value := getattr(self, name)) != _DEFAULTS[name]}
        if self.retry is not None:
            data["retry"] = self.retry.to_json()
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """From JSON. Raises JobError for a policy that this release does not know."""
        unknown = sorted(set(data) - _DEFAULTS.keys())
        if unknown:
            raise JobError(f"unknown policy {unknown[0]!r}; the policies are {', '.join(POLICY_NAMES)}")
        values = dict(data)
        if values.get("retry") is not None:
            values["retry"] = Retry.from_json(values["retry"])
        return cls(**values)


def checked_length(name: str, value: object) -> float:
    """The length of time that a policy names, as the number that is kept: of days for `keep_days`, else of seconds.

    Raises JobError, naming the policy.
    """
    in_days = name.endswith("days")
    if isinstance(value, timedelta):
        value = value / timedelta(days=1) if in_days else value.total_seconds()
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= _LONGEST[name]:
        raise JobError(
            f"{name} must be a number of {'days' if in_days else 'seconds'}, more than 0 and at most "
            f"{_LONGEST[name]:g}, not {value!r}; leave it out for none"
        )
    return value


def _choice(kind: type[_Choice], value: object, name: str) -> _Choice:
    try:
        return kind(str(value))
    except ValueError:
        raise JobError(f"{name} {value!r} is not one of {', '.join(kind)}") from None


def _check_whole(name: str, value: object, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise JobError(f"{name} must be a whole number from 1 to {most}, not {value!r}")


POLICY_NAMES = tuple(one.name for one in fields(Policies))
_DEFAULTS = {one.name: one.default for one in fields(Policies)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A task with a trigger, arguments and policies.

    `task` is the name given by `@task`, or "package.module:function". `timezone` is the IANA zone in which a naive
    `next_run_time` is read, and a trigger without a zone of its own. `origin` says who added it: "code", "cli", "api",
    or "file:NAME". The last group is what the plan knows; it is empty in a job that was not added yet.
    """

    id: str
    task: str
    trigger: Trigger
    name: str = ""
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    policies: Policies = field(default_factory=Policies)
    timezone: str = "UTC"
    origin: str = "code"

    key: int = 0
    revision: int = 0
    version: int = 0
    next_run_time: datetime | None = None
    paused: bool = False
    fault: str | None = None
    status: JobStatus = JobStatus.SCHEDULED
    created_at: datetime | None = None
    updated_at: datetime | None = None

    @property
    def zone(self) -> str:
        """The IANA zone in which occurrences are named and shown: the trigger's, or else the job's own."""
        return self.trigger.timezone or self.timezone
