"""Rows as values: jobs and runs out of the database, whatever state they are in."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Self

from sqlalchemy import Row

from horarium.errors import HorariumError, JobError, TriggerError
from horarium.job import POLICY_NAMES, Job, Policies
from horarium.jsontext import to_json_text
from horarium.retry import Retry
from horarium.states import Cause, JobStatus, OnCrash, Overlap, RunState
from horarium.values import AttemptInfo, ErrorInfo, Progress, RunInfo, RunKey
from horarium.when import codec
from horarium.when.base import Count, Trigger

UNREADABLE = (HorariumError, ValueError, TypeError, KeyError, AttributeError)
"""What reading a damaged row can raise."""


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
        return Count(0, exact=True)

    def _changed(self, **fields: Any) -> Self:
        return self

    def to_json(self) -> dict[str, Any]:
        """Refused: it would take the place of what could not be read."""
        raise TriggerError(f"this trigger could not be read ({self.why}); give the job a new one")

    def describe(self) -> str:
        """For people."""
        return f"unreadable: {self.why}"


def job_values(job: Job) -> dict[str, Any]:
    """A job's definition as columns of `horarium_jobs`. Raises ArgumentsNotJSON, naming the job, for other arguments."""
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
    """A job from a row of `horarium_jobs` joined with its clock. Raises one of UNREADABLE when the row is damaged."""
    return _job(row, codec.loads(row.trigger), json.loads(row.args), json.loads(row.kwargs), _policies(row))


def show_job(row: Row[Any]) -> Job:
    """A job for people: as read_job, but a damaged row is shown with what is wrong instead of raising."""
    try:
        return read_job(row)
    except UNREADABLE as error:
        return _job(row, UnreadableTrigger(str(row.trigger), str(error)), (), {}, Policies(), fault=str(error))


def _job(row: Row[Any], trigger: Trigger, args: Any, kwargs: Any, policies: Policies, fault: str | None = None) -> Job:
    if not isinstance(kwargs, dict):
        raise JobError(f"the kwargs of job {row.id!r} are no JSON object")
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
        version=row.version or 0,
        next_run_time=row.next_run_time,
        paused=paused,
        fault=fault or row.fault,
        status=JobStatus.PAUSED if paused and status is JobStatus.SCHEDULED else status,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _policies(row: Row[Any]) -> Policies:
    return _policies_of(*(getattr(row, name) for name in POLICY_NAMES))


@lru_cache(maxsize=1_000)
def _policies_of(*values: Any) -> Policies:
    """Policies from their columns. Most jobs of a plan share a few."""
    columns = dict(zip(POLICY_NAMES, values, strict=True))
    columns["overlap"] = Overlap(columns["overlap"])
    columns["on_crash"] = OnCrash(columns["on_crash"])
    columns["coalesce"] = bool(columns["coalesce"])
    if columns["retry"] is not None:
        columns["retry"] = Retry.from_json(json.loads(columns["retry"]))
    return Policies(**columns)


def read_run(row: Row[Any]) -> RunInfo:
    """A run from a row of `horarium_runs` joined with its job. What cannot be read of it is left empty."""
    payload = _json(row.payload) or {}
    progress = _json(row.progress)
    return RunInfo(
        id=str(RunKey(row.scheduled_at, row.job_key)),
        job_id=row.id,
        task=payload.get("task", row.task),
        state=RunState(row.state),
        cause=Cause(row.cause),
        scheduled_at=row.scheduled_at,
        created_at=row.created_at,
        attempt=row.attempt,
        crashes=row.crashes,
        args=tuple(payload.get("args", _json(row.args) or ())),
        kwargs=payload.get("kwargs", _json(row.kwargs) or {}),
        node=row.node,
        not_before=row.not_before,
        started_at=row.started_at,
        finished_at=row.finished_at,
        stop_reason=row.stop_reason,
        progress=None if progress is None else Progress(**progress),
        result=_json(row.result),
        error=read_error(row.error),
    )


def read_attempt(row: Row[Any]) -> AttemptInfo:
    """An attempt from a row of `horarium_attempts`."""
    return AttemptInfo(
        row.attempt, row.outcome, row.node, row.started_at, row.finished_at, read_error(row.error)
    )


def read_error(text: str | None) -> ErrorInfo | None:
    """An error as it was kept."""
    data = _json(text)
    return None if data is None else ErrorInfo.from_json(data)


def error_text(error: ErrorInfo | None) -> str | None:
    """An error as it is kept: JSON, cleaned of what databases cannot keep in text."""
    if error is None:
        return None
    data = {name: clean(value) if isinstance(value, str) else value for name, value in error.to_json().items()}
    return json.dumps(data, ensure_ascii=False)


def clean(text: str) -> str:
    """Text without NUL characters and lone surrogates, which databases refuse; each becomes the replacement sign."""
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode("utf-8")




def _json(text: str | None) -> Any:
    return None if text is None else json.loads(text)
