"""The options that every command takes, before or after its name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from typer.core import TyperGroup
from typer.main import get_command

from horarium.cli.session import session_of

if TYPE_CHECKING:
    from typer._click import Command as AnyCommand

    CommandT = TypeVar("CommandT", bound=AnyCommand)

GLOBAL_PANEL = "Global options"


def _note_database(context: typer.Context, value: str | None) -> None:
    if value is not None:
        session_of(context).database = value


def _note_config(context: typer.Context, value: Path | None) -> None:
    if value is not None:
        session_of(context).config = value


def _note_json(context: typer.Context, value: bool) -> None:
    session_of(context).json |= value


def _note_verbose(context: typer.Context, value: bool) -> None:
    session_of(context).verbose |= value


def _declaration(
    database: Annotated[
        str | None,
        typer.Option(
            "--database",
            metavar="URL",
            help="The plan's database: sqlite:///file.db or postgresql://user@host/name.",
            callback=_note_database,
            expose_value=False,
            rich_help_panel=GLOBAL_PANEL,
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            help="The configuration file, instead of horarium.yaml.",
            callback=_note_config,
            expose_value=False,
            rich_help_panel=GLOBAL_PANEL,
        ),
    ] = None,
    json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Answer in JSON, errors too.",
            callback=_note_json,
            expose_value=False,
            rich_help_panel=GLOBAL_PANEL,
        ),
    ] = False,
    verbose: Annotated[
        bool,
        typer.Option(
            "--verbose",
            help="Log more, and show where an error came from.",
            callback=_note_verbose,
            expose_value=False,
            rich_help_panel=GLOBAL_PANEL,
        ),
    ] = False,
) -> None:
    """Carries the declarations; never called."""


def _options() -> list[Any]:
    carrier = typer.Typer(add_completion=False, rich_markup_mode=None)
    carrier.command()(_declaration)
    return list(get_command(carrier).params)


GLOBAL_OPTIONS = _options()
"""The options, as Typer keeps them."""


def with_global_options(command: CommandT) -> CommandT:
    """`command`, and all commands below it that are there already, with the global options added.

    An option of the command's own with the same name stays as it is.
    """
    command.params.extend(option for option in GLOBAL_OPTIONS if not _is_taken(command, option.opts))
    if isinstance(command, TyperGroup) and isinstance(command.commands, dict):
        for below in command.commands.values():
            with_global_options(below)
    return command


def _is_taken(command: AnyCommand, names: list[str]) -> bool:
    taken = {name for own in command.params for name in (*own.opts, *own.secondary_opts)}
    return not taken.isdisjoint(names)
