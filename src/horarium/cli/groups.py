"""Commands and groups of commands that are imported when they are called, so that `--help` answers at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from horarium.cli.global_options import GLOBAL_PANEL, with_global_options
from horarium.errors import ConfigurationError

if TYPE_CHECKING:
    # Typer brings its own copy of Click, and gives these types no public name.
    from typer._click import Command as AnyCommand
    from typer._click import Context as AnyContext
    from typer._click import HelpFormatter

_ARGUMENTS = "Arguments"
_OPTIONS = "Options"


@dataclass(frozen=True, slots=True)
class Entry:
    """A command: its name, one line of help, and either the "module:function" that it runs or commands below it.

    `target` may also be the "module:object" of an application's Typer.
    """

    name: str
    help: str
    target: str = ""
    entries: tuple[Entry, ...] = ()
    panel: str = "Commands"

    def load(self) -> AnyCommand:
        """The command itself. Raises ConfigurationError when its module cannot be imported."""
        if self.entries:
            return with_global_options(Group(self.entries, name=self.name, help=self.help, no_args_is_help=True))
        module, _, attribute = self.target.partition(":")
        try:
            found = getattr(import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            raise ConfigurationError(
                f"the command {self.name!r} cannot be loaded from {self.target!r}: {error}; is what it needs installed?"
            ) from error
        return with_global_options(_command(self.name, found))


def _command(name: str, found: Any) -> AnyCommand:
    if isinstance(found, typer.Typer):
        found.rich_markup_mode = None
        return get_command(found)
    single = typer.Typer(add_completion=False, rich_markup_mode=None)
    single.command(name, cls=Command)(found)
    return get_command(single)


class Command(TyperCommand):
    """A command whose help lists its options under the headings that they name (`rich_help_panel`)."""

    def collect_usage_pieces(self, ctx: AnyContext) -> list[str]:
        """The words after the command's name. What must be given stands there as it is, as in other programs."""
        return [piece.strip("{}") for piece in super().collect_usage_pieces(ctx)]

    def format_options(self, ctx: AnyContext, formatter: HelpFormatter) -> None:
        """Write the options."""
        write_options(self, ctx, formatter)


class LazyCommands(MutableMapping[str, "AnyCommand"]):
    """Commands by name, each imported when it is asked for. `more` is called for a name that is not among the first."""

    def __init__(self, entries: Iterable[Entry], more: Callable[[], Sequence[Entry]] | None = None) -> None:
        self.own = tuple(entries)
        self._entries = {entry.name: entry for entry in self.own}
        self._more = more
        self._loaded: dict[str, AnyCommand] = {}

    @property
    def entries(self) -> list[Entry]:
        """All entries."""
        self._find_more()
        return list(self._entries.values())

    def __getitem__(self, name: str) -> AnyCommand:
        if name not in self._loaded:
            if name not in self._entries:
                self._find_more()
            self._loaded[name] = self._entries[name].load()
        return self._loaded[name]

    def __setitem__(self, name: str, command: AnyCommand) -> None:
        self._entries[name] = Entry(name, command.get_short_help_str())
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        del self._entries[name]
        self._loaded.pop(name, None)

    def __iter__(self) -> Iterator[str]:
        return iter([entry.name for entry in self.entries])

    def __len__(self) -> int:
        return len(self.entries)

    def _find_more(self) -> None:
        more, self._more = self._more, None
        for entry in more() if more else ():
            # What is ours stays ours, whatever an application calls its commands.
            self._entries.setdefault(entry.name, entry)


class Group(TyperGroup):
    """A group whose commands are imported when they are called."""

    def __init__(
        self,
        entries: Iterable[Entry] = (),
        *,
        more: Callable[[], Sequence[Entry]] | None = None,
        commands: object = None,
        rich_markup_mode: object = None,
        **attrs: Any,
    ) -> None:
        del commands, rich_markup_mode  # Typer's: none was registered, and Rich is slow to import for a help page
        self.lazy = LazyCommands(entries, more)
        super().__init__(commands=self.lazy, rich_markup_mode=None, **attrs)  # type: ignore[arg-type]  # any mutable mapping will do

    def list_commands(self, ctx: AnyContext) -> list[str]:
        """The names, none of them imported."""
        del ctx
        return list(self.lazy)

    def format_options(self, ctx: AnyContext, formatter: HelpFormatter) -> None:
        """Write the commands first, then the options."""
        self.format_commands(ctx, formatter)
        write_options(self, ctx, formatter)

    def format_commands(self, ctx: AnyContext, formatter: HelpFormatter) -> None:
        """Write the commands with their line of help, none of them imported."""
        del ctx
        panels: dict[str, list[tuple[str, str]]] = {}
        for entry in self.lazy.entries:
            panels.setdefault(entry.panel, []).append((entry.name, entry.help))
        _write_panels(formatter, panels)


def write_options(command: TyperCommand | TyperGroup, context: AnyContext, formatter: HelpFormatter) -> None:
    """Write a command's arguments and options, under their headings, the global ones last."""
    panels: dict[str, list[tuple[str, str]]] = {_ARGUMENTS: []}
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None:
            name, words = record
            is_argument = parameter.param_type_name == "argument"
            heading = _ARGUMENTS if is_argument else getattr(parameter, "rich_help_panel", None) or _OPTIONS
            panels.setdefault(heading, []).append((name.removesuffix(" <str>") if is_argument else name, words))
    for heading in (_OPTIONS, GLOBAL_PANEL):  # last, after the headings of the command's own
        panels[heading] = panels.pop(heading, [])
    _write_panels(formatter, panels)


def _write_panels(formatter: HelpFormatter, panels: dict[str, list[tuple[str, str]]]) -> None:
    for heading, rows in panels.items():
        if rows:
            with formatter.section(heading):
                formatter.write_dl(rows)
