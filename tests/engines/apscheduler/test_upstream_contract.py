"""What APScheduler 3.11 asks of every job store, in our own words: the cases of its tests/test_jobstores.py."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from apscheduler.job import Job
from apscheduler.jobstores.base import ConflictingIdError, JobLookupError
from apscheduler.triggers.date import DateTrigger

from horarium.engines.apscheduler import PlanJob, PlanJobStore
from horarium.errors import ConfigurationError, JobError
from horarium.states import JobStatus
from horarium.store.database import Database
from horarium.store.jobs import Jobs

from . import tasks

BERLIN = ZoneInfo("Europe/Berlin")


def berlin(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=BERLIN)  # type: ignore[arg-type,misc]  # a date's parts


LATER = berlin(2999, 1, 1)


class Scheduler:
    """What a job asks of its scheduler before there is one."""

    timezone = BERLIN


def make_job(func: Any = tasks.note, at: datetime = LATER, *, paused: bool = False, **fields: Any) -> Job:
    time = None if paused else at
    given = {"misfire_grace_time": 1, "coalesce": False, "max_instances": 1, "name": "näme", "executor": "default"}
    return Job(
        Scheduler(),
        func=func,
        trigger=DateTrigger(at),
        args=fields.pop("args", ()),
        kwargs=fields.pop("kwargs", {}),
        next_run_time=time,
        **(given | fields),
    )


@pytest.fixture
def store(plan_url: str) -> Iterator[PlanJobStore]:
    """A store that belongs to no scheduler, as APScheduler's stores may be started."""
    store = PlanJobStore(plan_url)
    store.start(None, "plan")
    yield store
    store.shutdown()


Add = Callable[..., Job]


@pytest.fixture
def add(store: PlanJobStore) -> Add:
    def add(func: Any = tasks.note, at: datetime = LATER, **fields: Any) -> Job:
        job = make_job(func, at, **fields)
        store.add_job(job)
        return job

    return add


# --- functions


@pytest.mark.parametrize(
    "func",
    [
        tasks.Owner.class_method,
        f"{tasks.__name__}:Owner.class_method",
        f"{tasks.__name__}:owner.method",
    ],
    ids=["class method", "class method by reference", "method of a module's object by reference"],
)
def test_a_job_calls_what_it_was_given(store: PlanJobStore, add: Add, func: Any) -> None:
    added = add(func, kwargs={"a": 1, "b": 2})
    job = store.lookup_job(added.id)
    assert job is not None
    assert job.func(*job.args, **job.kwargs) == 3


def test_a_method_of_an_instance_is_refused_with_what_to_do(store: PlanJobStore, add: Add) -> None:
    with pytest.raises(JobError, match=r"method of an instance.*use a function of a module"):
        add(tasks.Owner().method, kwargs={"a": 1, "b": 2})


@pytest.mark.parametrize("func", [lambda: None, functools.partial(tasks.note, 1)], ids=["lambda", "partial"])
def test_what_no_other_process_could_find_is_refused(store: PlanJobStore, func: Any) -> None:
    with pytest.raises(JobError):
        store.add_job(make_job(func, name="nameless"))


# --- looking


def test_a_job_is_found_by_its_id(store: PlanJobStore, add: Add) -> None:
    added = add()
    assert store.lookup_job(added.id) == added


def test_a_found_job_says_everything_that_was_said_of_it(store: PlanJobStore, add: Add) -> None:
    at = berlin(2999, 7, 1, 12)
    added = add(at=at, args=[1, "é"], kwargs={"deep": {"list": [None, True]}}, id="tést", max_instances=3)
    job = store.lookup_job("tést")
    assert isinstance(job, PlanJob)
    names = ("id", "name", "func", "func_ref", "args", "kwargs", "coalesce", "max_instances", "misfire_grace_time")
    told = {name: getattr(job, name) for name in names}
    assert told == {name: getattr(added, name) for name in names} | {"args": (1, "é")}
    assert (job.executor, job.next_run_time, str(job.trigger)) == ("default", at, "date[2999-07-01 12:00:00 CEST]")
    assert job.next_run_time.tzinfo == BERLIN
    assert str(job) == "näme (trigger: date[2999-07-01 12:00:00 CEST], next run at: 2999-07-01 12:00:00 CEST)"


def test_an_unknown_id_finds_nothing(store: PlanJobStore) -> None:
    assert store.lookup_job("foo") is None


def test_all_jobs_come_by_time_and_paused_ones_last(store: PlanJobStore, add: Add) -> None:
    late = add(at=berlin(2016, 5, 3))
    early = add(tasks.other, berlin(2013, 8, 14))
    paused = add(tasks.other, berlin(2013, 7, 11), paused=True)
    assert store.get_all_jobs() == [early, late, paused]
    assert [job.next_run_time is None for job in store.get_all_jobs()] == [False, False, True]


def test_due_jobs_are_those_whose_time_has_come_the_oldest_first(store: PlanJobStore, add: Add) -> None:
    add(at=berlin(2016, 5, 3))
    second = add(tasks.other, berlin(2014, 2, 26))
    first = add(tasks.third, berlin(2013, 8, 14))
    add(tasks.third, berlin(2013, 7, 11), paused=True)
    assert store.get_due_jobs(berlin(2014, 2, 27)) == [first, second]
    assert store.get_due_jobs(berlin(2013, 8, 13)) == []


def test_times_are_kept_to_the_microsecond(store: PlanJobStore, add: Add) -> None:
    jobs = {micro: add(at=berlin(2014, 7, 7, 0, 0, 0, micro)) for micro in (401, 402, 400)}
    assert store.get_due_jobs(berlin(2014, 7, 7, 1)) == [jobs[400], jobs[401], jobs[402]]


def test_the_next_run_time_is_the_earliest_of_jobs_that_are_not_paused(store: PlanJobStore, add: Add) -> None:
    assert store.get_next_run_time() is None
    add(at=berlin(2016, 5, 3))
    add(at=berlin(2013, 8, 14))
    add(at=berlin(2013, 7, 11), paused=True)
    assert store.get_next_run_time() == berlin(2013, 8, 14)


def test_a_job_whose_function_is_gone_is_hidden_and_kept(
    store: PlanJobStore, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    late, early = add(at=berlin(2016, 5, 3)), add(tasks.other, berlin(2014, 2, 26))
    broken = add(tasks.third, berlin(2013, 8, 14))
    monkeypatch.delattr(tasks, "third")
    assert store.get_all_jobs() == [early, late]
    assert store.lookup_job(broken.id) is None
    assert store.get_next_run_time() == berlin(2014, 2, 26)
    assert store.get_due_jobs(berlin(2020, 1, 1)) == [early, late]
    monkeypatch.undo()
    assert store.get_all_jobs() == [broken, early, late]


# --- changing


def test_an_id_that_is_taken_is_refused(add: Add) -> None:
    add(at=berlin(2016, 5, 3), id="blah")
    with pytest.raises(ConflictingIdError):
        add(tasks.other, berlin(2014, 2, 26), id="blah")


def test_an_update_puts_a_new_definition_in_the_place_of_the_old(store: PlanJobStore, add: Add) -> None:
    changed, early = add(at=berlin(2016, 5, 3)), add(tasks.other, berlin(2014, 2, 26))
    store.update_job(make_job(tasks.third, berlin(2016, 5, 4), id=changed.id, max_instances=6))
    jobs = store.get_all_jobs()
    assert jobs == [early, changed]
    assert (jobs[1].next_run_time, jobs[1].max_instances, jobs[1].func) == (berlin(2016, 5, 4), 6, tasks.third)


def test_an_update_with_an_earlier_time_comes_first(store: PlanJobStore, add: Add) -> None:
    job = add(at=berlin(2016, 5, 3))
    add(at=berlin(2013, 8, 14))
    job.next_run_time = berlin(2013, 8, 13)
    store.update_job(job)
    assert store.get_next_run_time() == berlin(2013, 8, 13)


def test_an_update_without_a_time_pauses(store: PlanJobStore, add: Add) -> None:
    job, other = add(at=berlin(2998, 5, 3)), add(at=berlin(2999, 8, 14))
    job.next_run_time = None
    store.update_job(job)
    assert store.get_next_run_time() == other.next_run_time
    assert store.get_all_jobs() == [other, job]


@pytest.mark.parametrize("index", [0, 1, 2])
@pytest.mark.parametrize("earlier", [berlin(2013, 8, 13), None], ids=["earlier", "paused"])
def test_jobs_of_one_time_keep_their_order_when_one_of_them_is_moved(
    store: PlanJobStore, add: Add, index: int, earlier: datetime | None
) -> None:
    jobs = [add(at=berlin(2014, 2, 26), id=f"job{number}") for number in range(3)]
    jobs[index].next_run_time = earlier
    store.update_job(jobs[index])
    others = [job.id for number, job in enumerate(jobs) if number != index]
    due = [job.id for job in store.get_due_jobs(berlin(2014, 2, 27))]
    assert due == ([f"job{index}", *others] if earlier else others)


def test_an_update_of_a_job_that_is_not_there_is_an_error(store: PlanJobStore) -> None:
    with pytest.raises(JobLookupError):
        store.update_job(make_job())


def test_a_removed_job_is_gone(store: PlanJobStore, add: Add) -> None:
    first, second = add(at=berlin(2016, 5, 3)), add(tasks.other, berlin(2014, 2, 26))
    store.remove_job(first.id)
    assert store.get_all_jobs() == [second]
    store.remove_job(second.id)
    assert store.get_all_jobs() == []


def test_removing_a_job_that_is_not_there_is_an_error(store: PlanJobStore) -> None:
    with pytest.raises(JobLookupError):
        store.remove_job("blah")


def test_all_jobs_are_removed_at_once(store: PlanJobStore, add: Add) -> None:
    add()
    add(tasks.other)
    store.remove_all_jobs()
    assert store.get_all_jobs() == []


# --- the store itself


def test_a_store_shows_its_address_without_the_password() -> None:
    store = PlanJobStore("postgresql://me:secret@127.0.0.1/plan")
    assert repr(store) == "<PlanJobStore (url=postgresql+psycopg://me:***@127.0.0.1/plan)>"


def test_a_store_without_an_address_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="url"):
        PlanJobStore()


def test_a_database_that_was_given_is_left_open(tmp_path: Any, make_database: Callable[[str], Database]) -> None:
    database = make_database(f"sqlite:///{tmp_path}/plan.db")
    for given in ({"url": database}, {"engine": database.engine}):
        store = PlanJobStore(**given)
        store.start(None, "plan")
        store.add_job(make_job())
        pool = database.engine.pool
        store.shutdown()
        assert database.engine.pool is pool
    assert len(Jobs(database).find(status=JobStatus.SCHEDULED)) == 2


def test_times_that_are_read_outside_of_a_loop_are_those_of_the_plan(store: PlanJobStore, add: Add) -> None:
    add(at=berlin(2999, 1, 1))
    assert store.get_due_jobs(datetime.now(UTC)) == []
    assert store.get_next_run_time() == berlin(2999, 1, 1)
