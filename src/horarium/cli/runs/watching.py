"""`horarium runs watch`."""

from __future__ import annotations

import functools
import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.text import Text

from horarium.cli.as_json import run_json
from horarium.cli.opening import open_to_read
from horarium.cli.output import Rows, open_console, write_json
from horarium.cli.patience import patiently
from horarium.cli.runs.tables import elapsed, progress_words, remark, run_line, state_text, waiting_words
from horarium.cli.session import Session, session_of
from horarium.cli.standing import see_nodes
from horarium.cli.times import now, took
from horarium.errors import RunNotFound
from horarium.states import ACTIVE, FINAL, RunState
from horarium.values import RunInfo

if TYPE_CHECKING:
    from horarium.scheduler import Scheduler

_LINGERS = timedelta(seconds=10)
_AT_MOST = 500
_LINES_AROUND = 4
_BAR = 20


def watch(
    context: typer.Context,
    job: Annotated[str | None, typer.Argument(metavar="JOB", help="Only the runs of this job.")] = None,
    interval: Annotated[float, typer.Option(metavar="SECONDS", min=0.1, help="How often the plan is looked at.")] = 0.5,
) -> None:
    """Watch the active runs, with their progress, until Ctrl+C.

    A run that ended stays for ten seconds. In a pipe, and with --json, each change of a run is a line.
    """
    session = session_of(context)
    scheduler = open_to_read(session)
    watched = Watched(scheduler, job)
    if not any(seen.may_run for seen in see_nodes(scheduler)):
        session.note("No scheduler is running: what waits goes on when one starts (`horarium run`).")
    console = open_console()
    try:
        if session.json or not console.is_terminal:
            _in_lines(session, watched, interval)
        else:
            _live(session, console, watched, interval)
    except KeyboardInterrupt:
        return  # the way to end it


class Watched:
    """The active runs, and those that ended a moment ago."""

    def __init__(self, scheduler: Scheduler, job: str | None) -> None:
        self._scheduler = scheduler
        self._job = job
        self._runs: dict[str, RunInfo] = {}
        self._gone: dict[str, datetime] = {}

    def look(self, present: datetime) -> list[RunInfo]:
        """The runs as they are now, the oldest first. Raises PlanUnavailable."""
        active = self._scheduler.runs(self._job, states=list(ACTIVE), limit=_AT_MOST)
        fresh = {run.id: run for run in active}
        for run_id, run in self._runs.items():
            if run_id in fresh:
                continue
            if run.state not in FINAL:
                self._gone[run_id] = present
                fresh |= self._read_again(run_id)
            elif present - self._gone[run_id] < _LINGERS:
                fresh[run_id] = run
        self._gone = {run_id: since for run_id, since in self._gone.items() if run_id in fresh}
        self._runs = fresh
        return sorted(fresh.values(), key=lambda run: (run.scheduled_at, run.id))

    def _read_again(self, run_id: str) -> dict[str, RunInfo]:
        try:
            return {run_id: self._scheduler.get_run(run_id)}
        except RunNotFound:  # it ended, and its job keeps no history
            return {}


def _live(session: Session, console: Console, watched: Watched, interval: float) -> None:
    with Live(console=console, auto_refresh=False, transient=False) as live:
        while True:
            present = now()
            runs = patiently(session, functools.partial(watched.look, present))
            live.update(_table(runs, present, console.height - _LINES_AROUND), refresh=True)
            time.sleep(interval)


def _table(runs: list[RunInfo], present: datetime, most: int) -> RenderableType:
    if not runs:
        return Text("No active runs. Ctrl+C ends the watch.", style="dim")
    made = Rows("RUN", "JOB", "STATE", "PROGRESS", "TOOK", "")
    shown = runs[: max(most, 1)]
    for run in shown:
        made.add(
            run.id, run.job_id, state_text(run.state), _bar(run), took(elapsed(run, present)), _words(run, present)
        )
    if len(runs) > len(shown):
        made.add("", f"and {len(runs) - len(shown)} more")
    return made


def _bar(run: RunInfo) -> RenderableType:
    progress = run.progress
    if run.state in FINAL or progress is None or not progress.total:
        return ""
    return ProgressBar(total=progress.total, completed=progress.done, width=_BAR)


def _words(run: RunInfo, present: datetime) -> str:
    if run.state in (RunState.QUEUED, RunState.RETRYING):
        return waiting_words(run, present)
    if run.progress is not None and run.state in ACTIVE:
        return progress_words(run.progress)
    return remark(run)


def _in_lines(session: Session, watched: Watched, interval: float) -> None:
    told: dict[str, RunInfo] = {}
    while True:
        present = now()
        runs = patiently(session, functools.partial(watched.look, present))
        for run in runs:
            if told.get(run.id) == run:
                continue
            if session.json:
                write_json(run_json(run), lines=True)
            else:
                typer.echo(run_line(run, present))
        told = {run.id: run for run in runs}
        time.sleep(interval)
