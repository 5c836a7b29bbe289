"""Turns at child processes: so many at once, who waits longest first, and nobody waits who is told to stop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from horarium.errors import RunStopped
from horarium.execution.places import Turns

PATIENCE = 20.0


def never(_callback: Callable[[str], None]) -> Callable[[], None]:
    """A run that is never told to stop."""
    return lambda: None


def waiting(turns: Turns, number: int) -> None:
    """Wait until so many wait."""
    deadline = time.monotonic() + PATIENCE
    while len(turns._waiting) < number:
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_no_more_have_a_turn_at_once_than_there_are() -> None:
    turns, lock, at_once, most = Turns(3), threading.Lock(), 0, 0

    def work() -> None:
        nonlocal at_once, most
        for _ in range(20):
            with turns.turn(never):
                with lock:
                    at_once += 1
                    most = max(most, at_once)
                time.sleep(0.0005)
                with lock:
                    at_once -= 1

    threads = [threading.Thread(target=work) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert (at_once, most) == (0, 3)


def test_who_waits_longest_is_next() -> None:
    turns, order = Turns(1), []

    def work(name: str) -> None:
        with turns.turn(never):
            order.append(name)

    threads = []
    with turns.turn(never):
        for name in ("first", "second", "third"):
            threads.append(threading.Thread(target=work, args=(name,)))
            threads[-1].start()
            waiting(turns, len(threads))
    for thread in threads:
        thread.join(PATIENCE)
    assert order == ["first", "second", "third"]


def test_a_run_that_is_told_to_stop_waits_no_longer_and_leaves_its_turn_to_others() -> None:
    turns, stops = Turns(1), []

    def told(callback: Callable[[str], None]) -> Callable[[], None]:
        stops.append(callback)
        return lambda: stops.remove(callback)

    def work() -> None:
        with pytest.raises(RunStopped, match="cancelled"), turns.turn(told):
            pytest.fail("it had its turn")

    with turns.turn(never):
        thread = threading.Thread(target=work)
        thread.start()
        waiting(turns, 1)
        stops[0]("cancelled")
        thread.join(PATIENCE)
    assert stops == []
    with turns.turn(never):
        pass


def test_an_error_in_a_turn_gives_it_back() -> None:
    turns = Turns(1)
    with pytest.raises(OSError, match="broke"), turns.turn(never):
        raise OSError("broke")
    with turns.turn(never):
        pass
