"""Several nodes on one plan: one run for each occurrence, whoever is first."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError

from horarium import Job, JobStatus, RunState, every
from horarium.decide import decide
from horarium.errors import HorariumError, JobExists
from horarium.store import schema
from horarium.store.claims import Claims
from horarium.store.database import Database
from horarium.store.replanning import replan_for_new_zones
from horarium.store.settling import Settled, Thought
from horarium.store.ticks import Ticks
from horarium.testing import Timetable

from . import tasks
from .days import START, after
from .tasks import note, note_time

NODES = 4


@pytest.fixture
def opened(url: str, table: Timetable) -> Any:
    """Databases of several nodes."""
    del table
    databases = [Database(url) for _ in range(NODES)]
    yield databases
    for database in databases:
        database.close()


def at_once(actions: list[Callable[[], Any]]) -> list[Any]:
    """Do them in threads that begin together; what they answer, or the error of ours that they raise."""
    barrier = threading.Barrier(len(actions))

    def do(action: Callable[[], Any]) -> Any:
        barrier.wait()
        try:
            return action()
        except HorariumError as error:
            return error

    with ThreadPoolExecutor(len(actions)) as pool:
        return list(pool.map(do, actions))


def think(database: Database, now: datetime) -> list[Thought]:
    """What a tick reads and decides."""
    return [
        Thought(one.job, one.due_at, one.version, decide(one.job, one.due_at, now))
        for one in Ticks(database).due(now, 1_000)
    ]


def write(database: Database, thoughts: list[Thought], now: datetime, node: str) -> Settled:
    return Ticks(database).write(thoughts, node=node, now=now, takes=lambda _: False)


def runs_of(database: Database) -> Counter[tuple[datetime, int]]:
    with database.read() as connection:
        rows = connection.execute(select(schema.runs.c.scheduled_at, schema.runs.c.job_key))
        return Counter((row.scheduled_at, row.job_key) for row in rows)


def test_nodes_that_tick_the_same_due_jobs_make_one_run_of_each(table: Timetable, opened: list[Database]) -> None:
    table.scheduler.add_jobs([Job(id=f"job-{n}", task="conformance.note", trigger=every(hours=1)) for n in range(200)])
    now = after(hours=1)
    thoughts = [think(database, now) for database in opened]
    assert [len(one) for one in thoughts] == [200] * NODES
    settled = at_once(
        [
            lambda database=database, mine=mine, name=f"node-{n}": write(database, mine, now, name)
            for n, (database, mine) in enumerate(zip(opened, thoughts, strict=True))
        ]
    )
    assert sum(len(one.queued) for one in settled) == 200
    assert sum(one.lost_races for one in settled) == 200 * (NODES - 1)
    assert set(runs_of(opened[0]).values()) == {1}
    assert len(runs_of(opened[0])) == 200


def test_a_tick_that_was_held_up_writes_nothing_over_what_others_did(table: Timetable, opened: list[Database]) -> None:
    table.scheduler.add_job(note, every(hours=1), id="job")
    slow = think(opened[0], after(hours=1))
    table.advance(hours=3)
    settled = write(opened[0], slow, after(hours=3), "slow")
    assert (settled.queued, settled.lost_races) == ([], 1)
    assert table.scheduler.get_job("job").next_run_time == after(hours=4)  # type: ignore[union-attr]
    assert len(table.scheduler.runs("job")) == 3


@pytest.mark.parametrize("change", ["pause", "reschedule", "remove", "modify", "replace"])
def test_a_tick_does_not_write_over_what_a_person_changed_meanwhile(
    table: Timetable, opened: list[Database], change: str
) -> None:
    scheduler = table.scheduler
    scheduler.add_job(note, every(hours=1), id="job")
    thoughts = think(opened[0], after(hours=1))
    {
        "pause": lambda: scheduler.pause_job("job"),
        "reschedule": lambda: scheduler.reschedule_job("job", every(hours=9)),
        "remove": lambda: scheduler.remove_job("job"),
        "modify": lambda: scheduler.modify_job("job", args=[1]),
        "replace": lambda: scheduler.add_job(note, every(hours=9), id="job", replace_existing=True),
    }[change]()
    assert write(opened[0], thoughts, after(hours=1), "slow").lost_races == 1
    assert scheduler.runs("job") == []


def test_two_schedulers_that_live_through_a_day_run_each_hour_once(
    table: Timetable, more: Callable[..., Timetable]
) -> None:
    second = more()
    table.scheduler.add_job(note_time, every(hours=1), id="job")
    for _ in range(12):
        for one in (table, second):
            one.clock.set(max(table.clock.now(), second.clock.now()) + timedelta(hours=1))
            one.run_due()
    assert tasks.calls == [after(hours=hour) for hour in range(1, 25)]


def test_nodes_that_claim_at_once_take_each_run_once(table: Timetable, opened: list[Database]) -> None:
    table.scheduler.add_job(note, every(days=9), id="job", overlap="allow")
    for _ in range(100):
        table.scheduler.run_now("job")

    def claim(database: Database, name: str) -> list[Any]:
        return Claims(database).claim(name, START, 40, executors=["thread"])

    taken = at_once([lambda database=one, n=n: claim(database, f"node-{n}") for n, one in enumerate(opened)])
    keys = [claimed.key for part in taken for claimed in part]
    assert len(keys) == len(set(keys)) == 100


def test_nodes_that_claim_at_once_stay_within_max_instances(table: Timetable, opened: list[Database]) -> None:
    table.scheduler.add_job(note, every(days=9), id="job", max_instances=3)
    for _ in range(50):
        table.scheduler.run_now("job")

    def claim(database: Database, name: str) -> list[Any]:
        return Claims(database).claim(name, START, 40, executors=["thread"])

    for _ in range(3):
        at_once([lambda database=one, n=n: claim(database, f"node-{n}") for n, one in enumerate(opened)])
    assert len(table.scheduler.runs(states=["running"])) == 3


def test_of_those_that_add_one_job_at_once_one_is_first(table: Timetable, more: Callable[..., Timetable]) -> None:
    schedulers = [table.scheduler, *(more().scheduler for _ in range(NODES - 1))]
    answers = at_once([lambda one=one: one.add_job(note, every(hours=1), id="job") for one in schedulers])
    assert Counter(type(answer) for answer in answers) == {Job: 1, JobExists: NODES - 1}


def test_those_that_replace_one_job_at_once_at_boot_all_do(table: Timetable, more: Callable[..., Timetable]) -> None:
    schedulers = [table.scheduler, *(more().scheduler for _ in range(NODES - 1))]
    answers = at_once(
        [lambda one=one: one.add_job(note, every(hours=1), id="job", replace_existing=True) for one in schedulers]
    )
    assert [type(answer) for answer in answers] == [Job] * NODES
    assert len(table.scheduler.get_jobs()) == 1


def test_those_that_replace_many_jobs_at_once_in_any_order_do_not_lock_each_other_out(
    table: Timetable, more: Callable[..., Timetable]
) -> None:
    schedulers = [table.scheduler, *(more().scheduler for _ in range(NODES - 1))]
    jobs = [Job(id=f"job-{n}", task="conformance.note", trigger=every(hours=1)) for n in range(60)]
    table.scheduler.add_jobs(jobs)

    def boot(number: int) -> list[Job]:
        changed = [Job(id=job.id, task=job.task, trigger=every(hours=number + 1)) for job in jobs]
        wanted = changed if number % 2 else changed[::-1]
        return schedulers[number].add_jobs(wanted, replace_existing=True)

    answers = at_once([lambda number=number: boot(number) for number in range(NODES)])
    assert [len(answer) if isinstance(answer, list) else answer for answer in answers] == [60] * NODES


def test_changes_of_two_policies_at_once_are_both_kept(table: Timetable, more: Callable[..., Timetable]) -> None:
    table.scheduler.add_job(note, every(hours=1), id="job")
    second = more().scheduler
    at_once(
        [
            lambda: table.scheduler.modify_job("job", timeout=5),
            lambda: second.modify_job("job", max_instances=7),
        ]
    )
    job = table.scheduler.get_job("job")
    assert job is not None
    assert (job.policies.timeout, job.policies.max_instances) == (5, 7)


def test_those_that_ask_for_a_run_at_one_instant_each_get_one(table: Timetable, more: Callable[..., Timetable]) -> None:
    table.scheduler.add_job(note, every(days=1), id="job", overlap="allow")
    schedulers = [table.scheduler, *(more().scheduler for _ in range(NODES - 1))]
    answers = at_once([lambda one=one: [one.run_now("job").id for _ in range(5)] for one in schedulers])
    assert len({run_id for part in answers for run_id in part}) == 5 * NODES


def test_a_backfill_by_several_at_once_makes_each_run_once(table: Timetable, more: Callable[..., Timetable]) -> None:
    table.scheduler.add_job(note, every(hours=1, start=START - timedelta(days=1)), id="job")
    schedulers = [table.scheduler, *(more().scheduler for _ in range(NODES - 1))]
    span = (START - timedelta(days=1), START - timedelta(hours=1))
    made = at_once([lambda one=one: one.backfill("job", *span) for one in schedulers])
    assert sum(len(part) for part in made) == 24


def test_a_cancel_and_an_end_at_once_leave_the_run_ended(table: Timetable, opened: list[Database]) -> None:
    del opened
    table.scheduler.add_job(note, every(days=1), id="job", overlap="allow")
    for _ in range(10):
        run = table.scheduler.run_now("job")
        at_once([table.run_due, lambda run=run: table.scheduler.cancel_run(run.id)])
        assert table.scheduler.get_run(run.id).state in {RunState.SUCCEEDED, RunState.CANCELLED}


def test_pausing_and_resuming_at_once_leave_the_job_in_one_of_both(
    table: Timetable, more: Callable[..., Timetable]
) -> None:
    table.scheduler.add_job(note, every(hours=1), id="job")
    second = more().scheduler
    at_once([lambda: table.scheduler.pause_job("job"), lambda: second.resume_job("job")])
    job = table.scheduler.get_job("job")
    assert job is not None
    assert job.status in {JobStatus.PAUSED, JobStatus.SCHEDULED}


def test_pausing_the_plan_at_once_is_no_error(table: Timetable, more: Callable[..., Timetable]) -> None:
    schedulers = [table.scheduler, *(more().scheduler for _ in range(NODES - 1))]
    assert at_once([one.pause for one in schedulers]) == [None] * NODES
    assert table.scheduler.statistics()["paused"] is True


def test_an_occurrence_that_has_a_run_gets_no_second_when_the_clock_of_its_job_is_set_back(
    table: Timetable, database: Database
) -> None:
    """As by a database that was restored in part, or by a fault of ours: the key of the run is what holds."""
    table.scheduler.add_job(note_time, every(hours=1), id="job")
    table.advance(hours=2)
    with database.write() as connection:
        connection.execute(
            schema.job_clock.update().values(next_run_time=after(hours=1), version=schema.job_clock.c.version + 1)
        )
    table.run_due()
    assert set(runs_of(database).values()) == {1}
    assert tasks.calls == [after(hours=1), after(hours=2)]


def test_two_active_runs_of_a_job_cannot_have_one_place(table: Timetable, database: Database) -> None:
    table.scheduler.add_job(note, every(hours=1), id="job")
    for _ in range(2):
        table.scheduler.run_now("job")
    with pytest.raises(IntegrityError), database.write() as connection:
        connection.execute(schema.runs.update().values(slot=1))


def test_nodes_that_start_at_once_on_a_new_plan_all_note_the_zones_it_is_planned_with(database: Database) -> None:
    barrier, errors = threading.Barrier(4), []

    def start() -> None:
        barrier.wait(20)
        try:
            replan_for_new_zones(database, START)
        except Exception as error:
            errors.append(error)

    for _ in range(5):
        with database.write() as connection:
            connection.execute(delete(schema.facts))
        threads = [threading.Thread(target=start) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    assert errors == []
