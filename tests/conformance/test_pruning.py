"""Old history is forgotten, by age and by number; what is active never is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, insert, select

from horarium import RunState, at, cron, every
from horarium.errors import JobNotFound, RunNotFound
from horarium.store import schema
from horarium.store.database import Database
from horarium.store.pruning import Pruned, prune
from horarium.testing import Timetable

from . import tasks
from .days import START, after
from .tasks import do, note


@pytest.fixture
def table(url: str) -> Iterator[Timetable]:
    """As everywhere, with Horarium's own jobs."""
    with Timetable(url, start=START, upkeep=True) as started:
        yield started


def pruned(table: Timetable, *, days: float | None = None, keep: int | None = None) -> Pruned:
    return prune(table.scheduler._plan.database.write, table.clock.now(), days=days, keep=keep)


def occurrences(table: Timetable, job_id: str = "job") -> list[datetime]:
    return [run.scheduled_at for run in reversed(table.scheduler.runs(job_id))]


def lived(table: Timetable, days: int, **policies: object) -> None:
    """Have a job of a run a day, for so many days."""
    table.scheduler.add_job(note, every(days=1), id="job", **policies)  # type: ignore[arg-type]
    table.advance(days=days)


def test_runs_older_than_the_limit_are_forgotten(table: Timetable) -> None:
    lived(table, 10)
    assert pruned(table, days=3.5).runs == 6 + 6  # the built-in job's own, too
    assert occurrences(table) == [after(days=day) for day in (7, 8, 9, 10)]


def test_only_the_newest_runs_of_a_job_are_kept(table: Timetable) -> None:
    lived(table, 10)
    assert pruned(table, keep=3).runs == 7 + 7  # the built-in job's own, too
    assert occurrences(table) == [after(days=day) for day in (8, 9, 10)]


def test_without_limits_nothing_is_forgotten(table: Timetable) -> None:
    lived(table, 5)
    assert pruned(table) == Pruned(0, 0, 0, 0)
    assert len(occurrences(table)) == 5


def test_the_limits_of_a_job_go_before_those_of_the_plan(table: Timetable) -> None:
    lived(table, 10, keep_days=20, keep_runs=8)
    pruned(table, days=1, keep=1)
    assert len(occurrences(table)) == 8


def test_a_job_can_keep_less_than_the_plan(table: Timetable) -> None:
    lived(table, 10, keep_days=2.5)
    pruned(table, days=100, keep=100)
    assert occurrences(table) == [after(days=day) for day in (8, 9, 10)]


def test_active_runs_stay_whatever_their_age(table: Timetable) -> None:
    table.scheduler.add_job(note, every(days=1), id="job", overlap="queue")
    for _ in range(5):
        table.clock.advance(days=1)
        table.scheduler.inline_engine().tick()
    pruned(table, days=1, keep=1)
    assert [run.state for run in table.scheduler.runs("job")] == [RunState.QUEUED] * 5


def test_a_backfilled_run_is_as_old_as_its_end(table: Timetable) -> None:
    table.scheduler.add_job(note, cron("0 12 * * *"), id="job")
    table.scheduler.backfill("job", START - timedelta(days=400), START - timedelta(days=399))
    table.scheduler.inline_engine().drain()
    pruned(table, days=30)
    assert len(occurrences(table)) == 2


def test_everything_that_belongs_to_a_run_goes_with_it(table: Timetable, database: Database) -> None:
    def work(run: object) -> None:
        run.logger.warning("line")  # type: ignore[attr-defined]
        run.step("step", lambda: 1)  # type: ignore[attr-defined]
        run.each([1, 2], lambda item: 1 // (item - 1))  # type: ignore[attr-defined]
        raise ValueError("no")

    tasks.plans.append(work)
    table.scheduler.add_job(do, at(START), id="job")
    table.run_due()
    table.clock.advance(days=2)

    def rows() -> list[int]:
        with database.read() as connection:
            return [connection.scalar(select(func.count()).select_from(one)) or 0 for one in schema.RUN_TABLES]

    assert all(rows())
    pruned(table, days=1)
    assert not any(rows())


def test_old_decisions_are_forgotten(table: Timetable) -> None:
    table.scheduler.add_job(note, every(hours=1), id="job")
    table.sleep_through(hours=5)
    table.advance(days=3)
    assert pruned(table, days=2).decisions == 1
    assert all(one.run is not None for one in table.scheduler.why("job", limit=1_000))


def decided(database: Database) -> int:
    with database.read() as connection:
        return connection.scalar(select(func.count()).select_from(schema.decisions)) or 0


def decide_daily(database: Database, job_id: str, days: int) -> None:
    """Write what ten ticks, a day apart, would have written of a job that was busy."""
    with database.write() as connection:
        key = connection.scalar(select(schema.jobs.c.key).where(schema.jobs.c.id == job_id))
        for day in range(1, days + 1):
            connection.execute(
                insert(schema.decisions).values(
                    job_key=key,
                    kind="skipped",
                    first_at=after(days=day),
                    last_at=after(days=day),
                    count=1,
                    exact=True,
                    reason="busy",
                    decided_at=after(days=day),
                    node=None,
                )
            )


def test_only_the_newest_decisions_of_a_job_are_kept(table: Timetable, database: Database) -> None:
    table.scheduler.add_job(note, at(after(days=99)), id="job")
    table.scheduler.add_job(note, at(after(days=99)), id="special", keep_runs=2)
    for job in ("job", "special"):
        decide_daily(database, job, 10)
    assert pruned(table, keep=4).decisions == 6 + 8
    assert decided(database) == 4 + 2
    assert [one.first_at for one in table.scheduler.why("special")] == [after(days=10), after(days=9)]


def test_a_job_keeps_its_decisions_as_long_as_its_runs(table: Timetable, database: Database) -> None:
    for job, keep in (("job", None), ("longer", 8.5), ("shorter", 1.5)):
        table.scheduler.add_job(note, at(after(days=99)), id=job, keep_days=keep)
        decide_daily(database, job, 10)
    table.clock.set(after(days=10))
    assert pruned(table, days=4.5).decisions == 5 + 1 + 8
    assert pruned(table).decisions == 0


def test_a_removed_job_is_forgotten_with_its_last_run(table: Timetable) -> None:
    lived(table, 2)
    run = table.scheduler.runs("job")[0]
    table.scheduler.remove_job("job")
    table.advance(days=3)
    assert pruned(table, days=100).jobs == 0
    assert table.scheduler.get_run(run.id).job_id == "job"
    table.clock.advance(days=100)
    assert pruned(table, days=50).jobs == 1
    with pytest.raises(RunNotFound):
        table.scheduler.get_run(run.id)
    with pytest.raises(JobNotFound):
        table.scheduler.why("job")


def test_ended_nodes_are_forgotten(table: Timetable, more: object) -> None:
    second = more()  # type: ignore[operator]
    second.scheduler.shutdown()
    table.clock.advance(days=100)
    assert pruned(table, days=50).nodes == 1


def test_the_built_in_job_prunes_every_night(url: str) -> None:
    with Timetable(url, start=START, settings={"keep_days": 5, "keep_runs": 1_000}, upkeep=True) as table:
        lived(table, 20)
        assert len(occurrences(table)) in {5, 6}


def test_pruning_by_hand_takes_the_limits_of_the_settings(url: str) -> None:
    with Timetable(url, start=START, settings={"keep_days": 1_000, "keep_runs": 2}) as table:
        table.scheduler.add_job(note, every(hours=1), id="job")
        table.advance(hours=5)
        assert table.scheduler.prune().runs == 3


def test_many_old_runs_are_forgotten_in_several_transactions(table: Timetable) -> None:
    table.scheduler.add_job(note, every(seconds=1), id="job", overlap="allow", coalesce=False, catch_up=2_500)
    table.clock.advance(seconds=2_500)
    table.scheduler.inline_engine().tick()
    with table.scheduler.connection() as connection:
        ended = schema.runs.update().values(state=RunState.SUCCEEDED, finished_at=table.clock.now())
        connection.execute(ended)
    table.clock.advance(days=9)
    assert pruned(table, days=1).runs == 2_500
