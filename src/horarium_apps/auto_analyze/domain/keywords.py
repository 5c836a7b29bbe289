"""Keywords by RAKE, over what is said and what is on screen.

S. Rose, D. Engel, N. Cramer, W. Cowley, "Automatic Keyword Extraction from Individual Documents", in: Text Mining,
Applications and Theory, Wiley 2010. Candidates are the runs of words between stop words and punctuation; a word
scores degree / frequency, where its degree is the summed length of the candidates that it stands in; a candidate
scores the sum of its words.

Where this differs, because speech is no abstract of a paper: the score is multiplied by how often the candidate occurs
(else a slip of the tongue of four words beats what the video speaks of), and a run of more than four words, such as a
list, counts as its single words.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from horarium_apps.auto_analyze.domain.passages import Passage
from horarium_apps.auto_analyze.domain.stopwords import is_stop_word, stop_words
from horarium_apps.auto_analyze.domain.wording import APOSTROPHE, LETTER, LINK

MOST = 20
_LONGEST = 4
_LONGEST_WORD = 40
_TOKEN = re.compile(rf"{LETTER}+(?:['{APOSTROPHE}-]{LETTER}+)*|[^\s_]")
# What stands before the apostrophe in Italian, French and Catalan: dell'acqua, qu'une, l'home.
_ELISIONS = "l d c j m n s t un all dall dell nell sull coll quell quest bell sant qu jusqu lorsqu puisqu quelqu"
_ELIDED = frozenset(_ELISIONS.split())
_FOR_REACH = """
fyp fypシ fypage foryou foryoupage fy viral viralvideo virale viralvideos trending trend explore explorepage parati
paratii neiperte perte pourtoi fürdich fuerdich reels tiktok capcut xyzbca follow like share subscribe link bio seguimi
hashtag hashtags
"""
REACH = frozenset(_FOR_REACH.split())
"""Words that ask for viewers and say nothing of the subject."""


@dataclass(frozen=True, slots=True)
class Keyword:
    """A word or a phrase of at most four, in small letters, and how much it matters (higher is more; no upper end)."""

    text: str
    score: float


def find_keywords(passages: Iterable[Passage], language: str | None, *, most: int = MOST) -> tuple[Keyword, ...]:
    """Return the keywords of what was said and shown.

    Parameters:
        language: ISO 639-1 code of the stop words; None when it is not known.
        most: how many at most.

    Returns:
        Each once, best first; among equals the one that comes first. Empty when nothing was said or shown.
    """
    stops = stop_words(language)
    counts: Counter[tuple[str, ...]] = Counter()
    for passage in passages:
        counts.update(_candidates(passage.text, stops))
    frequency: Counter[str] = Counter()
    degree: Counter[str] = Counter()
    for candidate, count in counts.items():
        for word in candidate:
            frequency[word] += count
            degree[word] += count * len(candidate)
    scores = {
        candidate: count * sum(degree[word] / frequency[word] for word in candidate)
        for candidate, count in counts.items()
    }
    # A dictionary keeps the order in which candidates came, and sorting keeps it among equals.
    best = sorted(scores.items(), key=lambda item: -item[1])[:most]
    return tuple(Keyword(" ".join(candidate), round(score, 2)) for candidate, score in best)


def _candidates(text: str, stops: frozenset[str]) -> Iterator[tuple[str, ...]]:
    run: list[str] = []
    for token in _TOKEN.findall(LINK.sub(" . ", text)):
        word = _bare(token)
        if word is None or is_stop_word(word, stops) or word in REACH:
            yield from _of_run(run)
            run = []
            continue
        if word != token.casefold():
            # An elided article, or a possessive, parts it from what is before.
            yield from _of_run(run)
            run = []
        run.append(word)
    yield from _of_run(run)


def _bare(token: str) -> str | None:
    """Return a word in small letters without an elided article and a possessive; None for punctuation."""
    if not token[0].isalnum() and len(token) == 1:
        return None
    word = token.casefold().replace(APOSTROPHE, "'")[:_LONGEST_WORD]
    head, apostrophe, tail = word.partition("'")
    if apostrophe and head in _ELIDED and tail:
        return tail
    return word.removesuffix("'s")


def _of_run(run: list[str]) -> Iterator[tuple[str, ...]]:
    if len(run) > _LONGEST:
        yield from ((word,) for word in run if _says_something((word,)))
    elif _says_something(tuple(run)):
        yield tuple(run)


def _says_something(candidate: tuple[str, ...]) -> bool:
    """Tell whether there is a word of at least two letters (one, in scripts where one is a word) in a candidate."""
    return any(
        sum(character.isalpha() for character in word) > 1 or any(character > "\u2e80" for character in word)
        for word in candidate
    )
