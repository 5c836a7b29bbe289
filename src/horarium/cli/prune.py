"""`horarium prune`."""

from __future__ import annotations

import typer

from horarium.cli.opening import open_plan
from horarium.cli.output import write_json
from horarium.cli.session import session_of
from horarium.wording import counted


def prune(context: typer.Context) -> None:
    """Forget history that is past its age or number.

    By the settings keep_days and keep_runs and each job's own. A scheduler does so every night by itself.
    """
    session = session_of(context)
    gone = open_plan(session).prune()
    counts = {"runs": gone.runs, "decisions": gone.decisions, "jobs": gone.jobs, "nodes": gone.nodes}
    if session.json:
        write_json(counts)
    elif any(counts.values()):
        told = ", ".join(counted(number, name.removesuffix("s")) for name, number in counts.items() if number)
        typer.echo(f"Forgot {told}.")
    else:
        typer.echo("There was nothing to forget.")
