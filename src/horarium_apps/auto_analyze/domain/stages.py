"""The stages of one analysis, and how far it is."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

Progress = Callable[[str, float], None]
"""Told the stage (a value of `Stage`) and how much of it is done, from 0.0 to 1.0."""

Fraction = Callable[[float], None]
"""Told how much of a single piece of work is done, from 0.0 to 1.0."""


class Stage(StrEnum):
    """A stage; they run in this order. The first four are what ffmpeg tells, and are kept together."""

    PROBE = "probe"
    LOUDNESS = "loudness"
    CUTS = "cuts"
    CONTACT_SHEET = "contact sheet"
    FINGERPRINT = "fingerprint"
    SPEECH = "speech"
    SCREEN_TEXT = "screen_text"
    WORDS = "words"
    HOOK = "hook"


OPTIONAL = (Stage.FINGERPRINT, Stage.SPEECH, Stage.SCREEN_TEXT, Stage.WORDS, Stage.HOOK)
"""Stages that can be left out; each is kept by itself."""

# Shares of the time that an analysis takes: listening and reading the screen are most of it.
_SHARES = {
    Stage.PROBE: 0.02,
    Stage.LOUDNESS: 0.04,
    Stage.CUTS: 0.14,
    Stage.CONTACT_SHEET: 0.07,
    Stage.FINGERPRINT: 0.05,
    Stage.SPEECH: 0.30,
    Stage.SCREEN_TEXT: 0.33,
    Stage.WORDS: 0.03,
    Stage.HOOK: 0.02,
}


def overall(stage: str, fraction: float) -> float:
    """Return how much of the whole analysis is done, from 0.0 to 1.0, given one stage's own fraction."""
    done = 0.0
    for each in Stage:
        if each == stage:
            return min(1.0, done + _SHARES[each] * min(1.0, max(0.0, fraction)))
        done += _SHARES[each]
    raise ValueError(f"there is no stage {stage!r}; the stages are {', '.join(Stage)}")


def in_words(stage: str) -> str:
    """Return a stage's name for people."""
    return stage.replace("_", " ")
