"""The stages of one analysis, and how far it is."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

Progress = Callable[[str, float], None]
"""Told the stage (a value of `Stage`) and how much of it is done, from 0.0 to 1.0."""

Fraction = Callable[[float], None]
"""Told how much of a single piece of work is done, from 0.0 to 1.0."""


class Stage(StrEnum):
    """A stage; they run in this order."""

    PROBE = "probe"
    LOUDNESS = "loudness"
    CUTS = "cuts"
    CONTACT_SHEET = "contact sheet"


# Shares of the time that an analysis takes: decoding the whole picture is most of it.
_SHARES = {Stage.PROBE: 0.05, Stage.LOUDNESS: 0.15, Stage.CUTS: 0.60, Stage.CONTACT_SHEET: 0.20}


def overall(stage: str, fraction: float) -> float:
    """Return how much of the whole analysis is done, from 0.0 to 1.0, given one stage's own fraction."""
    done = 0.0
    for each in Stage:
        if each == stage:
            return min(1.0, done + _SHARES[each] * min(1.0, max(0.0, fraction)))
        done += _SHARES[each]
    raise ValueError(f"there is no stage {stage!r}; the stages are {', '.join(Stage)}")
