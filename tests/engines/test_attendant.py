"""How often the queue is searched: long searches in vain are rare, and nothing waits longer than it must."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from horarium.engines.attendant import Attendant, Searches

KINDS = ("loop", "thread")


def test_a_short_search_in_vain_may_be_repeated_at_once() -> None:
    searches = Searches()
    searches.ended("thread", began=10.0, now=10.001, found=0)
    assert searches.allowed(KINDS, 10.001) == ["loop", "thread"]


def test_a_long_search_in_vain_rests_ten_times_as_long_and_the_others_go_on() -> None:
    searches = Searches()
    searches.ended("thread", began=10.0, now=10.02, found=0)
    assert searches.allowed(KINDS, 10.21) == ["loop"]
    assert searches.allowed(KINDS, 10.23) == ["loop", "thread"]


def test_no_search_rests_longer_than_a_second() -> None:
    searches = Searches()
    searches.ended("thread", began=0.0, now=60.0, found=0)
    assert searches.allowed(KINDS, 61.0) == ["loop", "thread"]


def test_a_search_that_found_something_does_not_rest() -> None:
    searches = Searches()
    searches.ended("thread", began=0.0, now=60.0, found=1)
    assert searches.allowed(KINDS, 60.0) == ["loop", "thread"]


def test_the_end_of_a_rest_is_a_reason_to_look_and_only_one() -> None:
    searches = Searches()
    searches.ended("thread", began=10.0, now=10.02, found=0)
    assert searches.rest(longest=1.0, now=10.02) < 0.21
    assert searches.rest(longest=1.0, now=10.3) == 0.0
    assert searches.rest(longest=1.0, now=10.3) == 1.0


class _Slow:
    """A node's parts, of which only the imports matter: each try takes 3 s."""

    def __init__(self) -> None:
        self.seconds = 100.0
        self.tried_at: list[float] = []

    def elapsed(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)

    def look_again(self) -> None:
        self.tried_at.append(self.seconds)
        self.seconds += 3.0

    def attend(self) -> None:
        pass

    def ask_again(self) -> None:
        pass

    def anything_waits(self, _: object) -> bool:
        return False

    def live(self, attendant: Attendant, seconds: int) -> None:
        """A heartbeat every 5 seconds."""
        until = self.seconds + seconds
        while self.seconds < until:
            attendant.try_imports()
            attendant._look()
            self.seconds += 5.0


def test_imports_that_take_long_to_fail_are_not_tried_at_every_heartbeat() -> None:
    slow: Any = _Slow()
    attendant = Attendant(slow, slow, slow, slow, every=1.0)
    slow.live(attendant, seconds=60)
    assert slow.tried_at == [100.0, 133.0]


class _Woken(_Slow):
    """A node's parts, of which only who is asked to stop again matters."""

    def __init__(self) -> None:
        super().__init__()
        self.asked_at: list[float] = []

    def ask_again(self) -> None:
        self.asked_at.append(self.seconds)


def test_heartbeats_that_wake_it_all_the_time_do_not_keep_it_from_asking_runs_to_stop() -> None:
    woken: Any = _Woken()
    attendant = Attendant(woken, woken, woken, woken, every=1.0)
    for _ in range(8):  # a heartbeat each half second
        attendant._woken.set()
        attendant._look()
        woken.seconds += 0.5
    assert woken.asked_at == [100.0, 101.0, 102.0, 103.0]
