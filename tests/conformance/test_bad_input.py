"""Whatever the facade is given, it answers in words: an error of Horarium's that names what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from horarium import Scheduler, every
from horarium.errors import ConfigurationError, HorariumError, JobError, TriggerError
from horarium.scheduler import Scheduler as Facade
from horarium.testing import Timetable

from .days import START, after
from .tasks import fail, note, note_async


class Anything:
    """An object of no use, whose name is the same in each process that runs tests."""

    def __repr__(self) -> str:
        return "an object"


WRONG: list[Any] = [None, 5, -1, 1.5, True, "", "\x00", "\ud800", b"x", [], {}, Anything(), float("nan"), START, 10**30]


@pytest.fixture
def job(refusing: Scheduler) -> str:
    refusing.add_job(note, every(hours=1), id="job", replace_existing=True)
    return "job"


@pytest.mark.parametrize("value", WRONG, ids=repr)
@pytest.mark.parametrize(
    "call",
    [
        lambda one, value: one.get_jobs(status=value),
        lambda one, value: one.get_jobs(search=value),
        lambda one, value: one.get_jobs(origin=value),
        lambda one, value: one.get_jobs(limit=value),
        lambda one, value: one.get_jobs(offset=value),
        lambda one, value: one.runs(value),
        lambda one, value: one.runs(states=value),
        lambda one, value: one.runs(states=[value]),
        lambda one, value: one.runs(since=value),
        lambda one, value: one.runs(until=value),
        lambda one, value: one.runs(limit=value),
        lambda one, value: one.runs(offset=value),
        lambda one, value: one.preview(value),
        lambda one, value: one.preview("job", count=value if value != 10**30 else -1),
        lambda one, value: one.preview("job", after=value),
        lambda one, value: one.why("job", at=value),
        lambda one, value: one.why("job", limit=value),
        lambda one, value: one.backfill("job", START, START, limit=value),
        lambda one, value: one.pause_job("job", by=value),
        lambda one, value: one.modify_job("job", args=value),
        lambda one, value: one.modify_job("job", kwargs=value),
        lambda one, value: one.modify_job("job", name=value),
        lambda one, value: one.modify_job("job", trigger=value),
        lambda one, value: one.modify_job("job", func=value),
        lambda one, value: one.modify_job("job", timeout=value),
        lambda one, value: one.modify_job("job", retry=value),
        lambda one, value: one.modify_job("job", overlap=value),
        lambda one, value: one.modify_job("job", executor=value),
        lambda one, value: one.modify_job("job", coalesce=value),
        lambda one, value: one.modify_job("job", keep_runs=value),
        lambda one, value: one.reschedule_job("job", value),
        lambda one, value: one.reschedule_job("job", "cron", hour=value),
        lambda one, value: one.reschedule_job("job", "interval", hours=value),
        lambda one, value: one.reschedule_job("job", run_date=value),
        lambda one, value: one.remove_missing(value, []),
        lambda one, value: one.run(value),
        lambda one, value: one.run_now("job", args=value),
        lambda one, value: one.run_logs("0" * 11 + "-1", after=value),
        lambda one, value: one.run_logs("0" * 11 + "-1", after=(value, value)),
    ],
)
def test_a_wrong_value_is_an_error_of_horariums_or_is_taken(
    refusing: Scheduler, job: str, call: Callable[[Scheduler, Any], Any], value: Any
) -> None:
    del job
    try:
        call(refusing, value)
    except HorariumError as error:
        assert len(str(error)) > 15
        assert "sqlalche" not in str(error).lower()


def test_every_public_method_of_the_facade_is_known_to_these_tests() -> None:
    """A new one is added here once it was tried with wrong values."""
    known = {
        "add_job",
        "add_jobs",
        "backfill",
        "cancel_run",
        "get_job",
        "get_jobs",
        "get_run",
        "modify_job",
        "pause_job",
        "preview",
        "remove_all_jobs",
        "remove_job",
        "remove_missing",
        "reschedule_job",
        "resume_job",
        "retry_run",
        "run",
        "run_attempts",
        "run_logs",
        "run_now",
        "run_steps",
        "runs",
        "wait_for_run",
        "why",
    }
    of_mixins = {
        name
        for base in Facade.__bases__
        for name, value in vars(base).items()
        if callable(value) and not name.startswith("_")
    }
    assert of_mixins == known


# --- what they say


def test_an_unknown_status_is_told_with_those_that_there_are(refusing: Scheduler) -> None:
    with pytest.raises(JobError, match="status 'sleepy' is not one of scheduled, paused, finished, broken"):
        refusing.get_jobs(status="sleepy")


def test_an_unknown_state_is_told_with_those_that_there_are(refusing: Scheduler) -> None:
    with pytest.raises(JobError, match="state 'sleepy' is not one of queued, running"):
        refusing.runs(states=["sleepy"])


@pytest.mark.parametrize(("name", "value"), [("limit", -1), ("limit", "3"), ("offset", -1), ("offset", None)])
def test_a_limit_is_a_whole_number(refusing: Scheduler, name: str, value: Any) -> None:
    for method in (refusing.get_jobs, refusing.runs):
        with pytest.raises(JobError, match=f"{name} must be a whole number, at least 0"):
            method(**{name: value})


def test_a_field_that_a_job_does_not_have_is_told_with_those_that_can_be_changed(refusing: Scheduler, job: str) -> None:
    with pytest.raises(JobError, match="a job has no 'colour' that can be changed; there are func, args, kwargs, name"):
        refusing.modify_job(job, colour="blue", args=[1])
    assert refusing.get_job(job).args == ()  # type: ignore[union-attr]


def test_an_argument_that_the_new_function_does_not_take_is_told(refusing: Scheduler) -> None:
    refusing.add_job(note, every(hours=1), id="three", args=[1, 2, 3], replace_existing=True)
    with pytest.raises(JobError, match="cannot be called with these arguments"):
        refusing.modify_job("three", func=note_async)
    refusing.remove_job("three")


def test_a_change_that_fails_changes_nothing(table: Timetable) -> None:
    before = table.scheduler.add_job(note, every(hours=1), id="job", args=[1])
    for changes in ({"args": [{1}], "name": "New"}, {"name": "New", "timeout": 0}, {"name": "New", "trigger": 5}):
        with pytest.raises(HorariumError):
            table.scheduler.modify_job("job", **changes)
    assert table.scheduler.get_job("job") == before


# --- changes that are taken


def test_a_change_of_one_policy_keeps_the_others(table: Timetable) -> None:
    table.scheduler.add_job(note, every(hours=1), id="job", timeout=5, overlap="queue", max_instances=3)
    policies = table.scheduler.modify_job("job", timeout=6).policies
    assert (policies.timeout, policies.overlap, policies.max_instances) == (6, "queue", 3)


def test_a_policy_set_to_none_is_as_the_task_says(table: Timetable) -> None:
    table.scheduler.add_job(note, every(hours=1), id="job", timeout=5, overlap="queue", executor="process")
    policies = table.scheduler.modify_job("job", timeout=None, overlap=None, executor=None).policies
    assert (policies.timeout, policies.overlap, policies.executor) == (None, "skip", "thread")


def test_another_function_runs_where_it_belongs(table: Timetable) -> None:
    table.scheduler.add_job(note, every(hours=1), id="job")
    assert table.scheduler.modify_job("job", func=note_async).policies.executor == "loop"


def test_a_chosen_executor_stays_with_another_function(table: Timetable) -> None:
    table.scheduler.add_job(note, every(hours=1), id="job", executor="process")
    assert table.scheduler.modify_job("job", func=fail).policies.executor == "process"


def test_a_trigger_and_a_time_can_be_changed_together(table: Timetable) -> None:
    table.scheduler.add_job(note, every(hours=1), id="job", timezone="Asia/Tokyo")
    job = table.scheduler.modify_job("job", trigger=every(hours=2), next_run_time=after(minutes=5))
    assert job.next_run_time == after(minutes=5)
    assert job.trigger.timezone == "Asia/Tokyo"
    table.advance(hours=5)
    times = [run.scheduled_at for run in reversed(table.scheduler.runs("job"))]
    assert times == [after(minutes=5), after(hours=2), after(hours=4)]


def test_a_job_is_rescheduled_by_apschedulers_spellings(table: Timetable) -> None:
    table.scheduler.add_job(note, every(hours=1), id="job")
    assert table.scheduler.reschedule_job("job", "cron", hour=18).next_run_time == after(hours=6)
    once = table.scheduler.reschedule_job("job", run_date="2026-03-05 09:00:00")
    assert once.next_run_time == after(days=2, hours=21)


def test_a_preview_shows_the_next_times_of_a_job_or_a_trigger(table: Timetable) -> None:
    table.scheduler.add_job(note, every(hours=1), id="job")
    assert table.scheduler.preview("job", 2) == [after(hours=1), after(hours=2)]
    assert table.scheduler.preview(every(hours=3), 2) == [after(hours=3), after(hours=6)]
    assert table.scheduler.preview("job", 1, after=after(days=1)) == [after(days=1, hours=1)]
    assert table.scheduler.preview("job", 0) == []


def test_a_preview_of_a_trigger_of_no_kind_is_told(refusing: Scheduler) -> None:
    with pytest.raises(TriggerError, match="a trigger is an object of horarium or APScheduler"):
        refusing.preview(5)  # type: ignore[arg-type]


@pytest.mark.parametrize("days", ["x", -1, 1e12, float("nan"), True, None])
def test_statistics_are_of_a_number_of_days(refusing: Scheduler, days: Any) -> None:
    with pytest.raises(JobError, match="days must be a number, at least 0"):
        refusing.statistics(days)


def test_a_listener_can_be_called(refusing: Scheduler) -> None:
    with pytest.raises(JobError, match="a listener is a function that takes an event, not 5"):
        refusing.subscribe(5)  # type: ignore[arg-type]


@pytest.mark.parametrize("address", ["sqlite:///file:app.db?uri=true", "sqlite:////srv/app.db?uri=true"])
def test_an_sqlite_address_of_the_file_kind_is_refused_with_the_way_to_write_it(address: str) -> None:
    with pytest.raises(ConfigurationError, match=r"\(\?uri=true\) are not taken.*Write that: sqlite:///app\.db"):
        Scheduler(address, apps=())
