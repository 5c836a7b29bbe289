"""Spoken words: what was said, when, and in which language."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Spoken:
    """A piece of speech, about a sentence.

    Parameters:
        start, end: seconds from the start of the video.
        text: without spaces at its ends; never empty.
    """

    start: float
    end: float
    text: str


@dataclass(frozen=True, slots=True)
class Transcript:
    """All that is said in one video.

    Parameters:
        language: ISO 639 code such as "en"; None when nothing is said.
        language_probability: from 0 to 1; None when nothing is said, or when the model knows a single language only
            and so cannot tell.
        segments: in order of time; empty when nothing is said.
        model: name of the model that listened.
    """

    language: str | None
    language_probability: float | None
    segments: tuple[Spoken, ...]
    model: str

    @property
    def text(self) -> str:
        """The whole text in one line; empty when nothing is said."""
        return " ".join(spoken.text for spoken in self.segments)

    @property
    def words(self) -> int:
        """How many words are said, as spaces tell them apart."""
        return len(self.text.split())


def to_json(transcript: Transcript) -> dict[str, Any]:
    """Return the transcript as plain lists, strings, numbers and dictionaries, ready for `json.dumps`."""
    return {
        "language": transcript.language,
        "language_probability": transcript.language_probability,
        "segments": [{"start": spoken.start, "end": spoken.end, "text": spoken.text} for spoken in transcript.segments],
        "model": transcript.model,
    }


def from_json(document: dict[str, Any]) -> Transcript:
    """Return the transcript that `to_json` wrote; fields that are not known are left out.

    Raises:
        ValueError: the document does not hold a transcript.
    """
    try:
        probability = document["language_probability"]
        language = document["language"]
        return Transcript(
            language=None if language is None else str(language),
            language_probability=None if probability is None else _number(probability),
            segments=tuple(
                Spoken(_number(each["start"]), _number(each["end"]), str(each["text"])) for each in document["segments"]
            ),
            model=str(document["model"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"this is no transcript: {error!r}; its stage has to be done again") from error


def _number(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{value!r} is no finite number")
    return number
