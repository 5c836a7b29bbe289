"""`horarium jobs run`."""

from __future__ import annotations

from typing import Annotated

import typer

from horarium.cli.as_json import run_json
from horarium.cli.bundles import takes_bundles
from horarium.cli.job_options import ArgumentOptions
from horarium.cli.opening import open_plan
from horarium.cli.output import write_json
from horarium.cli.runs.outlook import note_obstacle
from horarium.cli.runs.waiting import TimeoutOption, WaitOption, read_timeout, wait_and_tell
from horarium.cli.session import session_of


@takes_bundles
def run_job(
    context: typer.Context,
    job: Annotated[str, typer.Argument(metavar="JOB", help="The job's id.")],
    arguments: ArgumentOptions,
    wait: WaitOption = False,
    timeout: TimeoutOption = None,
) -> None:
    """Run a job once now, beside its schedule.

    The run is put in the queue and a node takes it: this needs `horarium run`, or an application, at work somewhere.
    --arg and --kwarg replace the job's own arguments for this run. With --wait the exit code is 0 when the run
    succeeded, 1 when it did not, and 124 when it was waited for no longer; Ctrl+C stops the waiting, not the run.
    """
    session = session_of(context)
    longest = read_timeout(timeout, wait=wait)
    args, kwargs = arguments.args(), arguments.kwargs()
    scheduler = open_plan(session)
    run = scheduler.run_now(job, args=args, kwargs=kwargs)
    if wait:
        wait_and_tell(session, scheduler, run, longest)
        return
    note_obstacle(session, scheduler, run)
    if session.json:
        write_json(run_json(run))
    else:
        typer.echo(f"Run {run.id} of {run.job_id} is queued; `horarium runs show {run.id}` tells how it goes.")
