"""Every occurrence is decided once, and it can be read back what became of it and why."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from horarium import Scheduler, at, cron, daily, every
from horarium.errors import JobNotFound
from horarium.states import DecisionKind, JobStatus, RunState
from horarium.testing import Timetable
from horarium.values import Decision

from . import tasks
from .days import START, after
from .tasks import do, note, note_time


def only(scheduler: Scheduler, job_id: str, when: datetime | None = None) -> Decision:
    (decision,) = scheduler.why(job_id, when)
    return decision


def test_each_occurrence_gets_one_run_at_its_time(table: Timetable) -> None:
    table.scheduler.add_job(note_time, every(hours=1), id="hourly")
    table.advance(hours=3)
    assert tasks.calls == [after(hours=1), after(hours=2), after(hours=3)]


def test_why_names_the_run_of_an_occurrence(table: Timetable) -> None:
    table.scheduler.add_job(note, every(hours=1), id="hourly")
    table.advance(hours=2)
    decision = only(table.scheduler, "hourly", after(hours=2))
    assert decision.kind is DecisionKind.RUN
    assert decision.reason == "it was due"
    assert decision.run is not None
    assert decision.run.state is RunState.SUCCEEDED


def test_why_answers_nothing_for_a_time_that_is_no_occurrence(table: Timetable) -> None:
    table.scheduler.add_job(note, every(hours=1), id="hourly")
    table.advance(hours=2)
    assert table.scheduler.why("hourly", after(minutes=90)) == []


def test_why_of_an_unknown_job_says_that_there_is_none(scheduler: Scheduler) -> None:
    with pytest.raises(JobNotFound, match="there is no job 'nobody'"):
        scheduler.why("nobody")


def test_why_reads_a_naive_time_in_the_zone_of_the_job(table: Timetable) -> None:
    table.scheduler.add_job(note, daily(6), id="early", timezone="America/New_York")
    table.advance(days=1)
    naive = datetime(2026, 3, 3, 6)  # noqa: DTZ001 - naive on purpose
    assert only(table.scheduler, "early", naive).kind is DecisionKind.RUN


def test_why_tells_the_latest_first_and_no_more_than_asked_for(table: Timetable) -> None:
    table.scheduler.add_job(note, every(hours=1), id="hourly")
    table.advance(hours=5)
    assert [one.first_at for one in table.scheduler.why("hourly", limit=2)] == [after(hours=5), after(hours=4)]


def test_after_an_outage_the_last_occurrence_runs_and_the_others_are_one_summary(table: Timetable) -> None:
    table.scheduler.add_job(note_time, every(hours=1), id="hourly")
    table.sleep_through(hours=5.5)
    assert tasks.calls == [after(hours=5)]
    run, summary = table.scheduler.why("hourly")
    assert run.kind is DecisionKind.RUN
    assert (summary.kind, summary.count) == (DecisionKind.COALESCED, 4)
    assert (summary.first_at, summary.last_at) == (after(hours=1), after(hours=4))


def test_a_run_that_came_late_says_how_late(table: Timetable) -> None:
    table.scheduler.add_job(note, every(hours=1), id="hourly")
    table.sleep_through(hours=1, minutes=20)
    assert only(table.scheduler, "hourly").reason == "it was due, and a node came to it 20 minutes later"


def test_a_year_without_a_node_is_one_summary_row(table: Timetable) -> None:
    table.scheduler.add_job(note, cron("* * * * *"), id="minutely")
    table.sleep_through(days=365)
    summaries = [one for one in table.scheduler.why("minutely") if one.run is None]
    assert [one.count for one in summaries] == [365 * 24 * 60]  # with noon itself, and without the one that ran
    assert len(tasks.calls) == 1


def test_why_finds_every_occurrence_of_an_outage_in_its_summary(table: Timetable) -> None:
    table.scheduler.add_job(note, every(hours=1), id="hourly")
    table.sleep_through(hours=4)
    assert [only(table.scheduler, "hourly", after(hours=hour)).kind for hour in (1, 2, 3, 4)] == [
        DecisionKind.COALESCED,
        DecisionKind.COALESCED,
        DecisionKind.COALESCED,
        DecisionKind.RUN,
    ]


def test_an_occurrence_later_than_its_grace_time_is_missed(table: Timetable) -> None:
    table.scheduler.add_job(note, every(hours=1), id="hourly", misfire_grace_time=60)
    table.sleep_through(hours=1, minutes=2)
    decision = only(table.scheduler, "hourly")
    assert decision.kind is DecisionKind.MISSED
    assert decision.reason == "not started within misfire_grace_time of 60 s: no node was ticking then"
    assert tasks.calls == []


def test_an_occurrence_just_within_its_grace_time_runs(table: Timetable) -> None:
    table.scheduler.add_job(note, every(hours=1), id="hourly", misfire_grace_time=60)
    table.sleep_through(hours=1, seconds=60)
    assert only(table.scheduler, "hourly").kind is DecisionKind.RUN


def test_without_coalescing_a_backlog_runs_in_order(table: Timetable) -> None:
    table.scheduler.add_job(note_time, every(hours=1), id="hourly", coalesce=False)
    table.sleep_through(hours=4)
    assert tasks.calls == [after(hours=hour) for hour in (1, 2, 3, 4)]


def test_catch_up_bounds_a_backlog_and_the_rest_is_missed(table: Timetable) -> None:
    table.scheduler.add_job(note_time, every(hours=1), id="hourly", coalesce=False, catch_up=2)
    table.sleep_through(hours=5)
    assert tasks.calls == [after(hours=4), after(hours=5)]
    missed = table.scheduler.why("hourly")[-1]
    assert (missed.kind, missed.count) == (DecisionKind.MISSED, 3)
    assert "catch_up (2)" in missed.reason


def test_a_backlog_keeps_only_what_is_within_its_grace_time(table: Timetable) -> None:
    table.scheduler.add_job(note_time, every(hours=1), id="hourly", coalesce=False, misfire_grace_time=3_700)
    table.sleep_through(hours=5)
    assert tasks.calls == [after(hours=4), after(hours=5)]


def test_a_backlog_is_skipped_while_a_run_is_active(table: Timetable, more: Callable[..., Timetable]) -> None:
    table.scheduler.add_job(do, every(hours=1), id="slow", coalesce=False)

    def while_it_runs(run: object) -> None:
        other = more(table.clock.now() + timedelta(hours=3))
        other.run_due()

    tasks.plans.append(while_it_runs)
    table.advance(hours=1)
    assert [one.kind for one in table.scheduler.why("slow")] == [DecisionKind.SKIPPED] * 3 + [DecisionKind.RUN]


def test_a_past_once_runs_at_once_and_says_so(table: Timetable) -> None:
    table.scheduler.add_job(note, at(START - timedelta(days=3)), id="late")
    table.run_due()
    decision = only(table.scheduler, "late")
    assert decision.run is not None
    assert decision.run.state is RunState.SUCCEEDED
    assert decision.reason == "its time had passed when the job was added, so it was run at once"


def test_a_past_once_beyond_its_grace_time_is_missed_and_says_so(table: Timetable) -> None:
    table.scheduler.add_job(note, at(START - timedelta(days=3)), id="late", misfire_grace_time=60)
    table.run_due()
    decision = only(table.scheduler, "late")
    assert decision.kind is DecisionKind.MISSED
    assert decision.reason.startswith("its time had passed when the job was added")


def test_a_run_of_long_before_1970_can_be_read_by_its_id(table: Timetable) -> None:
    table.scheduler.add_job(note, at("1960-02-29 12:00", timezone="UTC"), id="old")
    table.run_due()
    (run,) = table.scheduler.runs("old")
    assert table.scheduler.get_run(run.id).scheduled_at == datetime(1960, 2, 29, 12, tzinfo=UTC)


def test_a_job_whose_trigger_has_ended_is_finished(table: Timetable) -> None:
    table.scheduler.add_job(note, every(hours=1, end=after(hours=2)), id="short")
    table.advance(hours=5)
    job = table.scheduler.get_job("short")
    assert job is not None
    assert (job.status, job.next_run_time, len(tasks.calls)) == (JobStatus.FINISHED, None, 2)


def test_a_trigger_that_is_over_when_added_makes_a_finished_job(table: Timetable) -> None:
    job = table.scheduler.add_job(note, every(hours=1, end=START - timedelta(days=1), start="2020-01-01"), id="over")
    assert (job.status, job.next_run_time) == (JobStatus.FINISHED, None)


def test_the_day_on_which_clocks_go_forward_has_an_occurrence_less_and_all_are_counted(url: str) -> None:
    night = datetime(2026, 3, 28, 22, tzinfo=UTC)  # Rome changes at 01:00 UTC of the 29th
    with Timetable(url, start=night) as table:
        table.scheduler.add_job(note, cron("30 2 * * *", timezone="Europe/Rome"), id="gap", coalesce=False)
        table.scheduler.add_job(note, cron("0 * * * *", timezone="Europe/Rome"), id="hourly")
        table.sleep_through(days=1)
        hourly = table.scheduler.why("hourly")
        assert sum(one.count for one in hourly) == 25  # 24 hours of real time, both ends included
        assert [one.first_at for one in table.scheduler.why("gap")] == [datetime(2026, 3, 29, 1, tzinfo=UTC)]


# --- pauses


def test_what_a_paused_job_left_out_is_one_decision(table: Timetable) -> None:
    table.scheduler.add_job(note, every(hours=1), id="hourly")
    table.scheduler.pause_job("hourly", by="anna")
    table.advance(hours=10)
    table.scheduler.resume_job("hourly")
    decision = only(table.scheduler, "hourly")
    assert (decision.kind, decision.count) == (DecisionKind.SKIPPED, 10)
    assert decision.reason == "the job was paused by anna"
    assert tasks.calls == []


def test_why_tells_what_a_paused_job_leaves_out_while_it_is_paused(table: Timetable) -> None:
    table.scheduler.add_job(note, every(hours=1), id="hourly")
    table.scheduler.pause_job("hourly", by="anna")
    table.advance(hours=2)
    decision = only(table.scheduler, "hourly", after(hours=1))
    assert (decision.kind, decision.count, decision.reason) == (DecisionKind.SKIPPED, 2, "the job is paused by anna")


def test_a_resumed_job_goes_on_with_its_next_occurrence(table: Timetable) -> None:
    table.scheduler.add_job(note_time, every(hours=1), id="hourly")
    table.scheduler.pause_job("hourly")
    table.advance(hours=2.5)
    assert table.scheduler.resume_job("hourly").next_run_time == after(hours=3)
    table.advance(hours=1)
    assert tasks.calls == [after(hours=3)]


def test_what_was_due_before_the_pause_still_runs(table: Timetable) -> None:
    table.scheduler.add_job(note_time, every(hours=1), id="hourly")
    table.clock.advance(hours=1)
    table.scheduler.pause_job("hourly")
    table.advance(hours=3)
    assert tasks.calls == [after(hours=1)]


def test_a_pause_that_left_nothing_out_decides_nothing(table: Timetable) -> None:
    table.scheduler.add_job(note, every(hours=1), id="hourly")
    table.scheduler.pause_job("hourly")
    table.scheduler.resume_job("hourly")
    assert table.scheduler.why("hourly") == []


def test_a_once_that_passes_during_a_pause_is_skipped_and_the_job_is_finished(table: Timetable) -> None:
    table.scheduler.add_job(note, at(after(hours=1)), id="once", paused=True)
    table.advance(hours=2)
    assert table.scheduler.resume_job("once").status is JobStatus.FINISHED
    assert only(table.scheduler, "once").reason == "the job was paused by code"


def test_a_paused_job_that_is_paused_again_decides_each_occurrence_once(table: Timetable) -> None:
    table.scheduler.add_job(note, every(hours=1), id="hourly")
    table.scheduler.pause_job("hourly")
    table.advance(hours=2)
    table.scheduler.pause_job("hourly", by="anna")
    table.advance(hours=2)
    table.scheduler.resume_job("hourly")
    assert [one.count for one in table.scheduler.why("hourly")] == [4]


def test_a_paused_plan_decides_what_came_due_as_after_an_outage(table: Timetable) -> None:
    table.scheduler.add_job(note_time, every(hours=1), id="hourly")
    table.scheduler.pause()
    table.advance(hours=3)
    assert tasks.calls == []
    table.scheduler.resume()
    table.run_due()
    assert tasks.calls == [after(hours=3)]
    assert [one.kind for one in table.scheduler.why("hourly")] == [DecisionKind.RUN, DecisionKind.COALESCED]


def test_a_paused_plan_still_runs_what_is_asked_for(table: Timetable) -> None:
    table.scheduler.add_job(note, every(hours=1), id="hourly", args=[1])
    table.scheduler.pause()
    table.scheduler.run_now("hourly")
    table.run_due()
    assert tasks.calls == [(1,)]


def test_a_plan_paused_twice_is_resumed_once(table: Timetable) -> None:
    table.scheduler.pause()
    table.scheduler.pause()
    table.scheduler.resume()
    assert table.scheduler.statistics()["paused"] is False


# --- changes decide what was due before them


def test_a_new_trigger_leaves_what_was_due_to_the_old_one(table: Timetable) -> None:
    table.scheduler.add_job(note_time, every(hours=1), id="job")
    table.clock.advance(hours=3)
    table.scheduler.reschedule_job("job", every(days=1))
    table.advance(hours=1)
    assert tasks.calls == [after(hours=3)]
    assert sum(one.count for one in table.scheduler.why("job")) == 3


def test_a_new_trigger_for_a_paused_job_tells_what_the_pause_left_out(table: Timetable) -> None:
    table.scheduler.add_job(note, every(hours=1), id="job")
    table.scheduler.pause_job("job", by="anna")
    table.advance(hours=3)
    table.scheduler.reschedule_job("job", every(days=1))
    decision = only(table.scheduler, "job")
    assert (decision.kind, decision.count, decision.reason) == (DecisionKind.SKIPPED, 3, "the job was paused by anna")


def test_a_new_next_time_leaves_what_was_due_to_the_old_one(table: Timetable) -> None:
    table.scheduler.add_job(note_time, every(hours=1), id="job")
    table.clock.advance(hours=2)
    table.scheduler.modify_job("job", next_run_time=after(hours=9))
    table.advance(hours=6)
    assert tasks.calls == [after(hours=2)]


def test_a_removed_job_tells_what_no_node_had_come_to(table: Timetable) -> None:
    table.scheduler.add_job(note, every(hours=1), id="job")
    table.clock.advance(hours=2)
    table.scheduler.remove_job("job")
    decision = only(table.scheduler, "job")
    assert (decision.kind, decision.count) == (DecisionKind.SKIPPED, 2)
    assert decision.reason == "the job was removed before a node decided it"


def test_a_job_without_a_next_time_never_runs_by_itself(table: Timetable) -> None:
    table.scheduler.add_job(note, every(hours=1), id="job")
    assert table.scheduler.modify_job("job", trigger=every(hours=1, end=START)).status is JobStatus.FINISHED
    table.advance(days=2)
    assert tasks.calls == []
