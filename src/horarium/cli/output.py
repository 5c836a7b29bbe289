"""Writing answers: tables and details for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table

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


def write(*renderables: RenderableType) -> None:
    """Write something for people. In a pipe nothing is cut or folded to a width that nobody has."""
    console = open_console()
    for renderable in renderables:
        if console.is_terminal:
            console.print(renderable)
        elif isinstance(renderable, Rows):
            sys.stdout.writelines(f"{line}\n" for line in renderable.lines())
        else:
            _write_wide(renderable)


def _write_wide(renderable: RenderableType) -> None:
    console = open_console()
    options = console.options.update(width=_WIDEST, max_width=_WIDEST)
    console.width = max(console.width, Measurement.get(console, options, renderable).maximum)
    with console.capture() as captured:
        console.print(renderable)
    sys.stdout.writelines(f"{line.rstrip()}\n" for line in captured.get().splitlines())


class Rows:
    """A table without lines. On a terminal its columns fold rather than lose what is in them."""

    def __init__(self, *headings: str) -> None:
        self._headings = headings
        self._rows: list[tuple[RenderableType, ...]] = []

    def add(self, *cells: RenderableType) -> None:
        """Add a row; cells are text but where a terminal can show more."""
        self._rows.append(cells)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
        for heading in self._headings:
            made.add_column(heading, overflow="fold")
        for row in self._rows:
            made.add_row(*row)
        yield made

    def lines(self) -> Iterator[str]:
        """The table for a pipe: each row a line, whatever its width. (Rich needs seconds for some thousand rows.)"""
        rows = [self._headings, *([" ".join(str(cell).split()) for cell in row] for row in self._rows)]
        widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            cells = (cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True))
            yield "  ".join(cells).rstrip()


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


def compact(value: Any) -> str:
    """A value as JSON on one line."""
    return json.dumps(value, ensure_ascii=False, default=str)
