"""The states of a run and every change between them, as one table.

`docs/state_machine.md` draws this table, and a test compares the two. The store reads it to build the conditional
UPDATEs, so that a change that is not listed here cannot be written.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class RunState(StrEnum):
    """What a run is doing; the value is the word kept in the database and shown to people."""

    QUEUED = "queued"
    RUNNING = "running"
    STOPPING = "stopping"
    RETRYING = "retrying"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    MISSED = "missed"


class Change(StrEnum):
    """What can happen to a run."""

    FIRE = "fire"
    ENQUEUE = "enqueue"
    CLAIM = "claim"
    ASK_TO_STOP = "ask to stop"
    TIME_OUT = "time out"
    SUCCEED = "succeed"
    FAIL = "fail"
    RETRY_LATER = "retry later"
    CANCEL = "cancel"
    RESCUE = "rescue"
    GIVE_BACK = "give back"
    EXPIRE = "expire"
    RETRY_BY_HAND = "retry by hand"


class Transition(NamedTuple):
    """One row of the table: this change leads from any of these states to that one."""

    change: Change
    sources: tuple[RunState, ...]
    target: RunState
    meaning: str


_NEW: tuple[RunState, ...] = ()
_HELD = (RunState.RUNNING, RunState.STOPPING)

TRANSITIONS: tuple[Transition, ...] = (
    Transition(Change.FIRE, _NEW, RunState.RUNNING, "a tick made the run and this node had a free place for it"),
    Transition(Change.ENQUEUE, _NEW, RunState.QUEUED, "a tick, or a person, made the run; any node may take it"),
    Transition(Change.CLAIM, (RunState.QUEUED, RunState.RETRYING), RunState.RUNNING, "a node took it; next attempt"),
    Transition(
        Change.ASK_TO_STOP,
        _HELD,
        RunState.STOPPING,
        "a person, or a newer run of the job, told it to stop; its code has not ended yet",
    ),
    Transition(Change.TIME_OUT, (RunState.RUNNING,), RunState.STOPPING, "its time is up; its code has not ended yet"),
    Transition(Change.SUCCEED, _HELD, RunState.SUCCEEDED, "the function returned"),
    Transition(Change.FAIL, _HELD, RunState.FAILED, "the function raised or timed out and no retry is left"),
    Transition(Change.RETRY_LATER, _HELD, RunState.RETRYING, "the attempt failed; another follows after a delay"),
    Transition(
        Change.CANCEL,
        (RunState.QUEUED, RunState.RETRYING, *_HELD),
        RunState.CANCELLED,
        "a person, or a newer run of the job, cancelled it",
    ),
    Transition(Change.RESCUE, _HELD, RunState.QUEUED, "its node is gone; another goes on with it"),
    Transition(Change.GIVE_BACK, _HELD, RunState.QUEUED, "its node shuts down and leaves it to the others"),
    Transition(Change.EXPIRE, (RunState.QUEUED,), RunState.MISSED, "nobody could start it before its start deadline"),
    Transition(
        Change.RETRY_BY_HAND,
        (RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED, RunState.MISSED),
        RunState.QUEUED,
        "a person asked for another attempt; done steps and items stay done",
    ),
)

ACTIVE = frozenset({RunState.QUEUED, RunState.RUNNING, RunState.STOPPING, RunState.RETRYING})
"""States in which a run counts as an instance of its job."""

HELD = frozenset(_HELD)
"""States in which a run belongs to one node."""

FINAL = frozenset(RunState) - ACTIVE
"""States that end a run, unless a person asks for another attempt."""


def sources(change: Change) -> tuple[RunState, ...]:
    """The states from which `change` may happen."""
    return tuple(state for row in TRANSITIONS if row.change is change for state in row.sources)


WAITING = sources(Change.CLAIM)
"""States in which a run waits for a node."""


def target(change: Change) -> RunState:
    """The state that `change` leads to."""
    return next(row.target for row in TRANSITIONS if row.change is change)


class Overlap(StrEnum):
    """What happens to an occurrence while `max_instances` runs of its job are active."""

    SKIP = "skip"
    QUEUE = "queue"
    CANCEL_RUNNING = "cancel_running"
    ALLOW = "allow"


class OnCrash(StrEnum):
    """What happens to a run whose node died: go on with it elsewhere, or fail it."""

    RESUME = "resume"
    FAIL = "fail"


class DecisionKind(StrEnum):
    """What became of an occurrence that has no run of its own, or why it has one."""

    RUN = "run"
    MISSED = "missed"
    COALESCED = "coalesced"
    SKIPPED = "skipped"


class Cause(StrEnum):
    """Why a run exists."""

    SCHEDULE = "schedule"
    MANUAL = "manual"
    BACKFILL = "backfill"


class JobStatus(StrEnum):
    """What a person is told about a job."""

    SCHEDULED = "scheduled"
    PAUSED = "paused"
    FINISHED = "finished"
    BROKEN = "broken"
    QUARANTINED = "quarantined"
