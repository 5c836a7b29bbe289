"""`horarium jobs pause`, `resume` and `remove`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from horarium.cli.as_json import job_json
from horarium.cli.opening import open_plan
from horarium.cli.output import write_json
from horarium.cli.session import session_of
from horarium.cli.times import now, told
from horarium.errors import JobNotFound

if TYPE_CHECKING:
    from horarium.scheduler import Scheduler

_Jobs = Annotated[list[str], typer.Argument(metavar="JOB", help="The ids of one or several jobs.")]

PAUSED_BY = "a person"
"""Who is named as having paused a job here."""


def pause(context: typer.Context, jobs: _Jobs) -> None:
    """Stop jobs from coming due, also over restarts.

    Runs that are active go on. Whatever adds the job again at a start (code, a file) leaves it paused.
    """
    session = session_of(context)
    scheduler = open_plan(session)
    _refuse_missing(scheduler, jobs)
    paused = [scheduler.pause_job(job, by=PAUSED_BY) for job in jobs]
    if session.json:
        write_json([job_json(job) for job in paused])
    for job in paused if not session.json else ():
        typer.echo(f"Paused {job.id}.")


def resume(context: typer.Context, jobs: _Jobs) -> None:
    """Let paused jobs come due again, from now on.

    What would have come due meanwhile is not run.
    """
    session = session_of(context)
    scheduler = open_plan(session)
    _refuse_missing(scheduler, jobs)
    resumed = [scheduler.resume_job(job) for job in jobs]
    if session.json:
        write_json([job_json(job) for job in resumed])
    for job in resumed if not session.json else ():
        typer.echo(f"Resumed {job.id}; next run {told(job.next_run_time, now())}.")


def remove(context: typer.Context, jobs: _Jobs) -> None:
    """Remove jobs; their runs stay readable.

    A job that code or a file adds at every start comes back with the next one.
    """
    session = session_of(context)
    scheduler = open_plan(session)
    _refuse_missing(scheduler, jobs)
    for job in jobs:
        scheduler.remove_job(job)
    if session.json:
        write_json({"removed": jobs})
    for job in jobs if not session.json else ():
        typer.echo(f"Removed {job}.")


def _refuse_missing(scheduler: Scheduler, jobs: list[str]) -> None:
    """Raise JobNotFound for the first that does not exist, before anything is done with the others."""
    for job in jobs:
        if scheduler.get_job(job) is None:
            raise JobNotFound(job)
