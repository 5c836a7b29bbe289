"""The work in hand-written SQL on SQLite, by the standard library's driver: WAL, synchronous=FULL."""

import asyncio
import contextlib
import json
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from benchmarks.subjects import idle
from benchmarks.subjects.base import Sample, Workload, percentiles_ms, verify

_BATCH = 1000
_SECOND = 1_000_000
_DAY = 86_400 * _SECOND

_TABLES = """
CREATE TABLE jobs (
    key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, task TEXT NOT NULL, args TEXT NOT NULL,
    every INTEGER NOT NULL, max_instances INTEGER NOT NULL, settings TEXT NOT NULL
);
CREATE TABLE job_clock (job_key INTEGER PRIMARY KEY, next_run_time INTEGER, version INTEGER NOT NULL DEFAULT 0);
CREATE INDEX job_clock_due ON job_clock (next_run_time);
CREATE TABLE runs (
    scheduled_at INTEGER, job_key INTEGER, state INTEGER NOT NULL, node TEXT, attempt INTEGER NOT NULL,
    created_at INTEGER NOT NULL, finished_at INTEGER, result TEXT, PRIMARY KEY (scheduled_at, job_key)
) WITHOUT ROWID;
CREATE INDEX runs_active ON runs (job_key) WHERE state < 2;
CREATE TABLE decisions (
    job_key INTEGER NOT NULL, kind TEXT NOT NULL, first_at INTEGER NOT NULL, last_at INTEGER NOT NULL,
    count INTEGER NOT NULL, reason TEXT NOT NULL
);
CREATE TABLE marks (run INTEGER, chunk INTEGER, keys TEXT NOT NULL, PRIMARY KEY (run, chunk)) WITHOUT ROWID;
CREATE TABLE commits (key INTEGER PRIMARY KEY, value TEXT NOT NULL);
"""

_NUMBERS = "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :plan) "

_JOBS = f"""
INSERT INTO jobs {_NUMBERS}
SELECT n, 'job-' || n, 'benchmarks:noop', '[' || n || ']', :every, :most, printf('%.200c', 'x') FROM numbers
"""

_CLOCK = f"""
INSERT INTO job_clock {_NUMBERS} SELECT n, :now + iif(n <= :due, -{_SECOND}, {_DAY}), 0 FROM numbers
"""

_DUE = f"""
SELECT c.job_key, c.next_run_time, c.version, j.every, (:now - c.next_run_time) / j.every, j.task, j.args,
       j.max_instances > (SELECT count(*) FROM runs r WHERE r.job_key = c.job_key AND r.state < 2)
FROM job_clock c JOIN jobs j ON j.key = c.job_key
WHERE c.next_run_time <= :now ORDER BY c.next_run_time LIMIT {_BATCH}
"""

_MOVE = "UPDATE job_clock SET next_run_time = ?, version = version + 1 WHERE job_key = ? AND version = ?"
_RUN = "INSERT INTO runs (scheduled_at, job_key, state, node, attempt, created_at) VALUES (?, ?, 1, 'node', 1, ?)"
_DECIDE = "INSERT INTO decisions VALUES (?, ?, ?, ?, ?, 'late or busy')"
_FINISH = (
    "UPDATE runs SET state = 2, finished_at = ? WHERE scheduled_at = ? AND job_key = ? AND state = 1 "
    "AND node = 'node' AND attempt = 1"
)


def prepare(work: Workload) -> None:
    """Make the tables and the jobs: `work.size` of them due since a second, except where they come due later."""
    due = 0 if work.figure == "latency" else work.size
    # The repetitions of `start` share a database, in which no run ever ends: its job is due, and may run, again.
    every, most = (_SECOND, 1000) if work.figure == "start" else (3600 * _SECOND, 1)
    with _connect(work) as connection, _transaction(connection):
        for statement in filter(str.strip, _TABLES.split(";")):
            connection.execute(statement)
        if work.plan:
            connection.execute(_JOBS, {"plan": work.plan, "every": every, "most": most})
            connection.execute(_CLOCK, {"plan": work.plan, "due": due, "now": _now()})


def fire(work: Workload) -> Sample:
    """Turn all due jobs into runs."""
    with _connect(work) as connection:
        started, fired = time.perf_counter(), 0
        while rows := _tick(connection):
            fired += len(rows)
        elapsed = time.perf_counter() - started
        verify("runs handed out", fired, work.size)
        verify("runs in the table", _count(connection, "runs"), work.size)
        verify("jobs moved on", _count(connection, "job_clock WHERE version = 1"), work.size)
    return Sample({"per_second": work.size / elapsed}, done=work.size)


def run(work: Workload) -> Sample:
    """Turn all due jobs into runs, execute them and record their ends."""
    executed: list[int] = []

    async def function(number: int) -> None:
        executed.append(number)

    async def execute(connection: sqlite3.Connection) -> None:
        while rows := _tick(connection):
            await asyncio.gather(*(function(*json.loads(arguments)) for _, _, _, arguments in rows))
            with _transaction(connection):
                connection.executemany(_FINISH, [(_now(), at, key) for at, key, _, _ in rows])

    with _connect(work) as connection:
        started = time.perf_counter()
        asyncio.run(execute(connection))
        elapsed = time.perf_counter() - started
        verify("functions executed", len(set(executed)), work.size)
        verify("runs recorded", _count(connection, "runs WHERE state = 2"), work.size)
    return Sample({"per_second": work.size / elapsed}, done=work.size)


def latency(work: Workload) -> Sample:
    """Wait for each due time and tick; the function's first line would be where the row arrives."""
    late: list[float] = []
    with _connect(work) as connection:
        connection.execute(
            f"UPDATE job_clock SET next_run_time = ? + job_key * {_SECOND} / ? WHERE job_key <= ?",
            (_now() + 2 * _SECOND, work.per_second, work.size),
        )
        while len(late) < work.size:
            (upcoming,) = connection.execute("SELECT min(next_run_time) FROM job_clock").fetchone()
            time.sleep(max(0.0, upcoming / _SECOND - time.time()))
            late += [time.time() - at / _SECOND for at, _, _, _ in _tick(connection)]
    verify("runs handed out", len(late), work.size)
    return Sample(percentiles_ms(late), done=len(late))


def idling(work: Workload) -> Sample:
    """Ask once a second for the next due time."""
    with _connect(work) as connection:

        def wait(seconds: float) -> None:
            until = time.monotonic() + seconds
            while (left := until - time.monotonic()) > 0:
                connection.execute("SELECT min(next_run_time) FROM job_clock").fetchone()
                time.sleep(min(1.0, left))

        return idle.watch(work.seconds, wait, [])


def start(work: Workload) -> Sample:
    """Connect and do the first tick."""
    with _connect(work) as connection:
        rows = _tick(connection)
        elapsed = time.time() - work.spawned_at
    verify("runs handed out", len(rows), work.size)
    return Sample({"seconds": elapsed}, done=len(rows))


def each(work: Workload) -> Sample:
    """Mark items as done, as many in a commit as may run at once."""
    executed: list[int] = []

    async def function(number: int) -> None:
        executed.append(number)

    async def execute(connection: sqlite3.Connection) -> None:
        for chunk in range(0, work.size, work.concurrency):
            numbers = range(chunk, min(work.size, chunk + work.concurrency))
            await asyncio.gather(*map(function, numbers))
            connection.execute("INSERT INTO marks VALUES (1, ?, ?)", (chunk, json.dumps(list(numbers))))

    with _connect(work) as connection:
        started = time.perf_counter()
        asyncio.run(execute(connection))
        elapsed = time.perf_counter() - started
        (marked,) = connection.execute("SELECT sum(json_array_length(keys)) FROM marks").fetchone()
    verify("items marked", marked, work.size)
    return Sample({"per_second": work.size / elapsed}, done=len(executed))


def commit(work: Workload) -> Sample:
    """Insert and commit one row at a time."""
    durations: list[float] = []
    with _connect(work) as connection:
        for _ in range(work.size):
            started = time.perf_counter()
            connection.execute("INSERT INTO commits (value) VALUES ('x')")
            durations.append(time.perf_counter() - started)
        verify("rows committed", _count(connection, "commits"), work.size)
    return Sample({**percentiles_ms(durations), "per_second": work.size / sum(durations)}, done=work.size)


MEASURES: Mapping[str, Callable[[Workload], Sample]] = {
    "fire": fire,
    "run": run,
    "latency": latency,
    "idle": idling,
    "start": start,
    "each": each,
    "commit": commit,
}


def _tick(connection: sqlite3.Connection) -> list[tuple[int, int, str, str]]:
    now = _now()
    moves, runs, decisions, handed_out = [], [], [], []
    with _transaction(connection):
        for key, first, version, every, behind, task, arguments, free in connection.execute(_DUE, {"now": now}):
            last = first + every * behind
            moves.append((last + every, key, version))
            if free:
                runs.append((last, key, now))
                handed_out.append((last, key, task, arguments))
            if behind or not free:
                decisions.append((key, "coalesced" if free else "skipped", first, last, behind + 1))
        connection.executemany(_MOVE, moves)
        connection.executemany(_RUN, runs)
        connection.executemany(_DECIDE, decisions)
    return handed_out


@contextmanager
def _connect(work: Workload) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(work.sqlite_path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        yield connection


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _count(connection: sqlite3.Connection, what: str) -> int:
    (found,) = connection.execute(f"SELECT count(*) FROM {what}").fetchone()
    return int(found)


def _now() -> int:
    return int(time.time() * _SECOND)
