"""The figures: what is measured, how much of it, and what is to be reached."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks.subjects.base import Database, Kind


@dataclass(frozen=True)
class Metric:
    """One number of a figure. `limit` is what Horarium has to reach on PostgreSQL, at least or at most."""

    key: str
    label: str
    unit: str
    higher_is_better: bool = False
    limit: float | None = None


@dataclass(frozen=True)
class Target:
    """A ratio that Horarium has to reach: of its number to that of one subject, or of the best of its peers."""

    against: str
    at_least: float
    metric: str = "per_second"


@dataclass(frozen=True)
class Size:
    """How much of a figure is measured. The keys of `work` and `peers` are fields of `Workload`.

    Peers that are tens of times slower get less work, so that a run ends in minutes; each number is a rate.
    """

    repetitions: int
    work: Mapping[str, Any]
    peers: Mapping[str, Any] = field(default_factory=dict)

    def of(self, kind: Kind) -> Mapping[str, Any]:
        """The work of a subject of this kind."""
        return {**self.work, **self.peers} if kind is Kind.PEER else self.work


@dataclass(frozen=True, eq=False)
class Figure:
    """One measurement, done alike for each subject that can do it."""

    key: str
    command: str
    title: str
    metrics: tuple[Metric, ...]
    full: Size
    quick: Size
    targets: tuple[Target, ...] = ()
    warm_up: Mapping[str, Any] | None = None
    """The work that the same process does first, on a database of its own, and that is not counted."""
    databases: frozenset[Database | None] = frozenset(Database)
    keep_database: bool = False
    """Whether the repetitions share one prepared database, because filling it takes long."""


_RATE = "a second"
BEST_PEER = "best peer"

FIGURES: tuple[Figure, ...] = (
    Figure(
        "commit",
        "commit",
        "One row inserted and committed: what every other number stands on",
        (
            Metric("p50_ms", "p50", "ms"),
            Metric("p99_ms", "p99", "ms"),
            Metric("per_second", "commits", _RATE, higher_is_better=True),
        ),
        Size(3, {"size": 3000}),
        Size(1, {"size": 500}),
        warm_up={"size": 100},
    ),
    Figure(
        "fire",
        "fire",
        "Due jobs turned into durable runs, their next times moved on",
        (Metric("per_second", "jobs", _RATE, higher_is_better=True),),
        Size(5, {"size": 50_000, "plan": 50_000}, {"size": 5000, "plan": 5000}),
        Size(2, {"size": 10_000, "plan": 10_000}, {"size": 1000, "plan": 1000}),
        targets=(Target("APScheduler 3.11", 10), Target("raw SQL", 0.25)),
        warm_up={"size": 200, "plan": 200},
    ),
    Figure(
        "run",
        "run",
        "Due jobs executed (an async function that does nothing) and recorded",
        (Metric("per_second", "runs", _RATE, higher_is_better=True),),
        Size(5, {"size": 50_000, "plan": 50_000}, {"size": 5000, "plan": 5000}),
        Size(2, {"size": 10_000, "plan": 10_000}, {"size": 1000, "plan": 1000}),
        targets=(Target(BEST_PEER, 8),),
        warm_up={"size": 200, "plan": 200},
    ),
    Figure(
        "latency",
        "latency",
        "From due to the first line of the function: 100,000 jobs, 100 fires a second",
        (
            Metric("p50_ms", "p50", "ms", limit=3),
            Metric("p99_ms", "p99", "ms", limit=8),
            Metric("max_ms", "max", "ms"),
        ),
        Size(3, {"size": 2000, "plan": 100_000, "per_second": 100}),
        Size(1, {"size": 500, "plan": 10_000, "per_second": 100}),
    ),
    Figure(
        "idle",
        "idle",
        "Idle with 1,000,000 jobs, none due",
        (
            Metric("cpu_percent", "processor", "% of a core", limit=1),
            Metric("rss_mb", "memory", "MB", limit=150),
            Metric("server_cpu_percent", "processor of the database", "% of a core"),
        ),
        Size(1, {"size": 0, "plan": 1_000_000, "seconds": 30.0}),
        Size(1, {"size": 0, "plan": 20_000, "seconds": 5.0}),
        keep_database=True,
    ),
    Figure(
        "start",
        "start",
        "From process start to the first run, with 1,000,000 jobs in the plan",
        (Metric("seconds", "time", "s", limit=2),),
        Size(5, {"size": 1, "plan": 1_000_000}),
        Size(2, {"size": 1, "plan": 20_000}),
        keep_database=True,
    ),
    Figure(
        "each-10",
        "each",
        "Items of a batch that do nothing, each with a durable mark, 10 at once",
        (Metric("per_second", "items", _RATE, higher_is_better=True, limit=10_000),),
        Size(3, {"size": 50_000, "concurrency": 10}, {"size": 1000}),
        Size(1, {"size": 10_000, "concurrency": 10}, {"size": 300}),
        warm_up={"size": 100, "concurrency": 10},
    ),
    Figure(
        "each-50",
        "each",
        "Items of a batch that do nothing, each with a durable mark, 50 at once",
        (Metric("per_second", "items", _RATE, higher_is_better=True, limit=20_000),),
        Size(3, {"size": 100_000, "concurrency": 50}, {"size": 1000}),
        Size(1, {"size": 20_000, "concurrency": 50}, {"size": 300}),
        warm_up={"size": 100, "concurrency": 50},
    ),
    Figure(
        "help",
        "help",
        "The command line's --help, wall time",
        (Metric("seconds", "time", "s", limit=0.3),),
        Size(1, {}),
        Size(1, {}),
        databases=frozenset({None}),
    ),
)

COMMANDS = tuple(dict.fromkeys(figure.command for figure in FIGURES))
