"""A test that lives through a month of schedules in milliseconds, the night in which the clocks change included.

With pytest, `test_march` is found and run as it is.
"""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from horarium import RunState, daily, monthly, task
from horarium.testing import Timetable

ROME = ZoneInfo("Europe/Rome")
closed: list[str] = []


@task
def close_the_day() -> None:
    closed.append("day")


@task
def close_the_month() -> None:
    closed.append("month")


def test_march() -> None:
    closed.clear()
    with Timetable(start=datetime(2026, 3, 1, tzinfo=ROME)) as table:
        scheduler = table.scheduler
        scheduler.add_job(close_the_day, daily("02:30", timezone="Europe/Rome"), id="day")
        scheduler.add_job(close_the_month, monthly("last", "23:00", timezone="Europe/Rome"), id="month")
        table.advance_to(datetime(2026, 4, 1, tzinfo=ROME))
        assert closed.count("day") == 31
        assert closed.count("month") == 1

        # On the 29th there is no 02:30: the clocks go from 02:00 to 03:00, and the job runs at the first instant after.
        sunday, monday = datetime(2026, 3, 29, tzinfo=ROME), datetime(2026, 3, 30, tzinfo=ROME)
        (night,) = scheduler.runs("day", since=sunday, until=monday)
        assert night.scheduled_at == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
        assert night.state is RunState.SUCCEEDED

        # Three days in which nothing ran: the last occurrence is made up for, and `why` tells of the others.
        table.sleep_through(days=3)
        assert closed.count("day") == 32
        assert [decision.kind for decision in scheduler.why("day", limit=2)] == ["run", "coalesced"]


if __name__ == "__main__":
    test_march()
    print(f"{closed.count('day')} days and {closed.count('month')} month closed")
