"""The event loop of async runs, and what is said when one of them blocks it."""

import asyncio
import threading
from collections.abc import Callable, Iterator

import pytest

from horarium.execution import loop_thread
from horarium.execution.loop_thread import LoopThread
from horarium.execution.pools import DaemonPool

AT_MOST = 30


@pytest.fixture
def loop() -> Iterator[LoopThread]:
    loop = LoopThread(look_every=0.05)
    loop.start()
    yield loop
    assert loop.close(AT_MOST)


@pytest.fixture
def warned(monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """Waits for the next warning."""
    said, news = list[str](), threading.Semaphore(0)

    def warning(text: str, *arguments: object) -> None:
        said.append(text % arguments)
        news.release()

    monkeypatch.setattr(loop_thread.logger, "warning", warning)

    def following() -> str:
        assert news.acquire(timeout=AT_MOST)
        return said.pop(0)

    return following


def test_a_blocked_loop_is_said_with_the_line_that_blocks_it_and_so_is_its_end(
    loop: LoopThread, warned: Callable[[], str]
) -> None:
    free = threading.Event()

    async def careless() -> None:
        free.wait(AT_MOST)

    done = asyncio.run_coroutine_threadsafe(careless(), loop.loop)
    while "in careless" not in (said := warned()):
        pass  # a machine that stands still may have blocked it before
    assert "has been blocked for" in said
    assert "in careless\n    free.wait(AT_MOST)" in said
    assert "run_forever" not in said
    assert loop.blocked_for > 0
    free.set()
    assert "goes on; it was blocked for" in warned()
    assert loop.blocked_for == 0
    done.result(AT_MOST)


def test_the_line_that_blocks_is_said_also_when_it_called_something_of_ours(
    loop: LoopThread, warned: Callable[[], str]
) -> None:
    free = threading.Event()

    async def careless() -> None:
        pool = DaemonPool(1, "test-pool")
        pool.submit(free.wait, AT_MOST)
        pool.shutdown(wait=True)

    done = asyncio.run_coroutine_threadsafe(careless(), loop.loop)
    while "in careless" not in (said := warned()):
        pass
    free.set()
    assert "pool.shutdown(wait=True)" in said
    assert "thread.join()" in said
    done.result(AT_MOST)


def test_a_blocked_loop_is_closed_when_it_goes_on(warned: Callable[[], str]) -> None:
    loop, free = LoopThread(look_every=0.05), threading.Event()
    loop.start()

    async def careless() -> None:
        free.wait(AT_MOST)

    asyncio.run_coroutine_threadsafe(careless(), loop.loop)
    warned()
    assert not loop.close(0.1)
    free.set()
    assert loop.close(AT_MOST)
