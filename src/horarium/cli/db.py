"""`horarium db upgrade` and `horarium db check`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer

from horarium.cli.exit_codes import ExitCode
from horarium.cli.opening import read_settings, refuse_missing_plan
from horarium.cli.output import Rows, write, write_json
from horarium.cli.session import Session, session_of
from horarium.plugins import installed_apps
from horarium.startup import branches_of
from horarium.store import upgrade as migrations
from horarium.store.database import Database
from horarium.store.upgrade import BranchState


def upgrade(context: typer.Context) -> None:
    """Bring the tables to this release.

    Those of the plan and of each installed application; an empty database is given them. An SQLite file is copied
    before; make a backup of a server yourself. A server that other nodes use is upgraded while they are stopped.
    """
    session = session_of(context)
    with _database(session) as database:
        applied = migrations.upgrade(database, branches_of(installed_apps()))
    if session.json:
        write_json(
            [
                {
                    "branch": one.branch,
                    "from": one.from_revision,
                    "to": one.to_revision,
                    "backup": None if one.backup is None else str(one.backup),
                }
                for one in applied
            ]
        )
        return
    for one in applied:
        typer.echo(f"Brought the tables of {one.branch} from {one.from_revision or 'nothing'} to {one.to_revision}.")
    for backup in {one.backup for one in applied if one.backup is not None}:
        typer.echo(f"A copy from before is {backup}.")
    if not applied:
        typer.echo("The tables are as this release needs them.")


def check(context: typer.Context) -> None:
    """Say whether the tables are as this release needs them.

    Exits with 1 when they are not, and says where.
    """
    session = session_of(context)
    refuse_missing_plan(read_settings(session).database_url)
    with _database(session) as database:
        states = migrations.check(database, branches_of(installed_apps()))
    if session.json:
        write_json([_state_json(state) for state in states])
    else:
        made = Rows("TABLES OF", "REVISION", "NEWEST", "")
        for state in states:
            made.add(state.branch, state.current or "none", state.head or "none", _words(state))
        write(made)
    if not all(_is_right(state) for state in states):
        raise typer.Exit(ExitCode.FAILED)


@contextmanager
def _database(session: Session) -> Iterator[Database]:
    settings = read_settings(session)
    database = Database(settings.database_url, synchronous=settings.sqlite_synchronous)
    try:
        yield database
    finally:
        database.close()


def _is_right(state: BranchState) -> bool:
    return state.up_to_date and state.is_known and not state.differences


def _words(state: BranchState) -> str:
    if not state.is_known:
        return "newer than this release: install the release that upgraded it"
    if not state.up_to_date:
        return "behind: `horarium db upgrade` brings it there"
    return "; ".join(state.differences) or "as needed"


def _state_json(state: BranchState) -> dict[str, Any]:
    return {
        "branch": state.branch,
        "current": state.current,
        "head": state.head,
        "known": state.is_known,
        "up_to_date": state.up_to_date,
        "differences": list(state.differences),
    }
