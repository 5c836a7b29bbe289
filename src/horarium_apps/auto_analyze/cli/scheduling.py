"""`horarium auto-analyze --user-id N`: starting the analysis, looking at it, stopping it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from horarium import NodeInfo, Scheduler, get_scheduler
from horarium_apps.auto_analyze.cli.giving_way import giving_way
from horarium_apps.auto_analyze.cli.output import details, local, wants_json, write, write_json
from horarium_apps.auto_analyze.cli.plan import existing_plan
from horarium_apps.auto_analyze.cli.status_rows import figure_rows, status_rows
from horarium_apps.auto_analyze.domain.errors import UserNotFoundError
from horarium_apps.auto_analyze.domain.ids import is_id
from horarium_apps.auto_analyze.domain.messages import STARTED_WELL, scheduler_started
from horarium_apps.auto_analyze.monitoring import no_figures, read_figures
from horarium_apps.auto_analyze.plan import is_missing
from horarium_apps.auto_analyze.service import LONGEST_INTERVAL, AutoAnalyzeScheduler, log_failed_start
from horarium_apps.auto_analyze.status import is_here, nothing, read_status

INTERVAL_MINUTES = 60
_OWN = ("user_id", "interval", "status", "stop")


def scheduling(
    context: typer.Context,
    user_id: Annotated[int | None, typer.Option("--user-id", metavar="N", help="Whose videos are analysed.")] = None,
    interval: Annotated[
        int | None,
        typer.Option(
            "--interval",
            metavar="MINUTES",
            min=1,
            max=LONGEST_INTERVAL,
            help=f"How often: every so many minutes. [default: {INTERVAL_MINUTES}]",
        ),
    ] = None,
    status: Annotated[
        bool, typer.Option("--status", help="Show how the analysis stands, of one user or of all.")
    ] = False,
    stop: Annotated[bool, typer.Option("--stop", help="Stop the analysis, of one user or of all.")] = False,
) -> None:
    """Analyse saved videos on schedule.

    With --user-id: from now on, a user's new videos are analysed every MINUTES. If a process carries the plan already,
    that one does it; else this one does, until Ctrl+C.
    """
    given = [name for name in _OWN if context.params.get(name)]
    if context.invoked_subcommand is not None:
        if given:
            raise typer.BadParameter(
                f"it does not go before {context.invoked_subcommand!r}", param_hint=_option(given[0])
            )
        return
    if status and stop:
        raise typer.BadParameter("give --status or --stop, not both", param_hint="--stop")
    if (status or stop) and interval is not None:
        raise typer.BadParameter("it only goes with a start", param_hint="--interval")
    if status:
        _show_status(context, user_id)
    elif stop:
        _stop(context, user_id)
    elif user_id is not None:
        _start(context, user_id, INTERVAL_MINUTES if interval is None else interval)
    elif interval is not None:
        raise typer.BadParameter("say whose videos to analyse", param_hint="--user-id")
    else:
        typer.echo(context.get_help())
        raise typer.Exit


def schedule(context: typer.Context, scheduler: Scheduler, user_id: int, interval: int) -> dict[str, Any]:
    """Have a user's videos analysed by whatever process carries the plan, say so, and return that as JSON."""
    job = AutoAnalyzeScheduler(scheduler).schedule(user_id, interval)
    others = [node for node in scheduler.live_nodes() if not is_here(node)]
    if not wants_json(context):
        typer.echo(scheduler_started(user_id, interval))
        typer.echo(f"{job.id} runs next at {local(job.next_run_time)}; `horarium jobs run {job.id}` runs it now.")
    return {
        "job_id": job.id,
        "user_id": user_id,
        "interval_minutes": interval,
        "next_run_time": None if job.next_run_time is None else job.next_run_time.isoformat(),
        "carried_by": [{"host": node.host, "pid": node.pid} for node in others],
    }


def _start(context: typer.Context, user_id: int, interval: int) -> None:
    try:
        scheduler = get_scheduler()
        answer = schedule(context, scheduler, user_id, interval)
        if wants_json(context):
            write_json(answer, line=True)
        else:
            typer.echo(STARTED_WELL)
            for node in answer["carried_by"]:
                _tell_of(node["pid"], node["host"])
        if not answer["carried_by"]:
            _carry(context, scheduler)
    except Exception as error:
        log_failed_start(user_id, error)
        raise


def _carry(context: typer.Context, scheduler: Scheduler) -> None:
    """Be the process that carries the plan, until it is interrupted, or an older one turns out to carry it."""
    with giving_way(scheduler) as way:
        _run_here(context)
    older: NodeInfo | None = way.older
    if older is not None:
        if wants_json(context):
            write_json({"carried_by": [{"host": older.host, "pid": older.pid}]}, line=True)
        else:
            _tell_of(older.pid, older.host)


def _tell_of(pid: int, host: str) -> None:
    typer.echo(f"A scheduler runs already, and does it: process {pid} on {host}.")


def _run_here(context: typer.Context) -> None:
    """Be the process that carries the plan: what `horarium run` does."""
    root = context.find_root()
    # Any, since Typer gives the type of a group no public name.
    commands: Any = root.command
    command = commands.get_command(root, "run")
    with command.make_context("run", [], parent=root) as running:
        command.invoke(running)


def _stop(context: typer.Context, user_id: int | None) -> None:
    scheduler = existing_plan()
    _check_id(user_id)
    stopped = AutoAnalyzeScheduler(scheduler).stop(user_id)
    if wants_json(context):
        write_json({"stopped": stopped})
    elif stopped:
        typer.echo(f"Stopped: {', '.join(stopped)}. What was analysed stays; the rest waits as new.")
    else:
        whose = "Nobody's videos are" if user_id is None else f"The videos of user {user_id} are not"
        typer.echo(f"{whose} analysed on schedule; there is nothing to stop.")


def _show_status(context: typer.Context, user_id: int | None) -> None:
    _check_id(user_id)
    scheduler = get_scheduler()
    if is_missing(scheduler):
        status, figures = nothing(), no_figures(scheduler)
    else:
        status, figures = read_status(scheduler, user_id), read_figures(scheduler, user_id)
    if wants_json(context):
        write_json({**status, "monitoring": figures})
    else:
        write(details({**status_rows(status), **figure_rows(figures)}))


def _check_id(user_id: int | None) -> None:
    # Somebody who is not there yet may have a schedule already.
    if user_id is not None and not is_id(user_id):
        raise UserNotFoundError(user_id)


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"
