"""Jitter: a delay that every node works out the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice

from horarium.when import any_of, at, cron, every

NOW = datetime(2025, 3, 1, 12, tzinfo=UTC)
FAR = NOW + timedelta(days=3650)


def test_jitter_is_the_same_wherever_it_is_worked_out() -> None:
    first, second = (cron("0 * * * *", jitter=600).seeded("sync-1") for _ in range(2))
    assert list(islice(first.between(NOW, FAR), 50)) == list(islice(second.between(NOW, FAR), 50))


def test_jitter_spreads_jobs_by_their_seed() -> None:
    times = {cron("0 * * * *", jitter=600).seeded(f"sync-{number}").next_after(NOW) for number in range(100)}
    assert len(times) == 100


def test_jitter_delays_and_never_reaches_its_limit() -> None:
    times = list(islice(cron("0 * * * *", jitter=600).between(NOW, FAR), 200))
    delays = [found - found.replace(minute=0, second=0, microsecond=0) for found in times]
    assert all(timedelta() <= delay < timedelta(minutes=10) for delay in delays)
    assert max(delays) - min(delays) > timedelta(minutes=8)


def test_jitter_longer_than_the_interval_does_not_change_the_order_or_the_number() -> None:
    trigger = every(seconds=10, jitter=3600, start=NOW).seeded("a")
    times = list(trigger.between(NOW - timedelta(seconds=1), NOW + timedelta(seconds=1000)))
    assert times == sorted(set(times))
    assert 100 <= len(times) <= 101


def test_jitter_does_not_pass_the_end() -> None:
    end = NOW + timedelta(hours=1, seconds=1)
    for seed in ("a", "b", "c"):
        trigger = cron("0 * * * *", jitter=600, end=end).seeded(seed)
        last = trigger.next_after(NOW + timedelta(minutes=11))
        assert last is not None
        assert end - timedelta(seconds=1) <= last <= end
        assert trigger.next_after(last) is None


def test_a_seed_is_not_kept_where_there_is_no_jitter() -> None:
    assert every(hours=1).seeded("a") == every(hours=1)


def test_the_seed_does_not_make_it_another_schedule() -> None:
    assert every(hours=1, jitter=5).seeded("a").same_schedule(every(hours=1, jitter=5))


def test_another_jitter_is_another_schedule() -> None:
    assert not every(hours=1, jitter=5).same_schedule(every(hours=1, jitter=6))


def test_parts_of_a_combined_trigger_are_seeded_too() -> None:
    trigger = any_of(every(hours=1, jitter=60), at(NOW)).seeded("a")
    assert trigger.triggers[0].seed == "a"
    assert trigger.triggers[1].seed == ""
