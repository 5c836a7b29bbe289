"""`horarium auto-analyze search` and `export`."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer

from horarium_apps.auto_analyze import queries, searches
from horarium_apps.auto_analyze.cli.library import UserId, count_of, found_text
from horarium_apps.auto_analyze.cli.output import table, wants_json, write, write_json, write_json_list
from horarium_apps.auto_analyze.cli.plan import existing_plan
from horarium_apps.auto_analyze.domain.csv_export import write_csv
from horarium_apps.auto_analyze.domain.describe import clock
from horarium_apps.auto_analyze.domain.errors import AutoAnalyzeError, UserNotFoundError
from horarium_apps.auto_analyze.domain.names import printable
from horarium_apps.auto_analyze.domain.searching import Hit, parse_query
from horarium_apps.auto_analyze.domain.video import Video
from horarium_apps.auto_analyze.exporting import exported_documents, exported_videos


def search(
    context: typer.Context,
    words: Annotated[list[str], typer.Argument(metavar="WORD", help='All must occur; "a phrase" in quotes.')],
    user_id: UserId = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, help="At most so many videos.")] = 20,
) -> None:
    """Find videos by what is said in them and what is on screen, with the times."""
    query = parse_query(" ".join(_as_typed(word) for word in words))
    scheduler = existing_plan()
    with scheduler.connection(read_only=True) as connection:
        _check_user(connection, user_id)
        hits = searches.search(connection, query, user_id=user_id)[:limit]
        videos = {hit.video_id: queries.find_video(connection, hit.video_id) for hit in hits}
    found = [(hit, video) for hit in hits if (video := videos[hit.video_id]) is not None]
    if wants_json(context):
        write_json([_hit_json(hit, video) for hit, video in found])
    elif found:
        made = table("ID", "USER", "AT", "WHERE", "TEXT", "FILE")
        for hit, video in found:
            for place, moment in enumerate(hit.moments):
                first = (str(video.id), str(video.user_id)) if place == 0 else ("", "")
                name = printable(video.path.name) if place == 0 else ""
                made.add_row(*first, clock(moment.start), moment.source, found_text(moment.snippet, moment.marks), name)
        write(made)
    else:
        typer.echo("Nothing was found.")


def export(
    context: typer.Context,
    csv: Annotated[bool, typer.Option("--csv", help="Comma-separated values, for spreadsheets.")] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to this file instead of the screen.")
    ] = None,
    user_id: UserId = None,
) -> None:
    """Write what is known of every video: a row each with --csv, with the whole documents with --json."""
    if csv == wants_json(context):
        raise typer.BadParameter("say in which form: --csv, or --json before the command", param_hint="--csv")
    scheduler = existing_plan()
    with scheduler.connection(read_only=True) as connection:
        _check_user(connection, user_id)
    reading = partial(scheduler.connection, read_only=True)

    def write_to(file: TextIO) -> int:
        if csv:
            return write_csv(exported_videos(reading, user_id), file)
        return write_json_list(exported_documents(reading, user_id), file)

    if output is None:
        write_to(sys.stdout)
        return
    try:
        # A spreadsheet knows the encoding by the mark at the beginning, which JSON must not have (RFC 8259).
        with output.open("w", encoding="utf-8-sig" if csv else "utf-8", newline="" if csv else None) as file:
            count = write_to(file)
    except OSError as error:
        raise AutoAnalyzeError(f"{output} cannot be written: {error.strerror}") from error
    typer.echo(f"{count_of(count)} written to {output}.", err=True)


def _as_typed(word: str) -> str:
    """Return a word as it was typed: the shell took the quotation marks of a phrase away."""
    return f'"{word}"' if " " in word and '"' not in word else word


def _check_user(connection: Any, user_id: int | None) -> None:
    if user_id is not None and queries.find_user(connection, user_id) is None:
        raise UserNotFoundError(user_id)


def _hit_json(hit: Hit, video: Video) -> dict[str, Any]:
    return {
        "video_id": video.id,
        "user_id": video.user_id,
        "path": str(video.path),
        "score": hit.score,
        "texts": hit.count,
        "moments": [
            {"source": one.source, "start": one.start, "end": one.end, "snippet": one.snippet} for one in hit.moments
        ],
    }
