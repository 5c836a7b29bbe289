"""What is said and shown in a video, piece by piece, as searches look through it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from horarium_apps.auto_analyze.domain import screen_text, transcript
from horarium_apps.auto_analyze.domain.searching import search_texts


def texts_of(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the pieces of a document: `position`, `source`, `start`, `end` (seconds), `text`, and `folded`."""
    speech, shown = document.get("speech"), document.get("screen_text")
    pieces = search_texts(
        () if speech is None else transcript.from_json(speech).segments,
        () if shown is None else screen_text.from_json(shown),
    )
    return [{"position": position, **asdict(piece)} for position, piece in enumerate(pieces)]
