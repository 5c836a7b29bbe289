"""What the later stages of an analysis found, in words, for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from horarium_apps.auto_analyze.domain.describe import clock
from horarium_apps.auto_analyze.domain.language import language_name
from horarium_apps.auto_analyze.domain.outcome import State, from_document
from horarium_apps.auto_analyze.domain.stages import in_words

_LINES = 12
_KEYWORDS = 10


def describe_findings(document: Mapping[str, Any]) -> dict[str, str]:
    """Return labelled rows, in the order to print them: words, speech, text on screen, the first three seconds."""
    rows: dict[str, str] = {}
    words = document.get("words")
    if words is not None:
        rows |= _words(words)
    speech = document.get("speech")
    if speech is not None:
        rows["Speech"] = _lines(speech["segments"]) or "nobody speaks"
    shown = document.get("screen_text")
    if shown is not None:
        rows["On screen"] = _lines(shown) or "no text"
    hook = document.get("hook")
    if hook is not None:
        rows["First three seconds"] = _hook(hook)
    for name, outcome in from_document(document).items():
        if outcome.state is not State.DONE:
            label = in_words(name).capitalize()
            rows[f"{label} {outcome.state}"] = outcome.why or "no reason was given"
    return rows


def _words(words: Mapping[str, Any]) -> dict[str, str]:
    rows = {}
    if words["summary"] is not None:
        rows["Summary"] = words["summary"]["text"]
        if words["summary"]["by"] != "extract":
            rows["Summary by"] = words["summary"]["by"]
        if words["summary"]["note"]:
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
    if words["notes"]:
        rows["About the words"] = " ".join(words["notes"])
    return rows


def _lines(pieces: Sequence[Mapping[str, Any]]) -> str:
    lines = [f"{clock(piece['start'])}  {piece['text']}" for piece in pieces[:_LINES]]
    if len(pieces) > _LINES:
        lines.append(f"and {len(pieces) - _LINES:,} more lines")
    return "\n".join(lines)


def _hook(hook: Mapping[str, Any]) -> str:
    score = "no score" if hook["score"] is None else f"{hook['score']} of 100"
    return "\n".join([score, *(each["sentence"] for each in hook["reasons"])])
