"""How the words of a video feel: scores of sentences put together.

The scores and thresholds are VADER's: C. J. Hutto, E. Gilbert, "VADER: A Parsimonious Rule-based Model for Sentiment
Analysis of Social Media Text", ICWSM 2014. A compound score of 0.05 and over is positive, of -0.05 and under negative.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from horarium_apps.auto_analyze.domain.passages import Sentence

_THRESHOLD = 0.05
_DIGITS = 4


@dataclass(frozen=True, slots=True)
class ScoredSentence:
    """A sentence (seconds of the video) with its compound score from -1 to 1."""

    start: float
    end: float
    text: str
    compound: float


@dataclass(frozen=True, slots=True)
class Sentiment:
    """How a video feels.

    Parameters:
        compound: mean over the sentences, from -1 to 1.
        label: "positive", "neutral" or "negative".
        sentences: how many were scored.
        most_positive: None when no sentence is positive.
        most_negative: None when no sentence is negative.
    """

    compound: float
    label: str
    sentences: int
    most_positive: ScoredSentence | None
    most_negative: ScoredSentence | None


def label_of(compound: float) -> str:
    """Return what a compound score means, by VADER's published thresholds."""
    if compound >= _THRESHOLD:
        return "positive"
    return "negative" if compound <= -_THRESHOLD else "neutral"


def sentiment_of(sentences: Sequence[Sentence], compounds: Sequence[float]) -> Sentiment | None:
    """Return the sentiment of sentences.

    Parameters:
        compounds: the compound score of each sentence, from -1 to 1.

    Returns:
        The sentiment; None without a sentence.
    """
    scored = [
        ScoredSentence(sentence.start, sentence.end, sentence.text, round(compound, _DIGITS))
        for sentence, compound in zip(sentences, compounds, strict=True)
    ]
    if not scored:
        return None
    mean = round(sum(each.compound for each in scored) / len(scored), _DIGITS)
    best = max(scored, key=lambda each: each.compound)
    worst = min(scored, key=lambda each: each.compound)
    return Sentiment(
        mean,
        label_of(mean),
        len(scored),
        best if label_of(best.compound) == "positive" else None,
        worst if label_of(worst.compound) == "negative" else None,
    )
