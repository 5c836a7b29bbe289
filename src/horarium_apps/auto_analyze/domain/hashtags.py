"""Hashtags: those that are on screen or said, and some to suggest, told apart."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from horarium_apps.auto_analyze.domain.keywords import REACH, Keyword
from horarium_apps.auto_analyze.domain.passages import Passage
from horarium_apps.auto_analyze.domain.stopwords import is_stop_word, stop_words
from horarium_apps.auto_analyze.domain.wording import LETTER

SUGGESTED = 5
_MOST = 50
_LONGEST = 100
_LONGEST_SUGGESTED = 30
_WORDS_SUGGESTED = 3
# Not after a letter ("a#b"), "&" ("&#39;") or "/" (the part of a web address).
_WRITTEN = re.compile(rf"(?<![\w&/#])[#\uff03]((?:{LETTER}|_)+)")
_SPOKEN = re.compile(rf"\bhashtag[\s:,\"'“«]+((?:{LETTER}|_)+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Hashtags:
    """Hashtags such as "#morningrun": `found` in the order of their times, `suggested` best first; none is in both."""

    found: tuple[str, ...] = ()
    suggested: tuple[str, ...] = ()


def find_hashtags(spoken: Iterable[Passage], shown: Iterable[Passage], keywords: Sequence[Keyword]) -> Hashtags:
    """Return the hashtags that are on screen or said ("hashtag fitness"), and at most five made of keywords.

    They are in small letters and composed (NFC), each once. One without a letter ("#1") is none.

    Parameters:
        keywords: best first.
    """
    stops = stop_words(None)
    found: list[tuple[float, str]] = []
    for passage in shown:
        found += [(passage.start, name) for name in _WRITTEN.findall(passage.text)]
    for passage in spoken:
        hits = [(hit.start(), hit[1]) for hit in _WRITTEN.finditer(passage.text)]
        hits += [(hit.start(), hit[1]) for hit in _SPOKEN.finditer(passage.text) if not is_stop_word(hit[1], stops)]
        found += [(passage.start, name) for _place, name in sorted(hits)]
    found.sort(key=lambda each: each[0])
    tags = tuple(dict.fromkeys(tag for _at, name in found if (tag := _normalised(name))))[:_MOST]
    return Hashtags(tags, _suggested(keywords, tags))


def _normalised(name: str) -> str | None:
    plain = unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).lower())[:_LONGEST]
    return f"#{plain}" if any(character.isalpha() for character in plain) else None


def _suggested(keywords: Sequence[Keyword], found: Sequence[str]) -> tuple[str, ...]:
    there = {_compared(tag) for tag in found}
    suggested: list[str] = []
    for keyword in keywords:
        words = re.findall(rf"{LETTER}+", keyword.text)
        tag = _normalised("".join(words))
        if tag is None or len(words) > _WORDS_SUGGESTED or len(tag) > _LONGEST_SUGGESTED:
            continue
        if tag[1:] in REACH or _compared(tag) in there:
            continue
        there.add(_compared(tag))
        suggested.append(tag)
        if len(suggested) == SUGGESTED:
            break
    return tuple(suggested)


def _compared(tag: str) -> str:
    return tag.replace("_", "")
