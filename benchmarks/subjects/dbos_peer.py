"""DBOS: durable workflows on PostgreSQL or SQLite."""

import asyncio
import time
from collections.abc import Mapping

from dbos import DBOS, DBOSClient, DBOSConfig
from sqlalchemy import Engine, create_engine, text

from benchmarks.subjects.base import Database, Kind, Sample, Workload, verify
from benchmarks.subjects.commands import time_help

_QUEUE = "benchmark"
_VERSION = "1"
_POLLING_S = 0.05
_POOL = 20
_THREADS = 20
_TIMEOUT_S = 600.0

executed: list[int] = []


@DBOS.workflow(name="noop")
async def noop(number: int) -> None:
    """The workflow that is run: it leaves a trace, so that runs can be counted."""
    executed.append(number)


@DBOS.step(name="item")
async def item(number: int) -> None:
    """One item, its result recorded as a step."""
    executed.append(number)


@DBOS.workflow(name="each")
async def each(size: int, concurrency: int) -> None:
    """Steps, as many at once as may be; DBOS numbers them by the order of their calls."""
    for first in range(0, size, concurrency):
        await asyncio.gather(*map(item, range(first, min(size, first + concurrency))))


class Dbos:
    """One process of DBOS; workflows are enqueued before the clock starts: claiming, running and recording count."""

    name = "DBOS"
    kind = Kind.PEER
    databases = frozenset(Database)
    configurations: Mapping[str, str] = {
        "run": f"a queue without limits, polled each {_POLLING_S:g} s, async workflow, {_POOL} connections, {_THREADS} "
        "threads (50 of each were no faster, a worker concurrency of 50 or 200 slower); enqueued before the clock "
        "starts",
        "each": f"one workflow that gathers steps, {_POOL} connections, {_THREADS} threads",
        "help": "dbos --help",
    }

    def prepare(self, work: Workload) -> None:
        """Make the schema and enqueue the workflows."""
        if work.figure == "help":
            return
        DBOS.migrate(work.url)
        if work.figure == "each":
            return
        client = DBOSClient(system_database_url=work.url)
        client.register_queue(_QUEUE, polling_interval_sec=_POLLING_S)
        engine = create_engine(work.sqlalchemy_url)
        with engine.begin() as connection:
            for number in range(work.size):
                client.enqueue_in_transaction(
                    connection,
                    {"workflow_name": "noop", "queue_name": _QUEUE, "app_version": _VERSION},
                    number,
                )
        engine.dispose()
        client.destroy()

    def measure(self, work: Workload) -> Sample:
        """Launch, and wait until all is recorded."""
        if work.figure == "help":
            return time_help("dbos")
        executed.clear()
        config: DBOSConfig = {
            "name": "benchmark",
            "system_database_url": work.url,
            "sys_db_pool_size": _POOL,
            "max_executor_threads": _THREADS,
            "application_version": _VERSION,
            "log_level": "WARNING",
            "enable_otlp": False,
        }
        DBOS(config=config)
        try:
            return asyncio.run(_each(work)) if work.figure == "each" else _run(work)
        finally:
            DBOS.destroy()


def _run(work: Workload) -> Sample:
    engine = create_engine(work.sqlalchemy_url)
    began = time.perf_counter()
    DBOS.launch()
    while len(executed) < work.size and time.perf_counter() - began < _TIMEOUT_S:
        time.sleep(0.005)
    while (recorded := _recorded(engine, work)) < work.size and time.perf_counter() - began < _TIMEOUT_S:
        time.sleep(0.005)
    elapsed = time.perf_counter() - began
    verify("workflows executed", len(set(executed)), work.size)
    verify("workflows recorded", recorded, work.size)
    engine.dispose()
    return Sample({"per_second": work.size / elapsed}, done=work.size)


async def _each(work: Workload) -> Sample:
    DBOS.launch()
    began = time.perf_counter()
    await each(work.size, work.concurrency)
    elapsed = time.perf_counter() - began
    verify("items executed", len(set(executed)), work.size)
    engine = create_engine(work.sqlalchemy_url)
    verify("steps recorded", _count(engine, f"{_schema(work)}operation_outputs"), work.size)
    engine.dispose()
    return Sample({"per_second": work.size / elapsed}, done=work.size)


def _recorded(engine: Engine, work: Workload) -> int:
    return _count(engine, f"{_schema(work)}workflow_status WHERE status = 'SUCCESS'")


def _schema(work: Workload) -> str:
    return "dbos." if work.database is Database.POSTGRESQL else ""


def _count(engine: Engine, what: str) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {what}")).scalar_one())


subject = Dbos()
