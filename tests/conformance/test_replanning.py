"""What a start does to a plan whose times were worked out with other rules of time zones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from horarium.store import schema
from horarium.store.database import Database
from horarium.store.replanning import replan_for_new_zones
from horarium.testing import Timetable
from horarium.when import Trigger, at, cron, daily, every

from .days import START
from .tasks import note

HOUR = timedelta(hours=1)
EVENING = datetime(2030, 6, 1, 18, 30, tzinfo=UTC)


@pytest.fixture
def planned_with_other_rules(table: Timetable, database: Database) -> Timetable:
    with database.write() as connection:
        connection.execute(
            database.dialect.insert_over(schema.facts, ["value"]).values(name="time zone database", value="2020a")
        )
    return table


def plan(table: Timetable, trigger: Trigger) -> datetime:
    """Add a job; when it is due."""
    due = table.scheduler.add_job(note, trigger, id="job").next_run_time
    assert due is not None
    return due


def give(database: Database, due: datetime) -> None:
    """Have the job due at this time, as other rules would have it."""
    with database.write() as connection:
        connection.execute(update(schema.job_clock).values(next_run_time=due))


def planned(table: Timetable) -> datetime | None:
    job = table.scheduler.get_job("job")
    assert job is not None
    return job.next_run_time


@pytest.mark.parametrize("shift", [HOUR, -HOUR, timedelta(minutes=30), -3 * HOUR])
@pytest.mark.parametrize(
    "trigger",
    [daily("18:10", timezone="Europe/Rome"), at("2030-06-01 12:00", timezone="Asia/Tokyo")],
    ids=["daily", "once"],
)
def test_a_time_that_other_rules_gave_is_worked_out_anew(
    planned_with_other_rules: Timetable, database: Database, trigger: Trigger, shift: timedelta
) -> None:
    table = planned_with_other_rules
    due = plan(table, trigger)
    give(database, due + shift)
    assert replan_for_new_zones(database, START) == 1
    assert planned(table) == due


@pytest.mark.parametrize(
    "trigger",
    [
        daily("06:00", timezone="Europe/Rome"),
        at("2020-01-01", timezone="Europe/Rome"),
        cron("0 3 * * *", timezone="Europe/Rome"),
        every(hours=5),
    ],
    ids=["daily", "a past once", "cron", "interval"],
)
def test_a_time_that_somebody_set_stays(
    planned_with_other_rules: Timetable, database: Database, trigger: Trigger
) -> None:
    table = planned_with_other_rules
    table.scheduler.add_job(note, trigger, id="job", next_run_time=EVENING + timedelta(seconds=17))
    assert replan_for_new_zones(database, START) == 0
    assert planned(table) == EVENING + timedelta(seconds=17)


def test_a_job_that_was_put_off_to_a_later_occurrence_stays_there(
    planned_with_other_rules: Timetable, database: Database
) -> None:
    table = planned_with_other_rules
    due = plan(table, daily("14:10", timezone="Europe/Rome"))
    table.scheduler.modify_job("job", next_run_time=due + timedelta(days=2))
    assert replan_for_new_zones(database, START) == 0
    assert planned(table) == due + timedelta(days=2)


def test_nothing_is_worked_out_anew_with_the_same_rules(table: Timetable, database: Database) -> None:
    replan_for_new_zones(database, START)
    due = plan(table, daily("14:10", timezone="Europe/Rome"))
    give(database, due + HOUR)
    assert replan_for_new_zones(database, START) == 0
