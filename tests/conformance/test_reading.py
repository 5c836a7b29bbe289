"""Reading the plan's database beside those who write it, and asking for the plan without making one."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import func, select

from horarium import Scheduler, every
from horarium.errors import HorariumError, JobError
from horarium.store import schema
from horarium.testing import Timetable

from .tasks import note

COUNT = select(func.count()).select_from(schema.jobs)


def test_a_connection_for_reading_sees_what_is_committed(table: Timetable) -> None:
    table.scheduler.add_job(note, every(hours=1), id="job")
    with table.scheduler.connection(read_only=True) as connection:
        assert connection.scalar(select(schema.jobs.c.id).where(schema.jobs.c.id == "job")) == "job"


def test_a_connection_for_reading_keeps_nobody_from_writing_and_sees_one_moment(table: Timetable) -> None:
    with table.scheduler.connection(read_only=True) as connection:
        before = connection.scalar(COUNT)
        table.scheduler.add_job(note, every(hours=1), id="job")
        assert connection.scalar(COUNT) == before
    with table.scheduler.connection(read_only=True) as connection:
        assert connection.scalar(COUNT) == before + 1  # type: ignore[operator]


def test_a_connection_for_reading_is_not_kept_waiting_by_a_writer(table: Timetable) -> None:
    with table.scheduler.connection() as writer:
        writer.execute(schema.facts.insert().values(name="a", value="b"))
        with table.scheduler.connection(read_only=True) as reader:
            assert reader.scalar(select(schema.facts.c.value).where(schema.facts.c.name == "a")) is None


def test_a_connection_for_reading_cannot_write(table: Timetable) -> None:
    with (
        pytest.raises(HorariumError, match=r"this connection only reads; write through connection\(\)"),
        table.scheduler.connection(read_only=True) as connection,
    ):
        connection.execute(schema.facts.insert().values(name="a", value="b"))


def test_connections_write_again_after_one_that_only_read(table: Timetable) -> None:
    for _ in range(3):
        with table.scheduler.connection(read_only=True) as connection:
            connection.scalar(COUNT)
        table.scheduler.add_job(note, every(hours=1))


def test_read_only_is_yes_or_no(table: Timetable) -> None:
    with pytest.raises(JobError, match="read_only must be True or False, not 'yes'"):
        table.scheduler.connection(read_only="yes").__enter__()  # type: ignore[arg-type]


def test_a_plan_that_was_made_is_current(table: Timetable) -> None:
    status = table.scheduler.plan_status()
    assert (status.exists, status.current) == (True, True)


def test_to_ask_for_a_plan_makes_none(tmp_path: Path, postgres_url: str) -> None:
    for address in (f"sqlite:///{tmp_path}/none.db", postgres_url):
        scheduler = Scheduler(address, apps=())
        assert (scheduler.plan_status().exists, scheduler.plan_status().current) == (False, False)
        scheduler.shutdown()
    assert list(tmp_path.iterdir()) == []


def test_a_plan_of_a_newer_release_exists_and_is_not_current(table: Timetable) -> None:
    with table.scheduler.connection() as connection:
        connection.exec_driver_sql("UPDATE horarium_version_core SET version_num = 'core_9999'")
    status = table.scheduler.plan_status()
    assert (status.exists, status.current, status.branches[0].is_known) == (True, False, False)
    with table.scheduler.connection() as connection:
        connection.exec_driver_sql("UPDATE horarium_version_core SET version_num = 'core_0001'")
