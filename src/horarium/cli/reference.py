"""The reference of all commands in Markdown, made from the code: `python -m horarium.cli.reference docs/cli.md`.

The page is written by hand but for what stands between two markers.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from typer.core import TyperArgument, TyperGroup, TyperOption
from typer.main import get_command

from horarium.cli.exit_codes import ExitCode
from horarium.cli.global_options import GLOBAL_OPTIONS
from horarium.cli.groups import Group
from horarium.cli.main import app

if TYPE_CHECKING:
    from typer._click import Command as AnyCommand
    from typer._click.core import Parameter

BEGIN = "<!-- made from the code by `python -m horarium.cli.reference`: begin -->"
END = "<!-- made from the code: end -->"
_HELP = "--help"


def reference() -> str:
    """The exit codes, the global options, and every command with its arguments and options."""
    root = get_command(app)
    parts = [_exit_codes(), "### Global options\n\nBefore or after the name of a command.\n", _table(GLOBAL_OPTIONS)]
    parts += [_section(path, command) for path, command in commands(root, "horarium") if path != "horarium"]
    return "\n".join(parts)


def commands(command: AnyCommand, path: str) -> Iterator[tuple[str, AnyCommand]]:
    """A command and all below it with their paths ("horarium jobs add"); applications' commands are not looked at."""
    yield path, command
    if isinstance(command, Group):
        for entry in command.lazy.own:
            yield from commands(command.lazy[entry.name], f"{path} {entry.name}")


def rewritten(page: str) -> str:
    """A page with what stands between its markers made anew. Raises ValueError when it has no markers."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page lacks the line {BEGIN if not begin else END!r}")
    return f"{before}{BEGIN}\n\n{reference()}\n{END}{after}"


def _exit_codes() -> str:
    rows = "".join(f"| {code.value} | {code.meaning} |\n" for code in ExitCode)
    return f"### Exit codes\n\n| code | meaning |\n|---|---|\n{rows}"


def _section(path: str, command: AnyCommand) -> str:
    words = inspect.cleandoc(command.help or "")
    if isinstance(command, TyperGroup):
        return f"### {path}\n\n{words}\n"
    own = [one for one in command.params if one not in GLOBAL_OPTIONS and _HELP not in one.opts]
    context = typer.Context(command, info_name=path)
    usage = " ".join([path, *command.collect_usage_pieces(context)])
    return f"### {path}\n\n```text\n{usage}\n```\n\n{words}\n" + (f"\n{_table(own)}" if own else "")


def _table(parameters: list[Parameter]) -> str:
    rows = "".join(f"| {_name(one)} | {_cell(_words(one))} |\n" for one in parameters)
    return f"| option | what it does |\n|---|---|\n{rows}"


def _name(parameter: Parameter) -> str:
    if isinstance(parameter, TyperArgument):
        return f"`{_cell(parameter.display_name_raw)}`"
    names = ", ".join(sorted(parameter.opts, key=len, reverse=True))
    names = " / ".join([names, *parameter.secondary_opts])
    takes = "" if getattr(parameter, "is_flag", False) else f" {_takes(parameter)}"
    return f"`{_cell(names + takes)}`"


def _takes(parameter: Parameter) -> str:
    context = typer.Context(get_command(app))
    shown = parameter.display_type_rich(context) if isinstance(parameter, TyperOption) else None
    return str(shown or "").strip("<>")


def _words(parameter: Parameter) -> str:
    words = getattr(parameter, "help", None) or ""
    default = parameter.default
    if isinstance(parameter, TyperOption) and default not in (None, False) and not parameter.is_flag:
        words += f" [default: {default}]"
    return words


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    page_file = Path(sys.argv[1])
    page_file.write_text(rewritten(page_file.read_text(encoding="utf-8")), encoding="utf-8")
