"""The sentiment of English sentences, by VADER."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from horarium_apps.auto_analyze.domain.errors import StageSkippedError

_LONGEST = 2_000


class Vader:
    """Scores English sentences. The library and its lexicon are loaded at the first call."""

    def __init__(self) -> None:
        self._analyzer: Any = None

    def compounds(self, texts: Sequence[str]) -> list[float]:
        """Return for each text its compound score from -1 to 1 (of its first 2,000 characters).

        Raises:
            StageSkippedError: the library is not installed.
        """
        if self._analyzer is None:
            try:
                # Optional, so imported by name and late.
                library = import_module("vaderSentiment.vaderSentiment")
            except ImportError as error:
                raise StageSkippedError(
                    "Sentiment is left out, since vaderSentiment is not installed: "
                    "`pip install 'horarium[auto-analyze]'` brings it."
                ) from error
            self._analyzer = library.SentimentIntensityAnalyzer()
        return [float(self._analyzer.polarity_scores(text[:_LONGEST])["compound"]) for text in texts]
