"""Plain frozen values that every floor may use: how runs are named, and what is read back about runs and nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Self

from horarium.clock import from_microseconds, to_microseconds
from horarium.errors import RunNotFound
from horarium.states import Cause, DecisionKind, RunState

_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: sorts as the number does, no i, l, o, u
_TIME_WIDTH = 11
_KEY_DIGITS = 18  # fewer than a bigint has
_TIMES = 32**_TIME_WIDTH  # half of them before 1970, so that an occurrence of 1960 reads back too
_VALUE_OF = {digit: value for value, digit in enumerate(_DIGITS)}


class RunKey(NamedTuple):
    """What names a run: its occurrence. The database's primary key, so that there is at most one run of each.

    Written for people as eleven characters of time (they sort as the times do) and the key of the job:
    `1j8k2m4p6rs-17`.
    """

    scheduled_at: datetime
    job_key: int

    def __str__(self) -> str:
        number = to_microseconds(self.scheduled_at) % _TIMES
        text = ""
        for _ in range(_TIME_WIDTH):
            number, digit = divmod(number, 32)
            text = _DIGITS[digit] + text
        return f"{text}-{self.job_key}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a run's id. Raises RunNotFound when the text cannot be one."""
        if not isinstance(text, str):
            raise RunNotFound(text)
        time_part, dash, key_part = text.strip().lower().partition("-")
        if (
            len(time_part) != _TIME_WIDTH
            or not dash
            or not (key_part.isascii() and key_part.isdecimal())
            or len(key_part) > _KEY_DIGITS
        ):
            raise RunNotFound(text)
        number = 0
        for character in time_part:
            if character not in _VALUE_OF:
                raise RunNotFound(text)
            number = number * 32 + _VALUE_OF[character]
        if number >= _TIMES // 2:
            number -= _TIMES
        try:
            return cls(from_microseconds(number), int(key_part))
        except OverflowError:
            raise RunNotFound(text) from None


@dataclass(frozen=True, slots=True)
class ErrorInfo:
    """An exception as it is kept: class name, message, traceback text, and whether trying again is pointless."""

    type: str
    message: str
    traceback: str = ""
    permanent: bool = False

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "type": self.type,
            "message": self.message,
            "traceback": self.traceback,
            "permanent": self.permanent,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """From JSON."""
        return cls(data["type"], data["message"], data.get("traceback", ""), bool(data.get("permanent", False)))

    def __str__(self) -> str:
        return f"{self.type.rpartition('.')[2]}: {self.message}" if self.message else self.type


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: `done` of `total` (None when unknown), and what it is doing."""

    done: float = 0
    total: float | None = None
    message: str = ""

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return {"done": self.done, "total": self.total, "message": self.message}


@dataclass(frozen=True, slots=True)
class RunInfo:
    """A run as it stands in the plan. Times are aware, in UTC."""

    id: str
    job_id: str
    task: str
    state: RunState
    cause: Cause
    scheduled_at: datetime
    created_at: datetime
    attempt: int
    crashes: int
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    node: str | None = None
    not_before: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    stop_reason: str | None = None
    progress: Progress | None = None
    result: Any = None
    error: ErrorInfo | None = None

    @property
    def duration(self) -> float | None:
        """Seconds from the start of the last attempt to its end; None while there is none."""
        if self.started_at is None or self.finished_at is None:
            return None
        return (self.finished_at - self.started_at).total_seconds()


@dataclass(frozen=True, slots=True)
class AttemptInfo:
    """An attempt of a run that did not succeed, kept so that it can be seen why."""

    attempt: int
    outcome: str
    node: str | None
    started_at: datetime | None
    finished_at: datetime
    error: ErrorInfo | None


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line that a run wrote through `logging`."""

    attempt: int
    at: datetime
    level: str
    logger: str
    message: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of occurrences from `first_at` to `last_at`: one with a run, or `count` of them in one summary.

    `exact` is false when there were too many to count, and `count` is then a lower bound.
    """

    kind: DecisionKind
    first_at: datetime
    last_at: datetime
    count: int
    reason: str
    decided_at: datetime
    exact: bool = True
    run: RunInfo | None = None


@dataclass(frozen=True, slots=True)
class ItemFailure:
    """An item of `run.each` that failed: its key and what it said."""

    key: str
    type: str
    message: str

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return {"key": self.key, "type": self.type, "message": self.message}


@dataclass(frozen=True, slots=True)
class Tally:
    """What `run.each` answers. `errors` holds the first hundred failures; `duration` is in seconds."""

    total: int
    done: int
    skipped: int
    failed: int
    errors: tuple[ItemFailure, ...]
    duration: float

    def to_json(self) -> dict[str, Any]:
        """As JSON; a task may return the tally itself and this is what is kept."""
        return {
            "total": self.total,
            "done": self.done,
            "skipped": self.skipped,
            "failed": self.failed,
            "errors": [failure.to_json() for failure in self.errors],
            "duration": self.duration,
        }


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """One start of a process that ticks or runs. `process` tells two with the same pid apart; empty if it cannot.

    `stop_reason` is there before `stopped_at` while a node that was told to end still has runs.
    """

    id: str
    host: str
    pid: int
    started_at: datetime
    heartbeat_at: datetime
    lease_until: datetime
    stopped_at: datetime | None
    stop_reason: str | None
    version: str
    clock_offset: float
    running: int = 0
    process: str = ""

    def alive_at(self, now: datetime) -> bool:
        """Whether the node's lease holds at `now`."""
        return self.stopped_at is None and self.lease_until > now
