"""The work in hand-written SQL on PostgreSQL, by psycopg."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol, TypeAlias

import psycopg

from benchmarks.subjects import idle
from benchmarks.subjects.base import Sample, Workload, percentiles_ms, verify

_BATCH = 1000

_TABLES = """
CREATE TABLE jobs (
    key bigint PRIMARY KEY, id text NOT NULL UNIQUE, task text NOT NULL, args text NOT NULL,
    every interval NOT NULL, max_instances int NOT NULL, settings text NOT NULL
);
CREATE TABLE job_clock (job_key bigint PRIMARY KEY, next_run_time timestamptz, version bigint NOT NULL DEFAULT 0);
CREATE INDEX ON job_clock (next_run_time);
CREATE TABLE runs (
    scheduled_at timestamptz, job_key bigint, state smallint NOT NULL, node text, attempt int NOT NULL,
    created_at timestamptz NOT NULL, finished_at timestamptz, result text, PRIMARY KEY (scheduled_at, job_key)
);
CREATE INDEX runs_active ON runs (job_key) WHERE state < 2;
CREATE TABLE decisions (
    job_key bigint NOT NULL, kind text NOT NULL, first_at timestamptz NOT NULL, last_at timestamptz NOT NULL,
    count bigint NOT NULL, reason text NOT NULL
);
CREATE TABLE marks (run bigint, chunk bigint, keys text NOT NULL, PRIMARY KEY (run, chunk));
CREATE TABLE commits (key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, value text NOT NULL);
"""

_JOBS = """
INSERT INTO jobs
SELECT n, 'job-' || n, 'benchmarks:noop', '[' || n || ']', make_interval(secs => %(every)s), %(most)s, repeat('x', 200)
FROM generate_series(1, %(plan)s) AS n
"""

_CLOCK = """
INSERT INTO job_clock
SELECT n, now() + CASE WHEN n <= %(due)s THEN '-1 second' ELSE '1 day' END::interval
FROM generate_series(1, %(plan)s) AS n
"""

# Rows are found again by their place (ctid), and the last line is no join: the planner takes conditions on version and
# state for far more selective than they are, and would loop over a million pairs.
_TICK = f"""
WITH due AS MATERIALIZED (
    SELECT c.ctid AS place, c.job_key, c.next_run_time, c.version, j.task, j.args, j.every, j.max_instances,
           floor(extract(epoch FROM now() - c.next_run_time) / extract(epoch FROM j.every)) AS behind
    FROM job_clock c JOIN jobs j ON j.key = c.job_key
    WHERE c.next_run_time <= now() ORDER BY c.next_run_time LIMIT {_BATCH}
), moved AS (
    UPDATE job_clock c SET next_run_time = d.next_run_time + d.every * (d.behind + 1), version = c.version + 1
    FROM due d
    WHERE c.ctid = d.place AND c.version = d.version AND c.next_run_time = d.next_run_time
    RETURNING d.job_key, d.next_run_time AS first_at, d.next_run_time + d.every * d.behind AS last_at, d.behind,
        d.task, d.args,
        d.max_instances > (SELECT count(*) FROM runs r WHERE r.job_key = d.job_key AND r.state < 2) AS free
), ran AS (
    INSERT INTO runs (scheduled_at, job_key, state, node, attempt, created_at)
    SELECT last_at, job_key, 1, 'node', 1, now() FROM moved WHERE free
    ON CONFLICT DO NOTHING RETURNING scheduled_at, job_key
), decided AS (
    INSERT INTO decisions
    SELECT job_key, CASE WHEN free THEN 'coalesced' ELSE 'skipped' END, first_at, last_at, behind + 1, 'late or busy'
    FROM moved WHERE behind > 0 OR NOT free
)
SELECT last_at, job_key, task, args FROM moved WHERE NOT (job_key NOT IN (SELECT job_key FROM ran))
"""

_FINISH = """
WITH mine AS MATERIALIZED (
    SELECT (SELECT r.ctid FROM runs r
            WHERE r.scheduled_at = done.scheduled_at AND r.job_key = done.job_key
              AND r.state = 1 AND r.node = 'node' AND r.attempt = 1) AS place
    FROM unnest(%s::timestamptz[], %s::bigint[]) AS done (scheduled_at, job_key)
)
UPDATE runs SET state = 2, finished_at = now() WHERE ctid = ANY (ARRAY(SELECT place FROM mine))
"""

Connection: TypeAlias = psycopg.Connection[tuple[object, ...]]


class Module(Protocol):
    """What each of the two raw modules has."""

    MEASURES: Mapping[str, Callable[[Workload], Sample]]

    def prepare(self, work: Workload) -> None:
        """Make the tables and the jobs."""


def prepare(work: Workload) -> None:
    """Make the tables and the jobs: `work.size` of them due since a second, except where they come due later."""
    due = 0 if work.figure == "latency" else work.size
    # The repetitions of `start` share a database, in which no run ever ends: its job is due, and may run, again.
    every, most = (1, 1000) if work.figure == "start" else (3600, 1)
    with _connect(work) as connection:
        connection.execute(_TABLES)
        if work.plan:
            connection.execute(_JOBS, {"plan": work.plan, "every": every, "most": most})
            connection.execute(_CLOCK, {"plan": work.plan, "due": due})


def fire(work: Workload) -> Sample:
    """Turn all due jobs into runs."""
    with _connect(work) as connection:
        started, fired = time.perf_counter(), 0
        while rows := connection.execute(_TICK).fetchall():
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

    async def execute(connection: Connection) -> None:
        while rows := connection.execute(_TICK).fetchall():
            await asyncio.gather(*(function(*json.loads(str(row[3]))) for row in rows))
            connection.execute(_FINISH, ([row[0] for row in rows], [row[1] for row in rows]))

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
            "UPDATE job_clock SET next_run_time = now() + '2 seconds'::interval"
            " + make_interval(secs => job_key::float / %s) WHERE job_key <= %s",
            (work.per_second, work.size),
        )
        while len(late) < work.size:
            (upcoming,) = connection.execute("SELECT min(next_run_time) FROM job_clock").fetchone() or (None,)
            assert isinstance(upcoming, datetime)
            time.sleep(max(0.0, upcoming.timestamp() - time.time()))
            for row in connection.execute(_TICK).fetchall():
                assert isinstance(row[0], datetime)
                late.append(time.time() - row[0].timestamp())
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

        return idle.watch(work.seconds, wait, backend_pids(work.url))


def start(work: Workload) -> Sample:
    """Connect and do the first tick."""
    with _connect(work) as connection:
        rows = connection.execute(_TICK).fetchall()
        elapsed = time.time() - work.spawned_at
    verify("runs handed out", len(rows), work.size)
    return Sample({"seconds": elapsed}, done=len(rows))


def each(work: Workload) -> Sample:
    """Mark items as done, as many in a commit as may run at once."""
    executed: list[int] = []

    async def function(number: int) -> None:
        executed.append(number)

    async def execute(connection: Connection) -> None:
        for chunk in range(0, work.size, work.concurrency):
            numbers = range(chunk, min(work.size, chunk + work.concurrency))
            await asyncio.gather(*map(function, numbers))
            connection.execute("INSERT INTO marks VALUES (1, %s, %s)", (chunk, json.dumps(list(numbers))))

    with _connect(work) as connection:
        started = time.perf_counter()
        asyncio.run(execute(connection))
        elapsed = time.perf_counter() - started
        marked = connection.execute("SELECT sum(json_array_length(keys::json)) FROM marks").fetchone()
    verify("items marked", int(str((marked or (0,))[0])), work.size)
    return Sample({"per_second": work.size / elapsed}, done=len(executed))


def commit(work: Workload) -> Sample:
    """Insert and commit one row at a time."""
    durations: list[float] = []
    with _connect(work) as connection:
        for _ in range(work.size):
            started = time.perf_counter()
            connection.execute("INSERT INTO commits (value) VALUES ('x')", prepare=True)
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


def backend_pids(url: str) -> list[int]:
    """The server's processes that serve this database, to be looked up on this machine."""
    with psycopg.connect(url, autocommit=True) as connection:
        rows = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchall()
    return [int(row[0]) for row in rows]


def _connect(work: Workload) -> Connection:
    # Tables are empty at first and grow within the second, so that statistics mislead: a batch looks its rows up by
    # their keys, whatever the planner thinks, or each one would read a whole index.
    options = "-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off"
    return psycopg.connect(work.url, autocommit=True, prepare_threshold=None, options=options)


def _count(connection: Connection, what: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM {what}").fetchone()
    return int(str((row or (0,))[0]))
