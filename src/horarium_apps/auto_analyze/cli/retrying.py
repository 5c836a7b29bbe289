"""`horarium auto-analyze retry`: have videos analysed again."""

from __future__ import annotations

from typing import Annotated

import typer

from horarium_apps.auto_analyze import queries
from horarium_apps.auto_analyze.cli.library import UserId, count_of, find_video
from horarium_apps.auto_analyze.cli.output import wants_json, write_json
from horarium_apps.auto_analyze.cli.plan import existing_plan
from horarium_apps.auto_analyze.domain.errors import UserNotFoundError


def retry(
    context: typer.Context,
    videos: Annotated[
        list[str] | None, typer.Argument(metavar="VIDEO", help="Ids, or paths of the files.", show_default=False)
    ] = None,
    user_id: UserId = None,
    failed: Annotated[bool, typer.Option("--failed", help="All that failed, or a stage of which did.")] = False,
    skipped: Annotated[
        bool, typer.Option("--skipped", help="All of which a stage was left out: after its library was installed.")
    ] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Do every stage again, also those that are done.")] = False,
) -> None:
    """Have videos analysed again, at the next analysis of their user. Stages that are done are not done again."""
    if bool(videos) == (failed or skipped):
        raise typer.BadParameter("name videos, or give --failed or --skipped", param_hint="VIDEO")
    if videos and user_id is not None:
        raise typer.BadParameter("it goes with --failed and --skipped only", param_hint="--user-id")
    scheduler = existing_plan()
    ids = list(dict.fromkeys(find_video(scheduler, video).id for video in videos or ()))
    with scheduler.connection() as connection:
        if user_id is not None and queries.find_user(connection, user_id) is None:
            raise UserNotFoundError(user_id)
        if not ids:
            ids = queries.ended_videos(connection, user_id=user_id, failed=failed, skipped=skipped)
        asked = queries.ask_again(connection, ids, afresh=fresh)
    if wants_json(context):
        write_json({"videos": ids, "asked": asked})
    elif asked:
        typer.echo(f"{count_of(asked)} will be analysed again; `horarium jobs run auto-analyze-USER` does it now.")
    elif videos:
        typer.echo("There is nothing to analyse again: none of these videos has been analysed, or has failed.")
    else:
        what = (["no video has failed, nor a stage of one"] if failed else []) + (
            ["no stage of a video was left out"] if skipped else []
        )
        typer.echo(f"There is nothing to analyse again: {', and '.join(what)}.")
