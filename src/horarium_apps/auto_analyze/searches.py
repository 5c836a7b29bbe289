"""Searches through what is said and shown in many videos, and by their looks. Works in its caller's transaction."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, or_, select

from horarium_apps.auto_analyze.domain.fingerprint import Fingerprint, from_json
from horarium_apps.auto_analyze.domain.searching import LIKE_ESCAPE, Hit, Query, Term, match
from horarium_apps.auto_analyze.tables import texts, videos

_CANDIDATES = 200


def search(connection: Connection, query: Query, *, user_id: int | None = None) -> tuple[Hit, ...]:
    """Return the videos in which every term of the query occurs, best first; of one user or of all.

    The database finds the videos, by the most pieces of text that hold one of the terms; those are looked at closely.
    """
    first, *others = query.terms
    wanted = select(texts.c.video_id).where(_holds(first))
    for term in others:
        wanted = wanted.where(texts.c.video_id.in_(select(texts.c.video_id).where(_holds(term))))
    if user_id is not None:
        wanted = wanted.where(texts.c.video_id.in_(select(videos.c.id).where(videos.c.user_id == user_id)))
    ranked = wanted.group_by(texts.c.video_id).order_by(func.count().desc(), texts.c.video_id).limit(_CANDIDATES)
    candidates = list(connection.scalars(ranked))
    if not candidates:
        return ()
    rows: Any = connection.execute(
        select(texts).where(texts.c.video_id.in_(candidates), or_(*(_holds(term) for term in query.terms)))
    ).all()
    return match(query, rows)


def fingerprints(
    connection: Connection, user_id: int, *, without: int | None = None
) -> Iterator[tuple[tuple[int, str], Fingerprint]]:
    """Yield the fingerprints of a user's videos, each by the video's id and path; but that of the video `without`."""
    query = select(videos.c.id, videos.c.path, videos.c.fingerprint).where(
        videos.c.user_id == user_id, videos.c.fingerprint.is_not(None)
    )
    if without is not None:
        query = query.where(videos.c.id != without)
    for row in connection.execute(query.order_by(videos.c.id)):
        yield (row.id, row.path), from_json(json.loads(row.fingerprint))


def _holds(term: Term) -> ColumnElement[bool]:
    return texts.c.folded.like(term.like, escape=LIKE_ESCAPE)
