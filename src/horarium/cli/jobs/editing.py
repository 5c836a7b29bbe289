"""`horarium jobs edit`."""

from __future__ import annotations

from typing import Annotated, Any

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
from horarium.errors import JobNotFound
from horarium.job import FILE_ORIGIN, Job
from horarium.when import AllOf, AnyOf, Trigger, codec


@takes_bundles
def edit(
    context: typer.Context,
    job: Annotated[str, typer.Argument(metavar="JOB", help="The job's id.")],
    when: TriggerOptions,
    arguments: ArgumentOptions,
    policies: PolicyOptions,
    task: Annotated[
        str | None,
        typer.Option(metavar="TASK", help='What runs: a task\'s name, or "module:function".', rich_help_panel="What"),
    ] = None,
    name: Annotated[str | None, typer.Option(metavar="TEXT", help="A name for people.", rich_help_panel="What")] = None,
    no_args: Annotated[
        bool, typer.Option("--no-args", help="Take all arguments away first.", rich_help_panel="What")
    ] = False,
) -> None:
    """Change a job: when it runs, what, and how.

    What is not named stays as it is. --arg replaces all positional arguments, --kwarg sets the one that it names.
    Policies take the word "default" to go back to their default. What was due by the old schedule is decided before.
    """
    session = session_of(context)
    changes: dict[str, Any] = dict(policies.policies())
    trigger, zone = when.trigger_or_none(), when.zone()
    task = None if task is None else checked_task(session, task, param_hint="--task")
    changes |= {key: value for key, value in (("name", name), ("func", task)) if value is not None}
    args, kwargs = arguments.args(), arguments.kwargs()
    if not changes and not no_args and all(one is None for one in (trigger, zone, args, kwargs)):
        context.fail("Say what to change; --help lists the options.")
    scheduler = open_plan(session)
    found = scheduler.get_job(job)
    if found is None:
        raise JobNotFound(job)
    changes |= _changed_trigger(found, trigger, zone) | _changed_arguments(found, args, kwargs, no_args)
    changed = scheduler.modify_job(job, **changes)
    if session.json:
        write_json(job_json(changed))
    else:
        write(job_details(changed, now()))
    if changed.origin.startswith(FILE_ORIGIN):
        session.note(f"Job {job!r} stands in the configuration file: the next start takes back what it says otherwise.")


def _changed_trigger(job: Job, trigger: Trigger | None, zone: str | None) -> dict[str, Any]:
    if trigger is not None:
        return {"trigger": trigger if zone is None else trigger.in_zone(zone)}
    if zone is None:
        return {}
    if isinstance(job.trigger, AnyOf | AllOf):
        raise typer.BadParameter("this job's trigger has several; give --trigger, too", param_hint="--timezone")
    return {"trigger": codec.from_json(job.trigger.to_json() | {"timezone": zone})}


def _changed_arguments(
    job: Job, args: list[Any] | None, kwargs: dict[str, Any] | None, no_args: bool
) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if args is not None or no_args:
        changes["args"] = args or []
    if kwargs is not None or no_args:
        changes["kwargs"] = ({} if no_args else dict(job.kwargs)) | (kwargs or {})
    return changes
