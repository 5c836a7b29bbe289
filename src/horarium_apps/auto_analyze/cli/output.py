"""Writing answers: tables and details for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TextIO

import typer
from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

_IN_A_PIPE = 500


def wants_json(context: typer.Context) -> bool:
    """Tell whether `--json` was given, one of the options that every command of `horarium` has."""
    return bool(getattr(context.find_root().obj, "json", False))


def write_json(value: Any, *, line: bool = False) -> None:
    """Write one JSON document; `line`: on a line of its own, since others follow."""
    typer.echo(json.dumps(value, ensure_ascii=_is_plain(sys.stdout), indent=None if line else 2))


def write_json_list(values: Iterable[Any], to: TextIO) -> int:
    """Write a list as one JSON document, each value as it comes; return how many there were."""
    plain, count = _is_plain(to), 0
    for count, value in enumerate(values, start=1):
        to.write("[\n" if count == 1 else ",\n")
        to.write("  " + json.dumps(value, ensure_ascii=plain, indent=2).replace("\n", "\n  "))
    to.write("\n]\n" if count else "[]\n")
    return count


def _is_plain(stream: Any) -> bool:
    """Tell whether a stream cannot be given every letter."""
    return not (getattr(stream, "encoding", None) or "ascii").lower().startswith("utf")


def write(renderable: RenderableType) -> None:
    """Write something for people; in a pipe nothing is folded to a width that nobody has."""
    console = Console(file=sys.stdout, markup=False, highlight=False, emoji=False)
    if not console.is_terminal:
        console.width = _IN_A_PIPE
    console.print(renderable)


def table(*headings: str) -> Table:
    """Return a table without lines, whose columns fold rather than lose what is in them."""
    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for heading in headings:
        made.add_column(heading, overflow="fold")
    return made


def details(rows: Mapping[str, str | None]) -> Table:
    """Return names and values below each other; what is None is left out."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in rows.items():
        if value is not None:
            grid.add_row(name, value)
    return grid


def local(when: datetime | None) -> str:
    """Return a time in the terminal's zone, such as "2025-10-13 15:30:00"; "-" when there is none."""
    return "-" if when is None else f"{when.astimezone():%Y-%m-%d %H:%M:%S}"


def local_text(iso: str | None) -> str:
    """Return a time that is written in ISO 8601 in the terminal's zone; "-" when there is none."""
    return "-" if iso is None else local(datetime.fromisoformat(iso))


@contextmanager
def progress_bar(words: str, *, quiet: bool = False) -> Iterator[Callable[[float], None]]:
    """Show a bar on the error stream, when that is a terminal; give what moves it, from 0.0 to 1.0."""
    console = Console(stderr=True, highlight=False)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=quiet or not console.is_terminal) as progress:
        bar = progress.add_task(words, total=1.0)
        yield lambda done: progress.update(bar, completed=done)
