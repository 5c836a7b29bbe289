"""In which language a video speaks: what the transcript says of itself, or a guess from the text."""

from __future__ import annotations

from dataclasses import dataclass

_SURE_OF_SPEECH = 0.6
_SURE_OF_TEXT = 0.5
_ENOUGH_LETTERS = 20
_ENOUGH_WORDS = 4

_NAMES = {
    "ar": "Arabic", "bg": "Bulgarian", "ca": "Catalan", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek",
    "en": "English", "es": "Spanish", "et": "Estonian", "fa": "Persian", "fi": "Finnish", "fr": "French",
    "he": "Hebrew", "hi": "Hindi", "hr": "Croatian", "hu": "Hungarian", "id": "Indonesian", "it": "Italian",
    "ja": "Japanese", "ko": "Korean", "lt": "Lithuanian", "lv": "Latvian", "ms": "Malay", "nl": "Dutch",
    "no": "Norwegian", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian", "ru": "Russian", "sk": "Slovak",
    "sl": "Slovenian", "sq": "Albanian", "sr": "Serbian", "sv": "Swedish", "th": "Thai", "tl": "Filipino",
    "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu", "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Language:
    """A language, and how it is known.

    Parameters:
        code: ISO 639-1, such as "it" (639-3 where there is no shorter one); None when it is not known.
        probability: from 0 to 1; None when the model does not tell, or the language is not known.
        by: "speech" (the speech model said so), "text" (guessed from the words), or None.
    """

    code: str | None = None
    probability: float | None = None
    by: str | None = None


UNKNOWN = Language()
"""Nothing was said or shown, or too little to tell."""


def language_name(code: str) -> str:
    """Return the English name of a language, or its code when it has none here."""
    return _NAMES.get(code, code)


def is_enough_to_guess(text: str) -> bool:
    """Tell whether a text is long enough to guess its language: more than a few words.

    Scripts without spaces (Chinese, Japanese) say much in one "word", so letters outside Latin are enough, too.
    """
    letters = sum(character.isalpha() for character in text)
    words = sum(any(character.isalpha() for character in word) for word in text.split())
    foreign = sum(character.isalpha() and character > "ɏ" for character in text)
    return (letters >= _ENOUGH_LETTERS and words >= _ENOUGH_WORDS) or foreign >= _ENOUGH_LETTERS // 2


def is_sure(spoken: Language) -> bool:
    """Tell whether the speech model is sure of its language, so that the text need not be asked (60 % or more)."""
    return spoken.code is not None and (spoken.probability or 0.0) >= _SURE_OF_SPEECH


def choose_language(spoken: Language, guessed: Language) -> Language:
    """Return the language of a video.

    1. The transcript's own, when the speech model is sure of it (60 % or more).
    2. Else the guess from the text, when that is sure (50 % or more).
    3. Else the transcript's own, unsure as it is, or none.
    """
    if is_sure(spoken):
        return spoken
    if guessed.code and (guessed.probability or 0.0) >= _SURE_OF_TEXT:
        return guessed
    return spoken if spoken.code else UNKNOWN
