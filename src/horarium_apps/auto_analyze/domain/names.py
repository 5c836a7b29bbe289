"""File names as people may read them."""

from __future__ import annotations

from pathlib import PurePath


def quoted(path: PurePath) -> str:
    """Return the file's name in quotation marks, on one line.

    A name may hold line ends, control characters and bytes that are no UTF-8; in a message, a log or a table
    these appear as escapes.
    """
    name = path.name or str(path)
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in name)
    return f'"{shown}"'
