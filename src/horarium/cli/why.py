"""`horarium why`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

import typer
from rich.text import Text

from horarium.cli.as_json import decision_json
from horarium.cli.counts import count
from horarium.cli.opening import open_to_read
from horarium.cli.output import Rows, write, write_json
from horarium.cli.runs.tables import remark, state_text
from horarium.cli.session import session_of
from horarium.cli.times import local, local_with_zone, now, parse_time, relative
from horarium.errors import TriggerError
from horarium.job import Job
from horarium.states import DecisionKind
from horarium.values import Decision

_STYLES = {
    DecisionKind.RUN: "",
    DecisionKind.MISSED: "magenta",
    DecisionKind.COALESCED: "dim",
    DecisionKind.SKIPPED: "yellow",
}
_MOMENT = timedelta(microseconds=1)


def why(
    context: typer.Context,
    job: Annotated[str, typer.Argument(metavar="JOB", help="The job's id.")],
    time: Annotated[
        str | None,
        typer.Argument(metavar="TIME", help='One occurrence, in the job\'s zone: "2025-10-13 15:30".'),
    ] = None,
    limit: Annotated[int, typer.Option(metavar="N", parser=count(), help="At most so many, the newest first.")] = 20,
) -> None:
    """What became of a job's occurrences, and why.

    Each ran, was missed, was run as one with others (coalesced), or was skipped. Without a TIME the latest are shown.
    """
    session = session_of(context)
    scheduler = open_to_read(session)
    found = scheduler.get_job(job)
    at = None if time is None else _moment(time, found)
    decisions = scheduler.why(job, at, limit)
    if session.json:
        write_json([decision_json(decision) for decision in decisions])
    elif decisions:
        _write(decisions)
    else:
        typer.echo(nothing_known(found, at, now()))


def nothing_known(job: Job | None, at: datetime | None, present: datetime) -> str:
    """Why nothing was decided about a time: it is no occurrence, not due, not ticked yet, or forgotten."""
    if job is None:
        return "That job was removed, and nothing is kept about that time."
    if at is None:
        following = job.next_run_time
        coming = "and will not by itself" if following is None else f"it is due {relative(following, present)}"
        return f"Job {job.id!r} has not come due yet; {coming}."
    zone = job.zone
    if job.created_at is not None and at < job.created_at:
        return f"The job was added later, at {local_with_zone(job.created_at, zone=zone)}."
    occurrence = job.trigger.next_after(at - _MOMENT)
    if at not in (occurrence, job.next_run_time):
        later = "" if occurrence is None else f"; the next after it is {local_with_zone(occurrence, zone=zone)}"
        return f"{local_with_zone(at, zone=zone)} is no time of job {job.id!r} ({job.trigger.describe()}){later}."
    if at > present:
        return f"That time has not come: it is due {relative(at, present)}."
    if job.next_run_time is not None and job.next_run_time <= at:
        return "It is due and was not decided yet: no scheduler has ticked since; `horarium status` says why."
    return "Its history was forgotten (keep_days, keep_runs), or the job had another schedule then."


def _moment(text: str, job: Job | None) -> datetime:
    try:
        return parse_time(text, None if job is None else job.zone)
    except TriggerError as error:
        raise typer.BadParameter(str(error), param_hint="TIME") from error


def _write(decisions: list[Decision]) -> None:
    made = Rows("TIME", "WHAT", "WHY")
    for decision in decisions:
        made.add(_span(decision), _what(decision), _reason(decision))
    write(made)


def _span(decision: Decision) -> str:
    if decision.first_at == decision.last_at:
        return local(decision.first_at)
    return f"{local(decision.first_at)}\n.. {local(decision.last_at)}"


def _what(decision: Decision) -> Text:
    if decision.run is not None:
        return state_text(decision.run.state)
    at_least = "" if decision.exact else "at least "
    number = "" if decision.count == 1 and decision.exact else f" ({at_least}{decision.count})"
    return Text(f"{decision.kind}{number}", style=_STYLES[decision.kind])


def _reason(decision: Decision) -> str:
    if decision.run is None:
        return decision.reason
    about = remark(decision.run)
    words = f"{decision.reason}; run {decision.run.id}"
    return f"{words}: {about}" if about and about not in decision.reason else words
