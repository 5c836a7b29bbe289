"""The language of a text, by py3langid."""

from __future__ import annotations

from typing import Any

from horarium_apps.auto_analyze.adapters import optional
from horarium_apps.auto_analyze.domain.language import UNKNOWN, Language

_NO_LANGUAGE = frozenset(("zxx", "und"))
_DIGITS = 3


class LangId:
    """Guesses languages. The library and its model are loaded at the first guess, in about half a second."""

    def __init__(self) -> None:
        self._identifier: Any = None

    def guess(self, text: str) -> Language:
        """Return the language of a text with its probability, or `UNKNOWN` when it is of none.

        Raises:
            StageSkippedError: the library cannot be imported.
        """
        if self._identifier is None:
            library = optional.load("py3langid.langid", without="The language of the text is not told")
            self._identifier = library.LanguageIdentifier.from_model_file(library.MODEL_FILE, norm_probs=True)
        code, probability = self._identifier.classify(text)
        return UNKNOWN if code in _NO_LANGUAGE else Language(code, round(float(probability), _DIGITS), "text")
