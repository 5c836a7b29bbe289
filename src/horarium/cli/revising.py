"""`horarium db revise`."""

from __future__ import annotations

from typing import Annotated

import typer

from horarium.cli.output import write_json
from horarium.cli.session import session_of
from horarium.errors import ConfigurationError
from horarium.plugins import App, find_apps
from horarium.store.migrations.revise import does_nothing, make_revision
from horarium.store.upgrade import Branch


def revise(
    context: typer.Context,
    app: Annotated[str, typer.Option("--app", metavar="NAME", help="The installed application whose tables changed.")],
    message: Annotated[
        str, typer.Option("--message", "-m", metavar="TEXT", help='What changes, in a few words: "add prices".')
    ],
) -> None:
    """Write the next migration of an application's tables.

    For who develops one: the difference between its migrations and its tables as they are defined is found on a
    scratch database, and written to its folder versions. Read what it wrote, and complete it: moving data, and
    what only one database has, it knows nothing of.
    """
    session = session_of(context)
    if not message.strip():
        raise typer.BadParameter("say in a few words what changes", param_hint="--message")
    written = make_revision(_branch_of(app), message.strip())
    empty = does_nothing(written)
    if session.json:
        write_json({"app": app, "file": str(written), "empty": empty})
        return
    typer.echo(f"Wrote {written}.")
    if empty:
        typer.echo("No table differs from the migrations, so that it is empty: for moving data. Else remove it.")
    else:
        typer.echo("Read it; `horarium db upgrade` applies it.")


def _branch_of(name: str) -> Branch:
    """The line of migrations of an installed application. Raises ConfigurationError, saying what is missing."""
    found = find_apps()
    app = next((one for one in found.apps if one.name == name), None)
    if app is None:
        why = next((fault.why for fault in found.faults if fault.name == name), None)
        raise ConfigurationError(
            f"the application {name!r} cannot be used: {why}"
            if why is not None
            else f"no application named {name!r} is installed ({_names(found.apps)}); it needs an entry point in the "
            'group "horarium.apps", and `pip install -e .`'
        )
    folder = app.migrations_folder()
    if folder is None:
        raise ConfigurationError(f"{app} brings no tables; give its App metadata= and migrations=")
    return Branch(app.name, app.load("metadata"), folder)


def _names(apps: tuple[App, ...]) -> str:
    return ", ".join(app.name for app in apps) or "there is none"
