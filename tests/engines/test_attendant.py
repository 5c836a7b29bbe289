"""How often the queue is searched: long searches in vain are rare, and nothing waits longer than it must."""

from __future__ import annotations

from horarium.engines.attendant import Searches

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
