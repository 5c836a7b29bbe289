"""What the later stages of an analysis found, in words, for people."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Any

from horarium_apps.auto_analyze.domain.describe import clock
from horarium_apps.auto_analyze.domain.language import language_name
from horarium_apps.auto_analyze.domain.outcome import from_document
from horarium_apps.auto_analyze.domain.stages import in_words

_LINES = 12
_KEYWORDS = 10


def describe_findings(document: Mapping[str, Any]) -> dict[str, str]:
    """Return labelled rows, in the order to print them: words, speech, text on screen, the first three seconds."""
    rows: dict[str, str] = {}
    outcomes = from_document(document)
    words = document.get("words")
    if words is not None:
        told = {problem.why for outcome in outcomes.values() for problem in outcome.problems}
        rows |= _words(words, told)
    speech = document.get("speech")
    if speech is not None:
        rows["Speech"] = _lines(speech["segments"]) or "nobody speaks"
    shown = document.get("screen_text")
    if shown is not None:
        rows["On screen"] = _lines(shown) or "no text"
    hook = document.get("hook")
    if hook is not None:
        rows["First three seconds"] = _hook(hook)
    for name, outcome in outcomes.items():
        for problem in outcome.problems:
            label = f"{in_words(name).capitalize()} {problem.state}"
            why = problem.why or "no reason was given"
            rows[label] = f"{rows[label]} {why}" if label in rows else why
    return rows


def _words(words: Mapping[str, Any], told: Container[str | None]) -> dict[str, str]:
    """Return the rows; what is `told` among those of the stages is not repeated."""
    rows = {}
    if words["summary"] is not None:
        rows["Summary"] = words["summary"]["text"]
        if words["summary"]["by"] != "extract":
            rows["Summary by"] = words["summary"]["by"]
        if words["summary"]["note"] and words["summary"]["note"] not in told:
            rows["About the summary"] = words["summary"]["note"]
    if words["language"]["code"]:
        rows["Language"] = language_name(words["language"]["code"])
    if words["keywords"]:
        rows["Keywords"] = ", ".join(each["text"] for each in words["keywords"][:_KEYWORDS])
    tags = words["hashtags"]
    if tags["found"]:
        rows["Hashtags"] = " ".join(tags["found"])
    if tags["suggested"]:
        rows["Hashtags to add"] = " ".join(tags["suggested"])
    if words["sentiment"] is not None:
        rows["Sentiment"] = f"{words['sentiment']['label']} ({words['sentiment']['compound']:+.2f})"
    if notes := [note for note in words["notes"] if note not in told]:
        rows["About the words"] = " ".join(notes)
    return rows


def _lines(pieces: Sequence[Mapping[str, Any]]) -> str:
    lines = [f"{clock(piece['start'])}  {piece['text']}" for piece in pieces[:_LINES]]
    if len(pieces) > _LINES:
        lines.append(f"and {len(pieces) - _LINES:,} more lines")
    return "\n".join(lines)


def _hook(hook: Mapping[str, Any]) -> str:
    score = "no score" if hook["score"] is None else f"{hook['score']} of 100"
    return "\n".join([score, *(each["sentence"] for each in hook["reasons"])])
