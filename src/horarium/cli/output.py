"""Writing answers: tables and details for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

_WIDEST = 10_000


def write_json(value: Any, *, lines: bool = False) -> None:
    """Write one JSON document, or with `lines` one on a line of its own, at once."""
    encoding = (getattr(sys.stdout, "encoding", None) or "ascii").lower()
    ascii_only = not encoding.startswith("utf")
    sys.stdout.write(json.dumps(value, ensure_ascii=ascii_only, indent=None if lines else 2, default=str) + "\n")
    if lines:
        sys.stdout.flush()


def open_console(*, error: bool = False) -> Console:
    """A console that takes text as it is: a user's brackets and colons are no markup."""
    return Console(file=sys.stderr if error else sys.stdout, markup=False, highlight=False, emoji=False)


def write(renderable: RenderableType) -> None:
    """Write something for people. In a pipe nothing is cut or folded to a width that nobody has."""
    console = open_console()
    if console.is_terminal:
        console.print(renderable)
        return
    console.width = max(console.width, Measurement.get(console, _unlimited(console), renderable).maximum)
    with console.capture() as captured:
        console.print(renderable)
    for line in captured.get().splitlines():
        sys.stdout.write(line.rstrip() + "\n")


def table(*headings: str) -> Table:
    """A table without lines; columns fold rather than lose what is in them."""
    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for heading in headings:
        made.add_column(heading, overflow="fold")
    return made


class Details:
    """Names and values below each other; what is None is left out."""

    def __init__(self, rows: Iterable[tuple[str, RenderableType | None]]) -> None:
        self._rows = [(name, value) for name, value in rows if value is not None]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(style="bold", no_wrap=True)
        grid.add_column(overflow="fold")
        for name, value in self._rows:
            grid.add_row(name, value)
        yield grid


def plain(lines: Sequence[str]) -> Text:
    """Lines of plain text."""
    return Text("\n".join(lines))


def compact(value: Any) -> str:
    """A value as JSON on one line."""
    return json.dumps(value, ensure_ascii=False, default=str)


def _unlimited(console: Console) -> ConsoleOptions:
    return console.options.update(width=_WIDEST, max_width=_WIDEST)
