"""A job: a task, a trigger, arguments and policies. Frozen; what the plan holds and what `decide` reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Self

from horarium.errors import JobError
from horarium.retry import Retry
from horarium.states import JobStatus, OnCrash, Overlap
from horarium.when.base import Trigger

CATCH_UP = 100
"""How many missed occurrences at most are run one by one after an outage when `coalesce` is off."""

EXECUTORS = ("loop", "thread", "process")
"""Where a function may run: the event loop, a thread, a child process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """How a job's occurrences become runs and how its runs are treated. None means: as the task says.

    `misfire_grace_time` and `timeout` are seconds; `keep_runs` is a number of runs and `keep_days` an age.
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
        if self.executor is not None and self.executor not in EXECUTORS:
            raise JobError(f"executor {self.executor!r} is not one of {', '.join(EXECUTORS)}")
        for name in ("max_instances", "catch_up"):
            if getattr(self, name) < 1:
                raise JobError(f"{name} must be at least 1, not {getattr(self, name)!r}")
        for name in ("misfire_grace_time", "timeout", "keep_runs", "keep_days"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise JobError(f"{name} must be more than 0, not {value!r}; leave it out for none")

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
        try:
            values["overlap"] = Overlap(values.get("overlap", Overlap.SKIP))
            values["on_crash"] = OnCrash(values.get("on_crash", OnCrash.RESUME))
        except ValueError as error:
            raise JobError(
                f"{error}; overlap is one of {', '.join(Overlap)}, on_crash one of {', '.join(OnCrash)}"
            ) from None
        if values.get("retry") is not None:
            values["retry"] = Retry.from_json(values["retry"])
        return cls(**values)


POLICY_NAMES = tuple(one.name for one in fields(Policies))
_DEFAULTS = {one.name: one.default for one in fields(Policies)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A task with a trigger, arguments and policies.

    `task` is the name given by `@task`, or "package.module:function". `timezone` is the IANA zone in which naive
    times of this job are read. `origin` says who added it: "code", "cli", "api", or "file:NAME".
    The last group is what the plan knows; it is empty in a job that was not added yet.
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
