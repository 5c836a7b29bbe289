"""`horarium jobs add`."""

from __future__ import annotations

from typing import Annotated

import typer

from horarium.cli.as_json import job_json
from horarium.cli.bundles import takes_bundles
from horarium.cli.job_options import ArgumentOptions, PolicyOptions
from horarium.cli.jobs.reading import job_details
from horarium.cli.jobs.task_names import checked_task
from horarium.cli.opening import open_plan
from horarium.cli.output import write, write_json
from horarium.cli.session import session_of
from horarium.cli.times import now
from horarium.cli.trigger_options import TriggerOptions

ORIGIN = "cli"
"""The origin of the jobs that are added here."""


@takes_bundles
def add(
    context: typer.Context,
    task: Annotated[
        str, typer.Argument(metavar="TASK", help='What runs: the name of a task, or "package.module:function".')
    ],
    when: TriggerOptions,
    arguments: ArgumentOptions,
    policies: PolicyOptions,
    job_id: Annotated[
        str | None,
        typer.Option("--id", metavar="ID", help="The job's id. [default: a new one]", rich_help_panel="What"),
    ] = None,
    name: Annotated[str | None, typer.Option(metavar="TEXT", help="A name for people.", rich_help_panel="What")] = None,
    paused: Annotated[
        bool,
        typer.Option("--paused", help="Add it paused; `horarium jobs resume` lets it run.", rich_help_panel="What"),
    ] = False,
) -> None:
    """Add a job.

    Makes the plan if there is none yet. Exactly one option says when. A task whose module cannot be imported here is
    added all the same, with a warning: another node may know it.
    """
    session = session_of(context)
    trigger, zone = when.needed_trigger(), when.zone()
    task = checked_task(session, task, param_hint="TASK")
    args, kwargs, chosen = arguments.args(), arguments.kwargs(), policies.policies()
    job = open_plan(session, create=True).add_job(
        task,
        trigger,
        args=args,
        kwargs=kwargs,
        id=job_id,
        name=name,
        timezone=zone,
        paused=paused,
        origin=ORIGIN,
        **chosen,
    )
    if session.json:
        write_json(job_json(job))
    else:
        write(job_details(job, now()))
