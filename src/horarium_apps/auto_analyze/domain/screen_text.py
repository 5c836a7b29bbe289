"""Text seen on screen: the same line over several frames told as one, with its times.

A line is read anew from every frame, and never quite the same: "Wait for it" is "Wait fof it" in the next, and a
subtitle grows word by word. So lines that are nearly alike, in frames that follow each other, are one.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Any

ALIKE = 0.8
"""From this `SequenceMatcher.ratio()` on, two readings are of the same line: one wrong letter in five may differ."""

GAP = 1.2
"""Seconds that a line may go unread and still be the same when it is read again: one frame may be read badly."""

MOST_LINES = 2000
"""Lines kept of one video, so that the result of an hour of scrolling text stays bounded."""

_MOST_LINES_AT_ONCE = 50
_SHORT = 4
_GROWN = 0.9
_TEXT_LENGTH = 500


@dataclass(frozen=True, slots=True)
class SeenLine:
    """One line as it was read from one frame; `confidence` is from 0 to 1."""

    text: str
    confidence: float


@dataclass(frozen=True, slots=True)
class SeenText:
    """What was read from one frame.

    Parameters:
        at: seconds from the start of the video.
        lines: from top to bottom; none when the frame shows no text.
    """

    at: float
    lines: tuple[SeenLine, ...] = ()


@dataclass(frozen=True, slots=True)
class ShownText:
    """A line of text and when it was on screen.

    Parameters:
        start: seconds from the start of the video to the first frame that showed it.
        end: seconds to the first frame that did not show it any more, or to the end of the video.
        confidence: of the best reading, from 0 to 1.
    """

    start: float
    end: float
    text: str
    confidence: float


def merge_lines(seen: Iterable[SeenText], end: float) -> tuple[ShownText, ...]:
    """Tell what was on screen from when until when.

    1. The lines of each frame are matched to those still on screen: the most alike first, each once.
    2. A line that finds its match goes on; one that finds none begins; one that is not found within `GAP` ends with
       the first frame that did not show it.
       What holds neither a letter nor a digit is a shape that was taken for text, and no line.
    3. Of all its readings the one is kept that most frames agree on, and of those the most confident; but of a line
       that grew only those since it last grew.

    Parameters:
        seen: in order of time; a frame without text has no lines, and must be there.
        end: seconds at which the video ends.

    Returns:
        At most `MOST_LINES`, in order of their start.
    """
    shown: list[_Line] = []
    current: list[_Line] = []
    for frame in seen:
        current = [each for each in current if each.end is None or frame.at - each.end <= GAP]
        fresh = [line for line in frame.lines if any(map(str.isalnum, line.text))][:_MOST_LINES_AT_ONCE]
        kept = _matched(current, fresh)
        going_on = {id(each) for each in kept.values()}
        for old in current:
            if id(old) not in going_on and old.end is None:
                old.end = frame.at
        for place, line in enumerate(fresh):
            if place not in kept:
                begun = _Line(frame.at)
                begun.add(line)
                shown.append(begun)
                current.append(begun)
            else:
                kept[place].add(line)
        if len(shown) > MOST_LINES:
            end = frame.at
            break
    return tuple(each.shown(end) for each in shown[:MOST_LINES])


def likeness(one: str, other: str) -> float:
    """Return from 0 to 1 how alike a reading and a later one are; case, accents and spaces are not told apart.

    Digits must agree: "SCENE 1" and "SCENE 2", or two prices, are different lines however alike they look.
    A later reading that only goes on where the other ended is of the same line, as subtitles grow word by word.
    """
    first, second = _folded(one), _folded(other)
    if first == second:
        return 1.0
    if _digits(first) != _digits(second) or min(len(first), len(second)) < _SHORT:
        return 0.0
    if second.startswith(first):
        return _GROWN
    matcher = SequenceMatcher(None, first, second, autojunk=False)
    if min(matcher.real_quick_ratio(), matcher.quick_ratio()) < ALIKE:
        return 0.0
    return matcher.ratio()


def to_json(shown: Iterable[ShownText]) -> list[dict[str, Any]]:
    """Return the lines as plain values; times in seconds with three decimals, confidence with two."""
    return [
        {
            "start": round(each.start, 3),
            "end": round(each.end, 3),
            "text": each.text,
            "confidence": round(each.confidence, 2),
        }
        for each in shown
    ]


def from_json(values: Sequence[Mapping[str, Any]]) -> tuple[ShownText, ...]:
    """Return the lines that `to_json` wrote.

    Raises:
        KeyError, TypeError, ValueError: it is not what `to_json` writes.
    """
    return tuple(
        ShownText(float(each["start"]), float(each["end"]), str(each["text"]), float(each["confidence"]))
        for each in values
    )


class _Line:
    """A line on its way through the frames, with its readings."""

    def __init__(self, start: float) -> None:
        self.start = start
        self.end: float | None = None
        self.last = ""
        self._readings: dict[str, tuple[int, float]] = {}

    def add(self, line: SeenLine) -> None:
        text = " ".join(line.text.split())[:_TEXT_LENGTH]
        if len(text) > len(self.last) and _folded(text).startswith(_folded(self.last)):
            self._readings.clear()
        self.last = text
        self.end = None
        times, best = self._readings.get(self.last, (0, 0.0))
        self._readings[self.last] = (times + 1, max(best, line.confidence))

    def shown(self, video_end: float) -> ShownText:
        text = max(self._readings, key=lambda reading: self._readings[reading])
        end = max(self.start, video_end) if self.end is None else self.end
        return ShownText(self.start, end, text, max(best for _, best in self._readings.values()))


def _matched(current: Sequence[_Line], fresh: Sequence[SeenLine]) -> dict[int, _Line]:
    pairs = [
        (alike, -abs(old_place - new_place), old_place, new_place)
        for old_place, old in enumerate(current)
        for new_place, new in enumerate(fresh)
        if (alike := likeness(old.last, new.text)) >= ALIKE
    ]
    matched: dict[int, _Line] = {}
    taken: set[int] = set()
    for _, _, old_place, new_place in sorted(pairs, reverse=True):
        if old_place not in taken and new_place not in matched:
            matched[new_place] = current[old_place]
            taken.add(old_place)
    return matched


@lru_cache(maxsize=1024)
def _folded(text: str) -> str:
    bare = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in bare if not unicodedata.combining(c) and not c.isspace())


def _digits(text: str) -> str:
    return "".join(c for c in text if c.isdigit())
