"""Ticks that a thread lends to somebody's event loop, with a loop that a test plays itself."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from horarium.clock import EPOCH
from horarium.engines.apscheduler import pacing
from horarium.engines.apscheduler.pacing import Aside
from horarium.engines.apscheduler.ticking import Tick

SOON = 20.0


class Ticking:
    """Has one thought to offer; remembers what it got back."""

    def __init__(self) -> None:
        self.offers = 1
        self.finished: list[Tick] = []
        self.changed = threading.Condition()

    def begin(self) -> Tick:
        offers, self.offers = self.offers, 0
        return Tick(EPOCH, thoughts=[object()] * offers)  # type: ignore[list-item]  # nobody looks into it

    def finish(self, tick: Tick) -> float:
        with self.changed:
            if tick.thoughts or tick.collected or not self.finished:
                self.finished.append(tick)
                self.changed.notify_all()
        return 60.0

    def wait_for_finished(self) -> Tick:
        with self.changed:
            assert self.changed.wait_for(lambda: bool(self.finished), SOON)
        return self.finished[0]


@pytest.fixture
def begin(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., tuple[Aside, Ticking, threading.Event]]]:
    begun: list[Aside] = []

    def begin(patience: float = SOON) -> tuple[Aside, Ticking, threading.Event]:
        monkeypatch.setattr(pacing, "LONGEST", patience)
        monkeypatch.setattr(pacing, "_ABANDONED_AFTER", patience)
        ticking, woken = Ticking(), threading.Event()
        begun.append(Aside(ticking, woken.set))  # type: ignore[arg-type]  # as far as it is used
        return begun[-1], ticking, woken

    yield begin
    for aside in begun:
        aside.stop()


Begin = Callable[..., tuple[Aside, Ticking, threading.Event]]


def test_a_tick_is_lent_to_the_loop_and_finished_when_it_is_back(begin: Begin) -> None:
    aside, ticking, woken = begin()
    assert woken.wait(SOON)
    tick = aside.take()
    assert len(tick.thoughts) == 1
    assert ticking.finished == []
    aside.give_back(tick)
    assert ticking.wait_for_finished() is tick


def test_a_loop_that_comes_uncalled_gets_an_empty_tick(begin: Begin) -> None:
    aside, ticking, woken = begin()
    assert woken.wait(SOON)
    tick = aside.take()
    assert aside.take().thoughts == []
    aside.give_back(Tick.empty())
    assert ticking.finished == []
    aside.give_back(tick)
    assert ticking.wait_for_finished() is tick


def test_a_tick_that_nobody_fetches_is_ended_uncollected(begin: Begin) -> None:
    aside, ticking, _ = begin(patience=0.01)
    tick = ticking.wait_for_finished()
    assert tick.collected == []
    assert aside.take().thoughts == []


def test_a_tick_that_does_not_come_back_is_given_up(begin: Begin) -> None:
    aside, ticking, woken = begin(patience=0.2)
    assert woken.wait(SOON)
    tick = aside.take()
    ended = ticking.wait_for_finished()
    assert ended is not tick
    aside.give_back(tick)
    assert tick not in ticking.finished


def test_a_loop_that_cannot_be_woken_is_no_fault(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed() -> None:
        raise RuntimeError("the event loop is closed")

    monkeypatch.setattr(pacing, "LONGEST", 0.01)
    ticking = Ticking()
    aside = Aside(ticking, closed)  # type: ignore[arg-type]  # as far as it is used
    assert ticking.wait_for_finished().collected == []
    aside.stop()
