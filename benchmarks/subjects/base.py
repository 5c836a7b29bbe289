"""What a subject of the benchmarks is: something that can do some of the measured work, and says how it was set up."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, Self


class Kind(StrEnum):
    """How a subject's numbers are read."""

    OURS = "ours"
    PEER = "peer"
    BASELINE = "baseline"


class Database(StrEnum):
    """A database that is measured."""

    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"


class BenchmarkError(Exception):
    """A measurement is not what it claims to be: work is missing, or was done twice."""


@dataclass(frozen=True)
class Workload:
    """One piece of work for a subject.

    `size` counts jobs, runs or items; `plan` is how many jobs the plan holds in all (those that are not part of
    the work are due in a day); `per_second` is how many come due each second; `seconds` is how long to watch.
    """

    figure: str
    database: Database
    url: str
    size: int = 0
    plan: int = 0
    concurrency: int = 0
    per_second: int = 0
    seconds: float = 0.0
    spawned_at: float = 0.0

    @property
    def sqlite_path(self) -> Path:
        """The file of an SQLite database."""
        return Path(self.url.removeprefix("sqlite:///"))

    @property
    def sqlalchemy_url(self) -> str:
        """The address as SQLAlchemy wants it, with psycopg 3."""
        return self.url.replace("postgresql://", "postgresql+psycopg://", 1)

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """From JSON."""
        return cls(**{**data, "database": Database(data["database"])})


@dataclass(frozen=True)
class Sample:
    """What one measurement found: its values by the metric's key, and how much work was verified to be done."""

    values: dict[str, float]
    done: int = 0
    details: dict[str, float] = field(default_factory=dict)


class Subject(Protocol):
    """Something that is measured. Each method runs in a process of its own."""

    name: str
    kind: Kind
    databases: frozenset[Database]
    configurations: Mapping[str, str]
    """How it is set up, by figure. A subject takes part in the figures that are named here."""

    def prepare(self, work: Workload) -> None:
        """Fill the empty database. Not timed."""

    def measure(self, work: Workload) -> Sample:
        """Do the work, time it, and verify that it was done. Raises BenchmarkError when it was not."""


def verify(what: str, found: int, expected: int) -> None:
    """Raise BenchmarkError unless the work that was found is the work that was asked for."""
    if found != expected:
        raise BenchmarkError(
            f"{what}: found {found:,} where {expected:,} were expected; the number would be worthless."
        )


def percentiles_ms(seconds: list[float]) -> dict[str, float]:
    """The p50, p99 and maximum of durations, in milliseconds."""
    ordered = sorted(seconds)
    if not ordered:
        raise BenchmarkError("Nothing was measured: the list of durations is empty.")
    last = len(ordered) - 1
    return {
        "p50_ms": ordered[round(last * 0.50)] * 1000,
        "p99_ms": ordered[round(last * 0.99)] * 1000,
        "max_ms": ordered[last] * 1000,
    }
