"""Words that sentences and log lines are put together from."""

from __future__ import annotations


def counted(number: int, noun: str, several: str = "") -> str:
    """A number with its noun: "1 run", "2 runs", "0 runs". `several` is the plural where it is not made by an s."""
    return f"{number} {noun if number == 1 else several or noun + 's'}"
