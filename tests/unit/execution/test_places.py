"""Places for runs, threads that never keep a process, alarms, and what plan and node disagree about."""

import subprocess
import sys
import threading
import time
from datetime import UTC, datetime

import pytest

from horarium.execution.alarms import Alarms
from horarium.execution.places import Capacity, Places
from horarium.execution.pools import DaemonPool
from horarium.execution.strays import Strays, Takings
from horarium.job import LOOP, PROCESS, THREAD
from horarium.values import RunKey

PATIENCE = 20.0


def token(number: int, attempt: int = 1) -> tuple[RunKey, int]:
    return RunKey(datetime(2026, 1, 1, tzinfo=UTC), number), attempt


def test_no_more_places_are_taken_than_there_are() -> None:
    places = Places(Capacity(loop=2, threads=1, processes=1))
    assert [places.take(LOOP) for _ in range(3)] == [True, True, False]
    places.give_back(LOOP)
    assert places.free() == {LOOP: 1, THREAD: 1, PROCESS: 1}
    assert places.take_up_to(LOOP, 5) == 1
    assert places.take_up_to(LOOP, 5) == 0


def test_closed_places_are_given_to_nobody() -> None:
    places = Places(Capacity())
    places.close()
    assert not places.take(LOOP)
    assert places.take_up_to(THREAD, 1) == 0
    assert not places.free()


def test_a_pool_calls_at_most_so_many_at_once_and_answers() -> None:
    pool = DaemonPool(3, "test")
    running, most, lock = 0, 0, threading.Lock()
    together = threading.Barrier(3)

    def call(number: int) -> int:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        together.wait(PATIENCE)
        with lock:
            running -= 1
        return number

    assert [future.result(PATIENCE) for future in [pool.submit(call, number) for number in range(9)]] == list(range(9))
    assert most == 3
    pool.shutdown()
    with pytest.raises(RuntimeError, match="no more calls"):
        pool.submit(call, 1)


def test_a_pool_carries_errors_and_goes_on() -> None:
    pool = DaemonPool(1, "test")
    failed = pool.submit(lambda: 1 / 0)
    assert isinstance(failed.exception(PATIENCE), ZeroDivisionError)
    assert pool.submit(lambda: "on").result(PATIENCE) == "on"
    pool.shutdown()


def test_a_pool_that_ends_drops_what_has_not_begun() -> None:
    pool, gate, begun = DaemonPool(1, "test"), threading.Event(), threading.Event()
    under_way = pool.submit(lambda: begun.set() or gate.wait(PATIENCE))
    assert begun.wait(PATIENCE)
    waiting = pool.submit(gate.wait, PATIENCE)
    pool.shutdown(wait=False, cancel_futures=True)
    gate.set()
    assert under_way.result(PATIENCE)
    assert waiting.cancelled()
    pool.shutdown()


def test_a_call_that_never_ends_does_not_keep_the_process() -> None:
    script = (
        "import threading; from horarium.execution.pools import DaemonPool\n"
        "begun = threading.Event(); pool = DaemonPool(2, 'test')\n"
        "pool.submit(lambda: (begun.set(), threading.Event().wait())); begun.wait(); print('ends')"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert done.stdout == "ends\n"


def test_alarms_ring_in_the_order_of_their_times_and_not_when_cancelled() -> None:
    alarms, done = Alarms(), threading.Event()
    rung: list[str] = []
    alarms.set(0.06, done.set)
    alarms.set(0.05, lambda: rung.append("last"))
    alarms.set(0.0, lambda: rung.append("first"))
    alarms.set(0.01, lambda: rung.append("cancelled")).cancel()
    alarms.set(0.02, lambda: 1 / 0)  # type: ignore[arg-type,return-value]
    assert done.wait(PATIENCE)
    assert rung == ["first", "last"]
    alarms.close()
    alarms.set(0.0, lambda: rung.append("late"))
    time.sleep(0.01)
    assert rung == ["first", "last"]


def test_cancelled_alarms_do_not_pile_up() -> None:
    alarms, done = Alarms(), threading.Event()
    alarms.set(0.0, done.set)
    for _ in range(5_000):
        alarms.set(3_600, lambda: None).cancel()
    assert done.wait(PATIENCE)
    assert len(alarms) <= 300
    alarms.close()


def test_a_run_is_a_stray_at_its_second_sight() -> None:
    strays = Strays()
    assert strays.confirm({token(1)}, settled=0, begun=0) == []
    assert strays.confirm({token(1)}, settled=0, begun=0) == [token(1)]
    assert strays.confirm(set(), settled=0, begun=0) == []


def test_a_run_that_a_transaction_under_way_may_be_about_to_hold_is_no_stray() -> None:
    strays, takings = Strays(), Takings()
    number = takings.begin()
    for _ in range(5):  # however often it is seen while that process is slow
        settled = takings.settled
        assert strays.confirm({token(1)}, settled, takings.begun) == []
    takings.end(number)
    settled = takings.settled
    assert strays.confirm({token(1)}, settled, takings.begun) == [token(1)], "it was not held by then"


def test_another_attempt_of_a_run_is_seen_for_the_first_time() -> None:
    strays = Strays()
    strays.confirm({token(1, attempt=1)}, settled=0, begun=0)
    assert strays.confirm({token(1, attempt=2)}, settled=0, begun=0) == []


def test_transactions_that_ended_out_of_order_are_settled_up_to_the_oldest_under_way() -> None:
    takings = Takings()
    first, second = takings.begin(), takings.begin()
    takings.end(second)
    assert takings.settled == 0
    takings.end(first)
    assert takings.settled == 2
