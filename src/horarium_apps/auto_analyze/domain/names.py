"""File names as people may read them."""

from __future__ import annotations

from pathlib import PurePath


def quoted(path: PurePath) -> str:
    """Return the file's name in quotation marks, on one line.

    A name may hold line ends, control characters and bytes that are no UTF-8; in a message, a log or a table
    these appear as escapes.
    """
    return f'"{printable(path.name or str(path))}"'


def printable(text: str) -> str:
    """Return a text on one line, with escapes for what would be no letter, such as what moves a terminal's cursor."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
