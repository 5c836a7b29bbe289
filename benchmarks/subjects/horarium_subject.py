"""Horarium itself, as its users get it: the public `Scheduler` and its default settings."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from benchmarks.subjects import horarium_tasks, idle, raw_postgresql
from benchmarks.subjects.base import BenchmarkError, Database, Kind, Sample, Workload, percentiles_ms, verify
from benchmarks.subjects.commands import time_help
from benchmarks.subjects.horarium_plan import Observer, fill, scheduler_for
from horarium import Job, every

_TIMEOUT_S = 600.0
_LOOK_EVERY_S = 0.05
_OURS = "job_key IN (SELECT key FROM horarium_jobs WHERE origin = 'code')"


class Horarium:
    """One node."""

    name = "Horarium"
    kind = Kind.OURS
    databases = frozenset(Database)
    configurations: Mapping[str, str] = {
        "fire": "Scheduler(url), interval jobs with an async function that does not end: the first 1,000 runs begin, "
        "the others are queued",
        "run": "Scheduler(url), interval jobs with an async function",
        "latency": "Scheduler(url), interval jobs with an async function, added by add_jobs while it runs",
        "idle": "Scheduler(url), interval jobs",
        "start": "Scheduler(url), interval jobs with an async function",
        "each": "Scheduler(url), an async task that calls run.each with an async function",
        "help": "horarium --help",
    }

    def prepare(self, work: Workload) -> None:
        """Make the plan."""
        if work.figure != "help":
            fill(work)

    def measure(self, work: Workload) -> Sample:
        """Do the work."""
        return time_help("horarium") if work.figure == "help" else _MEASURES[work.figure](work)


def _fire(work: Workload) -> Sample:
    horarium_tasks.executed.clear()
    scheduler, observer = scheduler_for(work), Observer(work)
    due = observer.one("SELECT min(next_run_time) FROM horarium_job_clock")
    left = "SELECT 1 FROM horarium_job_clock WHERE next_run_time = :due AND NOT paused AND NOT held LIMIT 1"
    began = time.perf_counter()
    scheduler.start()
    _until(lambda: observer.one(left, due=due) is None, began)
    elapsed = time.perf_counter() - began
    verify(
        "runs that wait or have begun",
        observer.count(f"horarium_runs WHERE finished_at IS NULL AND {_OURS}"),
        work.size,
    )
    verify("runs, whatever became of them", observer.count(f"horarium_runs WHERE {_OURS}"), work.size)
    verify("jobs moved on", observer.count(f"horarium_job_clock WHERE version = 1 AND {_OURS}"), work.size)
    observer.close()
    scheduler.shutdown(wait=False)
    return Sample({"per_second": work.size / elapsed}, done=work.size)


def _run(work: Workload) -> Sample:
    horarium_tasks.executed.clear()
    scheduler, observer = scheduler_for(work), Observer(work)
    began = time.perf_counter()
    scheduler.start()
    _until(lambda: len(horarium_tasks.executed) >= work.size, began)
    _until(lambda: not observer.count(f"horarium_runs WHERE state IN ('running', 'stopping') AND {_OURS}"), began)
    elapsed = time.perf_counter() - began
    verify("functions executed", len(horarium_tasks.executed), work.size)
    verify("functions executed, each once", len(set(horarium_tasks.executed)), work.size)
    verify("runs recorded", observer.count(f"horarium_runs WHERE state = 'succeeded' AND {_OURS}"), work.size)
    verify("jobs moved on", observer.count(f"horarium_job_clock WHERE version = 1 AND {_OURS}"), work.size)
    observer.close()
    scheduler.shutdown()
    return Sample({"per_second": work.size / elapsed}, done=work.size)


def _latency(work: Workload) -> Sample:
    horarium_tasks.late.clear()
    scheduler = scheduler_for(work)
    scheduler.start()
    model = scheduler.get_job("job-1")
    assert model is not None
    first = time.time() + 3 + work.size / 1000
    moments = [first + number / work.per_second for number in range(work.size)]
    scheduler.add_jobs(_job_at(model, number, at) for number, at in enumerate(moments))
    verify("seconds too late to begin with", int(time.time() > first), 0)
    time.sleep(moments[-1] - time.time() + 2)
    verify("functions executed", len(horarium_tasks.late), work.size)
    scheduler.shutdown()
    return Sample(percentiles_ms(horarium_tasks.late), done=work.size)


def _job_at(model: Job, number: int, at: float) -> Job:
    return Job(
        id=f"due-{number}",
        task="benchmarks.subjects.horarium_tasks:note_lateness",
        trigger=every(hours=1),
        args=(at,),
        policies=replace(model.policies),
        next_run_time=datetime.fromtimestamp(at, UTC),
    )


def _idle(work: Workload) -> Sample:
    scheduler = scheduler_for(work)
    scheduler.start()
    servers = raw_postgresql.backend_pids(work.url) if work.database is Database.POSTGRESQL else []
    sample = idle.watch(work.seconds, time.sleep, servers)
    verify("health that is not ok", int(scheduler.health()["status"] != "ok"), 0)
    scheduler.shutdown()
    return sample


def _start(work: Workload) -> Sample:
    scheduler = scheduler_for(work)
    scheduler.start()
    if not horarium_tasks.first_call.wait(_TIMEOUT_S):
        raise BenchmarkError("the due job was not run")
    elapsed = time.time() - work.spawned_at
    scheduler.shutdown()
    runs = scheduler.runs("job-1", states=["succeeded"], since=datetime.now(UTC) - timedelta(seconds=60))
    verify("runs recorded, at least one", min(len(runs), 1), 1)
    return Sample({"seconds": elapsed}, done=1)


def _each(work: Workload) -> Sample:
    horarium_tasks.executed.clear()
    horarium_tasks.elapsed.clear()
    scheduler = scheduler_for(work)
    scheduler.start()
    scheduler.run(horarium_tasks.all_items, work.size, work.concurrency)
    scheduler.shutdown()
    observer = Observer(work)
    verify("items executed", len(horarium_tasks.executed), work.size)
    verify("items marked", observer.marks(), work.size)
    observer.close()
    return Sample({"per_second": work.size / horarium_tasks.elapsed[0]}, done=work.size)


def _until(is_done: Callable[[], bool], began: float) -> None:
    while not is_done():
        if time.perf_counter() - began > _TIMEOUT_S:
            raise BenchmarkError(f"not done after {_TIMEOUT_S:g} s")
        time.sleep(_LOOK_EVERY_S)


_MEASURES: Mapping[str, Callable[[Workload], Sample]] = {
    "fire": _fire,
    "run": _run,
    "latency": _latency,
    "idle": _idle,
    "start": _start,
    "each": _each,
}

subject = Horarium()
