"""Finding videos by words that were said in them or stood on their screen.

A text is kept beside its folded form: its words in small letters without accents, with one space before, between and
after them (" il caffe e pronto "). So a word, the beginning of one, and a phrase are all plain substrings, which any
database finds by LIKE exactly as it is done here: " caffe ", " caf", " il caffe ". In scripts without spaces (Chinese,
Japanese, Thai) each character counts as a word, so that any part of a text is found.

A video is found when each term of the query occurs somewhere in its texts; not all need be in one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import log
from typing import Protocol

from horarium_apps.auto_analyze.domain.errors import AutoAnalyzeError
from horarium_apps.auto_analyze.domain.passages import Passage, lines_of, sentences_of
from horarium_apps.auto_analyze.domain.wording import WORD

LIKE_ESCAPE = "\\"
"""The escape character of `Term.like`, for LIKE ... ESCAPE."""

SPEECH = "speech"
SCREEN = "screen"

_MOST_TERMS = 16
_LONGEST_QUERY = 400
_MOMENTS = 5
_SNIPPET = 120
_PARTS = re.compile(r'"([^"]*)"?|(\S+)')
_QUOTES = str.maketrans(dict.fromkeys("\u201c\u201d\u201e«»", '"'))
# Letters that Unicode does not take apart into a letter and an accent.
_PLAIN = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "\u0131": "i"})
_ACCENTS = re.compile("[\u0300-\u036f]")
_NOT_A_WORD = re.compile(r"\W+")
# Thai to Khmer without Hangul and Georgian; kana, Chinese characters, and those beyond the basic plane.
_WITHOUT_SPACES = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u9fff"
    "\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff]"
)


class SearchQueryError(AutoAnalyzeError, ValueError):
    """The query holds no word to search for, or too many."""


@dataclass(frozen=True, slots=True)
class SearchText:
    """One text of a video as it is kept for searches: a row of `auto_analyze_texts` without its video.

    Parameters:
        source: "speech" or "screen".
        start, end: seconds of the video.
        folded: `fold(text)`.
    """

    source: str
    start: float
    end: float
    text: str
    folded: str


class StoredText(Passage, Protocol):
    """A row of `auto_analyze_texts`, as SQLAlchemy gives it or of any other class with these names."""

    @property
    def video_id(self) -> int:
        """Whose text it is."""
        ...

    @property
    def source(self) -> str:
        """Where it comes from: speech or screen."""
        ...

    @property
    def folded(self) -> str:
        """The folded text."""
        ...


@dataclass(frozen=True, slots=True)
class Term:
    """One thing that must occur: words that follow one another.

    Parameters:
        words: folded; more than one for a phrase.
        prefix: True when the last of them may go on.
    """

    words: tuple[str, ...]
    prefix: bool = False

    @property
    def needle(self) -> str:
        """What a folded text holds exactly when this term occurs in it."""
        return f" {' '.join(self.words)}" if self.prefix else f" {' '.join(self.words)} "

    @property
    def like(self) -> str:
        """The pattern for SQL: `folded LIKE pattern ESCAPE '\\'`."""
        escaped = re.sub(r"([\\%_])", r"\\\1", self.needle)
        return f"%{escaped}%"


@dataclass(frozen=True, slots=True)
class Query:
    """What is searched for; every term must occur."""

    terms: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Moment:
    """Where words were found.

    Parameters:
        source: "speech" or "screen".
        start, end: seconds of the video.
        snippet: the text around them, at most about 120 characters.
        marks: where in the snippet the words are: first character and the one after the last, in order.
    """

    source: str
    start: float
    end: float
    snippet: str
    marks: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Hit:
    """A video in which every term occurs.

    Parameters:
        score: higher is better; only to compare hits of one query.
        count: texts in which a term occurs.
        moments: at most five: those with the most terms first, then by time.
    """

    video_id: int
    score: float
    count: int
    moments: tuple[Moment, ...]


def fold(text: str) -> str:
    """Return the words of a text in small letters without accents, one space around each; "" without a word."""
    words = [word for word, _start, _end in _words(text)]
    return f" {' '.join(words)} " if words else ""


def search_texts(spoken: Iterable[Passage], shown: Iterable[Passage]) -> tuple[SearchText, ...]:
    """Return what is kept of a video for searches: its sentences, and each text on screen.

    Segments of speech are joined to sentences, so that a phrase is found that two of them share.
    """
    texts = [_kept(SPEECH, each) for each in sentences_of(spoken)]
    texts += [_kept(SCREEN, each) for each in lines_of(shown)]
    return tuple(text for text in texts if text.folded)


def _kept(source: str, passage: Passage) -> SearchText:
    # PostgreSQL takes neither NUL nor half of a pair of surrogates.
    text = passage.text.replace("\0", "").encode("utf-8", "ignore").decode()
    return SearchText(source, passage.start, passage.end, text, fold(text))


def parse_query(text: str) -> Query:
    """Return what a person searches for.

    Every word must occur. "Words in quotation marks" must follow one another. A word with * at its end may go on, and
    so may the last word of the query unless it is in quotation marks. Case and accents do not matter.

    Raises:
        SearchQueryError: there is no word in it, or it is longer than 400 characters or 16 words.
    """
    if len(text) > _LONGEST_QUERY:
        raise SearchQueryError(f"the query has {len(text)} characters; at most {_LONGEST_QUERY} are searched for")
    terms: dict[Term, None] = {}
    parts = list(_PARTS.finditer(text.translate(_QUOTES)))
    for place, part in enumerate(parts):
        quoted, bare = part.groups()
        written = (quoted if bare is None else bare).rstrip()
        words = tuple(fold(written).split())
        if not words:
            continue
        last = place == len(parts) - 1 and bare is not None
        terms.setdefault(Term(words, prefix=last or written.endswith("*")))
    if not terms:
        raise SearchQueryError(f"there is no word to search for in {text!r}; write at least one")
    if len(terms) > _MOST_TERMS:
        raise SearchQueryError(f"the query has {len(terms)} words; at most {_MOST_TERMS} are searched for")
    return Query(tuple(terms))


def match(query: Query, texts: Iterable[StoredText]) -> tuple[Hit, ...]:
    """Return the videos in which every term of a query occurs, best first.

    A term counts more where it occurs in more texts (by the logarithm), as a whole word, and as a longer phrase; terms
    together in one text count most. Equals are in the order of their ids.

    Parameters:
        texts: rows of any videos in any order; those in which no term occurs may be left out.
    """
    videos: dict[int, list[tuple[StoredText, frozenset[Term]]]] = {}
    for text in texts:
        there = frozenset(term for term in query.terms if term.needle in text.folded)
        if there:
            videos.setdefault(text.video_id, []).append((text, there))
    hits = [
        _hit(query, video_id, found)
        for video_id, found in videos.items()
        if len(frozenset().union(*(terms for _text, terms in found))) == len(query.terms)
    ]
    return tuple(sorted(hits, key=lambda hit: (-hit.score, hit.video_id)))


def _hit(query: Query, video_id: int, found: Sequence[tuple[StoredText, frozenset[Term]]]) -> Hit:
    score = 0.0
    for term in query.terms:
        holding = [text for text, terms in found if term in terms]
        whole = any(f" {' '.join(term.words)} " in text.folded for text in holding)
        score += (1 + log(len(holding))) * len(term.words) * (1.0 if whole else 0.6)
    score += max(len(terms) for _text, terms in found) - 1
    best = sorted(found, key=lambda each: (-len(each[1]), each[0].start, each[0].source))[:_MOMENTS]
    return Hit(video_id, round(score, 3), len(found), tuple(_moment(text, terms) for text, terms in best))


def _moment(text: StoredText, terms: frozenset[Term]) -> Moment:
    words = list(_words(text.text))
    marks = sorted({place for term in terms for place in _places(term, words)})
    begin, end = _window(text.text, marks)
    before, after = "…" if begin else "", "…" if end < len(text.text) else ""
    inside = [
        (start - begin + len(before), stop - begin + len(before))
        for start, stop in _merged(marks)
        if start >= begin and stop <= end
    ]
    snippet = before + text.text[begin:end] + after
    return Moment(text.source, text.start, text.end, snippet, tuple(inside))


def _places(term: Term, words: Sequence[tuple[str, int, int]]) -> Iterator[tuple[int, int]]:
    size = len(term.words)
    *firsts, last = term.words
    for place in range(len(words) - size + 1):
        *heads, (tail, _start, end) = words[place : place + size]
        fits = tail.startswith(last) if term.prefix else tail == last
        if fits and [head[0] for head in heads] == firsts:
            yield words[place][1], end


def _merged(marks: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in marks:
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _window(text: str, marks: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Return which part of a text to show: all of a short one, else what is around the first mark, by whole words."""
    if len(text) <= _SNIPPET or not marks:
        return 0, min(len(text), _SNIPPET)
    begin = max(0, min(marks[0][0] - _SNIPPET // 3, len(text) - _SNIPPET))
    end = min(len(text), max(begin + _SNIPPET, marks[0][1]))
    if begin:
        space = text.find(" ", begin, marks[0][0])
        begin = space + 1 if space >= 0 else begin
    if end < len(text):
        space = text.rfind(" ", marks[0][1], end)
        end = space if space >= 0 else end
    return begin, end


def _words(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield each folded word with its place in the text: first character, and the one after the last."""
    for found in WORD.finditer(text):
        begin = found.start()
        for spaceless in _WITHOUT_SPACES.finditer(text, found.start(), found.end()):
            yield from _folded(text, begin, spaceless.start())
            yield from _folded(text, *spaceless.span())
            begin = spaceless.end()
        yield from _folded(text, begin, found.end())


def _folded(text: str, begin: int, end: int) -> Iterator[tuple[str, int, int]]:
    if begin == end:
        return
    piece = text[begin:end]
    if not piece.isascii():
        apart = unicodedata.normalize("NFKD", piece.casefold()).translate(_PLAIN)
        piece = _NOT_A_WORD.sub("", unicodedata.normalize("NFKC", _ACCENTS.sub("", apart)).casefold())
    else:
        piece = piece.lower()
    if piece:
        yield piece, begin, end
