"""`horarium auto-analyze add-user`, `import`, `list` and `show`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from horarium import Scheduler, get_scheduler
from horarium_apps.auto_analyze import queries, searches
from horarium_apps.auto_analyze.adapters.files import LocalFiles, absolute, is_text
from horarium_apps.auto_analyze.cli.output import details, local, progress_bar, table, wants_json, write, write_json
from horarium_apps.auto_analyze.cli.plan import existing_plan
from horarium_apps.auto_analyze.domain import fingerprint
from horarium_apps.auto_analyze.domain.describe import clock, describe
from horarium_apps.auto_analyze.domain.describe_findings import describe_findings
from horarium_apps.auto_analyze.domain.document_reader import from_document
from horarium_apps.auto_analyze.domain.errors import UserNotFoundError, VideoNotFoundError
from horarium_apps.auto_analyze.domain.fingerprint import near_duplicates
from horarium_apps.auto_analyze.domain.importing import ImportReport
from horarium_apps.auto_analyze.domain.names import printable
from horarium_apps.auto_analyze.domain.video import Video, VideoStatus
from horarium_apps.auto_analyze.importing import import_folder

_SHOWN = 200
"""How many videos a table has unless told otherwise."""

_DIGITS = 100
"""More than any id has, and less than what Python refuses to read as a number."""

UserId = Annotated[int | None, typer.Option("--user-id", metavar="N", help="Only the videos of this user.")]


def add_user(context: typer.Context, name: Annotated[str, typer.Argument(metavar="NAME")]) -> None:
    """Add a user, whose videos can be imported then; says the user's id."""
    if not name.strip() or not name.isprintable():
        raise typer.BadParameter("it must be printable text that is not empty", param_hint="NAME")
    with get_scheduler().connection() as connection:
        known = queries.find_user_by_name(connection, name)
        user = known or queries.add_user(connection, name, datetime.now(UTC))
    if wants_json(context):
        write_json({"id": user.id, "name": user.name, "added": known is None})
    elif known is None:
        typer.echo(f"Added user {user.id}, {name}.")
    else:
        typer.echo(f"There is a user {name} already: {user.id}.")


def import_videos(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Searched with all folders below it.")],
    user_id: Annotated[int, typer.Option("--user-id", metavar="N", help="Whose videos they are.")],
) -> None:
    """Add the videos of a folder to a user's. A file whose content the user has is not added twice.

    A video that failed, and is found again, is analysed again; so is one that changed before it was analysed.
    """
    with progress_bar(f"Reading {folder}", quiet=wants_json(context)) as moved:
        report = import_folder(
            folder, user_id, files=LocalFiles(), transaction=get_scheduler().connection, progress=moved
        )
    if wants_json(context):
        write_json(_report_json(report))
        return
    for each in report.unreadable:
        typer.echo(f"Left out: {each.reason}", err=True)
    typer.echo(in_words(report))


def list_videos(
    context: typer.Context,
    user_id: UserId = None,
    status: Annotated[VideoStatus | None, typer.Option("--status", help="Only those that stand so.")] = None,
    limit: Annotated[
        int | None,
        typer.Option("--limit", metavar="N", min=1, help=f"At most so many; without it {_SHOWN}, with --json all."),
    ] = None,
) -> None:
    """List the videos in the order in which they were added, and how each stands."""
    as_json, shown = wants_json(context), limit or _SHOWN
    most = limit if as_json else shown + 1  # one more tells whether there are more
    scheduler = existing_plan()
    with scheduler.connection(read_only=True) as connection:
        if user_id is not None and queries.find_user(connection, user_id) is None:
            raise UserNotFoundError(user_id)
        videos = queries.list_videos(connection, user_id=user_id, status=status, limit=most)
    if as_json:
        write_json([_video_json(video) for video in videos])
    elif videos:
        made = table("ID", "USER", "STATUS", "LENGTH", "FILE", "")
        for video in videos[:shown]:
            length = "-" if video.duration is None else clock(video.duration)
            path = printable(str(video.path))
            made.add_row(str(video.id), str(video.user_id), video.status, length, path, video.error or "")
        write(made)
        if len(videos) > shown:
            typer.echo(f"These are the first {shown}; `--limit N` shows more, `--status` only some.", err=True)
    else:
        typer.echo("No videos; `horarium auto-analyze import FOLDER --user-id N` adds some.")


def show_video(
    context: typer.Context,
    video: Annotated[str, typer.Argument(metavar="VIDEO", help="The id, or the path of the file.")],
) -> None:
    """Show one video: how it stands, and what its analysis found."""
    scheduler = existing_plan()
    found = find_video(scheduler, video)
    with scheduler.connection(read_only=True) as connection:
        document = queries.load_document(connection, found.id)
        copies = near_duplicates_of(connection, found, document)
    if wants_json(context):
        write_json({**_video_json(found), "near_duplicates": copies, "document": document})
        return
    rows: dict[str, str | None] = {
        "Video": str(found.id),
        "User": str(found.user_id),
        "Path": printable(str(found.path)),
        "Status": found.status,
        "Error": found.error,
        "Added": local(found.added_at),
        "Analysed": None if found.analysed_at is None else local(found.analysed_at),
        "Attempts": str(found.attempts),
        "Tried again": None if found.retry_at is None else f"from {local(found.retry_at)} on",
    }
    if document is not None:
        rows |= describe(from_document(document))
        rows["Contact sheet"] = str(found.sheet_path) if found.sheet_path else rows["Contact sheet"]
        rows |= describe_findings(document)
        rows["Near-duplicates"] = _copies_in_words(copies)
    write(details(rows))


def in_words(report: ImportReport) -> str:
    """Return what an import did, in a sentence."""
    parts = [f"{count_of(report.added)} added"]
    if report.known:
        parts.append(f"{report.known} known already")
    if report.moved:
        parts.append(f"{report.moved} moved")
    if report.changed:
        parts.append(f"{report.changed} changed since the last import")
    if report.again:
        parts.append(f"{report.again} to be tried again")
    if report.unreadable:
        parts.append(f"{len(report.unreadable)} left out")
    return ", ".join(parts) + "."


def near_duplicates_of(connection: Any, video: Video, document: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Return the user's other videos that show the same pictures, the most similar first, as JSON."""
    own = None if document is None else document.get("fingerprint")
    if own is None:
        return []
    others = searches.fingerprints(connection, video.user_id, without=video.id)
    return [
        {"video_id": video_id, "path": path, "similarity": round(alike, 3)}
        for (video_id, path), alike in near_duplicates(fingerprint.from_json(own), others)
    ]


def _copies_in_words(copies: list[dict[str, Any]]) -> str | None:
    lines = [f"video {one['video_id']}, {one['similarity']:.0%} alike: {printable(one['path'])}" for one in copies]
    return "\n".join(lines) or None


def found_text(snippet: str, marks: Sequence[tuple[int, int]]) -> Text:
    """Return a snippet with the words in bold that were found."""
    text = Text(snippet)
    for start, end in marks:
        text.stylize("bold", start, end)
    return text


def count_of(number: int) -> str:
    """Return so many videos, in words."""
    return f"{number:,} video" if number == 1 else f"{number:,} videos"


def find_video(scheduler: Scheduler, text: str) -> Video:
    """Return the video with this id, or at this path. Raises VideoNotFoundError."""
    with scheduler.connection(read_only=True) as connection:
        found = None
        if text.isdecimal():
            found = queries.find_video(connection, int(text)) if len(text) <= _DIGITS else None
        elif is_text(text):  # no other path was imported
            found = next(iter(queries.find_videos_at(connection, absolute(Path(text)))), None)
    if found is None:
        raise VideoNotFoundError(text)
    return found


def _report_json(report: ImportReport) -> dict[str, Any]:
    return {
        "added": report.added,
        "known": report.known,
        "moved": report.moved,
        "changed": report.changed,
        "again": report.again,
        "unreadable": [{"path": str(each.path), "reason": each.reason} for each in report.unreadable],
    }


def _video_json(video: Video) -> dict[str, Any]:
    return {
        "id": video.id,
        "user_id": video.user_id,
        "path": str(video.path),
        "content_hash": video.content_hash,
        "size": video.size,
        "status": video.status.value,
        "added_at": video.added_at.isoformat(),
        "attempts": video.attempts,
        "begun_at": None if video.begun_at is None else video.begun_at.isoformat(),
        "analysed_at": None if video.analysed_at is None else video.analysed_at.isoformat(),
        "duration": video.duration,
        "sheet_path": None if video.sheet_path is None else str(video.sheet_path),
        "error": video.error,
        "retry_at": None if video.retry_at is None else video.retry_at.isoformat(),
    }
