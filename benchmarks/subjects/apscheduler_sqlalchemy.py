"""APScheduler 3.11 with its SQLAlchemyJobStore, as it is. It keeps no record of runs."""

import asyncio
import pickle
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from apscheduler.events import EVENT_JOB_EXECUTED, EVENT_JOB_SUBMITTED
from apscheduler.executors.asyncio import AsyncIOExecutor
from apscheduler.executors.base import BaseExecutor
from apscheduler.job import Job
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger
from sqlalchemy import Engine, create_engine, event, func, select

from benchmarks.subjects import idle, raw_postgresql
from benchmarks.subjects.base import Database, Kind, Sample, Workload, percentiles_ms, verify

_DEFAULTS = {"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
_TIMEOUT_S = 600.0

executed: list[int] = []
late: list[float] = []
started = threading.Event()


def count() -> None:
    """What the fired jobs name; the executor that only counts does not call it."""


async def noop(number: int) -> None:
    """The function that is run: it leaves a trace, so that runs can be counted."""
    executed.append(number)


async def note_lateness(due: float) -> None:
    """The function whose first line is awaited."""
    late.append(time.time() - due)
    started.set()


class CountingExecutor(BaseExecutor):  # type: ignore[misc]  # APScheduler has no annotations
    """An executor that counts submissions and runs nothing, so that firing alone is timed."""

    def __init__(self) -> None:
        super().__init__()
        self.submitted: set[str] = set()

    def _do_submit_job(self, job: Job, run_times: Sequence[datetime]) -> None:
        self.submitted.add(job.id)
        self._run_job_success(job.id, [])


class APSchedulerWithSQLAlchemy:
    """One node of APScheduler on the shared database."""

    name = "APScheduler 3.11"
    kind = Kind.PEER
    databases = frozenset(Database)
    configurations: Mapping[str, str] = {
        "fire": "BackgroundScheduler, SQLAlchemyJobStore (psycopg 3), interval jobs, an executor that only counts",
        "run": "AsyncIOScheduler, AsyncIOExecutor, SQLAlchemyJobStore (psycopg 3), interval jobs; runs not recorded",
        "latency": "AsyncIOScheduler, AsyncIOExecutor, SQLAlchemyJobStore (psycopg 3), interval jobs",
        "idle": "BackgroundScheduler, SQLAlchemyJobStore (psycopg 3), interval jobs",
        "start": "AsyncIOScheduler, AsyncIOExecutor, SQLAlchemyJobStore (psycopg 3), interval jobs",
    }

    def prepare(self, work: Workload) -> None:
        """Write the jobs as `add_job` writes them, in bulk: `work.size` of them due since a second."""
        now = datetime.now(UTC)
        due = 0 if work.figure == "latency" else work.size
        function = noop if work.figure == "run" else count
        engine = _engine(work)
        store = SQLAlchemyJobStore(engine=engine)
        store.jobs_t.create(engine)
        scheduler = BackgroundScheduler(timezone=UTC)
        with engine.begin() as connection:
            for first in range(0, work.plan, 10_000):
                numbers = range(first, min(work.plan, first + 10_000))
                moments = [now + (timedelta(seconds=-1) if n < due else timedelta(days=1)) for n in numbers]
                every = timedelta(seconds=1) if work.figure == "start" else timedelta(hours=1)
                jobs = [
                    _row(scheduler, f"job-{n}", function, at, every, [n] if function is noop else [])
                    for n, at in zip(numbers, moments, strict=True)
                ]
                if work.figure == "start":
                    jobs[:due] = [_row(scheduler, f"job-{n}", note_lateness, now, every, [0.0]) for n in numbers[:due]]
                connection.execute(store.jobs_t.insert(), jobs)
        engine.dispose()

    def measure(self, work: Workload) -> Sample:
        """Do the work."""
        if work.figure == "fire":
            return _fire(work)
        if work.figure == "idle":
            return _idle(work)
        return asyncio.run({"run": _run, "latency": _latency, "start": _start}[work.figure](work))


def _fire(work: Workload) -> Sample:
    executor, engine = CountingExecutor(), _engine(work)
    store = SQLAlchemyJobStore(engine=engine)
    scheduler = BackgroundScheduler(
        jobstores={"default": store}, executors={"default": executor}, job_defaults=_DEFAULTS, timezone=UTC
    )
    remaining, finished = [work.size], threading.Event()

    def on_submitted(_: object) -> None:
        # Dispatched when the loop is through with all due jobs and has written the last of them.
        remaining[0] -= 1
        if not remaining[0]:
            finished.set()

    scheduler.add_listener(on_submitted, EVENT_JOB_SUBMITTED)
    began = time.perf_counter()
    scheduler.start()
    finished.wait(_TIMEOUT_S)
    elapsed = time.perf_counter() - began
    verify("jobs submitted", len(executor.submitted), work.size)
    verify("jobs moved on", _moved_on(engine, store), work.size)
    scheduler.shutdown()
    return Sample({"per_second": work.size / elapsed}, done=work.size)


async def _run(work: Workload) -> Sample:
    executed.clear()
    engine = _engine(work)
    store = SQLAlchemyJobStore(engine=engine)
    scheduler = _asyncio_scheduler(store)
    remaining, finished = [work.size], asyncio.Event()

    def on_executed(_: object) -> None:
        remaining[0] -= 1
        if not remaining[0]:
            finished.set()

    scheduler.add_listener(on_executed, EVENT_JOB_EXECUTED)
    began = time.perf_counter()
    scheduler.start()
    await asyncio.wait_for(finished.wait(), _TIMEOUT_S)
    elapsed = time.perf_counter() - began
    verify("functions executed", len(set(executed)), work.size)
    verify("jobs moved on", _moved_on(engine, store), work.size)
    scheduler.shutdown()
    await asyncio.sleep(0)
    return Sample({"per_second": work.size / elapsed}, done=work.size)


async def _latency(work: Workload) -> Sample:
    late.clear()
    store = SQLAlchemyJobStore(engine=_engine(work))
    scheduler = _asyncio_scheduler(store)
    scheduler.start()
    first = time.time() + 2 + work.size / 2000
    moments = [first + n / work.per_second for n in range(work.size)]
    with store.engine.begin() as connection:
        rows = [
            _row(scheduler, f"due-{n}", note_lateness, datetime.fromtimestamp(at, UTC), timedelta(hours=1), [at])
            for n, at in enumerate(moments)
        ]
        connection.execute(store.jobs_t.insert(), rows)
    scheduler.wakeup()
    verify("seconds too late to begin with", int(time.time() > first), 0)
    await asyncio.sleep(moments[-1] - time.time() + 5)
    verify("functions executed", len(late), work.size)
    scheduler.shutdown()
    await asyncio.sleep(0)
    return Sample(percentiles_ms(late), done=len(late))


async def _start(work: Workload) -> Sample:
    started.clear()
    scheduler = _asyncio_scheduler(SQLAlchemyJobStore(engine=_engine(work)))
    scheduler.start()
    while not started.is_set():
        await asyncio.sleep(0.001)
    elapsed = time.time() - work.spawned_at
    scheduler.shutdown()
    await asyncio.sleep(0)
    return Sample({"seconds": elapsed}, done=len(late))


def _idle(work: Workload) -> Sample:
    scheduler = BackgroundScheduler(
        jobstores={"default": SQLAlchemyJobStore(engine=_engine(work))}, job_defaults=_DEFAULTS, timezone=UTC
    )
    scheduler.start()
    servers = raw_postgresql.backend_pids(work.url) if work.database is Database.POSTGRESQL else []
    sample = idle.watch(work.seconds, time.sleep, servers)
    scheduler.shutdown()
    return sample


def _asyncio_scheduler(store: SQLAlchemyJobStore) -> AsyncIOScheduler:
    return AsyncIOScheduler(
        jobstores={"default": store}, executors={"default": AsyncIOExecutor()}, job_defaults=_DEFAULTS, timezone=UTC
    )


def _row(
    scheduler: Any, name: str, function: Any, at: datetime, every: timedelta, arguments: list[Any]
) -> dict[str, Any]:
    """What `SQLAlchemyJobStore.add_job` writes for a job."""
    trigger = IntervalTrigger(seconds=int(every.total_seconds()), timezone=UTC)
    job = Job(
        scheduler,
        id=name,
        func=function,
        trigger=trigger,
        args=arguments,
        kwargs={},
        executor="default",
        next_run_time=at,
        name=name,
        **_DEFAULTS,
    )
    state = pickle.dumps(job.__getstate__(), pickle.HIGHEST_PROTOCOL)
    return {"id": name, "next_run_time": at.timestamp(), "job_state": state}


def _moved_on(engine: Engine, store: SQLAlchemyJobStore) -> int:
    statement = select(func.count()).where(store.jobs_t.c.next_run_time > time.time())
    with engine.connect() as connection:
        return int(connection.execute(statement).scalar_one())


def _engine(work: Workload) -> Engine:
    """An engine like the one that the store would make itself; SQLite as durable as elsewhere, and in WAL mode."""
    engine = create_engine(work.sqlalchemy_url)
    if work.database is Database.SQLITE:

        @event.listens_for(engine, "connect")
        def set_pragmas(connection: Any, _: object) -> None:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")

    return engine


subject = APSchedulerWithSQLAlchemy()
