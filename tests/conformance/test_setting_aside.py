"""Jobs that cannot be read or whose task is not known are set aside, shown with why, and go on once mended."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from horarium import JobStatus, Retry, RunState, at, every
from horarium.errors import HorariumError, JobError, TaskNotFound, TriggerError
from horarium.states import DecisionKind
from horarium.store import schema
from horarium.store.claims import Claims
from horarium.store.database import Database
from horarium.store.ticks import Ticks
from horarium.testing import Timetable

from . import tasks
from .days import START, after
from .othernode import OtherNode
from .tasks import note

DAMAGES = [
    ("trigger", "{"),
    ("trigger", '{"type":"lunar"}'),
    ("trigger", '{"type":"cron","expression":"61 * * * *"}'),
    ("trigger", "[" * 100_000),
    ("args", "not json"),
    ("args", '{"a":1}'),
    ("args", "null"),
    ("kwargs", "[1]"),
    ("kwargs", "{" * 100_000),
    ("retry", '{"kind":"sometimes"}'),
    ("retry", "5"),
    ("overlap", "both"),
    ("on_crash", "shrug"),
    ("executor", "moon"),
    ("max_instances", 0),
    ("timeout", -1),
    ("status", "confused"),
]


def damage(database: Database, **columns: Any) -> None:
    """Write into the row of "bad" what this release cannot read."""
    with database.write() as connection:
        connection.execute(update(schema.jobs).where(schema.jobs.c.id == "bad").values(columns))
        # A node that has the sound definition in memory reads it again.
        key = connection.scalar(select(schema.jobs.c.key).where(schema.jobs.c.id == "bad"))
        for each, column in ((schema.jobs, schema.jobs.c.key), (schema.job_clock, schema.job_clock.c.job_key)):
            connection.execute(update(each).where(column == key).values(revision=each.c.revision + 1))


def two_jobs(table: Timetable) -> None:
    table.scheduler.add_job(
        note, every(hours=1), id="bad", args=["bad"], retry=Retry.fixed(5), timeout=9, overlap="queue"
    )
    table.scheduler.add_job(note, every(hours=1), id="good", args=["good"])


def status(table: Timetable, job_id: str = "bad") -> JobStatus:
    job = table.scheduler.get_job(job_id)
    assert job is not None
    return job.status


# --- damaged rows


@pytest.mark.parametrize(("column", "value"), DAMAGES)
def test_a_damaged_row_is_set_aside_and_the_others_go_on(
    table: Timetable, database: Database, column: str, value: Any
) -> None:
    two_jobs(table)
    damage(database, **{column: value})
    table.advance(hours=3)
    assert tasks.calls == [("good",)] * 3
    job = table.scheduler.get_job("bad")
    assert job is not None
    assert job.status is JobStatus.QUARANTINED
    assert job.fault
    assert table.scheduler.statistics()["jobs"]["quarantined"] == 1


def test_a_damaged_row_is_listed_with_what_can_be_read_of_it(table: Timetable, database: Database) -> None:
    two_jobs(table)
    damage(database, retry="?")
    job = next(job for job in table.scheduler.get_jobs() if job.id == "bad")
    assert (job.args, job.policies.timeout, job.policies.overlap, job.policies.retry) == (("bad",), 9, "queue", None)


def test_why_tells_what_a_quarantined_job_leaves_out(table: Timetable, database: Database) -> None:
    two_jobs(table)
    damage(database, args="?")
    table.advance(hours=3)
    (decision,) = table.scheduler.why("bad")
    assert (decision.kind, decision.count) == (DecisionKind.MISSED, 3)
    assert decision.reason.startswith("not decided yet: the job is quarantined: ")


def test_a_mended_job_decides_what_it_left_out_as_after_an_outage(table: Timetable, database: Database) -> None:
    two_jobs(table)
    damage(database, args="?")
    table.advance(hours=3)
    assert table.scheduler.modify_job("bad", args=["mended"]).status is JobStatus.SCHEDULED
    table.run_due()
    assert tasks.calls[3:] == [("mended",)]
    assert [one.kind for one in table.scheduler.why("bad")] == [DecisionKind.RUN, DecisionKind.COALESCED]


def test_mending_one_part_keeps_the_others(table: Timetable, database: Database) -> None:
    two_jobs(table)
    damage(database, trigger="?")
    table.advance(hours=2)
    job = table.scheduler.modify_job("bad", trigger=every(hours=2))
    assert (job.status, job.args, job.policies.retry, job.policies.timeout) == (
        JobStatus.SCHEDULED,
        ("bad",),
        Retry.fixed(5),
        9,
    )
    assert job.next_run_time == after(hours=4)


def test_a_job_with_two_damages_is_mended_by_both(table: Timetable, database: Database) -> None:
    two_jobs(table)
    damage(database, trigger="?", retry="?")
    table.advance(hours=1)
    assert table.scheduler.modify_job("bad", trigger=every(hours=1)).status is JobStatus.QUARANTINED
    assert table.scheduler.modify_job("bad", retry=Retry.fixed(7)).status is JobStatus.SCHEDULED


def test_changing_another_part_leaves_the_damage_as_it_is(table: Timetable, database: Database) -> None:
    two_jobs(table)
    damage(database, trigger="{damaged")
    job = table.scheduler.modify_job("bad", timeout=3)
    assert job.status is JobStatus.QUARANTINED
    with database.read() as connection:
        row = connection.execute(schema.jobs.select().where(schema.jobs.c.id == "bad")).one()
    assert (row.trigger, row.timeout) == ("{damaged", 3)


def test_a_damaged_policy_is_mended_by_setting_it_to_its_default(table: Timetable, database: Database) -> None:
    two_jobs(table)
    damage(database, retry="?")
    table.advance(hours=1)
    assert table.scheduler.modify_job("bad", retry=None).status is JobStatus.SCHEDULED


def test_adding_the_job_again_mends_it(table: Timetable, database: Database) -> None:
    two_jobs(table)
    damage(database, trigger="?")
    table.advance(hours=2)
    job = table.scheduler.add_job(note, every(hours=1), id="bad", args=["anew"], replace_existing=True)
    assert (job.status, job.next_run_time) == (JobStatus.SCHEDULED, after(hours=3))
    (decision,) = [one for one in table.scheduler.why("bad") if one.run is None]
    assert (decision.kind, decision.exact) == (DecisionKind.MISSED, False)
    assert "the job was quarantined: trigger" in decision.reason


def test_a_damaged_job_can_be_paused_resumed_and_removed(table: Timetable, database: Database) -> None:
    two_jobs(table)
    damage(database, trigger="?")
    table.scheduler.pause_job("bad")
    table.advance(hours=2)
    assert table.scheduler.resume_job("bad").status is JobStatus.QUARANTINED
    assert table.scheduler.get_job("bad").next_run_time == after(hours=1)  # type: ignore[union-attr]
    table.scheduler.remove_job("bad")
    assert table.scheduler.get_job("bad") is None


def test_runs_that_wait_stay_until_the_job_is_mended(table: Timetable, database: Database) -> None:
    two_jobs(table)
    run = table.scheduler.run_now("bad")
    damage(database, retry="?")
    table.run_due()
    assert table.scheduler.get_run(run.id).state is RunState.QUEUED
    assert status(table) is JobStatus.QUARANTINED
    table.scheduler.modify_job("bad", retry=None)
    table.run_due()
    assert table.scheduler.get_run(run.id).state is RunState.SUCCEEDED


def test_many_runs_of_a_damaged_job_do_not_hold_up_the_others(table: Timetable, database: Database) -> None:
    two_jobs(table)
    for _ in range(120):
        table.scheduler.run_now("bad")
    table.scheduler.run_now("good")
    damage(database, kwargs="?")
    table.run_due()
    assert tasks.calls == [("good",)]


def test_a_run_by_hand_of_a_job_whose_arguments_cannot_be_read_can_bring_its_own(
    table: Timetable, database: Database
) -> None:
    two_jobs(table)
    damage(database, kwargs="?")
    assert table.scheduler.run_now("bad", args=["own"], kwargs={}).args == ("own",)


@pytest.mark.parametrize(
    "payload", ["?", "5", '{"args":[1]}', '{"task":5}', '{"task":"conformance.note","args":"text"}']
)
def test_a_run_whose_own_arguments_cannot_be_read_is_cancelled_and_the_others_go_on(
    table: Timetable, database: Database, payload: str
) -> None:
    two_jobs(table)
    run = table.scheduler.run_now("bad")
    table.scheduler.run_now("good")
    with database.write() as connection:
        connection.execute(update(schema.runs).where(schema.runs.c.job_key != 3).values(payload=payload))
    table.run_due()
    assert tasks.calls == [("good",)]
    info = table.scheduler.get_run(run.id)
    assert (info.state, info.stop_reason) == (RunState.CANCELLED, "its own task and arguments cannot be read")


def test_runs_keep_what_could_be_read_of_the_arguments_that_they_were_made_with(
    table: Timetable, database: Database
) -> None:
    two_jobs(table)
    run = table.scheduler.run_now("bad")
    damage(database, kwargs="?")
    table.scheduler.modify_job("bad", args=["new"], kwargs={})
    table.run_due()
    assert table.scheduler.get_run(run.id).args == ("bad",)
    assert tasks.calls == [("bad",)]


@pytest.mark.parametrize("column", ["progress", "result", "error", "payload"])
def test_a_run_is_shown_without_what_cannot_be_read_of_it(table: Timetable, database: Database, column: str) -> None:
    table.scheduler.add_job(note, at(START), id="job")
    table.run_due()
    for value in ("?", "5", "{}", "[]"):
        with database.write() as connection:
            connection.execute(update(schema.runs).values({column: value}))
        (run,) = table.scheduler.runs("job")
        assert run.state is RunState.SUCCEEDED


def test_a_job_that_could_not_be_decided_is_let_go_by_adding_it_again_unchanged(
    table: Timetable, database: Database
) -> None:
    """As at the boot of a release that can decide it."""
    two_jobs(table)
    key = table.scheduler.get_job("bad").key  # type: ignore[union-attr]
    with database.write() as connection:
        connection.execute(update(schema.job_clock).where(schema.job_clock.c.job_key == key).values(held=True))
        connection.execute(
            update(schema.jobs).where(schema.jobs.c.key == key).values(status="quarantined", fault="OverflowError")
        )
    job = table.scheduler.add_job(
        note,
        every(hours=1),
        id="bad",
        args=["bad"],
        retry=Retry.fixed(5),
        timeout=9,
        overlap="queue",
        replace_existing=True,
    )
    assert (job.status, job.fault) == (JobStatus.SCHEDULED, None)
    table.advance(hours=1)
    assert ("bad",) in tasks.calls


def test_a_trigger_that_cannot_be_read_is_not_written_anew(table: Timetable, database: Database) -> None:
    two_jobs(table)
    damage(database, trigger="?")
    job = table.scheduler.get_job("bad")
    assert job is not None
    with pytest.raises(TriggerError, match="this trigger could not be read"):
        table.scheduler.add_jobs([job], replace_existing=True)


# --- tasks that are not known


Module = Callable[[str], None]


@pytest.fixture
def late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a module that there is not yet; another one in each test, since what was imported stays so."""
    monkeypatch.syspath_prepend(tmp_path)
    return f"conformance_late_{next(_numbers)}"


@pytest.fixture
def module(late: str, tmp_path: Path) -> Module:
    """`module(source)` makes the module `late` importable."""

    def write(source: str) -> None:
        (tmp_path / f"{late}.py").write_text(source)

    return write


_numbers = itertools.count()

LATE = "from tests.conformance import tasks\n\ndef work():\n    tasks.calls.append('late')\n"


def beat(table: Timetable) -> None:
    """What a node does at every heartbeat."""
    table.scheduler._service.node.ticker.look_again()  # type: ignore[union-attr]


def test_a_job_whose_task_no_node_knows_is_broken_and_the_others_go_on(table: Timetable) -> None:
    table.scheduler.add_job("nowhere.at_all:work", every(hours=1), id="job")
    table.scheduler.add_job(note, every(hours=1), id="good")
    table.advance(hours=2)
    job = table.scheduler.get_job("job")
    assert job is not None
    assert job.status is JobStatus.BROKEN
    assert job.fault is not None
    assert "there is no module nowhere" in job.fault
    assert len(tasks.calls) == 2


def test_why_tells_what_a_broken_job_leaves_out(table: Timetable) -> None:
    table.scheduler.add_job("nowhere.at_all:work", every(hours=1), id="job")
    table.advance(hours=2)
    (decision,) = table.scheduler.why("job", after(hours=2))
    assert decision.count == 2
    assert decision.reason.startswith("not decided yet: the job is broken: task 'nowhere.at_all:work' cannot be")


def test_a_broken_job_runs_again_when_a_node_can_import_its_task(table: Timetable, late: str, module: Module) -> None:
    table.scheduler.add_job(f"{late}:work", every(hours=1), id="job")
    table.advance(hours=3)
    assert status(table, "job") is JobStatus.BROKEN
    module(LATE)
    beat(table)
    assert status(table, "job") is JobStatus.SCHEDULED
    table.run_due()
    assert tasks.calls == ["late"]


def test_a_finished_job_whose_last_run_was_of_an_unknown_task_is_finished_again(
    table: Timetable, late: str, module: Module
) -> None:
    table.scheduler.add_job(f"{late}:work", every(hours=1, end=START), id="job")
    run = table.scheduler.run_now("job")
    table.run_due()
    assert status(table, "job") is JobStatus.BROKEN
    module(LATE + "\n")
    beat(table)
    table.run_due()
    assert table.scheduler.get_run(run.id).state is RunState.SUCCEEDED
    assert status(table, "job") is JobStatus.FINISHED


def test_a_broken_job_is_mended_by_another_function(table: Timetable) -> None:
    table.scheduler.add_job("nowhere.at_all:work", every(hours=1), id="job")
    table.advance(hours=1)
    assert table.scheduler.modify_job("job", func=note).status is JobStatus.SCHEDULED
    beat(table)
    table.run_due()
    assert len(tasks.calls) == 1


def test_what_waits_for_a_broken_job_runs_with_its_new_function(table: Timetable) -> None:
    table.scheduler.add_job("nowhere.at_all:work", every(hours=1), id="job")
    waiting = [table.scheduler.run_now("job"), table.scheduler.run_now("job", args=["of its own"])]
    table.advance(hours=1)
    assert status(table, "job") is JobStatus.BROKEN
    table.scheduler.modify_job("job", func=note)
    beat(table)
    table.run_due()
    states = [table.scheduler.get_run(run.id).state for run in waiting]
    assert states == [RunState.SUCCEEDED, RunState.SUCCEEDED]
    assert [table.scheduler.get_run(run.id).task for run in waiting] == ["conformance.note"] * 2


def test_a_run_of_a_task_that_is_gone_does_not_keep_its_job_from_running(table: Timetable, database: Database) -> None:
    table.scheduler.add_job(note, every(hours=1), id="job")
    run = table.scheduler.run_now("job")
    gone = '{"task":"nowhere.at_all:work","args":[],"kwargs":{}}'
    with database.write() as connection:
        connection.execute(update(schema.runs).values(slot=1, payload=gone))
    # Not claimed, since the task was looked for before; its place is free all the same.
    assert Claims(database).claim("n", after(), 5, executors=["thread"], without_tasks=["nowhere.at_all:work"]) == []
    with database.read() as connection:
        assert connection.scalars(select(schema.runs.c.slot)).all() == [None]
    table.advance(hours=1)
    assert len(tasks.calls) == 1
    assert table.scheduler.get_run(run.id).state is RunState.QUEUED


def test_changing_something_else_leaves_a_broken_job_broken(table: Timetable) -> None:
    table.scheduler.add_job("nowhere.at_all:work", every(hours=1), id="job")
    table.advance(hours=1)
    assert table.scheduler.modify_job("job", name="Another").status is JobStatus.BROKEN


def test_a_broken_job_that_is_given_another_trigger_tells_what_it_left_out(table: Timetable) -> None:
    table.scheduler.add_job("nowhere.at_all:work", every(hours=1), id="job")
    table.advance(hours=3)
    table.scheduler.reschedule_job("job", every(days=1))
    (decision,) = table.scheduler.why("job")
    assert (decision.kind, decision.count) == (DecisionKind.MISSED, 3)
    assert decision.reason.startswith("the job was broken: task 'nowhere.at_all:work'")


def test_a_paused_broken_job_stays_paused_when_it_is_mended(table: Timetable, late: str, module: Module) -> None:
    table.scheduler.add_job(f"{late}:work", every(hours=1), id="job")
    table.advance(hours=1)
    table.scheduler.pause_job("job")
    module(LATE)
    beat(table)
    assert status(table, "job") is JobStatus.PAUSED


def test_a_job_whose_task_another_live_node_knows_is_left_to_it(table: Timetable, database: Database) -> None:
    other = OtherNode(database, START, tasks=["elsewhere.task"])
    table.scheduler.add_job("elsewhere.task", every(minutes=10), id="job")
    table.advance(minutes=10)
    assert status(table, "job") is JobStatus.SCHEDULED
    assert table.scheduler.why("job") == []
    assert other.take(table.clock.now()) == []  # not ticked yet: that is the other node's to do


def test_a_queued_run_of_a_task_that_another_live_node_knows_is_left_to_it(
    table: Timetable, database: Database
) -> None:
    other = OtherNode(database, START, tasks=["elsewhere.task"])
    table.scheduler.add_job("elsewhere.task", every(days=10), id="job")
    table.scheduler.run_now("job")
    table.run_due()
    assert status(table, "job") is JobStatus.SCHEDULED
    assert len(other.take(table.clock.now())) == 1


def test_a_module_that_raises_when_imported_breaks_its_job_only(table: Timetable, late: str, module: Module) -> None:
    module("raise RuntimeError('not today')\n")
    table.scheduler.add_job(f"{late}:work", every(hours=1), id="job")
    table.scheduler.add_job(note, every(hours=1), id="good")
    table.advance(hours=1)
    fault = table.scheduler.get_job("job").fault  # type: ignore[union-attr]
    assert fault is not None
    assert "raised RuntimeError when imported: not today" in fault
    assert len(tasks.calls) == 1


def test_a_run_of_the_old_task_waits_without_breaking_the_job_that_has_another_now(table: Timetable) -> None:
    table.scheduler.add_job("nowhere.at_all:work", every(days=10), id="job")
    old = table.scheduler.run_now("job")
    table.scheduler.modify_job("job", func=note)
    table.run_due()
    table.scheduler.run_now("job")
    table.advance(days=10)
    assert len(tasks.calls) == 2
    assert table.scheduler.get_run(old.id).state is RunState.QUEUED


def test_a_plan_from_a_newer_release_with_an_unknown_trigger_keeps_its_jobs(
    table: Timetable, database: Database
) -> None:
    two_jobs(table)
    damage(database, trigger='{"type":"every_full_moon","v":2}')
    table.advance(hours=2)
    assert {job.id for job in table.scheduler.get_jobs()} == {"bad", "good"}
    with pytest.raises(HorariumError):
        table.scheduler.add_job("conformance.note", every(hours=1), id="bad")


def test_faults_are_text_that_databases_can_keep(table: Timetable, late: str, module: Module) -> None:
    module("raise RuntimeError('nul \\x00 and \\ud800')\n")
    table.scheduler.add_job(f"{late}:work", every(hours=1), id="job")
    table.advance(hours=1)
    assert status(table, "job") is JobStatus.BROKEN


def test_a_job_given_as_read_from_the_plan_can_be_added_elsewhere(table: Timetable, tmp_path: Path) -> None:
    two_jobs(table)
    with Timetable(f"sqlite:///{tmp_path}/copy.db", start=START) as copy:
        copy.scheduler.add_jobs(table.scheduler.get_jobs())
        assert [job.id for job in copy.scheduler.get_jobs()] == ["bad", "good"]


def test_a_row_that_names_no_task_is_broken(table: Timetable, database: Database) -> None:
    two_jobs(table)
    damage(database, task="")
    table.advance(hours=1)
    assert status(table) is JobStatus.BROKEN
    assert tasks.calls == [("good",)]


def test_a_duplicate_id_cannot_even_be_written(table: Timetable, database: Database) -> None:
    two_jobs(table)
    with database.read() as connection:
        row = connection.execute(schema.jobs.select().where(schema.jobs.c.id == "good")).one()._asdict()
    del row["key"]
    with pytest.raises(Exception, match=r"(?i)unique"), database.write() as connection:
        connection.execute(insert(schema.jobs).values(row))
    with pytest.raises(JobError):
        table.scheduler.add_job(note, every(hours=1), id="good ", args={1})  # type: ignore[arg-type]


# --- mended while somebody sets it aside


@pytest.mark.parametrize("aside", [JobStatus.BROKEN, JobStatus.QUARANTINED])
def test_a_job_that_was_mended_since_its_fault_was_found_is_not_set_aside(
    table: Timetable, database: Database, aside: JobStatus
) -> None:
    read = table.scheduler.add_job("nowhere.at_all:work", every(hours=1), id="job")
    table.scheduler.modify_job("job", func=note)
    assert Ticks(database).hold({(read.key, read.revision): "as it was"}, aside) == []
    assert status(table, "job") is JobStatus.SCHEDULED
    table.advance(hours=1)
    assert tasks.calls == [()]


def test_a_job_is_set_aside_as_it_was_read(table: Timetable, database: Database) -> None:
    read = table.scheduler.add_job(note, every(hours=1), id="job")
    assert Ticks(database).hold({(read.key, read.revision): "no good"}, JobStatus.QUARANTINED) == [read.key]
    job = table.scheduler.get_job("job")
    assert job is not None
    assert (job.status, job.fault) == (JobStatus.QUARANTINED, "no good")


def test_a_tick_that_read_a_job_before_it_was_mended_leaves_it_as_it_is(table: Timetable) -> None:
    table.scheduler.add_job("nowhere.at_all:work", every(hours=1), id="job")
    table.clock.advance(hours=1)
    ticker = table.scheduler.inline_engine()._node.ticker
    read = ticker._ticks.due(table.clock.now(), 10)
    table.scheduler.modify_job("job", func=note)
    ticker.set_aside(read[0].job, TaskNotFound("nowhere.at_all:work", "it is not there"))
    table.run_due()
    assert tasks.calls == [()]


def test_why_says_that_no_live_node_knows_the_task_of_a_run_that_waits(table: Timetable) -> None:
    table.scheduler.add_job("nowhere.at_all:work", every(days=10), id="job")
    old = table.scheduler.run_now("job")
    table.scheduler.modify_job("job", func=note)
    table.run_due()
    table.clock.advance(seconds=15)
    (decision,) = table.scheduler.why("job")
    assert decision.run == table.scheduler.get_run(old.id)
    assert decision.reason.endswith("it waits: no live node knows the task nowhere.at_all:work")


def test_why_says_nothing_of_nodes_while_a_live_one_knows_the_task(table: Timetable, database: Database) -> None:
    OtherNode(database, START, tasks=["elsewhere.task"])
    table.scheduler.add_job("elsewhere.task", every(days=10), id="job")
    table.scheduler.run_now("job")
    table.clock.advance(seconds=15)
    (decision,) = table.scheduler.why("job")
    assert "no live node" not in decision.reason
