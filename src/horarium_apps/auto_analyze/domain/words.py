"""What the words of a video say, as one value and as JSON.

language    {code (ISO 639-1 or null), probability (0 to 1 or null), by ("speech", "text" or null)}
keywords    list of {text, score}, best first, at most 20
hashtags    {found: list, suggested: list}, each "#likethis"
summary     null or {text, by ("extract" or "ollama MODEL"), note (a sentence or null)}
sentiment   null or {compound (-1 to 1), label, sentences (how many), most_positive, most_negative}, the last two
            null or {start, end (seconds), text, compound}
notes       list of sentences about what was left out, and why
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from horarium_apps.auto_analyze.domain.hashtags import Hashtags
from horarium_apps.auto_analyze.domain.keywords import Keyword
from horarium_apps.auto_analyze.domain.language import Language
from horarium_apps.auto_analyze.domain.sentiment import ScoredSentence, Sentiment
from horarium_apps.auto_analyze.domain.summary import Summary


@dataclass(frozen=True, slots=True)
class Words:
    """What is known of the words of a video, spoken and on screen.

    Parameters:
        keywords: best first.
        summary: None when nothing was said or shown.
        sentiment: None where it could not be told; the notes say why.
        notes: sentences about what was left out, and why.
    """

    language: Language
    keywords: tuple[Keyword, ...]
    hashtags: Hashtags
    summary: Summary | None
    sentiment: Sentiment | None
    notes: tuple[str, ...] = ()


def to_json(words: Words) -> dict[str, Any]:
    """Return the words as plain lists, strings, numbers and dictionaries, ready for `json.dumps`."""
    document = asdict(words)
    document["keywords"] = list(document["keywords"])
    document["hashtags"] = {name: list(tags) for name, tags in document["hashtags"].items()}
    document["notes"] = list(document["notes"])
    return document


def from_json(document: dict[str, Any]) -> Words:
    """Return the words that a document describes.

    Raises:
        ValueError: the document does not hold what `to_json` writes.
    """
    try:
        return Words(
            language=Language(**document["language"]),
            keywords=tuple(Keyword(**each) for each in document["keywords"]),
            hashtags=Hashtags(tuple(document["hashtags"]["found"]), tuple(document["hashtags"]["suggested"])),
            summary=None if document["summary"] is None else Summary(**document["summary"]),
            sentiment=None if document["sentiment"] is None else _sentiment(document["sentiment"]),
            notes=tuple(document["notes"]),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"this is not a document of the words of a video: {error}") from error


def _sentiment(document: dict[str, Any]) -> Sentiment:
    extremes = {
        name: None if document[name] is None else ScoredSentence(**document[name])
        for name in ("most_positive", "most_negative")
    }
    return Sentiment(document["compound"], document["label"], document["sentences"], **extremes)
