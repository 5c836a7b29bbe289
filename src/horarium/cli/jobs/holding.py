"""`horarium jobs pause`, `resume` and `remove`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from horarium.cli.as_json import job_json
from horarium.cli.opening import open_plan
from horarium.cli.output import write_json
from horarium.cli.session import session_of
from horarium.cli.times import now, told
from horarium.errors import JobNotFound
from horarium.job import Job

if TYPE_CHECKING:
    from horarium.scheduler import Scheduler

_IDS = "The ids of one or several jobs."
_SomeJobs = Annotated[list[str] | None, typer.Argument(metavar="JOB", help=_IDS)]
_Jobs = Annotated[list[str], typer.Argument(metavar="JOB", help=_IDS)]
_All = Annotated[bool, typer.Option("--all", help="The whole plan instead, and with it whatever is added to it.")]

PAUSED_BY = "a person"
"""Who is named as having paused a job here."""


def pause(context: typer.Context, jobs: _SomeJobs = None, everything: _All = False) -> None:
    """Stop jobs from coming due, also over restarts.

    Runs that are active go on. Whatever adds the job again at a start (code, a file) leaves it paused.
    """
    scheduler = _opened(context, jobs, everything)
    if everything:
        scheduler.pause(by=PAUSED_BY)
        _tell_plan(context, "paused")
    else:
        paused = [scheduler.pause_job(job, by=PAUSED_BY) for job in jobs or ()]
        _tell(context, paused, lambda job: f"Paused {job.id}.")


def resume(context: typer.Context, jobs: _SomeJobs = None, everything: _All = False) -> None:
    """Let paused jobs come due again, from now on.

    What a job would have come due for meanwhile is not run. With --all, what came due meanwhile is decided by each
    job's policies, as after an outage; jobs that were paused by themselves stay paused.
    """
    scheduler = _opened(context, jobs, everything)
    if everything:
        scheduler.resume()
        _tell_plan(context, "resumed")
    else:
        resumed = [scheduler.resume_job(job) for job in jobs or ()]
        _tell(context, resumed, lambda job: f"Resumed {job.id}; next run {told(job.next_run_time, now())}.")


def remove(context: typer.Context, jobs: _Jobs) -> None:
    """Remove jobs; their runs stay readable.

    A job that code or a file adds at every start comes back with the next one.
    """
    session = session_of(context)
    scheduler = _opened(context, jobs, False)
    for job in jobs:
        scheduler.remove_job(job)
    if session.json:
        write_json({"removed": jobs})
    for job in jobs if not session.json else ():
        typer.echo(f"Removed {job}.")


def _opened(context: typer.Context, jobs: list[str] | None, everything: bool) -> Scheduler:
    """The plan, when all of these jobs are in it: otherwise nothing is done with any of them."""
    if bool(jobs) == everything:
        context.fail("Name the jobs, or give --all.")
    scheduler = open_plan(session_of(context))
    for job in jobs or ():
        if scheduler.get_job(job) is None:
            raise JobNotFound(job)
    return scheduler


def _tell(context: typer.Context, jobs: list[Job], words: Callable[[Job], str]) -> None:
    if session_of(context).json:
        write_json([job_json(job) for job in jobs])
        return
    for job in jobs:
        typer.echo(words(job))


def _tell_plan(context: typer.Context, what: str) -> None:
    if session_of(context).json:
        write_json({"plan": what})
    else:
        typer.echo(f"The plan is {what}.")
