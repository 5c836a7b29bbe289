"""Decisions for people: what became of a job's occurrences, out of its runs and of what got no run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select, update

from horarium.job import Job
from horarium.states import Cause, DecisionKind, JobStatus, RunState
from horarium.store import schema
from horarium.store.rows import read_run
from horarium.store.settling import left_out, paused_reason
from horarium.values import Decision
from horarium.when.base import Trigger
from horarium.when.words import interval_words

decisions, jobs, runs = schema.decisions, schema.jobs, schema.runs

RUN_COLUMNS = (*runs.c, jobs.c.id, jobs.c.task, jobs.c.args, jobs.c.kwargs, jobs.c.created_at.label("job_created_at"))
"""What `rows.read_run` and this module read of a run."""

_LATE = timedelta(seconds=5)
_SECOND = timedelta(seconds=1)
_MICROSECOND = timedelta(microseconds=1)


def decisions_of(connection: Connection, key: int, at: datetime | None, limit: int) -> list[Decision]:
    """What became of the occurrence at `at`, or of the last `limit`, the newest first.

    A run at `at` is the whole answer: a summary that includes its time may be older than it.
    """
    of_runs = select(*RUN_COLUMNS).join(jobs, jobs.c.key == runs.c.job_key).where(runs.c.job_key == key)
    of_others = select(decisions).where(decisions.c.job_key == key)
    if at is not None:
        of_runs = of_runs.where(runs.c.scheduled_at == at)
        of_others = of_others.where(decisions.c.first_at <= at, decisions.c.last_at >= at)
    told = [_of_run(row) for row in connection.execute(of_runs.order_by(runs.c.scheduled_at.desc()).limit(limit))]
    if not told or at is None:
        told += [_read(row) for row in connection.execute(of_others.order_by(decisions.c.last_at.desc()).limit(limit))]
    return newest_first(told)[:limit]


def undecided(connection: Connection, job: Job, at: datetime | None, now: datetime) -> Decision | None:
    """What a job that does not come due as it is has left out so far; None when that is nothing, or leaves `at` out."""
    if job.paused:
        kind, reason = DecisionKind.SKIPPED, paused_reason(connection, job).replace(" was ", " is ", 1)
    elif job.status in (JobStatus.BROKEN, JobStatus.QUARANTINED):
        kind, reason = DecisionKind.MISSED, f"not decided yet: the job is {job.status}: {job.fault}"
    else:
        return None
    one = left_out(job, now, kind, reason)
    if one is None or (at is not None and not one.first_at <= at <= one.last_at):
        return None
    return Decision(one.kind, one.first_at, one.last_at, one.count, one.reason, now, one.exact)


def take_out(connection: Connection, key: int, trigger: Trigger, made: Sequence[datetime]) -> None:
    """Occurrences that had no run have one now, by a backfill: take them out of the summaries that they were in.

    A summary from the time of another trigger, which was not about these times, stays as it is.
    """
    if not made:
        return
    touched = select(decisions).where(
        decisions.c.job_key == key,
        decisions.c.exact,
        decisions.c.first_at <= max(made),
        decisions.c.last_at >= min(made),
    )
    for row in connection.execute(touched).all():
        number = row._mapping[decisions.c.count]
        backfilled = select(func.count()).where(
            runs.c.job_key == key,
            runs.c.cause == Cause.BACKFILL,
            runs.c.scheduled_at.between(row.first_at, row.last_at),
        )
        taken_out = sum(row.first_at <= at <= row.last_at for at in made)
        earlier = (connection.scalar(backfilled) or 0) - taken_out
        whole = trigger.count_between(row.first_at - _MICROSECOND, row.last_at)
        if not whole.exact or whole.number != number + earlier:
            continue
        left = number - taken_out
        unchanged = (decisions.c.key == row.key) & (decisions.c.count == number)
        if left:
            connection.execute(update(decisions).where(unchanged).values(count=left))
        else:
            connection.execute(delete(decisions).where(unchanged))


def newest_first(told: Sequence[Decision]) -> list[Decision]:
    """Sorted for people."""
    return sorted(told, key=lambda one: (one.last_at, one.decided_at), reverse=True)


def _read(row: Row[Any]) -> Decision:
    return Decision(
        DecisionKind(row.kind),
        row.first_at,
        row.last_at,
        row._mapping[decisions.c.count],
        row.reason,
        row.decided_at,
        bool(row.exact),
    )


def _of_run(row: Row[Any]) -> Decision:
    run = read_run(row)
    reason = {
        Cause.SCHEDULE: _why_scheduled(run.scheduled_at, run.created_at, row.job_created_at),
        Cause.MANUAL: "a person asked for it",
        Cause.BACKFILL: "a person asked for this past occurrence",
    }[run.cause]
    kind = DecisionKind.MISSED if run.state is RunState.MISSED else DecisionKind.RUN
    if run.stop_reason:
        reason = f"{reason}; {run.stop_reason}"
    return Decision(kind, run.scheduled_at, run.scheduled_at, 1, reason, run.created_at, run=run)


def _why_scheduled(scheduled_at: datetime, decided_at: datetime, added_at: datetime) -> str:
    if scheduled_at < added_at:
        return "its time had passed when the job was added, so it was run at once"
    late = decided_at - scheduled_at
    if late < _LATE:
        return "it was due"
    return f"it was due, and a node came to it {_length(late)} later"


def _length(span: timedelta) -> str:
    words = interval_words(span // _SECOND * _SECOND)
    return words if words[0].isdigit() else f"1 {words}"
