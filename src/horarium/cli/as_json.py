"""Horarium's values as JSON for `--json`: the names of their fields, times in ISO 8601 with their offset."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from horarium.cli.standing import Seen
from horarium.job import POLICY_NAMES, Job
from horarium.values import AttemptInfo, Decision, ErrorInfo, LogLine, RunInfo


def time_json(when: datetime | None) -> str | None:
    """A time in ISO 8601."""
    return None if when is None else when.isoformat()


def job_json(job: Job) -> dict[str, Any]:
    """A job with its trigger (as JSON, and in words), its policies, and what the plan knows of it."""
    policies = {name: getattr(job.policies, name) for name in POLICY_NAMES}
    policies["retry"] = None if job.policies.retry is None else job.policies.retry.to_json()
    return {
        "id": job.id,
        "name": job.name,
        "task": job.task,
        "status": job.status,
        "next_run_time": time_json(job.next_run_time),
        "trigger": job.trigger.to_json(),
        "when": job.trigger.describe(),
        "timezone": job.timezone,
        "args": list(job.args),
        "kwargs": dict(job.kwargs),
        "policies": policies,
        "paused": job.paused,
        "fault": job.fault,
        "origin": job.origin,
        "created_at": time_json(job.created_at),
        "updated_at": time_json(job.updated_at),
    }


def run_json(run: RunInfo) -> dict[str, Any]:
    """A run."""
    return {
        "id": run.id,
        "job_id": run.job_id,
        "task": run.task,
        "state": run.state,
        "cause": run.cause,
        "scheduled_at": time_json(run.scheduled_at),
        "created_at": time_json(run.created_at),
        "not_before": time_json(run.not_before),
        "started_at": time_json(run.started_at),
        "finished_at": time_json(run.finished_at),
        "duration": run.duration,
        "attempt": run.attempt,
        "crashes": run.crashes,
        "node": run.node,
        "stop_reason": run.stop_reason,
        "args": list(run.args),
        "kwargs": dict(run.kwargs),
        "progress": None if run.progress is None else run.progress.to_json(),
        "result": run.result,
        "error": error_json(run.error),
    }


def error_json(error: ErrorInfo | None) -> dict[str, Any] | None:
    """What an attempt failed with."""
    return None if error is None else error.to_json()


def attempt_json(attempt: AttemptInfo) -> dict[str, Any]:
    """An attempt that did not succeed."""
    return {
        "attempt": attempt.attempt,
        "outcome": attempt.outcome,
        "node": attempt.node,
        "started_at": time_json(attempt.started_at),
        "finished_at": time_json(attempt.finished_at),
        "error": error_json(attempt.error),
    }


def decision_json(decision: Decision) -> dict[str, Any]:
    """What became of one or several occurrences."""
    return {
        "kind": decision.kind,
        "first_at": time_json(decision.first_at),
        "last_at": time_json(decision.last_at),
        "count": decision.count,
        "exact": decision.exact,
        "reason": decision.reason,
        "decided_at": time_json(decision.decided_at),
        "run": None if decision.run is None else run_json(decision.run),
    }


def line_json(number: int, line: LogLine) -> dict[str, Any]:
    """A line that a run logged."""
    return {
        "attempt": line.attempt,
        "number": number,
        "at": time_json(line.at),
        "level": line.level,
        "logger": line.logger,
        "message": line.message,
    }


def node_json(seen: Seen) -> dict[str, Any]:
    """A node; `alive` says whether it could be running something, `status` why, or why not."""
    node = seen.node
    return {
        "id": node.id,
        "host": node.host,
        "pid": node.pid,
        "version": node.version,
        "alive": seen.may_run,
        "status": seen.standing,
        "running": node.running,
        "started_at": time_json(node.started_at),
        "heartbeat_at": time_json(node.heartbeat_at),
        "silent_for": round(seen.silent_for, 3),
        "lease_until": time_json(node.lease_until),
        "stopped_at": time_json(node.stopped_at),
        "stop_reason": node.stop_reason,
        "clock_offset": node.clock_offset,
    }
