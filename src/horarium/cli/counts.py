"""Whole numbers on a command line: how many at most, how many to leave out."""

from __future__ import annotations

from collections.abc import Callable

import typer

MOST = 1_000_000
"""The highest number of rows that is asked for, and left out, at once."""


def count(least: int = 1, most: int = MOST) -> Callable[[str | int], int]:
    """What reads a number from `least` to `most`. It raises BadParameter, with both bounds."""

    def read(text: str | int) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if not least <= number <= most:
            raise typer.BadParameter(f"it must be a whole number from {least} to {most}, not {text}")
        return number

    return read
