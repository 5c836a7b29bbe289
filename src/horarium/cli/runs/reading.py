"""`horarium runs list` and `horarium runs show`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import RenderableType
from rich.text import Text

from horarium.cli.as_json import attempt_json, run_json
from horarium.cli.counts import count
from horarium.cli.opening import open_to_read
from horarium.cli.output import Rows, write, write_json
from horarium.cli.runs.naming import RunName, find_run
from horarium.cli.runs.outlook import note_obstacle
from horarium.cli.runs.tables import run_details, runs_table
from horarium.cli.session import session_of
from horarium.cli.times import now, parse_past, took
from horarium.errors import TriggerError
from horarium.states import RunState
from horarium.values import AttemptInfo


def list_runs(
    context: typer.Context,
    job: Annotated[str | None, typer.Argument(metavar="JOB", help="Only the runs of this job.")] = None,
    state: Annotated[
        list[RunState] | None,
        typer.Option(metavar="STATE", help=f"Only those in this state; may be repeated: {', '.join(RunState)}."),
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help='Due at or after this time, or so long ago: "2025-10-13", 2h.')
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Due at or before this time.")] = None,
    limit: Annotated[int, typer.Option(metavar="N", parser=count(), help="At most so many.")] = 20,
    offset: Annotated[int, typer.Option(metavar="N", parser=count(0), help="Leave out so many of the first.")] = 0,
) -> None:
    """List runs, the newest occurrence first.

    Times are in the terminal's zone.
    """
    session = session_of(context)
    present = now()
    try:
        first = None if since is None else parse_past(since, present)
        last = None if until is None else parse_past(until, present)
    except TriggerError as error:
        raise typer.BadParameter(str(error), param_hint="--since / --until") from error
    runs = open_to_read(session).runs(job, states=state or (), since=first, until=last, limit=limit, offset=offset)
    if session.json:
        write_json([run_json(run) for run in runs])
    elif runs:
        write(runs_table(runs, present))
    else:
        typer.echo("No runs." if job is None else f"No runs of {job}; `horarium why {job}` says more.")


def show(context: typer.Context, run: RunName) -> None:
    """Show all that is known of a run.

    Its state, progress, result, what it failed with, and its earlier attempts. `horarium runs logs RUN` has its log.
    """
    session = session_of(context)
    scheduler = open_to_read(session)
    found = find_run(scheduler, run)
    attempts = scheduler.run_attempts(found.id)
    if session.json:
        write_json({**run_json(found), "attempts": [attempt_json(one) for one in attempts]})
        return
    parts: list[RenderableType] = [run_details(found, now())]
    if attempts:
        parts += [Text("\nAttempts that did not succeed", style="bold"), _attempts_table(attempts)]
    if found.error is not None and found.error.traceback and session.verbose:
        parts += [Text("\nTraceback", style="bold"), Text(found.error.traceback.rstrip())]
    write(*parts)
    note_obstacle(session, scheduler, found)


def _attempts_table(attempts: list[AttemptInfo]) -> RenderableType:
    made = Rows("ATTEMPT", "OUTCOME", "TOOK", "ERROR")
    for one in attempts:
        seconds = None if one.started_at is None else (one.finished_at - one.started_at).total_seconds()
        made.add(str(one.attempt), one.outcome, took(seconds), "" if one.error is None else str(one.error))
    return made
