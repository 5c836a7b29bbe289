"""What becomes of a job's due occurrences: the one place where that is decided. Pure; every engine calls it.

Lateness is judged here against the moment of the tick. It is judged once more when a queued run is claimed, by the
start deadline that goes with each run.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from horarium.job import Job
from horarium.states import DecisionKind


@dataclass(frozen=True, slots=True)
class Unrun:
    """Occurrences that get no run: `count` of them from `first_at` to `last_at` (a lower bound unless `exact`)."""

    kind: DecisionKind
    first_at: datetime
    last_at: datetime
    count: int
    exact: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Which occurrences run, which do not and why, and when the job is due next (None: never again)."""

    fires: tuple[datetime, ...]
    unrun: tuple[Unrun, ...]
    next_run_time: datetime | None


def decide(job: Job, due: datetime, now: datetime) -> Verdict:
    """Decide every occurrence of `job` from `due`, its next run time, up to `now`.

    An occurrence later than the job's `misfire_grace_time` is missed. Of several that are due, `coalesce` runs the last
    and counts the others as coalesced; without it the last `catch_up` run one by one, and what is older is missed.
    """
    if due > now:
        return Verdict((), (), due)
    following = job.trigger.next_after(due)
    if following is None or following > now:
        if _in_grace(job, due, now):
            return Verdict((due,), (), following)
        return Verdict((), (_late(job, due, due, 1, True),), following)
    return _decide_backlog(job, due, now)


def start_deadline(job: Job, occurrence: datetime) -> datetime | None:
    """When a queued run of this occurrence is too late to be started; None when it never is."""
    grace = job.policies.misfire_grace_time
    return None if grace is None else occurrence + timedelta(seconds=grace)


def _decide_backlog(job: Job, due: datetime, now: datetime) -> Verdict:
    """Several occurrences came due since the last tick."""
    keep = 1 if job.policies.coalesce else job.policies.catch_up
    after_due = job.trigger.missed_summary(due, now, keep + 1)
    known = after_due.last if after_due.count > len(after_due.last) else (due, *after_due.last)
    kept = tuple(occurrence for occurrence in known[-keep:] if _in_grace(job, occurrence, now))
    following = job.trigger.next_after(known[-1])
    dropped = after_due.count + 1 - len(kept)
    if not dropped:
        return Verdict(kept, (), following)
    last_dropped = known[-len(kept) - 1]
    return Verdict(kept, (_explain(job, due, last_dropped, dropped, after_due.exact, ran=bool(kept)),), following)


def _explain(job: Job, first: datetime, last: datetime, count: int, exact: bool, *, ran: bool) -> Unrun:
    if not ran:
        return _late(job, first, last, count, exact)
    if job.policies.coalesce:
        reason = "several were due at once; only the last one ran"
        return Unrun(DecisionKind.COALESCED, first, last, count, exact, reason)
    reason = f"more were due at once than catch_up ({job.policies.catch_up}) allows, or they were past their grace time"
    return Unrun(DecisionKind.MISSED, first, last, count, exact, reason)


def _late(job: Job, first: datetime, last: datetime, count: int, exact: bool) -> Unrun:
    grace = f"misfire_grace_time of {job.policies.misfire_grace_time:g} s"
    reason = f"not started within {grace}: no node was ticking then"
    if job.created_at is not None and last < job.created_at:
        reason = f"its time had passed when the job was added, by more than its {grace}"
    return Unrun(DecisionKind.MISSED, first, last, count, exact, reason)


def _in_grace(job: Job, occurrence: datetime, now: datetime) -> bool:
    grace = job.policies.misfire_grace_time
    return grace is None or (now - occurrence).total_seconds() <= grace
