"""The figures to watch: how often the analysis runs and how regularly, how long, how well, and what it takes."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from horarium import Job, RunInfo, RunState, Scheduler
from horarium_apps.auto_analyze import queries
from horarium_apps.auto_analyze.adapters.machine import free_space, measure_processes, size_of_file, size_of_folder
from horarium_apps.auto_analyze.domain.video import VideoStatus
from horarium_apps.auto_analyze.plan import plan_file
from horarium_apps.auto_analyze.settings import AutoAnalyzeSettings
from horarium_apps.auto_analyze.status import (
    ENDED,
    find_jobs,
    interval_minutes,
    iso,
    job_ids,
    newest_runs,
)

_LOOKED_AT = 50
"""Runs of each job that are looked at, the newest ones."""
_SHOWN = 5
_SCHEDULED = "schedule"


def read_figures(scheduler: Scheduler, user_id: int | None = None) -> dict[str, Any]:
    """Return the figures of the scheduled analysis, of one user or of all, as JSON. Times are ISO 8601, in UTC.

    What is told of runs is that of the last 50 of each job that have ended.

    Returns:
        `frequency`: for each job `job_id`, `expected_minutes` (None for other triggers), `found_minutes` (mean time
            from one scheduled run to the next), `longest_minutes`, `runs` (how many that is of) and `last_at`;
        `last_runs`: the last five: `run_id`, `job_id`, `state`, `started_at`, `duration`, `analyzed`, `errors`;
        `duration`: seconds of runs that succeeded: `last`, `mean`, `longest`;
        `success`: `videos` and `runs`, each with `succeeded`, `failed`, `rate` (0.0 to 1.0, or None);
        `processes`: of those that carry the plan: `host`, `pid`, `cpu_percent`, `cpu_seconds`, `memory` (bytes),
            `children`; the figures are None for a process on another machine;
        `disk`: `plan` (None if it is not a file of this machine) and `sheets`: `path`, `size`, `free` (bytes).

    Raises:
        HorariumError: the plan cannot be read, or the settings are wrong.
    """
    jobs = find_jobs(scheduler, user_id)
    with scheduler.connection(read_only=True) as connection:
        counts = queries.count_by_status(connection, user_id)
    ended = newest_runs(scheduler, job_ids(scheduler, jobs, user_id), ENDED, _LOOKED_AT)
    ended.sort(key=_began, reverse=True)
    return {
        "frequency": [_frequency(job, [run for run in ended if run.job_id == job.id]) for job in jobs],
        "last_runs": [_run(run) for run in ended[:_SHOWN]],
        "duration": _durations([run for run in ended if run.state is RunState.SUCCEEDED]),
        "success": {
            "videos": _rate(counts[VideoStatus.ANALYSED], counts[VideoStatus.FAILED]),
            "runs": _rate(
                sum(run.state is RunState.SUCCEEDED for run in ended),
                sum(run.state is RunState.FAILED for run in ended),
            ),
        },
        "processes": _processes(scheduler),
        "disk": read_disk(scheduler),
    }


def no_figures(scheduler: Scheduler) -> dict[str, Any]:
    """Return the same where there is no plan. Raises HorariumError when the settings are wrong."""
    return {
        "frequency": [],
        "last_runs": [],
        "duration": _durations([]),
        "success": {"videos": _rate(0, 0), "runs": _rate(0, 0)},
        "processes": [],
        "disk": read_disk(scheduler),
    }


def read_disk(scheduler: Scheduler) -> dict[str, Any]:
    """Return what the plan's file and the contact sheets take, and what is free there, as JSON."""
    sheets = AutoAnalyzeSettings(config=scheduler.settings.config).sheets_folder.absolute()
    plan = plan_file(scheduler)
    return {
        "plan": None if plan is None else {"path": str(plan), "size": size_of_file(plan), "free": free_space(plan)},
        "sheets": {"path": str(sheets), "size": size_of_folder(sheets), "free": free_space(sheets)},
    }


def _frequency(job: Job, ended: Sequence[RunInfo]) -> dict[str, Any]:
    times = sorted(run.scheduled_at for run in ended if run.cause == _SCHEDULED)
    gaps = [(later - earlier).total_seconds() / 60 for earlier, later in pairwise(times)]
    return {
        "job_id": job.id,
        "expected_minutes": interval_minutes(job),
        "found_minutes": round(sum(gaps) / len(gaps), 2) if gaps else None,
        "longest_minutes": round(max(gaps), 2) if gaps else None,
        "runs": len(times),
        "last_at": iso(times[-1]) if times else None,
    }


def _run(run: RunInfo) -> dict[str, Any]:
    result = run.result if isinstance(run.result, dict) else {}
    return {
        "run_id": run.id,
        "job_id": run.job_id,
        "state": run.state.value,
        "started_at": iso(run.started_at),
        "duration": None if run.duration is None else round(run.duration, 3),
        "analyzed": result.get("analyzed"),
        "errors": result.get("errors"),
    }


def _durations(succeeded: Iterable[RunInfo]) -> dict[str, float | None]:
    seconds = [round(run.duration, 3) for run in succeeded if run.duration is not None]
    if not seconds:
        return {"last": None, "mean": None, "longest": None}
    return {"last": seconds[0], "mean": round(sum(seconds) / len(seconds), 3), "longest": max(seconds)}


def _rate(succeeded: int, failed: int) -> dict[str, Any]:
    total = succeeded + failed
    return {"succeeded": succeeded, "failed": failed, "rate": round(succeeded / total, 4) if total else None}


def _processes(scheduler: Scheduler) -> list[dict[str, Any]]:
    nodes, host = scheduler.live_nodes(), socket.gethostname()
    measured = measure_processes((node.pid, node.started_at.timestamp()) for node in nodes if node.host == host)
    nothing: dict[str, Any] = dict.fromkeys(("cpu_percent", "cpu_seconds", "memory", "children"))
    return [
        {
            "host": node.host,
            "pid": node.pid,
            **((measured.get(node.pid) if node.host == host else None) or nothing),
        }
        for node in nodes
    ]


def _began(run: RunInfo) -> Any:
    return run.finished_at or run.created_at
