"""`horarium auto-analyze demo`: something to look at, for who has no videos at hand."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from horarium import Scheduler, get_scheduler
from horarium_apps.auto_analyze import queries
from horarium_apps.auto_analyze.adapters.files import LocalFiles
from horarium_apps.auto_analyze.cli.library import in_words
from horarium_apps.auto_analyze.cli.output import progress_bar, wants_json, write_json
from horarium_apps.auto_analyze.cli.scheduling import schedule
from horarium_apps.auto_analyze.importing import import_folder
from horarium_apps.auto_analyze.jobs import job_id
from horarium_apps.auto_analyze.samples import render_samples
from horarium_apps.auto_analyze.service import LONGEST_INTERVAL

_USER = "demo"


def demo(
    context: typer.Context,
    folder: Annotated[Path, typer.Option("--folder", metavar="FOLDER", help="Where the samples are.")] = Path(
        "sample-videos"
    ),
    count: Annotated[int, typer.Option("--videos", metavar="N", min=1, help="How many there are to be.")] = 24,
    interval: Annotated[
        int, typer.Option("--interval", metavar="MINUTES", min=1, max=LONGEST_INTERVAL, help="How often to analyse.")
    ] = 1,
) -> None:
    """Make a user, sample videos and a schedule. What is there already is left as it is.

    The first analysis begins as soon as a scheduler runs: `horarium run`.
    """
    quiet = wants_json(context)
    scheduler = get_scheduler()
    with progress_bar("Rendering sample videos", quiet=quiet) as moved:
        if not quiet and not folder.exists():
            typer.echo(f"Rendering {count} sample videos into {folder} ...", err=True)
        render_samples(folder, count, progress=lambda done, total: moved(done / total))
    with scheduler.connection() as connection:
        user = queries.add_user(connection, _USER, datetime.now(UTC))
    report = import_folder(folder, user.id, files=LocalFiles(), transaction=scheduler.connection)
    is_first = scheduler.get_job(job_id(user.id)) is None
    answer = schedule(context, scheduler, user.id, interval)
    if is_first:
        scheduler.run_now(job_id(user.id))
    if quiet:
        write_json({**answer, "folder": str(folder), "added": report.added, "known": report.known})
        return
    typer.echo(f"{folder}: {in_words(report)}")
    typer.echo(_where_to_look(scheduler, user.id))


def _where_to_look(scheduler: Scheduler, user_id: int) -> str:
    command = _command(scheduler)
    lines = (
        ("runs watch", "the batch, live"),
        ("auto-analyze list", "every video, and how it stands"),
        ("auto-analyze show 1", "what the analysis of one found"),
        (f"auto-analyze --user-id {user_id} --status", "the schedule and the last result"),
        (f"why {job_id(user_id)}", "what became of each occurrence"),
    )
    width = max(len(line) for line, _ in lines)
    told = "\n".join(f"  {command} {line:<{width}}   # {what}" for line, what in lines)
    return f"To look at it, in another terminal, from the same folder:\n{told}"


def _command(scheduler: Scheduler) -> str:
    """Return how to call `horarium` for this plan: as it was called now, and with the address of an SQLite file."""
    called = Path(sys.argv[0])
    near = os.path.relpath(called)
    program = "horarium" if called.name != "horarium" else str(called) if near.startswith("..") else near
    address = scheduler.database_url
    return f"{program} --database {address}" if address.startswith("sqlite") else program
