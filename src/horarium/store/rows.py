"""Rows as values: jobs and runs out of the database, whatever state they are in."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any, NamedTuple, Self, TypeVar

from sqlalchemy import Row

from horarium.errors import HorariumError, JobError, TriggerError
from horarium.job import POLICY_NAMES, Job, Policies
from horarium.jsontext import clean, to_json_text
from horarium.retry import Retry
from horarium.states import Cause, JobStatus, RunState
from horarium.store.schema import UnreadableTime
from horarium.values import AttemptInfo, ErrorInfo, Progress, RunInfo, RunKey
from horarium.when import codec
from horarium.when.base import Count, Trigger

UNREADABLE = (HorariumError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)
"""What reading a damaged row can raise."""

_Part = TypeVar("_Part")


class JobRow(NamedTuple):
    """What is read of a job: columns of `horarium_jobs` and, at the end, of its clock.

    A tick reads a thousand jobs, and fields of SQLAlchemy's rows are slow to find by their names.
    """

    key: Any
    id: Any
    name: Any
    task: Any
    trigger: Any
    args: Any
    kwargs: Any
    executor: Any
    overlap: Any
    max_instances: Any
    misfire_grace_time: Any
    coalesce: Any
    catch_up: Any
    on_crash: Any
    retry: Any
    timeout: Any
    keep_runs: Any
    keep_days: Any
    timezone: Any
    origin: Any
    revision: Any
    status: Any
    fault: Any
    created_at: Any
    updated_at: Any
    next_run_time: Any
    version: Any
    paused: Any


def clock_faults(next_run_time: object, version: object) -> dict[str, str]:
    """What is wrong with a job's clock, by column; SQLite alone lets anything be wrong with it."""
    faults: dict[str, str] = {}
    if isinstance(next_run_time, UnreadableTime):
        faults["next_run_time"] = f"{next_run_time.value!r} is no time; give the job a next run time, or a trigger"
    if version is not None and not isinstance(version, int):
        faults["version"] = f"{version!r} is no number; it is set right when the job is changed"
    return faults


_WIDTH = len(JobRow._fields)
_policies: Callable[[JobRow], tuple[Any, ...]] = attrgetter(*POLICY_NAMES)
_decode = json.JSONDecoder().decode


@dataclass(frozen=True)
class UnreadableTrigger(Trigger):
    """Stands in for a trigger whose text cannot be read, so that the job can still be shown; it is never due."""

    text: str
    why: str
    timezone: str | None = None
    jitter: float = 0.0
    seed: str = ""

    def _nominal_after(self, after: datetime) -> datetime | None:
        return None

    def _nominal_until(self, until: datetime) -> datetime | None:
        return None

    def _nominal_count(self, after: datetime, until: datetime) -> Count:
        return Count(0, exact=False)

    def _changed(self, **fields: Any) -> Self:
        return self

    def to_json(self) -> dict[str, Any]:
        """Refused: it would take the place of what could not be read."""
        raise TriggerError(f"this trigger could not be read ({self.why}); give the job a new one")

    def describe(self) -> str:
        """For people."""
        return f"unreadable: {self.why}"


def job_values(job: Job) -> dict[str, Any]:
    """A job's definition as columns of `horarium_jobs`. Raises ArgumentsNotJSON, naming the job."""
    policies = job.policies
    columns: dict[str, Any] = {name: getattr(policies, name) for name in POLICY_NAMES}
    columns["overlap"] = policies.overlap.value
    columns["on_crash"] = policies.on_crash.value
    columns["retry"] = None if policies.retry is None else to_json_text(policies.retry.to_json(), "retry")
    return columns | {
        "id": job.id,
        "name": job.name or job.id,
        "task": job.task,
        "trigger": codec.dumps(job.trigger),
        "args": to_json_text(list(job.args), f"args of job {job.id!r}"),
        "kwargs": to_json_text(dict(job.kwargs), f"kwargs of job {job.id!r}"),
        "timezone": job.timezone,
        "origin": job.origin,
    }


def read_job(row: Row[Any]) -> Job:
    """A job from a row that ends with the fields of JobRow. Raises one of UNREADABLE when the row is damaged."""
    fields = JobRow._make(row[-_WIDTH:])
    if wrong := clock_faults(fields.next_run_time, fields.version):
        raise JobError(in_words(wrong))
    return _job(fields, codec.loads(fields.trigger), _args(fields), _kwargs(fields), _policies_of(*_policies(fields)))


def show_job(row: Row[Any]) -> Job:
    """A job for people: as read_job, but of a damaged row whatever can be read, and in `fault` what is wrong."""
    try:
        return read_job(row)
    except UNREADABLE:
        faults = faults_of(row)
    trigger: Trigger = UnreadableTrigger(str(row.trigger), faults.get("trigger", ""))
    if "trigger" not in faults:
        trigger = codec.loads(row.trigger)
    policies = Policies(
        **{name: value for name in POLICY_NAMES if name not in faults and (value := _policy(row, name)) is not None}
    )
    return _job(
        row,
        trigger,
        () if "args" in faults else _args(row),
        {} if "kwargs" in faults else _kwargs(row),
        policies,
        fault=in_words(faults),
    )


def faults_of(row: Row[Any]) -> dict[str, str]:
    """The columns of a job that cannot be read, and why."""
    faults: dict[str, str] = {}

    def attempt(column: str, read: Callable[[], _Part]) -> None:
        try:
            read()
        except UNREADABLE as error:
            faults[column] = f"{type(error).__name__}: {error}"

    attempt("trigger", lambda: codec.loads(row.trigger))
    attempt("args", lambda: _args(row))
    attempt("kwargs", lambda: _kwargs(row))
    for name in POLICY_NAMES:
        attempt(name, functools.partial(_checked_policy, row, name))
    attempt("status", lambda: JobStatus(row.status))
    return faults | clock_faults(row.next_run_time, row.version)


def in_words(faults: Mapping[str, str]) -> str:
    """The columns that cannot be read, and why, for people."""
    return "; ".join(f"{column}: {why}" for column, why in faults.items())


def _job(
    row: Row[Any] | JobRow, trigger: Trigger, args: Any, kwargs: Any, policies: Policies, fault: str | None = None
) -> Job:
    status = JobStatus.QUARANTINED if fault else JobStatus(row.status)
    paused = bool(row.paused)
    return Job(
        id=row.id,
        task=row.task,
        trigger=trigger,
        name=row.name,
        args=tuple(args),
        kwargs=kwargs,
        policies=policies,
        timezone=row.timezone,
        origin=row.origin,
        key=row.key,
        revision=row.revision,
        version=row.version if isinstance(row.version, int) else 0,
        next_run_time=None if isinstance(row.next_run_time, UnreadableTime) else row.next_run_time,
        paused=paused,
        fault=fault or row.fault,
        status=JobStatus.PAUSED if paused and status is JobStatus.SCHEDULED else status,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _args(row: Row[Any] | JobRow) -> list[Any]:
    args = _decode(row.args)
    if not isinstance(args, list):
        raise JobError(f"the args of job {row.id!r} are no JSON list")
    return args


def _kwargs(row: Row[Any] | JobRow) -> dict[str, Any]:
    kwargs = {} if row.kwargs == "{}" else _decode(row.kwargs)
    if not isinstance(kwargs, dict):
        raise JobError(f"the kwargs of job {row.id!r} are no JSON object")
    return kwargs


def _policy(row: Row[Any], name: str) -> Any:
    """One policy out of its column."""
    return _policy_value(name, getattr(row, name))


def _checked_policy(row: Row[Any], name: str) -> Policies:
    """One policy by itself, beside defaults. Raises one of UNREADABLE."""
    return Policies(**{name: _policy(row, name)})


def _policy_value(name: str, value: Any) -> Any:
    if name == "coalesce":
        return bool(value)
    if name == "retry" and value is not None:
        return Retry.from_json(json.loads(value))
    return value


@lru_cache(maxsize=1_000)
def _policies_of(*values: Any) -> Policies:
    """Policies from their columns. Most jobs of a plan share a few."""
    return Policies(**{name: _policy_value(name, value) for name, value in zip(POLICY_NAMES, values, strict=True)})


def read_run(row: Row[Any]) -> RunInfo:
    """A run from a row of `horarium_runs` joined with its job. What cannot be read of it is left empty."""
    own = row.payload is not None and is_payload(row.payload)
    payload = read_payload(row) | (_object(row.payload) if own else {})
    progress = _object(row.progress)
    return RunInfo(
        id=str(RunKey(row.scheduled_at, row.job_key)),
        job_id=row.id,
        task=payload["task"],
        state=RunState(row.state),
        cause=Cause(row.cause),
        scheduled_at=row.scheduled_at,
        created_at=row.created_at,
        attempt=row.attempt,
        crashes=row.crashes,
        args=tuple(payload["args"]),
        kwargs=payload["kwargs"],
        node=row.node,
        not_before=row.not_before,
        started_at=row.started_at,
        finished_at=row.finished_at,
        stop_reason=row.stop_reason,
        progress=None
        if "done" not in progress
        else Progress(progress["done"], progress.get("total"), progress.get("message", "")),
        result=_json(row.result),
        error=read_error(row.error),
    )


def read_payload(row: Row[Any]) -> dict[str, Any]:
    """A job's task and arguments, as a run may have them of its own; arguments that cannot be read are left empty."""
    args, kwargs = _json(row.args), _json(row.kwargs)
    return {
        "task": row.task,
        "args": args if isinstance(args, list) else [],
        "kwargs": kwargs if isinstance(kwargs, dict) else {},
    }


def payload_start(task: str) -> str:
    """How the text of a run's own task and arguments begins, so that a database can tell the task."""
    return f'{{"task":{to_json_text(task, "the name of a task")},'


def is_payload(text: str) -> bool:
    """Whether a run's own task and arguments can be read."""
    kinds: dict[str, type] = {"task": str, "args": list, "kwargs": dict}
    return "task" in (payload := _object(text)) and all(
        isinstance(value, kinds.get(name, object)) for name, value in payload.items()
    )


def read_attempt(row: Row[Any]) -> AttemptInfo:
    """An attempt from a row of `horarium_attempts`."""
    return AttemptInfo(row.attempt, row.outcome, row.node, row.started_at, row.finished_at, read_error(row.error))


def read_error(text: str | None) -> ErrorInfo | None:
    """An error as it was kept."""
    data = _object(text)
    return ErrorInfo.from_json(data) if {"type", "message"} <= data.keys() else None


def error_text(error: ErrorInfo | None) -> str | None:
    """An error as it is kept: JSON, cleaned of what databases cannot keep in text."""
    if error is None:
        return None
    data = {name: clean(value) if isinstance(value, str) else value for name, value in error.to_json().items()}
    return json.dumps(data, ensure_ascii=False)


def _json(text: str | None) -> Any:
    """A value; None too for text that cannot be read, so that the rest of its row can be shown."""
    if text is None:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _object(text: str | None) -> dict[str, Any]:
    """A JSON object; an empty one where there is none."""
    value = _json(text)
    return value if isinstance(value, dict) else {}
