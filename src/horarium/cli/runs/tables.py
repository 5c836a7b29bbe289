"""Runs as a table, as details, and as lines."""

from __future__ import annotations

from datetime import datetime

from rich.text import Text

from horarium.cli.output import Details, Rows, compact
from horarium.cli.times import relative, short, told, took
from horarium.states import FINAL, RunState
from horarium.values import Progress, RunInfo

STYLES = {
    RunState.QUEUED: "cyan",
    RunState.RUNNING: "blue",
    RunState.STOPPING: "yellow",
    RunState.RETRYING: "yellow",
    RunState.SUCCEEDED: "green",
    RunState.FAILED: "red",
    RunState.CANCELLED: "dim",
    RunState.MISSED: "magenta",
}

_MESSAGE = 60


def state_text(state: RunState) -> Text:
    """A state in its colour."""
    return Text(state, style=STYLES[state])


def runs_table(runs: list[RunInfo], present: datetime, *, with_job: bool = True) -> Rows:
    """Runs, one a line. In a pipe a line of the table is a line of text."""
    made = Rows("RUN", *(["JOB"] if with_job else []), "DUE", "STATE", "TOOK", "")
    for run in runs:
        made.add(
            run.id,
            *([run.job_id] if with_job else []),
            short(run.scheduled_at, present),
            state_text(run.state),
            took(elapsed(run, present)),
            remark(run),
        )
    return made


def elapsed(run: RunInfo, present: datetime) -> float | None:
    """Seconds that the last attempt took, or has taken until now."""
    if run.duration is not None:
        return run.duration
    if run.state in (RunState.RUNNING, RunState.STOPPING) and run.started_at is not None:
        return max((present - run.started_at).total_seconds(), 0.0)
    return None


def remark(run: RunInfo) -> str:
    """What is worth saying about a run in one short line: its error, why it stopped, how far it is."""
    if run.error is not None and run.state is not RunState.SUCCEEDED:
        text = str(run.error)
    elif run.stop_reason and run.state is not RunState.SUCCEEDED:
        text = run.stop_reason
    elif run.progress is not None and run.state in (RunState.RUNNING, RunState.STOPPING):
        text = progress_words(run.progress)
    else:
        text = f"attempt {run.attempt}" if run.attempt > 1 else ""
    line = " ".join(text.split())
    return line if len(line) <= _MESSAGE else line[: _MESSAGE - 3] + "..."


def progress_words(progress: Progress) -> str:
    """How far a run is: "3/10 sync_post"."""
    total = "" if progress.total is None else f"/{progress.total:g}"
    return f"{progress.done:g}{total} {progress.message}".rstrip()


def run_details(run: RunInfo, present: datetime) -> Details:
    """A run, one fact a line."""
    seconds = elapsed(run, present)
    return Details(
        [
            ("Run", run.id),
            ("Job", run.job_id),
            ("Task", run.task),
            ("State", state_text(run.state)),
            ("Why", run.cause),
            ("Due", told(run.scheduled_at, present)),
            ("Not before", _waits_until(run, present)),
            ("Started", None if run.started_at is None else told(run.started_at, present)),
            ("Ended", None if run.finished_at is None else told(run.finished_at, present)),
            ("Took", None if seconds is None else took(seconds)),
            ("Attempt", str(run.attempt) if run.attempt else None),
            ("Crashes", str(run.crashes) if run.crashes else None),
            ("Node", run.node),
            ("Reason", run.stop_reason),
            ("Progress", None if run.progress is None else progress_words(run.progress)),
            ("Arguments", compact(list(run.args)) if run.args else None),
            ("By name", compact(dict(run.kwargs)) if run.kwargs else None),
            ("Result", None if run.result is None else compact(run.result)),
            ("Error", None if run.error is None else str(run.error)),
        ]
    )


def _waits_until(run: RunInfo, present: datetime) -> str | None:
    if run.not_before is None or run.not_before <= present or run.state in FINAL:
        return None
    return told(run.not_before, present)


def run_line(run: RunInfo, present: datetime) -> str:
    """A run as a line for a pipe: when, which, and how it is."""
    words = [short(present, present), run.id, run.job_id, run.state, remark(run)]
    return "  ".join(word for word in words if word)


def waiting_words(run: RunInfo, present: datetime) -> str:
    """What a run that does not run waits for."""
    if run.not_before is not None and run.not_before > present:
        return f"next attempt {relative(run.not_before, present)}"
    return "waits for a node"
