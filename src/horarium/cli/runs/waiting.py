"""Waiting for a run with its progress on the terminal, and telling how it ended."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from horarium.cli.as_json import run_json
from horarium.cli.exit_codes import ExitCode
from horarium.cli.output import compact, open_console, write_json
from horarium.cli.patience import PATIENCE, patiently
from horarium.cli.runs.outlook import Outlook
from horarium.cli.runs.tables import run_line, waiting_words
from horarium.cli.session import Session
from horarium.cli.times import now, took
from horarium.errors import TriggerError
from horarium.states import FINAL, RunState
from horarium.values import RunInfo
from horarium.when.durations import parse_duration

if TYPE_CHECKING:
    from horarium.scheduler import Scheduler

_LOOK_EVERY = 0.2


WaitOption = Annotated[
    bool, typer.Option("--wait", help="Wait for its end, with its progress; the exit code says how it ended.")
]
TimeoutOption = Annotated[
    str | None,
    typer.Option(
        "--timeout",
        metavar="DURATION",
        help="With --wait: wait at most so long (90, 5m). [default: until nobody took it for a minute]",
    ),
]


def read_timeout(text: str | None, *, wait: bool) -> float | None:
    """Seconds to wait for at most. Raises BadParameter."""
    if text is None:
        return None
    if not wait:
        raise typer.BadParameter("it goes with --wait", param_hint="--timeout")
    try:
        return parse_duration(text).total_seconds()
    except TriggerError as error:
        raise typer.BadParameter(str(error), param_hint="--timeout") from error


def wait_and_tell(session: Session, scheduler: Scheduler, run: RunInfo, timeout: float | None = None) -> None:
    """Wait for the end of a run and tell how it ended.

    Exits with 1 when it did not succeed, 130 after Ctrl+C. Raises StillWaiting after `timeout` seconds, or without one
    when nobody took the run for a minute.
    """
    outlook = Outlook(session, scheduler, timeout)
    try:
        ended = _wait(session, scheduler, run, outlook)
    except KeyboardInterrupt:
        session.note(f"\nStopped waiting; run {run.id} goes on. `horarium runs cancel {run.id}` stops it.")
        raise typer.Exit(ExitCode.INTERRUPTED) from None
    if session.json:
        write_json(run_json(ended))
    else:
        typer.echo(_outcome(ended))
    if ended.state is not RunState.SUCCEEDED:
        raise typer.Exit(ExitCode.FAILED)


def _wait(session: Session, scheduler: Scheduler, run: RunInfo, outlook: Outlook) -> RunInfo:
    console = open_console(error=True)
    if session.json or not console.is_terminal:
        return _wait_in_lines(session, scheduler, run, outlook)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[far]}", markup=False),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bars:
        bar = bars.add_task(run.job_id, total=None, far="")
        while run.state not in FINAL:
            bars.update(bar, **_bar(run))
            run = _look_again(session, scheduler, run, outlook)
    return run


def _wait_in_lines(session: Session, scheduler: Scheduler, run: RunInfo, outlook: Outlook) -> RunInfo:
    told = ""
    while run.state not in FINAL:
        if run.state != told:
            session.note(run_line(run, now()))
            told = run.state
        run = _look_again(session, scheduler, run, outlook)
    return run


def _look_again(session: Session, scheduler: Scheduler, run: RunInfo, outlook: Outlook) -> RunInfo:
    patience = min(PATIENCE, max(outlook.left, 0.0))
    patiently(session, lambda: outlook.check(run), patience)
    time.sleep(min(_LOOK_EVERY, max(outlook.left, 0.0)))
    return patiently(session, lambda: scheduler.get_run(run.id), patience)


def _bar(run: RunInfo) -> dict[str, Any]:
    progress = run.progress
    if run.state in (RunState.QUEUED, RunState.RETRYING):
        return {"description": f"{run.job_id} {run.state}", "far": waiting_words(run, now())}
    far = "" if progress is None else progress.message
    if progress is None or progress.total is None:
        return {"description": run.job_id, "far": far or run.state}
    count = f"{progress.done:g}/{progress.total:g}"
    return {"description": run.job_id, "completed": progress.done, "total": progress.total, "far": f"{count} {far}"}


def _outcome(run: RunInfo) -> str:
    words = f"Run {run.id} of {run.job_id} {run.state}"
    if run.duration is not None:
        words += f" after {took(run.duration)}"
    if run.state is RunState.SUCCEEDED:
        return f"{words}." if run.result is None else f"{words}: {compact(run.result)}"
    reason = run.error or run.stop_reason
    return f"{words}: {reason}" if reason else f"{words}."
