"""Numbers by which users and videos are known."""

from __future__ import annotations

LARGEST = 2**63 - 1
"""The largest number that the databases keep, as an id and as a limit."""


def is_id(value: object) -> bool:
    """Tell whether this can be the id of a user or of a video: a whole number that the databases keep, from 1 on."""
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= LARGEST
