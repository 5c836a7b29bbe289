"""From verdicts to rows: the moves, runs and decision rows that follow from what `decide` said, in one transaction.

A tick settles a thousand jobs at once; a change of a job's trigger settles that one job first, so that what was due
under the old trigger is decided by it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, func, insert, literal, select, tuple_, update

from horarium.decide import Unrun, Verdict, decide, start_deadline
from horarium.job import Job
from horarium.states import ACTIVE, HELD, Cause, Change, DecisionKind, JobStatus, Overlap, target
from horarium.store import schema
from horarium.store.dialects import Dialect, Fire, Move
from horarium.store.slots import free_slot, used_slots

clock, decisions, jobs, runs = schema.job_clock, schema.decisions, schema.jobs, schema.runs

NOBODY = ""
"""The node of what no node did: a person's change decided it."""

_AT_ONE_TIME = timedelta(milliseconds=1)
_REPLACED = "a newer run of the job took its place (overlap: cancel_running)"


@dataclass(frozen=True, slots=True)
class Thought:
    """A due job as it was read, and what was decided of it."""

    job: Job
    due_at: datetime
    version: int
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a tick's thoughts.

    `started` are runs that this node must execute now, `queued` the jobs of those that wait for any node,
    `unasked` runs that must stop for a newer one and could not be asked: see `stop_replaced`.
    """

    started: Sequence[tuple[Job, datetime]]
    queued: Sequence[Job]
    unrun: Sequence[tuple[Job, Unrun]]
    lost_races: int
    unasked: Sequence[tuple[datetime, int]] = ()


def settle(connection: Connection, dialect: Dialect, job: Job, now: datetime) -> None:
    """Decide what is due of one job and write it, its runs left for any node. Nothing happens when nothing is due.

    Nothing either for a job that does not come due as it is: paused, or set aside.
    """
    due = job.next_run_time
    if due is None or due > now or job.paused or job.status is not JobStatus.SCHEDULED:
        return
    thought = Thought(job, due, job.version, decide(job, due, now))
    write_thoughts(connection, dialect, [thought], node=NOBODY, now=now, takes=lambda _: False)


def settle_before_change(connection: Connection, dialect: Dialect, job: Job, now: datetime) -> None:
    """Decide what is due of a job that is about to get another schedule, whatever state it is in."""
    if job.status is JobStatus.SCHEDULED:
        settle(connection, dialect, job, now)
    else:
        settle_before_removal(connection, [job], now)


def settle_before_removal(connection: Connection, due: Sequence[Job], now: datetime) -> None:
    """Write off what is due of jobs that will not come to it any more, one decision for each job."""
    told = [(job, one) for job in due if (one := left_out(job, now, *_why_left_out(connection, job))) is not None]
    _insert_decisions(connection, told, NOBODY, now)


def left_out(job: Job, now: datetime, kind: DecisionKind, reason: str) -> Unrun | None:
    """All that is due of a job, as one decision; None when nothing is."""
    due = job.next_run_time
    if due is None or due > now:
        return None
    later = job.trigger.missed_summary(due, now, 1)
    last = later.last[-1] if later.last else (due if later.exact else now)
    return Unrun(kind, due, last, later.count + 1, later.exact, reason)


def paused_reason(connection: Connection, job: Job) -> str:
    """Why a paused job does not run."""
    by = connection.scalar(select(jobs.c.paused_by).where(jobs.c.key == job.key))
    return f"the job was paused by {by}" if by else "the job was paused"


def _why_left_out(connection: Connection, job: Job) -> tuple[DecisionKind, str]:
    if job.paused:
        return DecisionKind.SKIPPED, paused_reason(connection, job)
    if job.status is JobStatus.SCHEDULED:
        return DecisionKind.SKIPPED, "the job was removed before a node decided it"
    return DecisionKind.MISSED, f"the job was {job.status}: {job.fault}"


def write_thoughts(
    connection: Connection,
    dialect: Dialect,
    thoughts: Sequence[Thought],
    *,
    node: str,
    now: datetime,
    takes: Callable[[Job], bool],
) -> Settled:
    """Write what was decided of jobs that nobody else moved since.

    `takes(job)` says whether this node has a free place for a run of the job and reserves it; the caller gives back
    the places of runs that are not among `started`.
    """
    used = used_slots(connection, [t.job.key for t in thoughts if _may_have_several(t.job)])
    busy = _busy(connection, [t.job for t in thoughts if len(t.verdict.fires) > 1])
    unrun: dict[int, list[Unrun]] = {}
    moves, fires = [], []
    for thought in thoughts:
        job, verdict = thought.job, thought.verdict
        moves.append(Move(job.key, thought.version, thought.due_at, verdict.next_run_time))
        if verdict.unrun:
            unrun[job.key] = list(verdict.unrun)
        for occurrence in verdict.fires:
            fire = (
                _fire(job, occurrence, used, takes)
                if len(verdict.fires) == 1
                else _fire_of_backlog(job, occurrence, busy, takes)
            )
            if fire is None:
                unrun.setdefault(job.key, []).append(_overlapped(occurrence))
            else:
                fires.append(fire)
    refused = dialect.apply_moves(connection, moves, fires, node=node, now=now)
    lost = set(refused.moves)
    by_key = {thought.job.key: thought.job for thought in thoughts if thought.job.key not in lost}
    turned_away = set(refused.fires)
    for occurrence, key in _without_run(connection, refused.fires):
        unrun.setdefault(key, []).append(_overlapped(occurrence))
    told = [(by_key[key], one) for key, entries in unrun.items() if key in by_key for one in entries]
    _insert_decisions(connection, told, node, now)
    _finish_jobs(connection, [t.job.key for t in thoughts if t.verdict.next_run_time is None and t.job.key in by_key])
    made = [fire for fire in fires if fire.job_key in by_key and fire[:2] not in turned_away]
    replaced = _replaced(connection, [f for f in made if by_key[f.job_key].policies.overlap is Overlap.CANCEL_RUNNING])
    unasked = stop_replaced(connection, replaced, now)
    started = [(by_key[fire.job_key], fire.scheduled_at) for fire in made if fire.running]
    queued = [by_key[fire.job_key] for fire in made if not fire.running]
    return Settled(started, queued, told, len(lost), unasked)


def record_unrun(connection: Connection, job: Job, entries: Iterable[Unrun], node: str, now: datetime) -> None:
    """Write decisions about occurrences of one job that get no run."""
    _insert_decisions(connection, [(job, one) for one in entries], node, now)


def enqueue(
    connection: Connection,
    dialect: Dialect,
    key: int,
    at: datetime,
    cause: Cause,
    now: datetime,
    payload: str | None = None,
) -> datetime | None:
    """Insert one run that waits for any node; its time, or None when the job has a run of that time already."""
    made = connection.execute(
        dialect.insert_new(runs)
        .values(
            scheduled_at=at,
            job_key=key,
            state=target(Change.ENQUEUE),
            cause=cause,
            created_at=now,
            not_before=now,
            payload=payload,
        )
        .returning(runs.c.job_key)
    )
    return at if made.first() is not None else None


def enqueue_by_hand(
    connection: Connection, dialect: Dialect, key: int, now: datetime, payload: str | None = None
) -> datetime:
    """Insert a run for no occurrence, at the first free microsecond after `now`; answers its time."""
    just_before = select(func.max(runs.c.scheduled_at)).where(
        runs.c.job_key == key, runs.c.scheduled_at.between(now, now + _AT_ONE_TIME)
    )
    at = (connection.scalar(just_before) or now) + timedelta(microseconds=1)
    while enqueue(connection, dialect, key, at, Cause.MANUAL, now, payload) is None:
        at += timedelta(microseconds=1)
    return at


def _fire(job: Job, occurrence: datetime, used: Mapping[int, set[int]], takes: Callable[[Job], bool]) -> Fire | None:
    """The run of an occurrence; None when all of the job's instances are active and it is to be skipped."""
    policies = job.policies
    deadline = start_deadline(job, occurrence)
    if policies.overlap is Overlap.ALLOW:
        return Fire(occurrence, job.key, takes(job), None, deadline)
    if policies.overlap is not Overlap.SKIP:
        return _waiting(job, occurrence)
    slot: int | None = 1
    if job.key in used:
        slot = free_slot(used[job.key], policies.max_instances)
        if slot is None:
            return None
        used[job.key].add(slot)
    return Fire(occurrence, job.key, takes(job), slot, deadline)


def _may_have_several(job: Job) -> bool:
    """Whether runs of the job can have other slots than the first: by its policies, or by those it had before."""
    policies = job.policies
    return policies.overlap is Overlap.SKIP and (policies.max_instances > 1 or job.revision > 1)


def _fire_of_backlog(
    job: Job, occurrence: datetime, busy: Collection[int], takes: Callable[[Job], bool]
) -> Fire | None:
    """The run of one of several occurrences that are to be caught up with: they run in order, as places come free."""
    if job.policies.overlap is Overlap.ALLOW:
        return Fire(occurrence, job.key, takes(job), None, start_deadline(job, occurrence))
    if job.policies.overlap is Overlap.SKIP and job.key in busy:
        return None
    return _waiting(job, occurrence)


def _busy(connection: Connection, backlogs: Sequence[Job]) -> set[int]:
    """Those of these jobs that have all their instances active, or waiting to be."""
    most = {job.key: job.policies.max_instances for job in backlogs if job.policies.overlap is Overlap.SKIP}
    if not most:
        return set()
    query = (
        select(runs.c.job_key, func.count())
        .where(runs.c.job_key.in_(most), runs.c.state.in_(ACTIVE))
        .group_by(runs.c.job_key)
    )
    return {key for key, number in connection.execute(query) if number >= most[key]}


def _waiting(job: Job, occurrence: datetime) -> Fire:
    """A run that waits its turn: whoever claims it takes the slot."""
    return Fire(occurrence, job.key, False, None, start_deadline(job, occurrence))


def _overlapped(occurrence: datetime) -> Unrun:
    reason = "as many runs of the job as max_instances allows were active (overlap: skip)"
    return Unrun(DecisionKind.SKIPPED, occurrence, occurrence, 1, True, reason)


def _without_run(connection: Connection, refused: Sequence[tuple[datetime, int]]) -> list[tuple[datetime, int]]:
    """Of runs that could not be inserted, those that do not exist: their slot was taken."""
    if not refused:
        return []
    query = select(runs.c.scheduled_at, runs.c.job_key).where(tuple_(runs.c.scheduled_at, runs.c.job_key).in_(refused))
    known = {(row.scheduled_at, row.job_key) for row in connection.execute(query)}
    return [one for one in refused if one not in known]


def _insert_decisions(connection: Connection, told: Sequence[tuple[Job, Unrun]], node: str, now: datetime) -> None:
    if not told:
        return
    rows: list[dict[str, Any]] = [
        {
            "job_key": job.key,
            "kind": one.kind,
            "first_at": one.first_at,
            "last_at": one.last_at,
            "count": one.count,
            "exact": one.exact,
            "reason": one.reason,
            "decided_at": now,
            "node": node or None,
        }
        for job, one in told
    ]
    connection.execute(insert(decisions), rows)


def _finish_jobs(connection: Connection, keys: Sequence[int]) -> None:
    if keys:
        connection.execute(
            update(jobs)
            .where(jobs.c.key.in_(keys), jobs.c.status == JobStatus.SCHEDULED)
            .values(status=JobStatus.FINISHED)
        )


def _replaced(connection: Connection, newer: Sequence[Fire]) -> list[tuple[datetime, int]]:
    """The other active runs of these jobs, but for those that were asked to stop: the newest run stays."""
    if not newer:
        return []
    newest = {fire.job_key: fire.scheduled_at for fire in sorted(newer)}
    query = select(runs.c.scheduled_at, runs.c.job_key).where(runs.c.job_key.in_(newest), _to_stop())
    return [(row.scheduled_at, row.job_key) for row in connection.execute(query) if row[0] != newest[row.job_key]]


def stop_replaced(
    connection: Connection, replaced: Sequence[tuple[datetime, int]], now: datetime
) -> list[tuple[datetime, int]]:
    """Ask these runs to stop, and cancel those that had not begun. Answers those to be asked again in a moment.

    Their rows may be locked: by a node that is claiming one, or by one that was stopped while it wrote. All the jobs of
    a tick must not wait for that.
    """
    if not replaced:
        return []
    key = tuple_(runs.c.scheduled_at, runs.c.job_key)
    free = select(runs.c.scheduled_at, runs.c.job_key).where(key.in_(replaced), _to_stop())
    had_begun = runs.c.state.in_(HELD)
    asked = connection.execute(
        update(runs)
        .where(key.in_(free.with_for_update(skip_locked=True)), _to_stop())
        .values(
            state=case((had_begun, target(Change.ASK_TO_STOP)), else_=target(Change.CANCEL)),
            slot=case((had_begun, runs.c.slot)),
            finished_at=case((had_begun, runs.c.finished_at), else_=literal(now, schema.Instant)),
            stop_reason=_REPLACED,
            timed_out=False,
        )
        .returning(runs.c.scheduled_at, runs.c.job_key)
    )
    done = {(row.scheduled_at, row.job_key) for row in asked}
    left = [one for one in replaced if one not in done]
    if not left:
        return []
    still = select(runs.c.scheduled_at, runs.c.job_key).where(key.in_(left), _to_stop())
    return [(row.scheduled_at, row.job_key) for row in connection.execute(still)]


def _to_stop() -> ColumnElement[bool]:
    return runs.c.state.in_(ACTIVE) & ~schema.asked_to_stop()
