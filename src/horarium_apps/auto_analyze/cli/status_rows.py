"""How the scheduled analysis stands, and its figures, as lines for people."""

from __future__ import annotations

from typing import Any

from horarium_apps.auto_analyze.cli.output import local_text

_KIB = 1024


def status_rows(status: dict[str, Any]) -> dict[str, str | None]:
    """Return what `status.read_status` tells, line by line."""
    rows: dict[str, str | None] = {"Running": "yes" if status["is_running"] else f"no: {_why_not(status)}"}
    for job in status["jobs"]:
        rows[f"Job {job['id']}"] = f"user {job['user_id']}, {job['when']}, {job['status']}, {_next(job)}"
    for node in status["nodes"]:
        rows[f"Process {node['pid']}"] = f"on {node['host']}, since {local_text(node['started_at'])}"
    rows["Videos"] = ", ".join(f"{number} {name}" for name, number in status["videos"].items())
    for run in status["current_runs"]:
        total = "" if run["total"] is None else f" of {run['total']:g}"
        rows[f"Run {run['run_id']}"] = f"{run['done']:.1f}{total}  {run['message']}".rstrip()
    last, result = status["last_run"], status["last_result"]
    if last is not None:
        error = f": {last['error']}" if last["error"] else ""
        rows["Last run"] = f"{last['run_id']}, {last['state']}, {local_text(last['finished_at'])}{error}"
    if result is not None:
        rows["Last result"] = (
            f"{result['analyzed']} analysed, {result['errors']} failed, of {result['total_videos']}, "
            f"in {result['duration']:.1f} s"
        )
        for one in result["error_details"]:
            rows[f"Video {one['video_id']}"] = one["error"]
    return rows


def figure_rows(figures: dict[str, Any]) -> dict[str, str | None]:
    """Return what `monitoring.read_figures` tells, line by line."""
    rows: dict[str, str | None] = {f"Frequency {one['job_id']}": _frequency(one) for one in figures["frequency"]}
    for run in figures["last_runs"]:
        seconds = "" if run["duration"] is None else f", {run['duration']:.1f} s"
        counts = "" if run["analyzed"] is None else f", {run['analyzed']} analysed, {run['errors']} failed"
        rows[f"Ended {run['run_id']}"] = (
            f"{run['job_id']}, {local_text(run['started_at'])}, {run['state']}{seconds}{counts}"
        )
    took = figures["duration"]
    if took["last"] is not None:
        rows["Duration"] = f"last {took['last']:.1f} s, mean {took['mean']:.1f} s, longest {took['longest']:.1f} s"
    rows["Success"] = f"{_rate(figures['success']['videos'], 'videos')}; {_rate(figures['success']['runs'], 'runs')}"
    for one in figures["processes"]:
        rows[f"Load {one['pid']}"] = _load(one)
    rows["Disk, plan"] = _disk(figures["disk"]["plan"])
    rows["Disk, sheets"] = _disk(figures["disk"]["sheets"])
    return rows


def in_bytes(number: int) -> str:
    """Return a number of bytes in the unit that suits it, such as "1.5 MiB"."""
    size, unit = float(number), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if size < _KIB:
            break
        size, unit = size / _KIB, larger
    return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"


def _why_not(status: dict[str, Any]) -> str:
    if not status["jobs"]:
        return "nothing is scheduled; `horarium auto-analyze --user-id N` starts it"
    if not status["nodes"]:
        return "no process carries the plan; `horarium run` does"
    if status["paused"]:
        return "the plan is paused; `horarium jobs resume --all` lets it go on"
    return "the jobs are paused; `horarium jobs resume JOB` resumes one"


def _next(job: dict[str, Any]) -> str:
    return "never again" if job["next_run_time"] is None else f"next at {local_text(job['next_run_time'])}"


def _frequency(one: dict[str, Any]) -> str:
    expected = "" if one["expected_minutes"] is None else f"expected every {one['expected_minutes']:g} min, "
    if one["found_minutes"] is None:
        return f"{expected}too few scheduled runs to tell ({one['runs']})"
    return (
        f"{expected}found every {one['found_minutes']:g} min, at most {one['longest_minutes']:g} min apart, "
        f"in the last {one['runs']} scheduled runs"
    )


def _rate(one: dict[str, Any], what: str) -> str:
    total = one["succeeded"] + one["failed"]
    return f"no {what} yet" if one["rate"] is None else f"{one['rate']:.1%} of {what} ({one['succeeded']} of {total})"


def _load(one: dict[str, Any]) -> str:
    if one["memory"] is None:
        return "cannot be told: the process is on another machine, has ended, or psutil is not installed"
    children = "1 child process" if one["children"] == 1 else f"{one['children']} child processes"
    return f"processor {one['cpu_percent']:.1f} %, memory {in_bytes(one['memory'])}, {children}"


def _disk(place: dict[str, Any] | None) -> str | None:
    if place is None:
        return None
    free = "" if place["free"] is None else f", {in_bytes(place['free'])} free"
    return f"{in_bytes(place['size'])} in {place['path']}{free}"
