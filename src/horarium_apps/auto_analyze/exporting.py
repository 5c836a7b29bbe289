"""What is exported of videos, one after the other: rows for spreadsheets, and whole documents."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any

from horarium_apps.auto_analyze import queries, searches
from horarium_apps.auto_analyze.adapters.likeness import Fingerprints
from horarium_apps.auto_analyze.domain import transcript
from horarium_apps.auto_analyze.domain.csv_export import ExportedVideo
from horarium_apps.auto_analyze.domain.fingerprint import from_json as fingerprint_of
from horarium_apps.auto_analyze.domain.outcome import from_document
from horarium_apps.auto_analyze.domain.stages import in_words
from horarium_apps.auto_analyze.domain.video import Video

Transaction = Callable[[], AbstractContextManager[Any]]
"""Opens a transaction of the plan's database that only reads: an export takes a while, and must keep nobody waiting."""


def exported_videos(transaction: Transaction, user_id: int | None = None) -> Iterator[ExportedVideo]:
    """Yield a row for each video of one user, or of all, in the order in which they were added."""
    with transaction() as connection:
        users = {user.id: user.name for user in queries.list_users(connection)}
        looks: dict[int, Fingerprints] = {}
        for video, document in queries.videos_with_documents(connection, user_id):
            own = None if document is None else document.get("fingerprint")
            if own is not None and video.user_id not in looks:
                known = searches.fingerprints(connection, video.user_id)
                looks[video.user_id] = Fingerprints((key, each) for (key, _path), each in known)
            copies = () if own is None else looks[video.user_id].like(video.id, fingerprint_of(own))
            yield exported(video, document, users.get(video.user_id, ""), copies)


def exported_documents(transaction: Transaction, user_id: int | None = None) -> Iterator[dict[str, Any]]:
    """Yield the document of each video of one user, or of all, in the order in which they were added."""
    with transaction() as connection:
        for video, document in queries.videos_with_documents(connection, user_id):
            yield {"video_id": video.id, "user_id": video.user_id, "path": str(video.path), "document": document}


def exported(video: Video, document: Mapping[str, Any] | None, user: str, copies: tuple[int, ...]) -> ExportedVideo:
    """Return the row of one video.

    Parameters:
        document: what was found; None before it was analysed.
        user: the user's name.
        copies: ids of its near-duplicates.
    """
    found = document or {}
    words, speech, hook = found.get("words"), found.get("speech"), found.get("hook")
    shown, cuts, loudness = found.get("screen_text"), found.get("cuts"), found.get("loudness")
    summary, sentiment = (words or {}).get("summary"), (words or {}).get("sentiment")
    return ExportedVideo(
        id=video.id,
        user=user,
        path=str(video.path),
        status=video.status.value,
        added_at=video.added_at,
        analysed_at=video.analysed_at,
        duration=video.duration,
        language=words["language"]["code"] if words else None,
        keywords=tuple(each["text"] for each in words["keywords"]) if words else (),
        hashtags=tuple(words["hashtags"]["found"]) if words else (),
        suggested_hashtags=tuple(words["hashtags"]["suggested"]) if words else (),
        summary=summary["text"] if summary else None,
        hook_score=hook["score"] if hook else None,
        sentiment=sentiment["label"] if sentiment else None,
        sentiment_score=sentiment["compound"] if sentiment else None,
        speech_words=transcript.from_json(speech).words if speech else None,
        screen_texts=None if shown is None else len(shown),
        cuts=None if cuts is None else len(cuts),
        loudness=loudness["integrated"] if loudness else None,
        near_duplicates=copies,
        notes=tuple(_notes(found)),
        error=video.error,
    )


def _notes(document: Mapping[str, Any]) -> Iterator[str]:
    yield from document.get("notes", ())
    for name, outcome in from_document(document).items():
        for problem in outcome.problems:
            yield f"{in_words(name).capitalize()} {problem.state}: {problem.why}"
