"""A summary made of the video's own sentences.

SumBasic: A. Nenkova, L. Vanderwende, "The Impact of Frequency on Summarization", Microsoft Research MSR-TR-2005-101.
A word's probability is its share of all words; the sentence with the highest mean probability that holds the most
probable word is taken; the probabilities of its words are squared, so that the next one tells something else.
Stop words are left out, and sentences of under four words wait until there are no others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from horarium_apps.auto_analyze.domain.passages import Sentence
from horarium_apps.auto_analyze.domain.stopwords import is_stop_word, stop_words
from horarium_apps.auto_analyze.domain.wording import WORD

MOST = 3
EXTRACT = "extract"
_SHORT = 4
_LONGEST = 300
_CONSIDERED = 2_000


@dataclass(frozen=True, slots=True)
class Summary:
    """A short summary.

    Parameters:
        by: "extract" for sentences of the video itself, or who wrote it, such as "ollama llama3.2".
        note: a sentence about how it came about; None when there is nothing to say.
    """

    text: str
    by: str
    note: str | None = None


def extract(sentences: Sequence[Sentence] | None, lines: Sequence[Sentence], language: str | None) -> Summary | None:
    """Return at most three sentences of a video, in their order.

    Parameters:
        sentences: what was said; None when that is not known.
        lines: what was on screen; used only when nothing was said.
        language: ISO 639-1 code of the stop words; None when it is not known.

    Returns:
        The summary; None when nothing was said or shown.
    """
    spoken = choose(sentences or (), language)
    if spoken:
        return Summary(" ".join(_clipped(each.text) for each in spoken), EXTRACT)
    shown = choose(lines, language)
    if shown:
        text = " / ".join(_clipped(each.text) for each in shown)
        speech = "What is said is not known" if sentences is None else "Nobody speaks"
        return Summary(text, EXTRACT, f"{speech}; these are texts on screen.")
    return None


def choose(sentences: Sequence[Sentence], language: str | None, most: int = MOST) -> tuple[Sentence, ...]:
    """Return the sentences that say the most, at most so many, in their order; a repeated one counts once."""
    different = tuple({sentence.text.casefold(): sentence for sentence in reversed(sentences)}.values())[::-1]
    if len(different) <= most:
        return tuple(sentence for sentence in different if _has_words(sentence))
    stops = stop_words(language)
    words = [_content(sentence.text, stops) for sentence in different]
    return tuple(different[place] for place in sorted(_sum_basic(words, most)))


def _sum_basic(words: list[list[str]], most: int) -> list[int]:
    counts = Counter(word for sentence in words for word in sentence)
    total = counts.total()
    share = {word: count / total for word, count in counts.items()}
    waiting = {place for place, sentence in enumerate(words) if len(sentence) >= _SHORT}
    later = {place for place, sentence in enumerate(words) if 0 < len(sentence) < _SHORT}
    chosen: list[int] = []
    while len(chosen) < most and (waiting or later):
        if not waiting:
            waiting, later = later, set()
        weight = {place: sum(share[word] for word in words[place]) / len(words[place]) for place in waiting}
        top = max((word for place in waiting for word in words[place]), key=lambda word: share[word])
        best = min((place for place in waiting if top in words[place]), key=lambda place: (-weight[place], place))
        chosen.append(best)
        waiting.discard(best)
        for word in set(words[best]):
            share[word] **= 2
    return chosen


def _content(text: str, stops: frozenset[str]) -> list[str]:
    """Return the words of a sentence that are no stop words; a sentence of a thousand words weighs by its first."""
    return [word.casefold() for word in WORD.findall(text)[:_CONSIDERED] if not is_stop_word(word, stops)]


def _has_words(sentence: Sentence) -> bool:
    return WORD.search(sentence.text) is not None


def _clipped(text: str) -> str:
    if len(text) <= _LONGEST:
        return text
    return text[:_LONGEST].rsplit(" ", 1)[0].rstrip(" ,;:") + "…"
