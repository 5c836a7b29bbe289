"""Adding jobs, replacing them, and telling what cannot be added."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from horarium import Job, Policies, Retry, Scheduler, at, daily, every
from horarium.errors import ArgumentsNotJSON, HorariumError, JobError, JobExists, TriggerError
from horarium.states import JobStatus, OnCrash, Overlap
from horarium.testing import Timetable

from . import tasks
from .days import START, after
from .tasks import note, note_async, note_time

OVER = every(hours=1, start="2020-01-01", end="2020-01-02")

DEEP: list[Any] = []
for _ in range(2_000):
    DEEP = [DEEP]


def ids(scheduler: Scheduler) -> list[str]:
    return [job.id for job in scheduler.get_jobs()]


def test_a_job_is_answered_as_it_stands_in_the_plan(scheduler: Scheduler) -> None:
    added = scheduler.add_job(
        note,
        every(hours=1),
        args=[1, {"a": [True, None, 1.5]}],
        kwargs={"name": "Ada"},
        id="job",
        name="A job",
        misfire_grace_time=30,
        coalesce=False,
        max_instances=2,
        overlap="queue",
        timeout=9.5,
        retry=Retry.linear(5, max_attempts=4, permanent=[KeyError]),
        on_crash="fail",
        catch_up=7,
        keep_runs=3,
        keep_days=1.5,
        timezone="Europe/Rome",
        origin="cli",
    )
    assert scheduler.get_job("job") == added
    assert added.args == (1, {"a": [True, None, 1.5]})
    assert added.kwargs == {"name": "Ada"}
    assert (added.name, added.timezone, added.origin, added.status) == ("A job", "Europe/Rome", "cli", "scheduled")
    assert added.next_run_time == after(hours=1)
    assert added.policies == Policies(
        executor="thread",
        overlap=Overlap.QUEUE,
        max_instances=2,
        misfire_grace_time=30,
        coalesce=False,
        catch_up=7,
        on_crash=OnCrash.FAIL,
        retry=Retry.linear(5, max_attempts=4, permanent=[KeyError]),
        timeout=9.5,
        keep_runs=3,
        keep_days=1.5,
    )


def test_a_job_without_an_id_gets_one(scheduler: Scheduler) -> None:
    first, second = scheduler.add_job(note, every(hours=1)), scheduler.add_job(note, every(hours=1))
    assert first.id != second.id
    assert first.name == "note"


def test_a_job_without_a_trigger_runs_once_now(table: Timetable) -> None:
    table.scheduler.add_job("conformance.note", args=[1], next_run_time=START)
    table.run_due()
    assert tasks.calls == [(1,)]


def test_a_function_without_a_decorator_is_named_by_reference(scheduler: Scheduler) -> None:
    assert scheduler.add_job(tasks.unnamed, every(hours=1)).task == "tests.conformance.tasks:unnamed"


def test_a_second_job_of_the_same_id_is_refused_and_the_first_stays(scheduler: Scheduler) -> None:
    scheduler.add_job(note, every(hours=1), id="job", args=[1])
    with pytest.raises(JobExists, match="a job 'job' exists already; give another id, or replace_existing=True"):
        scheduler.add_job(note, every(hours=2), id="job", args=[2])
    job = scheduler.get_job("job")
    assert job is not None
    assert job.args == (1,)


def test_a_removed_job_leaves_its_id_to_another(table: Timetable) -> None:
    first = table.scheduler.add_job(note, every(hours=1), id="job")
    table.advance(hours=1)
    table.scheduler.remove_job("job")
    second = table.scheduler.add_job(note, every(hours=1), id="job")
    assert second.key != first.key
    assert table.scheduler.runs("job") == []


def test_no_next_run_time_at_all_pauses_a_job_as_in_apscheduler(table: Timetable) -> None:
    added = table.scheduler.add_job(note, every(hours=1), id="added", next_run_time=None)
    table.scheduler.add_job(note, every(hours=1), id="changed")
    changed = table.scheduler.modify_job("changed", next_run_time=None, name="Changed")
    assert (added.status, changed.status, changed.name) == (JobStatus.PAUSED, JobStatus.PAUSED, "Changed")
    table.advance(hours=2)
    assert tasks.calls == []
    table.scheduler.resume_job("added")
    table.scheduler.resume_job("changed")
    table.advance(hours=1)
    assert len(tasks.calls) == 2


def test_a_naive_next_run_time_is_in_the_zone_of_the_job(scheduler: Scheduler) -> None:
    naive = datetime(2026, 3, 5, 9)  # noqa: DTZ001 - naive on purpose
    job = scheduler.add_job(note, every(hours=1), timezone="Asia/Tokyo", next_run_time=naive)
    assert job.next_run_time == datetime(2026, 3, 5, 0, tzinfo=UTC)


def test_a_next_run_time_may_be_text(scheduler: Scheduler) -> None:
    job = scheduler.add_job(note, every(hours=1), next_run_time="2026-03-05 09:00:00")  # type: ignore[arg-type]
    assert job.next_run_time == datetime(2026, 3, 5, 9, tzinfo=UTC)


def test_a_trigger_without_a_zone_is_in_the_zone_of_the_job(scheduler: Scheduler) -> None:
    job = scheduler.add_job(note, daily(6), timezone="Asia/Tokyo")
    assert job.next_run_time == datetime(2026, 3, 2, 21, tzinfo=UTC)


def test_a_job_without_a_zone_is_in_that_of_the_scheduler(url: str) -> None:
    with Timetable(url, start=START, timezone="Asia/Tokyo") as table:
        assert table.scheduler.add_job(note, daily(6)).next_run_time == datetime(2026, 3, 2, 21, tzinfo=UTC)


# --- replace_existing


def replaced(scheduler: Scheduler, trigger: Any, **changes: Any) -> Job:
    return scheduler.add_job(note, trigger, id="job", replace_existing=True, **changes)


def test_the_same_trigger_at_every_boot_keeps_the_next_time(table: Timetable) -> None:
    replaced(table.scheduler, every(hours=24))
    for _ in range(5):
        table.advance(hours=10)
        replaced(table.scheduler, every(hours=24))
    assert len(tasks.calls) == 2


def test_a_time_that_is_given_counts_although_the_trigger_is_the_same(table: Timetable) -> None:
    replaced(table.scheduler, every(hours=24))
    table.advance(hours=10)
    job = replaced(table.scheduler, every(hours=24), next_run_time=table.clock.now())
    assert job.next_run_time == table.clock.now()
    table.advance(seconds=1)
    assert len(tasks.calls) == 1


def test_what_is_due_already_is_not_lost_when_a_replacement_brings_a_time(table: Timetable) -> None:
    replaced(table.scheduler, every(hours=24))
    due = table.scheduler.get_jobs()[0].next_run_time
    table.clock.advance(hours=25)
    replaced(table.scheduler, every(hours=24), next_run_time=table.clock.now() + timedelta(hours=1))
    table.advance(hours=2)
    assert [run.scheduled_at for run in table.scheduler.runs("job")][-1] == due
    assert len(tasks.calls) == 2


def test_the_same_trigger_takes_the_new_definition(table: Timetable) -> None:
    replaced(table.scheduler, every(hours=24), args=[1])
    job = replaced(table.scheduler, every(hours=24), args=[2], timeout=5)
    assert (job.args, job.policies.timeout) == ((2,), 5)


def test_the_same_trigger_in_another_spelling_keeps_the_next_time(table: Timetable) -> None:
    replaced(table.scheduler, "interval", hours=24)
    table.advance(hours=10)
    assert replaced(table.scheduler, every(days=1)).next_run_time == after(hours=24)


def test_another_trigger_moves_the_next_time(table: Timetable) -> None:
    replaced(table.scheduler, every(hours=24))
    table.advance(hours=10)
    assert replaced(table.scheduler, every(hours=1)).next_run_time == after(hours=11)


def test_another_zone_moves_the_next_time(table: Timetable) -> None:
    first = replaced(table.scheduler, daily(6), timezone="Asia/Tokyo")
    second = replaced(table.scheduler, daily(6), timezone="Europe/Rome")
    assert first.next_run_time != second.next_run_time


def test_a_pause_survives_a_replacement(table: Timetable) -> None:
    replaced(table.scheduler, every(hours=1))
    table.scheduler.pause_job("job", by="anna")
    assert replaced(table.scheduler, every(hours=1)).status is JobStatus.PAUSED
    assert replaced(table.scheduler, every(hours=2)).status is JobStatus.PAUSED


def test_a_resumption_survives_a_replacement_that_would_begin_paused(table: Timetable) -> None:
    replaced(table.scheduler, every(hours=1), paused=True)
    table.scheduler.resume_job("job")
    assert replaced(table.scheduler, every(hours=1), paused=True).status is JobStatus.SCHEDULED


def test_no_next_run_time_pauses_a_job_that_is_replaced_too(table: Timetable) -> None:
    replaced(table.scheduler, every(hours=1))
    assert replaced(table.scheduler, every(hours=1), next_run_time=None).status is JobStatus.PAUSED


def test_a_finished_once_stays_finished_when_it_is_added_again(table: Timetable) -> None:
    replaced(table.scheduler, at(after(hours=1)))
    table.advance(hours=2)
    assert replaced(table.scheduler, at(after(hours=1))).status is JobStatus.FINISHED
    table.advance(hours=2)
    assert len(tasks.calls) == 1


def test_a_finished_job_with_another_trigger_is_due_again(table: Timetable) -> None:
    replaced(table.scheduler, at(after(hours=1)))
    table.advance(hours=2)
    assert replaced(table.scheduler, at(after(hours=9))).status is JobStatus.SCHEDULED
    table.advance(hours=9)
    assert len(tasks.calls) == 2


def test_runs_that_wait_keep_the_arguments_that_they_were_made_with(table: Timetable) -> None:
    replaced(table.scheduler, every(hours=1), args=["old"])
    table.scheduler.run_now("job")
    replaced(table.scheduler, every(hours=1), args=["new"])
    table.scheduler.run_now("job")
    table.run_due()
    assert tasks.calls == [("old",), ("new",)]


# --- many at once


def test_two_thousand_jobs_are_added_at_once(scheduler: Scheduler) -> None:
    jobs = [Job(id=f"job-{n:04}", task="conformance.note", trigger=every(hours=1)) for n in range(2_000)]
    added = scheduler.add_jobs(jobs)
    assert [job.id for job in added] == [job.id for job in jobs]
    assert scheduler.statistics()["jobs"]["scheduled"] == 2_000


def test_many_jobs_are_added_all_or_none(scheduler: Scheduler) -> None:
    scheduler.add_job(note, every(hours=1), id="job-1500")
    jobs = [Job(id=f"job-{n}", task="conformance.note", trigger=every(hours=1)) for n in range(2_000)]
    with pytest.raises(JobExists, match="job-1500"):
        scheduler.add_jobs(jobs)
    assert ids(scheduler) == ["job-1500"]


def test_one_job_of_many_whose_arguments_are_not_json_leaves_nothing_behind(scheduler: Scheduler) -> None:
    good = Job(id="good", task="conformance.note", trigger=every(hours=1))
    bad = Job(id="bad", task="conformance.note", trigger=every(hours=1), args=(float("nan"),))
    with pytest.raises(ArgumentsNotJSON, match="args of job 'bad'"):
        scheduler.add_jobs([good, bad])
    assert ids(scheduler) == []


def test_one_id_twice_in_one_call_is_refused(scheduler: Scheduler) -> None:
    job = Job(id="twin", task="conformance.note", trigger=every(hours=1))
    with pytest.raises(JobError, match="two of the jobs to add have the id 'twin'"):
        scheduler.add_jobs([job, job], replace_existing=True)
    assert ids(scheduler) == []


def test_adding_no_jobs_adds_none(scheduler: Scheduler) -> None:
    assert scheduler.add_jobs([]) == []


# --- what cannot be added


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("-inf"),
        "nul \x00 character",
        {"key": "\x00"},
        {1, 2},
        START,
        time(9),
        b"bytes",
        {("tuple", "key"): 1},
        {1: "number as key"},
        {None: 1},
        {True: 1},
        "lone \ud800 surrogate",
        10**5_000,
        object(),
        timedelta(1),
        DEEP,
        1j,
    ],
    ids=lambda value: type(value).__name__,
)
def test_arguments_that_json_cannot_carry_are_refused_and_leave_nothing_behind(refusing: Scheduler, value: Any) -> None:
    for arguments in ({"args": [value]}, {"kwargs": {"value": value}}):
        with pytest.raises(ArgumentsNotJSON, match=r"args of job 'job' (cannot|contains|would)"):
            refusing.add_job(note, every(hours=1), id="job", **arguments)
    assert ids(refusing) == []


def test_arguments_that_json_can_carry_come_back_the_same(table: Timetable) -> None:
    values = ["\\u0000 as written", "\U0001f600", "\u2028", 10**30, -0.0, [[], {}], ""]
    table.scheduler.add_job(note, at(START), args=values)
    table.run_due()
    assert tasks.calls == [tuple(values)]


@pytest.mark.parametrize("args", ["text", {1, 2}, {"a": 1}, 5, b"bytes", iter([1])])
def test_positional_arguments_are_a_list_or_a_tuple(refusing: Scheduler, args: Any) -> None:
    with pytest.raises(ArgumentsNotJSON, match="args must be a list or a tuple"):
        refusing.add_job(note, every(hours=1), args=args)


@pytest.mark.parametrize("kwargs", [[("a", 1)], "a=1", {1: 2}, 5])
def test_named_arguments_are_a_dict_of_names(refusing: Scheduler, kwargs: Any) -> None:
    with pytest.raises(ArgumentsNotJSON, match="kwargs must be a dict of names and values"):
        refusing.add_job(note, every(hours=1), kwargs=kwargs)


def test_arguments_that_the_function_does_not_take_are_refused(refusing: Scheduler) -> None:
    with pytest.raises(JobError, match="cannot be called with these arguments"):
        refusing.add_job(note_async, every(hours=1), args=[1, 2, 3])


def test_the_run_is_not_one_of_the_arguments_of_a_job(scheduler: Scheduler) -> None:
    assert scheduler.add_job(note_time, every(hours=1), args=[]).args == ()


def test_odd_ids_are_ids(scheduler: Scheduler) -> None:
    scheduler.add_job(note, every(hours=1), id="other")
    for job_id in ("a/b", "ü ñ 日本", "it's", '"quoted"', "%41", "a%_b", "1; DROP TABLE", "🙂", "a" * 400):
        scheduler.add_job(note, every(hours=1), id=job_id)
        assert scheduler.get_job(job_id) is not None
        assert [one.id for one in scheduler.get_jobs(search=job_id)] == [job_id]
        scheduler.run_now(job_id)
        scheduler.remove_job(job_id)
        assert ids(scheduler) == ["other"]


@pytest.mark.parametrize("job_id", ["", "  ", "a\nb", "a\x00b", "\ud800", 5, b"id", ["id"], "a" * 401])
def test_what_can_be_no_id_is_refused(refusing: Scheduler, job_id: Any) -> None:
    with pytest.raises(JobError, match="a job's id"):
        refusing.add_job(note, every(hours=1), id=job_id)


@pytest.mark.parametrize("job_id", ["horarium.mine", "call:mine", "horarium.prune"])
def test_ids_of_horariums_own_jobs_are_refused(refusing: Scheduler, job_id: str) -> None:
    with pytest.raises(JobError, match="are Horarium's own"):
        refusing.add_job(note, every(hours=1), id=job_id, replace_existing=True)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"max_instances": 0}, "max_instances must be a whole number from 1"),
        ({"max_instances": 1.5}, "max_instances must be a whole number from 1"),
        ({"max_instances": 2**40}, "max_instances must be a whole number from 1"),
        ({"catch_up": True}, "catch_up must be a whole number from 1 to 10000, not True"),
        ({"catch_up": 10_001}, "catch_up must be a whole number from 1 to 10000"),
        ({"misfire_grace_time": 0}, "misfire_grace_time must be a number of seconds, more than 0"),
        ({"misfire_grace_time": "60"}, "misfire_grace_time must be a number of seconds"),
        ({"timeout": float("nan")}, "timeout must be a number of seconds"),
        ({"timeout": float("inf")}, "timeout must be a number of seconds"),
        ({"timeout": timedelta(0)}, "timeout must be a number of seconds, more than 0"),
        ({"keep_days": -1}, "keep_days must be a number of days, more than 0"),
        ({"keep_days": 10**9}, "keep_days must be a number of days, more than 0 and at most 36525"),
        ({"keep_runs": 0}, "keep_runs must be a whole number from 1"),
        ({"coalesce": "no"}, "coalesce is true or false, not 'no'"),
        ({"overlap": "both"}, "overlap 'both' is not one of skip, queue, cancel_running, allow"),
        ({"on_crash": 5}, "on_crash 5 is not one of resume, fail"),
        ({"executor": "moon"}, "executor 'moon' is not one of loop, thread, process"),
        ({"executor": "loop"}, "is a plain function, which would block the event loop"),
        ({"retry": 3}, r"retry must be a Retry, such as Retry.fixed\(60\), not 3"),
        ({"retry": {"kind": "none"}}, "retry must be a Retry"),
        ({"name": 5}, "the name of job 'job' must be text, not 5"),
        ({"name": "\x00"}, "the name of job 'job' contains a character that databases cannot keep"),
        ({"origin": None}, "the origin of job 'job' must be text, not None"),
    ],
)
def test_policies_that_cannot_be_are_told_in_words(refusing: Scheduler, changes: dict[str, Any], says: str) -> None:
    with pytest.raises(JobError, match=says):
        refusing.add_job(note, every(hours=1), id="job", **changes)
    assert ids(refusing) == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"trigger": 5}, "a trigger is an object of horarium or APScheduler, or a name of one, not 5"),
        ({"trigger": "sometimes"}, "there is no trigger 'sometimes'"),
        ({"trigger": "interval", "fortnights": 1}, "there is no argument 'fortnights'"),
        ({"trigger": every(hours=1), "hours": 2}, "this trigger is an object already"),
        ({"trigger": every(hours=1), "timezone": "Mars/Olympus"}, "Mars/Olympus"),
        ({"trigger": every(hours=1), "timezone": 5}, "has no IANA name"),
        ({"trigger": every(hours=1), "next_run_time": "soon"}, "next_run_time 'soon' is not a date and time"),
        ({"trigger": every(hours=1), "next_run_time": 5}, "next_run_time must be a datetime"),
        ({"hours": 2}, "say trigger='cron' or 'interval'"),
    ],
)
def test_times_that_cannot_be_are_told_in_words(refusing: Scheduler, arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(TriggerError, match=says):
        refusing.add_job(note, **arguments)
    assert ids(refusing) == []


@pytest.mark.parametrize("func", [None, 5, lambda: 1, object(), "", "a\x00b"])
def test_what_is_no_function_is_refused(refusing: Scheduler, func: Any) -> None:
    with pytest.raises(JobError):
        refusing.add_job(func, every(hours=1))


@pytest.mark.parametrize(
    "jobs",
    [
        None,
        5,
        "job",
        [None],
        [{"id": "job"}],
        [Job(id="job", task="conformance.note", trigger="interval")],  # type: ignore[arg-type]
        [Job(id="job", task="", trigger=every(hours=1))],
        [Job(id=5, task="conformance.note", trigger=every(hours=1))],  # type: ignore[arg-type]
        [Job(id="job", task="conformance.note", trigger=every(hours=1), policies=None)],  # type: ignore[arg-type]
        [Job(id="job", task="conformance.note", trigger=every(hours=1), timezone="Nowhere")],
    ],
)
def test_what_is_no_job_is_refused(refusing: Scheduler, jobs: Any) -> None:
    with pytest.raises(HorariumError):
        refusing.add_jobs(jobs)
    assert ids(refusing) == []


# --- who added it


def test_an_origin_removes_only_what_it_added_and_does_not_name_any_more(scheduler: Scheduler) -> None:
    for job_id, origin in (("a", "file:x"), ("b", "file:x"), ("c", "file:y"), ("d", "code")):
        scheduler.add_job(note, every(hours=1), id=job_id, origin=origin)
    assert scheduler.remove_missing("file:x", ["a"]) == ["b"]
    assert sorted(ids(scheduler)) == ["a", "c", "d"]


@pytest.mark.parametrize("kept", ["a", None, 5])
def test_ids_to_keep_are_a_list(scheduler: Scheduler, kept: Any) -> None:
    scheduler.add_job(note, every(hours=1), id="a", origin="file:x")
    with pytest.raises(JobError, match="ids_kept is a list of ids"):
        scheduler.remove_missing("file:x", kept)
    assert ids(scheduler) == ["a"]


def test_removing_all_jobs_leaves_horariums_own(plan_url: str) -> None:
    with Timetable(plan_url, upkeep=True) as table:
        for number in range(3):
            table.scheduler.add_job(note, every(hours=1), id=f"job-{number}")
        assert table.scheduler.remove_all_jobs() == 3
        assert ids(table.scheduler) == []
        assert [job.id for job in table.scheduler.get_jobs(origin="builtin")] == ["horarium.prune"]


def test_a_job_of_a_file_is_not_taken_over_by_another_origin_at_start(
    table: Timetable, more: Callable[..., Timetable], tmp_path: Path
) -> None:
    table.scheduler.add_job(note, every(hours=1), id="shared", origin="code")
    config = tmp_path / "horarium.yaml"
    config.write_text("jobs:\n  shared:\n    task: conformance.note\n    every: {hours: 2}\n")
    with pytest.raises(JobError, match=r"job 'shared' of file:horarium\.yaml exists already and was added by code"):
        more(settings={"config": config})


def test_a_job_of_a_file_is_not_taken_over_by_code(scheduler: Scheduler) -> None:
    scheduler.add_job(note, every(hours=1), id="shared", origin="file:horarium.yaml")
    with pytest.raises(JobError, match=r"'shared' was added by file:horarium\.yaml, which brings it again"):
        scheduler.add_job(note, every(hours=2), id="shared", replace_existing=True)
    job = scheduler.get_job("shared")
    assert job is not None
    assert (job.origin, job.trigger.describe()) == ("file:horarium.yaml", "every hour")


def test_a_search_finds_text_in_ids_names_and_tasks_literally(scheduler: Scheduler) -> None:
    scheduler.add_job(note, every(hours=1), id="under_score")
    scheduler.add_job(note, every(hours=1), id="underXscore", name="per%cent")
    assert [job.id for job in scheduler.get_jobs(search="_score")] == ["under_score"]
    assert [job.id for job in scheduler.get_jobs(search="%")] == ["underXscore"]
    assert len(scheduler.get_jobs(search="conformance.note")) == 2


def test_a_search_does_not_ask_for_the_same_capitals(scheduler: Scheduler) -> None:
    scheduler.add_job(note, every(hours=1), id="Nightly", name="Count the STOCK")
    assert [job.id for job in scheduler.get_jobs(search="nightLY")] == ["Nightly"]
    assert [job.id for job in scheduler.get_jobs(search="stock")] == ["Nightly"]


def test_jobs_are_listed_by_next_time_and_page_by_page(scheduler: Scheduler) -> None:
    for hours in (3, 1, 2):
        scheduler.add_job(note, every(hours=hours), id=f"in-{hours}")
    scheduler.add_job(note, OVER, id="never")
    assert ids(scheduler) == ["in-1", "in-2", "in-3", "never"]
    assert [job.id for job in scheduler.get_jobs(limit=2, offset=1)] == ["in-2", "in-3"]


def test_jobs_are_listed_by_status(scheduler: Scheduler) -> None:
    scheduler.add_job(note, every(hours=1), id="scheduled")
    scheduler.add_job(note, every(hours=1), id="paused", paused=True)
    scheduler.add_job(note, OVER, id="finished")
    for status in ("scheduled", "paused", "finished"):
        assert [job.id for job in scheduler.get_jobs(status=status)] == [status]
