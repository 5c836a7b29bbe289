"""What is asked of the application's tables, and written to them. Each function works in its caller's transaction."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, false, func, insert, or_, select, true, update

from horarium_apps.auto_analyze.domain.backoff import Backoff
from horarium_apps.auto_analyze.domain.ids import LARGEST, is_id
from horarium_apps.auto_analyze.domain.importing import Fate, KnownVideo
from horarium_apps.auto_analyze.domain.media import FoundVideo
from horarium_apps.auto_analyze.domain.texts import texts_of
from horarium_apps.auto_analyze.domain.video import User, Video, VideoStatus
from horarium_apps.auto_analyze.tables import texts, users, videos

AnyRow = Row[*tuple[Any, ...]]

_NOT_SHOWN = {"mtime_ns", "run_id", "job_id", "document", "fingerprint", "failures", "afresh"}
_SHOWN = tuple(column for column in videos.c if column.name not in _NOT_SHOWN)
_AT_ONCE = 500
# Those of hours of speech are megabytes each.
_DOCUMENTS_AT_ONCE = 20
_BEFORE_ANALYSIS = (VideoStatus.NEW, VideoStatus.FAILED)
_TAKEN = ("id", "path", "content_hash", "size", "mtime_ns", "afresh")
_OF_A_TRY = ("error", "retry_at", "run_id", "job_id")
_OF_CONTENT = ("document", "fingerprint", "duration", "sheet_path", "analysed_at")


# --- users


def add_user(connection: Connection, name: str, now: datetime) -> User:
    """Add a user, or return the one who has this name already."""
    # Found first, in the same transaction: an insert that fails would undo all of it on PostgreSQL.
    found = find_user_by_name(connection, name)
    if found is not None:
        return found
    query = insert(users).values(name=name, created_at=now).returning(users)
    return _user(connection.execute(query).one())


def find_user(connection: Connection, user_id: int, *, lock: bool = False) -> User | None:
    """Return the user with this id, if there is one; `lock`: nobody else may lock the same one until we are done."""
    if not is_id(user_id):
        return None
    query = select(users).where(users.c.id == user_id)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    return None if row is None else _user(row)


def find_user_by_name(connection: Connection, name: str) -> User | None:
    """Return the user with this name, if there is one."""
    row = connection.execute(select(users).where(users.c.name == name)).one_or_none()
    return None if row is None else _user(row)


def list_users(connection: Connection) -> list[User]:
    """Return all users."""
    return [_user(row) for row in connection.execute(select(users).order_by(users.c.id))]


# --- videos, for people


def list_videos(
    connection: Connection,
    *,
    user_id: int | None = None,
    status: VideoStatus | None = None,
    limit: int | None = None,
) -> list[Video]:
    """Return videos in the order in which they were added."""
    query = select(*_SHOWN).order_by(videos.c.id).limit(None if limit is None else min(limit, LARGEST))
    if user_id is not None:
        query = query.where(_is_of(user_id))
    if status is not None:
        query = query.where(videos.c.status == status)
    return [_video(row) for row in connection.execute(query)]


def find_video(connection: Connection, video_id: int) -> Video | None:
    """Return the video with this id, if there is one."""
    if not is_id(video_id):
        return None
    row = connection.execute(select(*_SHOWN).where(videos.c.id == video_id)).one_or_none()
    return None if row is None else _video(row)


def find_videos_at(connection: Connection, path: Path) -> list[Video]:
    """Return the videos, of any user, whose file is at this absolute path."""
    query = select(*_SHOWN).where(videos.c.path == str(path)).order_by(videos.c.id)
    return [_video(row) for row in connection.execute(query)]


def load_document(connection: Connection, video_id: int) -> dict[str, Any] | None:
    """Return what the analysis of a video found, as its JSON document; None while there is none."""
    text = connection.execute(select(videos.c.document).where(videos.c.id == video_id)).scalar_one_or_none()
    if text is None:
        return None
    document: dict[str, Any] = json.loads(text)
    return document


def videos_with_documents(
    connection: Connection, user_id: int | None = None
) -> Iterator[tuple[Video, dict[str, Any] | None]]:
    """Yield videos, of one user or of all, in the order in which they were added, with what was found in each."""
    query = select(*_SHOWN, videos.c.document).order_by(videos.c.id)
    if user_id is not None:
        query = query.where(_is_of(user_id))
    for row in connection.execution_options(yield_per=_DOCUMENTS_AT_ONCE).execute(query):
        values = dict(row._mapping)
        document = values.pop("document")
        yield _video_of(values), None if document is None else json.loads(document)


def count_by_status(connection: Connection, user_id: int | None = None) -> dict[VideoStatus, int]:
    """Return how many videos there are of each status, of one user or of all."""
    query = select(videos.c.status, func.count().label("number")).group_by(videos.c.status)
    if user_id is not None:
        query = query.where(_is_of(user_id))
    counted = {VideoStatus(row.status): row.number for row in connection.execute(query)}
    return {status: counted.get(status, 0) for status in VideoStatus}


# --- videos, for an import


def videos_by_content(connection: Connection, user_id: int, hashes: Iterable[str]) -> dict[str, KnownVideo]:
    """Return which of these contents a user has."""
    query = select(videos.c.content_hash, videos.c.id, videos.c.path, videos.c.status).where(
        videos.c.user_id == user_id, videos.c.content_hash.in_(hashes)
    )
    return {row.content_hash: _known(row) for row in connection.execute(query)}


def waiting_videos_by_path(connection: Connection, user_id: int, paths: Iterable[Path]) -> dict[Path, KnownVideo]:
    """Return which of these files a user has that are not analysed yet, or were in vain."""
    query = select(videos.c.id, videos.c.path, videos.c.status).where(
        videos.c.user_id == user_id,
        videos.c.status.in_(_BEFORE_ANALYSIS),
        videos.c.path.in_([str(path) for path in paths]),
    )
    return {(known := _known(row)).path: known for row in connection.execute(query)}


def add_videos(connection: Connection, user_id: int, found: Sequence[FoundVideo], now: datetime) -> None:
    """Add files as new videos of a user, who must have none of their contents."""
    if found:
        rows = [
            {"user_id": user_id, "added_at": now, "status": VideoStatus.NEW, "attempts": 0, **_as_columns(file)}
            for file in found
        ]
        connection.execute(insert(videos), rows)


def update_video_file(connection: Connection, known: KnownVideo, found: FoundVideo, fate: Fate) -> None:
    """Note where a known video's file is now; what has to be analysed (again) is new from now on, as if it had never
    failed, and nothing is known of content that is new.
    """
    values: dict[str, Any] = _as_columns(found)
    if fate in {Fate.CHANGED, Fate.AGAIN}:
        values |= {"status": VideoStatus.NEW, "failures": 0, **dict.fromkeys(_OF_A_TRY)}
    if fate is Fate.CHANGED:
        values |= {"afresh": False, **dict.fromkeys(_OF_CONTENT)}
    query = update(videos).where(videos.c.id == known.id, videos.c.status == known.status).values(values)
    if connection.execute(query).rowcount and fate is Fate.CHANGED:
        connection.execute(delete(texts).where(texts.c.video_id == known.id))


# --- videos, for an analysis


def videos_to_analyse(
    connection: Connection, user_id: int, *, job_id: str, now: datetime, left_before: datetime
) -> list[int]:
    """Return the ids of a user's videos that wait: new ones, those that an analysis left that is over, and those
    that failed, or a stage of which did, and are to be tried again by now.

    Parameters:
        job_id: of the job that asks. It has one run at a time, so what another run of it is analysing was left.
        left_before: what any other job began before this time was left, too.
    """
    query = select(videos.c.id).where(
        videos.c.user_id == user_id,
        or_(videos.c.status == VideoStatus.NEW, _left(job_id, left_before), _tried_again(now)),
    )
    return list(connection.scalars(query.order_by(videos.c.id)))


def take_video(
    connection: Connection, video_id: int, *, run_id: str, job_id: str, now: datetime, left_before: datetime
) -> dict[str, Any] | None:
    """Begin to analyse a video, if it still waits, or the same run failed with it before.

    Returns:
        The video's id and file, as JSON can hold them, with `last_run` (the id of the run that had it before, or None),
        `document` and `sheet_path` (what was found and drawn before, or None), `asked` (it is new, or somebody asked
        for another analysis) and `afresh` (every stage is to be done again); the id alone when this run has analysed it
        already; None when it is gone or somebody else's.
    """
    known = (videos.c.status, videos.c.run_id, videos.c.document, videos.c.sheet_path)
    before = select(*known).where(videos.c.id == video_id)
    was = connection.execute(before).one_or_none()
    if was is None:
        return None
    waits = or_(
        videos.c.status == VideoStatus.NEW,
        and_(videos.c.status == VideoStatus.FAILED, videos.c.run_id == run_id),
        _left(job_id, left_before),
        _tried_again(now),
    )
    taken = connection.execute(
        update(videos)
        .where(videos.c.id == video_id, waits)
        .values(
            status=VideoStatus.ANALYSING,
            run_id=run_id,
            job_id=job_id,
            begun_at=now,
            attempts=videos.c.attempts + 1,
            error=None,
            retry_at=None,
        )
        .returning(*(videos.c[name] for name in _TAKEN))
    ).one_or_none()
    if taken is not None:
        document = None if was.document is None else json.loads(was.document)
        asked = was.status == VideoStatus.NEW
        return {
            **taken._mapping,
            "last_run": was.run_id,
            "document": document,
            "sheet_path": was.sheet_path,
            "asked": asked,
        }
    return {"id": video_id} if was.status == VideoStatus.ANALYSED and was.run_id == run_id else None


def record_analysis(
    connection: Connection,
    video_id: int,
    *,
    run_id: str,
    document: Mapping[str, Any],
    sheet_path: Path | None,
    now: datetime,
    retry: Backoff | None = None,
) -> bool:
    """Note what an analysis found. Returns False when this run does not have the video any more.

    Parameters:
        retry: when to try the stages again that failed; None when none did, or that cannot help.
    """
    fingerprint = document.get("fingerprint")
    values = {
        "status": VideoStatus.ANALYSED,
        "document": json.dumps(document, separators=(",", ":")),
        "duration": document["duration"],
        "sheet_path": None if sheet_path is None else str(sheet_path),
        "analysed_at": now,
        "error": None,
        "afresh": False,
        "fingerprint": None if fingerprint is None else json.dumps(fingerprint, separators=(",", ":")),
        **_next_try(connection, video_id, retry, now),
    }
    recorded = _finish(connection, video_id, run_id, values)
    if recorded:
        connection.execute(delete(texts).where(texts.c.video_id == video_id))
        rows = [{"video_id": video_id, **text} for text in texts_of(document)]
        if rows:
            connection.execute(insert(texts), rows)
    return recorded


def record_failure(
    connection: Connection, video_id: int, *, run_id: str, error: str, now: datetime, retry: Backoff | None = None
) -> bool:
    """Note why an analysis failed. Returns False when this run does not have the video any more.

    Parameters:
        retry: when to try again; None when that cannot help.
    """
    values = {"status": VideoStatus.FAILED, "error": error, **_next_try(connection, video_id, retry, now)}
    return _finish(connection, video_id, run_id, values)


def ended_videos(
    connection: Connection, *, user_id: int | None = None, failed: bool = False, skipped: bool = False
) -> list[int]:
    """Return the ids of videos that ended, of one user or of all.

    Parameters:
        failed: those that failed, or a stage of which did.
        skipped: those of which a stage was left out.
    """
    stage_is = '%"state":"{}"%'
    wanted = []
    if failed:
        wanted += [videos.c.status == VideoStatus.FAILED, videos.c.document.like(stage_is.format("failed"))]
    if skipped:
        wanted += [videos.c.document.like(stage_is.format("skipped"))]
    ended = videos.c.status.in_((VideoStatus.ANALYSED, VideoStatus.FAILED))
    query = select(videos.c.id).where(ended, or_(*wanted) if wanted else true())
    if user_id is not None:
        query = query.where(videos.c.user_id == user_id)
    return list(connection.scalars(query.order_by(videos.c.id)))


def ask_again(connection: Connection, ids: Sequence[int], *, afresh: bool) -> int:
    """Let videos that are analysed or failed wait again, as new; returns how many.

    Parameters:
        afresh: every stage is to be done again. What is known stays until that has succeeded.
    """
    values: dict[str, Any] = {"status": VideoStatus.NEW, "failures": 0, "retry_at": None, "error": None}
    if afresh:
        # Without the run, whose steps would be taken over.
        values |= {"afresh": True, "run_id": None, "job_id": None}
    ended = videos.c.status.in_((VideoStatus.ANALYSED, VideoStatus.FAILED))
    asked = 0
    for start in range(0, len(ids), _AT_ONCE):
        some = videos.c.id.in_(ids[start : start + _AT_ONCE])
        asked += connection.execute(update(videos).where(some, ended).values(values)).rowcount
    return asked


def release_videos(connection: Connection, run_id: str) -> int:
    """Let what a run was analysing wait again, as new; returns how many."""
    query = (
        update(videos)
        .where(videos.c.run_id == run_id, videos.c.status == VideoStatus.ANALYSING)
        .values(status=VideoStatus.NEW)
    )
    return connection.execute(query).rowcount


def _is_of(user_id: int) -> ColumnElement[bool]:
    return videos.c.user_id == user_id if is_id(user_id) else false()


def _left(job_id: str, left_before: datetime) -> ColumnElement[bool]:
    return and_(
        videos.c.status == VideoStatus.ANALYSING, or_(videos.c.job_id == job_id, videos.c.begun_at < left_before)
    )


def _tried_again(now: datetime) -> ColumnElement[bool]:
    ended = videos.c.status.in_((VideoStatus.ANALYSED, VideoStatus.FAILED))
    return and_(ended, videos.c.retry_at.is_not(None), videos.c.retry_at <= now)


def _next_try(connection: Connection, video_id: int, retry: Backoff | None, now: datetime) -> dict[str, Any]:
    if retry is None:
        return {"failures": 0, "retry_at": None}
    failures = 1 + (connection.scalar(select(videos.c.failures).where(videos.c.id == video_id)) or 0)
    return {"failures": failures, "retry_at": retry.time_after(failures, now)}


def _finish(connection: Connection, video_id: int, run_id: str, values: dict[str, Any]) -> bool:
    query = update(videos).where(
        videos.c.id == video_id, videos.c.run_id == run_id, videos.c.status == VideoStatus.ANALYSING
    )
    return connection.execute(query.values(values)).rowcount == 1


def _as_columns(found: FoundVideo) -> dict[str, Any]:
    return {
        "path": str(found.path),
        "content_hash": found.content_hash,
        "size": found.size,
        "mtime_ns": found.mtime_ns,
    }


def _user(row: AnyRow) -> User:
    return User(row.id, row.name, row.created_at)


def _known(row: AnyRow) -> KnownVideo:
    return KnownVideo(row.id, Path(row.path), VideoStatus(row.status))


def _video(row: AnyRow) -> Video:
    return _video_of(dict(row._mapping))


def _video_of(values: dict[str, Any]) -> Video:
    values["status"] = VideoStatus(values["status"])
    values["path"] = Path(values["path"])
    values["sheet_path"] = None if values["sheet_path"] is None else Path(values["sheet_path"])
    return Video(**values)
