"""How the scheduled analysis stands, as JSON: what is scheduled, who carries it, the videos, the last result."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from horarium import Job, JobStatus, NodeInfo, RunInfo, RunState, Scheduler
from horarium_apps.auto_analyze import queries
from horarium_apps.auto_analyze.domain.video import VideoStatus
from horarium_apps.auto_analyze.jobs import TASK, job_id

ENDED = (RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED)
"""The states of a run that is over."""

_AT_WORK = (RunState.RUNNING, RunState.STOPPING)
_MINUTE = 60


def read_status(scheduler: Scheduler, user_id: int | None = None) -> dict[str, Any]:
    """Return how the scheduled analysis stands, of one user or of all, as JSON. Times are ISO 8601, in UTC.

    Returns:
        `is_running`: whether a process lives that carries the plan, and something is scheduled in it that is not
            paused;
        `paused`: whether the whole plan is paused;
        `jobs`: `id`, `user_id`, `when`, `interval_minutes` (None for other triggers), `next_run_time`, `status`;
        `nodes`: `host`, `pid`, `started_at` of the processes, and whether each is this one (`here`);
        `videos`: how many there are of each status;
        `current_runs`: `run_id`, `job_id`, and the progress: `done`, `total`, `message`;
        `last_run`: `run_id`, `job_id`, `state`, `finished_at`, `error` of the last one that ended, or None;
        `last_result`: the documented result of the last one that ended well, or None.

    Raises:
        HorariumError: the plan cannot be read.
    """
    jobs = find_jobs(scheduler, user_id)
    nodes = scheduler.live_nodes()
    with scheduler.connection(read_only=True) as connection:
        counts = queries.count_by_status(connection, user_id)
    ids = job_ids(scheduler, jobs, user_id)
    ended = _newest(scheduler, ids, ENDED)
    succeeded = _newest(scheduler, ids, (RunState.SUCCEEDED,))
    scheduled = any(job.status is JobStatus.SCHEDULED and not job.paused for job in jobs)
    paused = scheduler.statistics()["paused"]
    return {
        "is_running": bool(nodes) and scheduled and not paused,
        "paused": paused,
        "jobs": [_job(job) for job in jobs],
        "nodes": [_node(node) for node in nodes],
        "videos": {status.value: number for status, number in counts.items()},
        "current_runs": [_current(run) for one in ids for run in _runs(scheduler, one, _AT_WORK)],
        "last_run": None if ended is None else _last(ended),
        "last_result": None if succeeded is None else succeeded.result,
    }


def nothing() -> dict[str, Any]:
    """Return the same where there is no plan, and so nothing in it."""
    return {
        "is_running": False,
        "paused": False,
        "jobs": [],
        "nodes": [],
        "videos": {status.value: 0 for status in VideoStatus},
        "current_runs": [],
        "last_run": None,
        "last_result": None,
    }


def find_jobs(scheduler: Scheduler, user_id: int | None = None) -> list[Job]:
    """Return the jobs that analyse videos, whoever added them; of one user or of all."""
    jobs = [job for job in scheduler.get_jobs(search=TASK) if job.task == TASK]
    return [job for job in jobs if user_id is None or _user_of(job) == user_id]


def job_ids(scheduler: Scheduler, jobs: Iterable[Job], user_id: int | None = None) -> list[str]:
    """Return the ids of these jobs, and of the ones that `start_auto_analyzer` adds, of one user or of all: removed
    ones have runs, too.
    """
    with scheduler.connection(read_only=True) as connection:
        users = [user_id] if user_id is not None else [user.id for user in queries.list_users(connection)]
    return sorted({job.id for job in jobs} | {job_id(each) for each in users})


def newest_runs(scheduler: Scheduler, ids: Iterable[str], states: Iterable[RunState], limit: int) -> list[RunInfo]:
    """Return the newest runs of each of these jobs that are in one of these states, at most so many of each."""
    return [run for one in ids for run in _runs(scheduler, one, states, limit)]


def is_here(node: NodeInfo) -> bool:
    """Tell whether a node is this very process."""
    return node.host == socket.gethostname() and node.pid == os.getpid()


def _user_of(job: Job) -> Any:
    return job.kwargs.get("user_id", job.args[0] if job.args else None)


def _runs(scheduler: Scheduler, one: str, states: Iterable[RunState], limit: int = 10) -> list[RunInfo]:
    try:
        return scheduler.runs(one, states=list(states), limit=limit)
    except LookupError:  # there never was such a job
        return []


def _newest(scheduler: Scheduler, ids: Iterable[str], states: Iterable[RunState]) -> RunInfo | None:
    found = newest_runs(scheduler, ids, states, 1)
    return max(found, key=lambda run: run.finished_at or run.created_at, default=None)


def _job(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "user_id": _user_of(job),
        "when": job.trigger.describe(),
        "interval_minutes": interval_minutes(job),
        "next_run_time": iso(job.next_run_time),
        "status": JobStatus.PAUSED.value if job.paused else job.status.value,
    }


def interval_minutes(job: Job) -> float | None:
    """Return the minutes from one occurrence of a job to the next; None for what is not an interval."""
    trigger = job.trigger.to_json()
    return _whole(trigger["seconds"] / _MINUTE) if trigger["type"] == "interval" else None


def _whole(number: float) -> float:
    return int(number) if number == int(number) else number


def _node(node: NodeInfo) -> dict[str, Any]:
    return {"host": node.host, "pid": node.pid, "started_at": iso(node.started_at), "here": is_here(node)}


def _current(run: RunInfo) -> dict[str, Any]:
    progress = run.progress.to_json() if run.progress is not None else {"done": 0, "total": None, "message": ""}
    return {"run_id": run.id, "job_id": run.job_id, **progress}


def _last(run: RunInfo) -> dict[str, Any]:
    return {
        "run_id": run.id,
        "job_id": run.job_id,
        "state": run.state.value,
        "finished_at": iso(run.finished_at),
        "error": None if run.error is None else run.error.message,
    }


def iso(when: datetime | None) -> str | None:
    """Return a time in ISO 8601, in UTC; None for None."""
    return None if when is None else when.astimezone(UTC).isoformat()
