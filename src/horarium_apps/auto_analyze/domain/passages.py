"""Words with their times: what keywords, summaries and searches are made from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

_LONGEST = 40
_PAUSE = 1.5
_WIDE_ENDS = "\u3002\uff01\uff1f"
_CLOSING = "\"'\u201d\u2019»」』)]"
_END = re.compile(rf"[.!?…][{re.escape(_CLOSING)}]{{0,4}}(?=\s)|[{_WIDE_ENDS}]+[{re.escape(_CLOSING)}]{{0,4}}")
_ABBREVIATIONS = """
mr mrs ms dr prof st vs jr sr no nr approx ca etc ecc es sig sigg dott ing avv pag sra srta mme mlle bzw usw
zb evtl inkl fig vol al dept e.g i.e u.s a.m p.m z.b d.h
"""
_ABBREVIATED = frozenset(_ABBREVIATIONS.split())


class Passage(Protocol):
    """Anything that was said or shown: a segment of speech, a text on screen. Times in seconds of the video."""

    @property
    def start(self) -> float:
        """When it begins."""
        ...

    @property
    def end(self) -> float:
        """When it ends."""
        ...

    @property
    def text(self) -> str:
        """The words."""
        ...


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence that was said, or one text that was shown. Times in seconds of the video."""

    start: float
    end: float
    text: str


def sentences_of(spoken: Iterable[Passage]) -> tuple[Sentence, ...]:
    """Join segments of speech, which end wherever the speaker breathes, to sentences.

    A sentence ends at its full stop; without one, at a pause of 1.5 seconds, or at the end of the segment that brings
    it to 40 words. Times within a segment are shared out by the length of the text.
    """
    found: list[Sentence] = []
    open_pieces: list[Sentence] = []
    for segment in sorted(spoken, key=lambda each: (each.start, each.end)):
        if open_pieces and segment.start - open_pieces[-1].end >= _PAUSE:
            found.append(_joined(open_pieces))
            open_pieces = []
        for piece, closed in _pieces(segment):
            open_pieces.append(piece)
            if closed:
                found.append(_joined(open_pieces))
                open_pieces = []
        if sum(len(piece.text.split()) for piece in open_pieces) >= _LONGEST:
            found.append(_joined(open_pieces))
            open_pieces = []
    if open_pieces:
        found.append(_joined(open_pieces))
    return tuple(found)


def lines_of(shown: Iterable[Passage]) -> tuple[Sentence, ...]:
    """Return the texts on screen in the order of their times, each different one once."""
    found: dict[str, Sentence] = {}
    for text in sorted(shown, key=lambda each: (each.start, each.end)):
        words = " ".join(text.text.split())
        if words:
            found.setdefault(words.casefold(), Sentence(text.start, text.end, words))
    return tuple(found.values())


def _pieces(segment: Passage) -> Iterator[tuple[Sentence, bool]]:
    """Yield the parts of sentences in a segment, and whether each ends its sentence."""
    text = " ".join(segment.text.split())
    if not text:
        return
    seconds = max(0.0, segment.end - segment.start) / len(text)
    begin = 0
    for end in (*_ends(text), len(text)):
        piece = text[begin:end].strip()
        if piece:
            times = (segment.start + begin * seconds, segment.start + end * seconds)
            yield Sentence(round(times[0], 3), round(times[1], 3), piece), end < len(text) or _closes(text)
        begin = end


def _ends(text: str) -> Iterator[int]:
    for mark in _END.finditer(text):
        if mark.end() < len(text) and not _continues(text, mark.start(), mark.end()):
            yield mark.end()


def _continues(text: str, mark: int, end: int) -> bool:
    """Tell whether a full stop belongs to an abbreviation, or the sentence goes on with a small letter."""
    if text[mark] not in ".…":
        return False
    if text[end + 1 : end + 2].islower():
        return True
    before = text[max(0, mark - 12) : mark].rpartition(" ")[2].casefold()
    return text[mark] == "." and (before in _ABBREVIATED or (len(before) == 1 and before.isalpha() and before != "i"))


def _closes(text: str) -> bool:
    return text[-10:].rstrip(_CLOSING)[-1:] in (*".!?", *_WIDE_ENDS)


def _joined(pieces: list[Sentence]) -> Sentence:
    return Sentence(pieces[0].start, pieces[-1].end, " ".join(piece.text for piece in pieces))
