"""`horarium jobs run`."""

from __future__ import annotations

from typing import Annotated

import typer

from horarium.cli.as_json import run_json
from horarium.cli.bundles import takes_bundles
from horarium.cli.job_options import ArgumentOptions
from horarium.cli.opening import open_plan
from horarium.cli.output import write_json
from horarium.cli.runs.waiting import note_when_nobody_runs, wait_and_tell
from horarium.cli.session import session_of


@takes_bundles
def run_job(
    context: typer.Context,
    job: Annotated[str, typer.Argument(metavar="JOB", help="The job's id.")],
    arguments: ArgumentOptions,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait for its end, with its progress; the exit code says how it ended.")
    ] = False,
) -> None:
    """Run a job once now, beside its schedule.

    The run is put in the queue and a node takes it: this needs `horarium run`, or an application, at work somewhere.
    --arg and --kwarg replace the job's own arguments for this run. With --wait the exit code is 0 when the run
    succeeded and 1 when it did not; Ctrl+C stops the waiting, not the run.
    """
    session = session_of(context)
    args, kwargs = arguments.args(), arguments.kwargs()
    scheduler = open_plan(session)
    run = scheduler.run_now(job, args=args, kwargs=kwargs)
    note_when_nobody_runs(session, scheduler)
    if wait:
        wait_and_tell(session, scheduler, run)
    elif session.json:
        write_json(run_json(run))
    else:
        typer.echo(f"Run {run.id} of {run.job_id} is queued; `horarium runs show {run.id}` tells how it goes.")
