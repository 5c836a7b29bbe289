"""The words of one video: language, keywords, hashtags, summary, sentiment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from horarium_apps.auto_analyze.adapters.langid import LangId
from horarium_apps.auto_analyze.adapters.ollama_summary import DEFAULT_URL, OllamaSummary
from horarium_apps.auto_analyze.adapters.vader import Vader
from horarium_apps.auto_analyze.domain.errors import AnalysisError, StageSkippedError
from horarium_apps.auto_analyze.domain.hashtags import find_hashtags
from horarium_apps.auto_analyze.domain.keywords import find_keywords
from horarium_apps.auto_analyze.domain.language import (
    UNKNOWN,
    Language,
    choose_language,
    is_enough_to_guess,
    is_sure,
    language_name,
)
from horarium_apps.auto_analyze.domain.passages import Passage, Sentence, lines_of, sentences_of
from horarium_apps.auto_analyze.domain.sentiment import Sentiment, sentiment_of
from horarium_apps.auto_analyze.domain.stopwords import LANGUAGES
from horarium_apps.auto_analyze.domain.summary import Summary, extract
from horarium_apps.auto_analyze.domain.words import Words, from_json, to_json

__all__ = ["WordTools", "Words", "WordsOptions", "find_words", "from_json", "to_json", "word_tools"]

_GUESSED_FROM = 5_000
_SENTIMENT_LANGUAGE = "en"

Missed = Callable[[Exception], None]
"""Told the error that costs one part of the words."""


class LanguageTool(Protocol):
    """Guesses the language of a text. Raises `StageSkippedError` when its library is missing."""

    def guess(self, text: str) -> Language:
        """Return the language of a text, with its probability."""
        ...


class SentimentTool(Protocol):
    """Scores English sentences. Raises `StageSkippedError` when its library is missing."""

    def compounds(self, texts: Sequence[str]) -> list[float]:
        """Return for each text its compound score from -1 to 1."""
        ...


class SummaryTool(Protocol):
    """Writes summaries. Raises `StageSkippedError` or `AnalysisError` with a sentence that says why it cannot."""

    @property
    def name(self) -> str:
        """Who writes, such as "ollama llama3.2"."""
        ...

    def summarize(self, spoken: Sequence[Sentence], shown: Sequence[Sentence], language: str | None) -> str:
        """Return a summary of at most three sentences, in the language of this name (None when not known)."""
        ...


@dataclass(frozen=True, slots=True)
class WordsOptions:
    """How words are looked at.

    Parameters:
        summary_model: the Ollama model that writes the summary; None or "" for an extract of the words themselves.
        ollama_url: where Ollama answers.
        summary_timeout: seconds that Ollama may take in all.
    """

    summary_model: str | None = None
    ollama_url: str = DEFAULT_URL
    summary_timeout: float = 120.0


@dataclass(frozen=True, slots=True)
class WordTools:
    """What is used beside plain text; None leaves that part out (the summary is an extract then)."""

    language: LanguageTool | None = None
    sentiment: SentimentTool | None = None
    summary: SummaryTool | None = None


def word_tools(options: WordsOptions) -> WordTools:
    """Return the real tools; each loads its library when it is used first."""
    summary = None
    if options.summary_model:
        summary = OllamaSummary(options.summary_model, url=options.ollama_url, timeout=options.summary_timeout)
    return WordTools(LangId(), Vader(), summary)


def _ignore(_error: Exception) -> None:
    """Take what nobody asked for."""


def find_words(
    spoken: Sequence[Passage] | None,
    shown: Sequence[Passage],
    *,
    transcript_language: str | None = None,
    transcript_probability: float | None = None,
    options: WordsOptions | None = None,
    tools: WordTools | None = None,
    missed: Missed = _ignore,
) -> Words:
    """Return what the words of a video say.

    1. The language: the transcript's own when the speech model is sure, else guessed from the words.
    2. Keywords over speech and screen, hashtags that are there, and some to suggest.
    3. A summary, by a model when one is set and answers, else an extract.
    4. Sentiment, for English.

    Parameters:
        spoken: segments of speech; empty when nobody speaks, None when that is not known.
        shown: texts on screen; empty without any, or when they were not looked for.
        transcript_language: ISO 639-1 code that the speech model said; None without speech.
        transcript_probability: how sure the speech model is, from 0 to 1; None when it does not tell.
        options: None for the defaults.
        tools: instead of those that the options ask for.
        missed: told the error of each tool that is missing (`StageSkippedError`) or fails (`AnalysisError`).

    Returns:
        The words. A tool that is missing or fails leaves a note, never an error.
    """
    tools = tools if tools is not None else word_tools(options or WordsOptions())
    notes: list[str] = []
    sentences, lines = sentences_of(spoken or ()), lines_of(shown)
    speech = Language(transcript_language, transcript_probability, "speech") if transcript_language else UNKNOWN
    language = _language(speech if sentences else UNKNOWN, sentences or lines, tools.language, notes, missed)
    keywords = find_keywords((*sentences, *lines), language.code)
    if keywords and language.code and language.code not in LANGUAGES:
        name = language_name(language.code)
        notes.append(f"The keywords are rough: there is no list of everyday words to leave out for {name}.")
    return Words(
        language=language,
        keywords=keywords,
        hashtags=find_hashtags(sentences, lines, keywords),
        summary=_summary(None if spoken is None else sentences, lines, language.code, tools.summary, missed),
        sentiment=_sentiment(sentences or lines, language.code, tools.sentiment, notes, missed),
        notes=tuple(notes),
    )


def _language(
    speech: Language, sentences: Sequence[Sentence], tool: LanguageTool | None, notes: list[str], missed: Missed
) -> Language:
    text = "\n".join(sentence.text for sentence in sentences)[:_GUESSED_FROM]
    if tool is None or is_sure(speech) or not is_enough_to_guess(text):
        return choose_language(speech, UNKNOWN)
    try:
        return choose_language(speech, tool.guess(text))
    except StageSkippedError as error:
        missed(error)
        notes.append(str(error))
        return choose_language(speech, UNKNOWN)


def _summary(
    sentences: Sequence[Sentence] | None,
    lines: Sequence[Sentence],
    code: str | None,
    tool: SummaryTool | None,
    missed: Missed,
) -> Summary | None:
    extracted = extract(sentences, lines, code)
    if tool is None or extracted is None:
        return extracted
    try:
        return Summary(tool.summarize(sentences or (), lines, language_name(code) if code else None), tool.name)
    except (StageSkippedError, AnalysisError) as error:
        missed(error)
        reasons = [str(error), *([extracted.note] if extracted.note else [])]
        return Summary(extracted.text, extracted.by, " ".join(reasons))


def _sentiment(
    sentences: Sequence[Sentence], code: str | None, tool: SentimentTool | None, notes: list[str], missed: Missed
) -> Sentiment | None:
    if tool is None or not sentences:
        return None
    if code != _SENTIMENT_LANGUAGE:
        which = f"not supported for {language_name(code)}" if code else "left out, since the language is not known"
        notes.append(f"Sentiment is {which}: it is scored for English only.")
        return None
    try:
        return sentiment_of(sentences, tool.compounds([sentence.text for sentence in sentences]))
    except StageSkippedError as error:
        missed(error)
        notes.append(str(error))
        return None
