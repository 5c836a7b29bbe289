"""Clocks of jobs that hold what is none, as SQLite lets anybody write: that job is set aside, the others go on."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from horarium import Job, JobStatus, every
from horarium.testing import Timetable

from . import tasks
from .days import START, after
from .tasks import note

NO_TIMES = ["soon", b"x", 1.5, -(10**18), 10**18, float("inf")]
DAMAGES = [*(("next_run_time", value) for value in NO_TIMES), ("version", "x"), ("version", 1.5), ("revision", "x")]

Damage = Callable[[str, object], None]


@pytest.fixture
def path(tmp_path: Path, sqlite_tables: Path) -> Path:
    copy = tmp_path / "plan.db"
    copy.write_bytes(sqlite_tables.read_bytes())
    return copy


@pytest.fixture
def table(path: Path) -> Iterator[Timetable]:
    """Two jobs, "bad" and "good"."""
    with Timetable(f"sqlite:///{path}", start=START) as started:
        for job_id in ("bad", "good"):
            started.scheduler.add_job(note, every(hours=1), id=job_id, args=[job_id])
        yield started


@pytest.fixture
def damage(path: Path, table: Timetable) -> Damage:
    """Writes a value into a column of the clock of "bad"."""
    del table

    def write(column: str, value: object) -> None:
        of_bad = "job_key = (SELECT key FROM horarium_jobs WHERE id = 'bad')"
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(f"UPDATE horarium_job_clock SET {column} = ? WHERE {of_bad}", (value,))

    return write


def bad(table: Timetable) -> Job:
    job = table.scheduler.get_job("bad")
    assert job is not None
    return job


def beat(table: Timetable) -> None:
    table.scheduler._service.node.ticker.look_again()  # type: ignore[union-attr]


@pytest.mark.parametrize(("column", "value"), DAMAGES)
def test_a_damaged_clock_is_set_aside_with_a_sentence_and_the_others_go_on(
    table: Timetable, damage: Damage, column: str, value: object
) -> None:
    damage(column, value)
    table.advance(hours=3)
    beat(table)
    assert tasks.calls == [("good",)] * 3
    assert table.scheduler.statistics()["jobs"] == {"total": 2, "quarantined": 1, "scheduled": 1}
    assert bad(table).status is JobStatus.QUARANTINED
    assert column in (bad(table).fault or "")


@pytest.mark.parametrize(("column", "value"), DAMAGES)
def test_a_plan_with_a_damaged_clock_can_be_read(table: Timetable, damage: Damage, column: str, value: object) -> None:
    damage(column, value)
    assert {job.id for job in table.scheduler.get_jobs()} == {"bad", "good"}
    assert table.scheduler.why("bad") == []


@pytest.mark.parametrize(("column", "value"), DAMAGES)
def test_a_damaged_clock_is_mended_by_another_next_run_time(
    table: Timetable, damage: Damage, column: str, value: object
) -> None:
    damage(column, value)
    table.advance(hours=1)
    beat(table)
    table.scheduler.modify_job("bad", next_run_time=after(hours=2))
    assert bad(table).status is JobStatus.SCHEDULED
    table.advance(hours=1)
    assert ("bad",) in tasks.calls


def test_a_damaged_clock_is_mended_by_adding_the_job_anew(table: Timetable, damage: Damage) -> None:
    damage("next_run_time", "soon")
    beat(table)
    table.scheduler.add_job(note, every(hours=1), id="bad", args=["bad"], replace_existing=True)
    assert bad(table).next_run_time == after(hours=1)
    assert bad(table).status is JobStatus.SCHEDULED


def test_a_job_with_a_damaged_clock_can_be_removed(table: Timetable, damage: Damage) -> None:
    damage("next_run_time", "soon")
    table.scheduler.remove_job("bad")
    assert [job.id for job in table.scheduler.get_jobs()] == ["good"]


def test_a_pause_that_is_neither_yes_nor_no_counts_as_one_until_it_is_resumed(table: Timetable, damage: Damage) -> None:
    damage("paused", "x")
    table.advance(hours=1)
    assert bad(table).status is JobStatus.PAUSED
    table.scheduler.resume_job("bad")
    table.advance(hours=1)
    assert tasks.calls.count(("bad",)) == 1


def test_a_waiting_run_of_a_job_whose_limit_is_no_number_does_not_keep_the_others_from_running(
    table: Timetable, path: Path
) -> None:
    table.scheduler.modify_job("bad", overlap="queue")
    table.clock.advance(hours=1)
    table.scheduler.inline_engine().tick()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE horarium_jobs SET max_instances = 'many' WHERE id = 'bad'")
    table.run_due()
    assert tasks.calls == [("good",)]
    assert bad(table).status is JobStatus.QUARANTINED
