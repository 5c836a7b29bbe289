"""`horarium jobs preview`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from horarium.cli.as_json import time_json
from horarium.cli.bundles import takes_bundles
from horarium.cli.counts import count as number
from horarium.cli.opening import open_to_read, read_settings
from horarium.cli.output import Rows, write, write_json
from horarium.cli.session import Session, session_of
from horarium.cli.times import local, local_with_zone, now, parse_time, relative
from horarium.cli.trigger_options import TriggerOptions
from horarium.errors import JobNotFound
from horarium.when import Trigger

_UTC = "UTC"
_MOST = 10_000


@takes_bundles
def preview(
    context: typer.Context,
    when: TriggerOptions,
    job: Annotated[str | None, typer.Argument(metavar="JOB", help="The job's id, or give --cron, --every, ...")] = None,
    count: Annotated[int, typer.Option("--count", "-n", metavar="N", parser=number(most=_MOST), help="How many.")] = 10,
    after: Annotated[str | None, typer.Option(metavar="TIME", help="From this time on. [default: now]")] = None,
) -> None:
    """Show the next times of a job, or of any schedule.

    In the job's zone and in UTC. A schedule that is given here needs no plan and no database.
    """
    session = session_of(context)
    trigger = when.trigger_or_none()
    if (job is None) == (trigger is None):
        raise typer.BadParameter("give either a JOB, or one option that says when, like --cron", param_hint="JOB")
    if trigger is not None:
        zone = when.zone() or read_settings(session).timezone
        begin = now() if after is None else parse_time(after, zone)
        times = next_times(trigger.in_zone(zone), begin, count)
        described = trigger.in_zone(zone).describe()
    else:
        described, zone, times = _times_of(session, str(job), after, count)
    if session.json:
        write_json({"job": job, "when": described, "timezone": zone, "times": [time_json(one) for one in times]})
        return
    typer.echo(f"{described}, in {zone}")
    if not times:
        typer.echo("It does not come again.")
        return
    present = now()
    made = Rows(f"TIME IN {zone}", _UTC, "")
    for one in times:
        made.add(local_with_zone(one, zone=zone), local(one, zone=_UTC), relative(one, present))
    write(made)


def next_times(trigger: Trigger, after: datetime, count: int) -> list[datetime]:
    """The first `count` times of a trigger after `after`, in UTC."""
    trigger = trigger.anchored(after)
    times: list[datetime] = []
    following = trigger.next_after(after)
    while following is not None and len(times) < count:
        times.append(following)
        following = trigger.next_after(following)
    return times


def _times_of(session: Session, job_id: str, after: str | None, count: int) -> tuple[str, str, list[datetime]]:
    scheduler = open_to_read(session)
    job = scheduler.get_job(job_id)
    if job is None:
        raise JobNotFound(job_id)
    zone = job.zone
    begin = None if after is None else parse_time(after, zone)
    return job.trigger.describe(), zone, scheduler.preview(job_id, count, begin)
