"""What `get_scheduler` answers inside a task: the scheduler that runs it, not whatever the process has."""

from __future__ import annotations

import asyncio
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from horarium import Run, Scheduler, SyncRun, get_scheduler, task
from horarium.scheduler import set_scheduler
from horarium.testing import Timetable

from . import tasks

CHILD = """
    from horarium import every, get_scheduler, task

    @task(executor="process")
    def add_a_job():
        get_scheduler().add_job(add_a_job, every(hours=1), id="added-by-child")
        return get_scheduler().running
"""


@task("owner.ask")
def ask() -> None:
    tasks.calls.append(get_scheduler())


@task("owner.ask_async")
async def ask_async() -> None:
    await asyncio.sleep(0)
    tasks.calls.append(get_scheduler())
    await asyncio.to_thread(ask)


@task("owner.ask_in_parts")
async def ask_in_parts(run: Run) -> None:
    await run.step("one", ask)
    await run.each([1, 2], lambda _: ask(), key=str, concurrency=2)


@task("owner.ask_in_parts_plain")
def ask_in_parts_plain(run: SyncRun) -> None:
    run.step("one", ask)
    run.each([1, 2], lambda _: ask(), key=str, concurrency=2)


@pytest.fixture(autouse=True)
def of_process(tmp_path: Path) -> Iterator[Scheduler]:
    """The scheduler of the process, which is another one."""
    scheduler = Scheduler(f"sqlite:///{tmp_path}/of-process.db", apps=())
    set_scheduler(scheduler)
    yield scheduler
    set_scheduler(None)
    scheduler.shutdown()


@pytest.mark.parametrize("function", [ask, ask_async, ask_in_parts, ask_in_parts_plain])
def test_a_task_gets_the_scheduler_that_runs_it(table: Timetable, function: object) -> None:
    table.scheduler.run(function)  # type: ignore[arg-type]
    assert tasks.calls
    assert all(answer is table.scheduler for answer in tasks.calls)


def test_outside_of_tasks_it_is_the_one_of_the_process(table: Timetable, of_process: Scheduler) -> None:
    table.scheduler.run(ask)
    assert get_scheduler() is of_process


def test_a_thread_that_a_task_starts_by_itself_gets_the_one_of_the_process(
    table: Timetable, of_process: Scheduler
) -> None:
    @task("owner.thread")
    def start_thread() -> None:
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()

    table.scheduler.run("owner.thread")
    assert tasks.calls == [of_process]


def test_a_scheduler_with_threads_is_answered_too(url: str) -> None:
    scheduler = Scheduler(url, apps=())
    scheduler.start()
    try:
        for function in (ask, ask_async, ask_in_parts):
            scheduler.run(function)
        assert all(answer is scheduler for answer in tasks.calls)
    finally:
        scheduler.shutdown()


def test_a_child_process_gets_one_on_the_plan_of_its_run_that_is_not_started(
    table: Timetable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "owner_child.py").write_text(textwrap.dedent(CHILD))
    monkeypatch.syspath_prepend(tmp_path)
    assert table.scheduler.run("owner_child:add_a_job") is False
    assert [job.id for job in table.scheduler.get_jobs()] == ["added-by-child"]
