"""`horarium jobs list` and `horarium jobs show`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer
from rich.text import Text

from horarium.cli.as_json import job_json, run_json
from horarium.cli.counts import count
from horarium.cli.durations import duration_words
from horarium.cli.opening import open_to_read
from horarium.cli.output import Details, Rows, compact, write, write_json
from horarium.cli.runs.tables import runs_table
from horarium.cli.session import session_of
from horarium.cli.times import now, relative, short, told
from horarium.errors import JobNotFound
from horarium.job import POLICY_NAMES, Job, Policies
from horarium.states import JobStatus

_RUNS_SHOWN = 5
_STYLES = {
    JobStatus.SCHEDULED: "",
    JobStatus.PAUSED: "yellow",
    JobStatus.FINISHED: "dim",
    JobStatus.BROKEN: "red",
    JobStatus.QUARANTINED: "red",
}


def list_jobs(
    context: typer.Context,
    status: Annotated[
        JobStatus | None, typer.Option(metavar="STATUS", help=f"Only those with this status: {', '.join(JobStatus)}.")
    ] = None,
    search: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Only those with this in their id, name or task.")
    ] = None,
    origin: Annotated[
        str | None,
        typer.Option(metavar="ORIGIN", help="Only those added by: code, cli, api, file:NAME, app:NAME, builtin."),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(metavar="N", parser=count(), help="At most so many. [default: all]")
    ] = None,
    offset: Annotated[int, typer.Option(metavar="N", parser=count(0), help="Leave out so many of the first.")] = 0,
) -> None:
    """List the jobs, those due next first.

    Times are in the terminal's zone. Jobs that cannot run (broken, quarantined) are shown with the others;
    `horarium jobs show JOB` says why.
    """
    session = session_of(context)
    jobs = open_to_read(session).get_jobs(status=status, search=search, origin=origin, limit=limit, offset=offset)
    if session.json:
        write_json([job_json(job) for job in jobs])
    elif jobs:
        write(jobs_table(jobs, now()))
    elif status or search or origin or offset:
        typer.echo("No such jobs.")
    else:
        typer.echo("No jobs yet; `horarium jobs add TASK --every 10m` adds one.")


def show(
    context: typer.Context,
    job: Annotated[str, typer.Argument(metavar="JOB", help="The job's id.")],
) -> None:
    """Show all that is known of a job.

    Its schedule, arguments, policies, what is wrong with it if anything is, and its last runs.
    """
    session = session_of(context)
    scheduler = open_to_read(session)
    found = scheduler.get_job(job)
    if found is None:
        raise JobNotFound(job)
    runs = scheduler.runs(job, limit=_RUNS_SHOWN)
    if session.json:
        write_json({**job_json(found), "last_runs": [run_json(run) for run in runs]})
        return
    present = now()
    write(job_details(found, present))
    if runs:
        write(Text("\nLast runs", style="bold"), runs_table(runs, present, with_job=False))


def jobs_table(jobs: list[Job], present: datetime) -> Rows:
    """Jobs, one a line."""
    made = Rows("JOB", "WHEN", "NEXT RUN", "", "STATUS")
    for job in jobs:
        following = job.next_run_time
        made.add(
            job.id,
            job.trigger.describe(),
            "-" if following is None else short(following, present),
            "" if following is None else relative(following, present),
            Text(job.status, style=_STYLES[job.status]),
        )
    return made


def job_details(job: Job, present: datetime) -> Details:
    """A job, one fact a line; policies at their default are left out."""
    return Details(
        [
            ("Job", job.id),
            ("Name", job.name if job.name != job.id else None),
            ("Task", job.task),
            ("When", job.trigger.describe()),
            ("Zone", job.zone),
            ("Next run", told(job.next_run_time, present)),
            ("Status", Text(job.status, style=_STYLES[job.status])),
            ("Fault", job.fault),
            ("Arguments", compact(list(job.args)) if job.args else None),
            ("By name", compact(dict(job.kwargs)) if job.kwargs else None),
            *((name, value) for name, value in _policy_words(job.policies)),
            ("Added by", job.origin),
            ("Added", None if job.created_at is None else told(job.created_at, present)),
            ("Changed", None if job.updated_at in (None, job.created_at) else told(job.updated_at, present)),
        ]
    )


def _policy_words(policies: Policies) -> list[tuple[str, str]]:
    usual = Policies()
    words: list[tuple[str, str]] = []
    for name in POLICY_NAMES:
        value = getattr(policies, name)
        if value != getattr(usual, name):
            words.append((name.replace("_", " ").capitalize(), _in_words(name, value)))
    return words


def _in_words(name: str, value: Any) -> str:
    if name in ("misfire_grace_time", "timeout"):
        return duration_words(value)
    if name == "retry":
        return compact(value.to_json())
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
