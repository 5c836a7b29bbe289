"""What one turn of APScheduler's loop does with the plan."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from apscheduler.events import EVENT_ALL, EVENT_JOB_REMOVED

from horarium.engines.apscheduler import PlanExecutor, PlanJobStore
from horarium.engines.apscheduler.job import DueJob
from horarium.engines.apscheduler.ticking import LEAST, LONGEST
from horarium.engines.ticker import Ticker
from horarium.events import EventBus
from horarium.states import DecisionKind, JobStatus, Overlap
from horarium.store.database import Database
from horarium.store.ticks import Ticks
from horarium.when import Once, cron, every

from . import tasks
from .conftest import START, HandScheduler, Plugged

MINUTE = timedelta(minutes=1)


def test_what_is_due_becomes_runs_and_moves_on(plugged: Plugged) -> None:
    plugged.add("often", every(minutes=1))
    plugged.add("rarely", every(hours=1))
    plugged.clock.set(START + MINUTE)
    plugged.turn()
    assert plugged.times("often") == [START + MINUTE]
    assert plugged.times("rarely") == []
    assert plugged.jobs.get("often").next_run_time == START + 2 * MINUTE


def test_a_run_is_executed_with_the_jobs_arguments(plugged: Plugged) -> None:
    plugged.add("greet", every(minutes=1), args=(1,), kwargs={"b": 2})
    plugged.clock.set(START + MINUTE)
    plugged.turn()
    plugged.inline.drain()
    assert tasks.calls == [((1,), {"b": 2})]
    assert plugged.states("greet") == ["succeeded"]


def test_the_loop_sleeps_until_the_next_due_time_and_never_longer_than_a_second(plugged: Plugged) -> None:
    assert plugged.turn() == pytest.approx(LONGEST, abs=0.1)
    plugged.add("soon", every(seconds=0.5))
    assert plugged.turn() == pytest.approx(0.5 - LEAST, abs=0.1)
    plugged.add("later", every(hours=1))
    plugged.jobs.remove("soon", plugged.clock.now())
    plugged.node.announce()
    assert plugged.turn() == pytest.approx(LONGEST, abs=0.1)


def test_an_outage_is_decided_as_the_job_says(plugged: Plugged) -> None:
    plugged.add("coalesced", every(minutes=1))
    plugged.add("each", every(minutes=1), policies={"coalesce": False, "max_instances": 9, "overlap": Overlap.ALLOW})
    plugged.add("strict", every(minutes=1), policies={"misfire_grace_time": 5})
    plugged.clock.set(START + 3 * MINUTE + timedelta(seconds=30))
    plugged.turn()
    assert plugged.times("coalesced") == [START + 3 * MINUTE]
    assert plugged.times("each") == [START + n * MINUTE for n in (1, 2, 3)]
    assert plugged.times("strict") == []
    (missed,) = plugged.runs.why("strict", None, plugged.clock.now())
    assert (missed.kind, missed.count) == (DecisionKind.MISSED, 3)


def note_what_is_read(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[int]]]:
    """Have it noted which thread reads the definitions of which jobs."""
    read: list[tuple[str, list[int]]] = []
    load = Ticks._load

    def noting(ticks: Ticks, connection: Any, keys: Any, revisions: Any) -> Any:
        read.append((threading.current_thread().name, [key for key in keys if key not in ticks._definitions]))
        return load(ticks, connection, keys, revisions)

    monkeypatch.setattr(Ticks, "_load", noting)
    return read


@pytest.fixture
def backlog(plan_url: str, make_database: Callable[[str], Database]) -> Iterator[Plugged]:
    """Seven jobs that are due, of which a tick takes three; no run begins here."""
    with closing(Plugged(make_database(plan_url))) as plugged:
        plugged.scheduler.remove_jobstore("default")
        plugged.scheduler.add_jobstore(PlanJobStore(node=plugged.node, tick_batch=3))
        for number in range(7):
            plugged.add(f"job{number}", every(minutes=1))
        plugged.clock.set(START + MINUTE)
        yield plugged


def test_a_backlog_is_taken_in_batches_without_sleep(backlog: Plugged) -> None:
    assert [backlog.turn(), backlog.turn()] == [0.0, 0.0]
    assert backlog.turn() > 0
    assert len(backlog.runs.find()) == 7


def test_while_a_tick_of_a_backlog_is_written_the_jobs_of_the_next_one_are_read(
    backlog: Plugged, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = note_what_is_read(monkeypatch)
    assert [backlog.turn(), backlog.turn()] == [0.0, 0.0]
    assert backlog.turn() > 0
    assert sorted(key for _, keys in read for key in keys) == [1, 2, 3, 4, 5, 6, 7]
    # Which ones depends on whether a tick had been written when what comes after it was read.
    ahead = [key for thread, keys in read for key in keys if thread == "horarium-ahead"]
    assert bool(ahead) is backlog.database.dialect.has_server


def test_nothing_is_read_ahead_while_runs_begin_here(backlog: Plugged, monkeypatch: pytest.MonkeyPatch) -> None:
    read = note_what_is_read(monkeypatch)
    backlog.node.runner.begun += 1
    assert [backlog.turn(), backlog.turn()] == [0.0, 0.0]
    assert backlog.turn() > 0
    assert [keys for _, keys in read] == [[1, 2, 3], [4, 5, 6], [7]]


@pytest.mark.parametrize("broken", [(Ticker, "read_ahead"), (threading.Thread, "start")], ids=["query", "thread"])
def test_a_backlog_is_written_though_nothing_could_be_read_ahead(
    backlog: Plugged, monkeypatch: pytest.MonkeyPatch, broken: tuple[type, str]
) -> None:
    def refuse(*_: Any) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(*broken, refuse)
    assert [backlog.turn(), backlog.turn()] == [0.0, 0.0]
    assert backlog.turn() > 0
    assert len(backlog.runs.find()) == 7


def test_a_job_whose_schedule_is_over_is_kept_and_hidden(plugged: Plugged) -> None:
    plugged.add("once", Once(START + MINUTE))
    plugged.clock.set(START + MINUTE)
    plugged.turn()
    assert plugged.scheduler.get_jobs() == []
    assert plugged.scheduler.get_job("once") is None
    assert plugged.jobs.get("once").status is JobStatus.FINISHED
    assert plugged.times("once") == [START + MINUTE]


def test_the_id_of_a_job_whose_schedule_is_over_is_free(plugged: Plugged) -> None:
    plugged.scheduler.add_job(tasks.note, run_date=datetime.now(UTC), id="once", misfire_grace_time=None)
    plugged.clock.set(datetime.now(UTC) + MINUTE)
    plugged.turn()
    plugged.inline.drain()
    again = plugged.clock.now() + MINUTE
    plugged.scheduler.add_job(tasks.other, run_date=again, id="once")
    found = plugged.scheduler.get_job("once")
    assert (found.func, found.next_run_time) == (tasks.other, again)
    assert plugged.states() == ["succeeded"]


def test_a_finished_job_that_is_added_again_does_not_lose_a_run_that_waits(plugged: Plugged) -> None:
    plugged.scheduler.add_job(tasks.note, run_date=datetime.now(UTC), id="once", misfire_grace_time=None)
    plugged.clock.set(datetime.now(UTC) + MINUTE)
    plugged.turn()
    assert plugged.states() == ["queued"]
    plugged.scheduler.add_job(tasks.note, run_date=plugged.clock.now() + MINUTE, id="once")
    assert plugged.states() == ["queued"]
    assert plugged.scheduler.get_job("once") is not None


def test_a_broken_job_is_kept_and_does_not_stop_the_others(plugged: Plugged) -> None:
    plugged.add("broken", every(minutes=1), task="not_there")
    plugged.add("well", every(minutes=1))
    plugged.clock.set(START + MINUTE)
    plugged.turn()
    assert plugged.times("well") == [START + MINUTE]
    job = plugged.jobs.get("broken")
    assert job.status is JobStatus.BROKEN
    assert "has no not_there" in str(job.fault)
    assert [job.id for job in plugged.scheduler.get_jobs()] == ["well"]


def test_a_job_that_cannot_be_decided_is_set_aside_and_the_others_go_on(
    plugged: Plugged, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugged.add("odd", every(minutes=1))
    plugged.add("well", every(minutes=1))
    odd = plugged.jobs.get("odd")
    monkeypatch.setattr("horarium.engines.apscheduler.ticking.decide", _failing_for(odd.key))
    plugged.clock.set(START + MINUTE)
    plugged.turn()
    assert plugged.times("well") == [START + MINUTE]
    assert plugged.jobs.get("odd").status is JobStatus.QUARANTINED
    assert plugged.jobs.get("odd").fault == "OverflowError: out of range"


def _failing_for(key: int) -> Callable[..., Any]:
    from horarium.decide import decide

    def failing(job: Any, due: datetime, now: datetime) -> Any:
        if job.key == key:
            raise OverflowError("out of range")
        return decide(job, due, now)

    return failing


def test_nothing_is_due_while_the_plan_is_paused_and_the_loop_rests(plugged: Plugged) -> None:
    plugged.add("often", every(minutes=1))
    plugged.holds.pause_plan("a test")
    plugged.node.announce()
    plugged.clock.set(START + MINUTE)
    assert plugged.turn() == pytest.approx(LONGEST, abs=0.1)
    assert plugged.times("often") == []
    plugged.holds.resume_plan()
    plugged.node.announce()
    plugged.turn()
    assert plugged.times("often") == [START + MINUTE]


def test_a_paused_scheduler_leaves_the_plan_alone(plugged: Plugged) -> None:
    plugged.add("often", every(minutes=1))
    plugged.scheduler.pause()
    plugged.clock.set(START + MINUTE)
    assert plugged.scheduler.turn() is None
    assert plugged.times("often") == []


def test_a_thousand_wakeups_are_one_look(plugged: Plugged) -> None:
    plugged.turn()
    looks = _count_looks(plugged)
    for _ in range(1000):
        plugged.scheduler.turn()
    assert len(looks) == 0
    plugged.turn()
    assert len(looks) == 1


def test_a_wakeup_when_something_is_due_is_not_put_off(plugged: Plugged) -> None:
    plugged.add("soon", every(seconds=LEAST * 1.5))
    plugged.turn()
    plugged.clock.advance(seconds=LEAST * 0.6)
    plugged.scheduler.turn()
    assert len(plugged.times("soon")) == 1


def _count_looks(plugged: Plugged) -> list[Any]:
    looks: list[Any] = []
    real = plugged.node.ticker.due

    def due(*args: Any) -> Any:
        looks.append(args)
        return real(*args)

    plugged.node.ticker.due = due  # type: ignore[method-assign]  # counted
    return looks


def test_a_tick_that_lost_the_race_makes_nothing_twice(plugged: Plugged) -> None:
    plugged.add("often", every(minutes=1))
    plugged.clock.set(START + MINUTE)
    jobs = plugged.store.get_due_jobs(plugged.clock.now())
    other = Ticker(plugged.database, plugged.node.registry, plugged.node.runner, plugged.clock, EventBus())
    other.apply(other.due(plugged.clock.now()), plugged.clock.now(), "another node")
    for job in jobs:
        job._get_run_times(plugged.clock.now())
    plugged.store.get_next_run_time()
    assert plugged.times("often") == [START + MINUTE]
    assert plugged.jobs.get("often").next_run_time == START + 2 * MINUTE


def test_what_was_read_outside_of_the_loop_is_not_written(plugged: Plugged) -> None:
    plugged.add("often", every(minutes=1))
    plugged.clock.set(START + MINUTE)
    (job,) = plugged.store.get_due_jobs(plugged.clock.now())
    assert (job.id, job.next_run_time, str(job.trigger)) == ("often", START + MINUTE, "interval[0:01:00]")
    plugged.store.get_next_run_time()
    assert plugged.times("often") == []
    assert plugged.store.get_next_run_time() == START + MINUTE


def test_a_job_of_a_tick_is_collected_by_every_call_of_the_contract_and_once(plugged: Plugged) -> None:
    plugged.add("often", every(minutes=1))
    plugged.clock.set(START + MINUTE)
    (job,) = plugged.store.get_due_jobs(plugged.clock.now())
    assert isinstance(job, DueJob)
    plugged.executor.submit_job(job, [START + MINUTE])
    assert job.trigger.get_next_fire_time(START + MINUTE, plugged.clock.now()) == START + 2 * MINUTE
    job._modify(next_run_time=START + 2 * MINUTE)
    plugged.store.update_job(job)
    plugged.store.get_next_run_time()
    assert plugged.times("often") == [START + MINUTE]


def test_the_trigger_of_a_job_in_a_tick_never_ends(plugged: Plugged) -> None:
    plugged.add("once", Once(START + MINUTE))
    plugged.clock.set(START + MINUTE)
    (job,) = plugged.store.get_due_jobs(plugged.clock.now())
    assert job.trigger.get_next_fire_time(START + MINUTE, plugged.clock.now()) is not None


def test_a_job_stays_when_its_executor_is_not_found(plugged: Plugged) -> None:
    plugged.add("often", every(minutes=1))
    plugged.clock.set(START + MINUTE)
    plugged.scheduler.remove_executor("default", shutdown=False)
    assert plugged.turn() == pytest.approx(LONGEST, abs=0.1)
    assert plugged.jobs.get("often").next_run_time == START + MINUTE
    plugged.scheduler.add_executor(PlanExecutor())
    plugged.turn()
    plugged.turn()
    assert plugged.times("often") == [START + MINUTE]


def test_nothing_is_due_without_an_executor(plugged: Plugged) -> None:
    plugged.add("often", every(minutes=1))
    plugged.clock.set(START + MINUTE)
    plugged.scheduler.remove_executor("default")
    assert plugged.scheduler.turn() is None
    assert plugged.times("often") == []
    plugged.scheduler.add_executor(PlanExecutor())
    plugged.turn()
    assert plugged.times("often") == [START + MINUTE]


def test_the_loops_last_round_after_a_shutdown_finds_nothing(plugged: Plugged) -> None:
    plugged.add("often", every(minutes=1))
    plugged.clock.set(START + MINUTE)
    plugged.scheduler.shutdown()
    assert plugged.scheduler.turn() is None
    assert plugged.times("often") == []


def test_the_task_of_a_job_that_is_read_is_not_touched(plugged: Plugged, monkeypatch: pytest.MonkeyPatch) -> None:
    plugged.add("often", every(minutes=1))
    job = plugged.scheduler.get_job("often")
    monkeypatch.delattr(tasks, "note")
    assert job.func_ref == f"{tasks.__name__}:note"
    assert (job.name, job.args, job.max_instances) == ("often", (), 1)


def test_listeners_hear_that_a_schedule_is_over(plugged: Plugged) -> None:
    heard: list[Any] = []
    plugged.scheduler.add_listener(heard.append, EVENT_JOB_REMOVED)
    plugged.turn()
    plugged.add("once", Once(START + MINUTE))
    plugged.add("often", cron("* * * * *"))
    plugged.clock.set(START + MINUTE)
    plugged.turn()
    plugged.scheduler.shutdown()
    assert [event.job_id for event in heard] == ["once"]


def test_events_are_made_only_while_somebody_listens(plugged: Plugged) -> None:
    heard: list[Any] = []
    plugged.turn()
    assert not plugged.node.events.listened_to
    plugged.scheduler.add_listener(heard.append, EVENT_ALL)
    plugged.turn()
    assert plugged.node.events.listened_to
    plugged.scheduler.remove_listener(heard.append)
    plugged.turn()
    assert not plugged.node.events.listened_to


@pytest.fixture
def two_stores(tmp_path: Any, make_database: Callable[[str], Database]) -> Iterator[tuple[Plugged, PlanJobStore]]:
    with closing(Plugged(make_database(f"sqlite:///{tmp_path}/one.db"))) as first:
        second = PlanJobStore(make_database(f"sqlite:///{tmp_path}/two.db"))
        first.scheduler.add_jobstore(second, "second")
        yield first, second
        first.scheduler.shutdown()


def test_one_scheduler_may_have_several_plans(two_stores: tuple[Plugged, PlanJobStore]) -> None:
    plugged, second = two_stores
    plugged.scheduler.add_job(tasks.note, "interval", hours=1, id="here")
    plugged.scheduler.add_job(tasks.note, "interval", hours=1, id="there", jobstore="second")
    assert {job.id for job in plugged.scheduler.get_jobs("second")} == {"there"}
    assert plugged.scheduler.turn() is not None
    assert isinstance(plugged.scheduler, HandScheduler)
    assert second.service is not None
