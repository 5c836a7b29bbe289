"""`horarium runs cancel` and `horarium runs retry`."""

from __future__ import annotations

from typing import Annotated

import typer

from horarium.cli.as_json import run_json
from horarium.cli.opening import open_plan
from horarium.cli.output import write_json
from horarium.cli.runs.naming import RunName, find_run
from horarium.cli.runs.outlook import note_obstacle
from horarium.cli.runs.waiting import TimeoutOption, WaitOption, read_timeout, wait_and_tell
from horarium.cli.session import session_of
from horarium.states import RunState

_REASON = "cancelled by a person"


def cancel(
    context: typer.Context,
    run: RunName,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; it is kept with the run.")] = _REASON,
) -> None:
    """Cancel a run that waits, or tell one that runs to stop.

    A run that is told to stop is "stopping" until its code has ended; a child process is killed after a grace.
    """
    session = session_of(context)
    scheduler = open_plan(session)
    cancelled = scheduler.cancel_run(find_run(scheduler, run).id, reason)
    if session.json:
        write_json(run_json(cancelled))
    elif cancelled.state is RunState.CANCELLED:
        typer.echo(f"Cancelled {cancelled.id} of {cancelled.job_id}.")
    else:
        typer.echo(f"Told {cancelled.id} of {cancelled.job_id} to stop; it is {cancelled.state}.")


def retry(
    context: typer.Context,
    run: RunName,
    wait: WaitOption = False,
    timeout: TimeoutOption = None,
) -> None:
    """Try a run again; done steps and items stay done.

    Only a run that has ended can be tried again. Items that failed are tried, and those that were not reached.
    """
    session = session_of(context)
    longest = read_timeout(timeout, wait=wait)
    scheduler = open_plan(session)
    again = scheduler.retry_run(find_run(scheduler, run).id)
    if wait:
        wait_and_tell(session, scheduler, again, longest)
        return
    note_obstacle(session, scheduler, again)
    if session.json:
        write_json(run_json(again))
    else:
        typer.echo(f"Run {again.id} of {again.job_id} is queued again.")
