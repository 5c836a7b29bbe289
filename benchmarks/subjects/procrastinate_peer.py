"""Procrastinate 3: a task queue on PostgreSQL."""

import asyncio
import time
from collections.abc import Mapping

import procrastinate
import psycopg
from procrastinate.types import JSONDict

from benchmarks.subjects.base import Database, Kind, Sample, Workload, verify
from benchmarks.subjects.commands import time_help

_CONCURRENCY = 10
_BATCH = 1000

executed: list[int] = []


class Procrastinate:
    """One async worker; jobs deferred before the clock starts, so that only fetching, running and recording count."""

    name = "Procrastinate"
    kind = Kind.PEER
    databases = frozenset({Database.POSTGRESQL})
    configurations: Mapping[str, str] = {
        "run": f"one async worker, concurrency {_CONCURRENCY}, a pool of {_CONCURRENCY} connections; jobs deferred "
        "before the clock starts and kept after it (1, 20, 50 and 100 were no faster)",
        "help": "procrastinate --help",
    }

    def prepare(self, work: Workload) -> None:
        """Make the schema and defer the jobs."""
        if work.figure == "run":
            asyncio.run(_defer(work))

    def measure(self, work: Workload) -> Sample:
        """Let a worker run until no job is left."""
        if work.figure == "help":
            return time_help("procrastinate")
        return asyncio.run(_drain(work))


def _app(work: Workload) -> procrastinate.App:
    connector = procrastinate.PsycopgConnector(conninfo=work.url, min_size=_CONCURRENCY, max_size=_CONCURRENCY)
    app = procrastinate.App(connector=connector)

    @app.task(name="noop")
    async def noop(number: int) -> None:
        executed.append(number)

    return app


async def _defer(work: Workload) -> None:
    app = _app(work)
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        for first in range(0, work.size, _BATCH):
            arguments: list[JSONDict] = [{"number": n} for n in range(first, min(work.size, first + _BATCH))]
            await app.tasks["noop"].batch_defer_async(*arguments)


async def _drain(work: Workload) -> Sample:
    executed.clear()
    app = _app(work)
    async with app.open_async():
        began = time.perf_counter()
        await app.run_worker_async(concurrency=_CONCURRENCY, wait=False, install_signal_handlers=False)
        elapsed = time.perf_counter() - began
    verify("functions executed", len(set(executed)), work.size)
    with psycopg.connect(work.url) as connection:
        statement = "SELECT count(*) FROM procrastinate_jobs WHERE status = 'succeeded'"
        row = connection.execute(statement).fetchone()
    verify("jobs recorded", int((row or (0,))[0]), work.size)
    return Sample({"per_second": work.size / elapsed}, done=work.size)


subject = Procrastinate()
