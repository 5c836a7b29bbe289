"""The sentiment of English sentences, by VADER."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from horarium_apps.auto_analyze.adapters import optional

_LONGEST = 2_000


class Vader:
    """Scores English sentences. The library and its lexicon are loaded at the first call."""

    def __init__(self) -> None:
        self._analyzer: Any = None

    def compounds(self, texts: Sequence[str]) -> list[float]:
        """Return for each text its compound score from -1 to 1 (of its first 2,000 characters).

        Raises:
            StageSkippedError: the library cannot be imported.
        """
        if self._analyzer is None:
            library = optional.load("vaderSentiment.vaderSentiment", without="Sentiment is left out")
            self._analyzer = library.SentimentIntensityAnalyzer()
        return [float(self._analyzer.polarity_scores(text[:_LONGEST])["compound"]) for text in texts]
