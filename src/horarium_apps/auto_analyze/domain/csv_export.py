"""Videos as a table for spreadsheets: RFC 4180, one row a video.

    id                 number of the video
    user               name of the user whose video it is
    path               the file as it was imported
    status             new, analysing, analysed or failed
    added_at           ISO 8601, UTC
    analysed_at        ISO 8601, UTC; empty before
    duration           seconds
    language           ISO 639-1 code of what is said or shown
    keywords           best first, joined by "; "
    hashtags           found in the video, joined by a space
    suggested_hashtags made of its keywords, joined by a space
    summary            at most three sentences
    hook_score         of the first three seconds, 0 to 100
    sentiment          positive, neutral or negative
    sentiment_score    -1 to 1
    speech_words       how many words are said
    screen_texts       how many different texts are on screen
    cuts               how many
    loudness           LUFS, integrated
    near_duplicates    ids of the user's videos that look the same, joined by a space
    notes              stages that were left out or failed, and why, joined by a space
    error              why the analysis failed

What is not known is empty, never 0. A text that a spreadsheet would take for a formula gets an apostrophe before it
(OWASP, "CSV Injection"); numbers are never touched.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import TextIO

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_SEPARATORS = {"keywords": "; "}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedVideo:
    """One row; the names are those of the columns, in their order. Times are aware; None is written as nothing."""

    id: int
    user: str
    path: str
    status: str
    added_at: datetime | None = None
    analysed_at: datetime | None = None
    duration: float | None = None
    language: str | None = None
    keywords: tuple[str, ...] = ()
    hashtags: tuple[str, ...] = ()
    suggested_hashtags: tuple[str, ...] = ()
    summary: str | None = None
    hook_score: float | None = None
    sentiment: str | None = None
    sentiment_score: float | None = None
    speech_words: int | None = None
    screen_texts: int | None = None
    cuts: int | None = None
    loudness: float | None = None
    near_duplicates: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
    error: str | None = None


COLUMNS = tuple(field.name for field in fields(ExportedVideo))
"""Names of the columns, in their order."""


def write_csv(videos: Iterable[ExportedVideo], to: TextIO) -> int:
    """Write a heading and a row for each video; return how many rows.

    Parameters:
        to: opened with `newline=""`, so that lines end as RFC 4180 says, and best with `encoding="utf-8-sig"`, by
            which spreadsheets know the encoding.
    """
    writer = csv.writer(to)
    writer.writerow(COLUMNS)
    count = 0
    for video in videos:
        writer.writerow([_cell(name, getattr(video, name)) for name in COLUMNS])
        count += 1
    return count


def _cell(name: str, value: object) -> str:
    match value:
        case None:
            return ""
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        case int() | float():
            return str(value)
        case tuple():
            return _safe(_SEPARATORS.get(name, " ").join(str(each) for each in value))
        case _:
            return _safe(str(value))


def _safe(text: str) -> str:
    """Return a text that no spreadsheet computes and every encoding of Unicode can write."""
    # A name of a file may hold bytes that are no text (lone surrogates), and no program reads a NUL in CSV.
    plain = text.encode("utf-8", "backslashreplace").decode().replace("\0", "")
    return f"'{plain}" if plain.lstrip(" ").startswith(_FORMULA) else plain
