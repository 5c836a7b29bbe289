"""A user's AsyncIOScheduler over the plan: the database never holds up the user's loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from apscheduler import events
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from horarium.engines.apscheduler import PlanExecutor, PlanJobStore
from horarium.engines.ticker import Ticker
from horarium.states import RunState
from horarium.store.database import Database
from horarium.store.runs import Runs

from . import tasks

SOON = 20.0


def live(url: str, body: Callable[[AsyncIOScheduler], Awaitable[None]], **executor: Any) -> None:
    """Start an AsyncIOScheduler on a loop, await `body`, and shut it down."""

    async def run() -> None:
        scheduler = AsyncIOScheduler(
            timezone=UTC,
            jobstores={"default": PlanJobStore(url)},
            executors={"default": PlanExecutor(**executor)},
        )
        scheduler.start()
        try:
            await body(scheduler)
        finally:
            scheduler.shutdown()
            await asyncio.sleep(0)  # APScheduler shuts down in the loop's next round

    asyncio.run(run())


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/plan.db"


def test_jobs_run_and_listeners_are_called_on_the_loop(plan_url: str) -> None:
    async def body(scheduler: AsyncIOScheduler) -> None:
        loop = asyncio.get_running_loop()
        heard: asyncio.Future[Any] = loop.create_future()

        def listener(event: Any) -> None:
            if not heard.done():
                heard.set_result((event.job_id, event.retval, threading.current_thread()))

        scheduler.add_listener(listener, events.EVENT_JOB_EXECUTED)
        scheduler.add_job(tasks.note_async, "interval", seconds=0.1, id="often", args=["here"])
        assert await asyncio.wait_for(heard, SOON) == ("often", "here", threading.current_thread())

    live(plan_url, body)


def test_a_database_that_hangs_does_not_stop_the_loop(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    hanging, go_on = threading.Event(), threading.Event()
    due = Ticker.due

    def hang(self: Ticker, *args: Any) -> Any:
        hanging.set()
        go_on.wait(SOON)
        return due(self, *args)

    async def body(scheduler: AsyncIOScheduler) -> None:
        executed = asyncio.Event()
        scheduler.add_listener(lambda _: executed.set(), events.EVENT_JOB_EXECUTED)
        with monkeypatch.context() as patch:
            patch.setattr(Ticker, "due", hang)
            scheduler.add_job(tasks.note, id="once")
            while not hanging.is_set():
                await asyncio.sleep(0)
            for _ in range(100):
                await asyncio.sleep(0)  # the loop turns while the database does not answer
            assert not go_on.is_set()
            go_on.set()
        await asyncio.wait_for(executed.wait(), SOON)

    live(url, body)
    assert tasks.calls == [((), {})]


def test_a_paused_scheduler_runs_nothing_until_it_is_resumed(url: str) -> None:
    async def body(scheduler: AsyncIOScheduler) -> None:
        executed = asyncio.Event()
        scheduler.add_listener(lambda _: executed.set(), events.EVENT_JOB_EXECUTED)
        scheduler.pause()
        scheduler.add_job(tasks.note, id="once")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(executed.wait(), 0.3)
        scheduler.resume()
        await asyncio.wait_for(executed.wait(), SOON)

    live(url, body)
    assert len(tasks.calls) == 1


def test_a_shutdown_on_a_loop_does_not_wait_for_ever_and_the_run_goes_back(url: str) -> None:
    async def body(scheduler: AsyncIOScheduler) -> None:
        submitted = asyncio.Event()
        scheduler.add_listener(lambda _: submitted.set(), events.EVENT_JOB_SUBMITTED)
        scheduler.add_job(tasks.sleep_until_told, id="slow")
        await asyncio.wait_for(submitted.wait(), SOON)

    live(url, body, grace=0.05)
    database = Database(url)
    assert [run.state for run in Runs(database).find()] == [RunState.QUEUED]
    database.close()


def test_what_was_added_before_the_loop_ran_is_run(url: str) -> None:
    async def body(scheduler: AsyncIOScheduler) -> None:
        executed = asyncio.Event()
        scheduler.add_listener(lambda _: executed.set(), events.EVENT_JOB_EXECUTED)
        await asyncio.wait_for(executed.wait(), SOON)

    loop = asyncio.new_event_loop()
    scheduler = AsyncIOScheduler(
        timezone=UTC,
        event_loop=loop,
        jobstores={"default": PlanJobStore(url)},
        executors={"default": PlanExecutor()},
    )
    scheduler.add_job(tasks.note, "interval", seconds=0.1, id="often")
    scheduler.start()
    try:
        loop.run_until_complete(body(scheduler))
    finally:
        scheduler.shutdown()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
