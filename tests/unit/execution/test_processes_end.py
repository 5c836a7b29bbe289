"""How child processes end before they are done: timeouts, being told to stop, their parent's death."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parent))  # children find the functions here, by this process's sys.path

from kept_link import KeptLink, is_gone, pids_in, until

from horarium.errors import RunStopped, RunTimeout
from horarium.execution.processes import RemoteError, call_in_child


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    """A file in which a function tells its process ids once it runs; beside it, `.cleaned` says that it cleaned up."""
    return tmp_path / "mark"


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


def cleaned_up(mark: Path) -> bool:
    return mark.with_name("mark.cleaned").exists()


def time_out(function: str, mark: Path, grace: float, cleans_up: bool = False) -> RunTimeout:
    """Have a function time out, with a timeout in which it has begun on this machine, and could clean up."""
    for timeout in (0.5, 1, 2, 4, 8, 16):
        with pytest.raises(RunTimeout, match=rf"timeout of {timeout:g} s") as caught:
            call_in_child(f"process_tasks:{function}", [str(mark)], timeout=timeout, grace=grace)
        if mark.exists() and (cleaned_up(mark) or not cleans_up):
            return caught.value
    raise AssertionError("the function did not begin, or never cleaned up")


def begin(pool: ThreadPoolExecutor, function: str, mark: Path, link: KeptLink, **options: Any) -> Future[Any]:
    """Call a function in the pool's thread; answers when it runs."""
    future = pool.submit(call_in_child, f"process_tasks:{function}", [str(mark)], link=link, **options)
    pids_in(mark)
    return future


# --- timeouts


def test_a_plain_function_that_times_out_is_ended_at_once_and_can_clean_up(mark: Path) -> None:
    time_out("hang", mark, grace=1000, cleans_up=True)
    until(lambda: all(map(is_gone, pids_in(mark))))


def test_a_timeout_says_where_the_function_was(mark: Path) -> None:
    error = time_out("hang", mark, grace=1000, cleans_up=True).__cause__
    assert isinstance(error, RemoteError)
    assert "time.sleep(100)" in error.info.traceback


def test_a_function_that_ignores_its_termination_is_killed(mark: Path) -> None:
    time_out("hang_deaf", mark, grace=0.1)
    until(lambda: all(map(is_gone, pids_in(mark))))
    assert not cleaned_up(mark)


def test_an_async_function_that_times_out_is_cancelled(mark: Path) -> None:
    time_out("hang_async", mark, grace=1000, cleans_up=True)
    assert all(map(is_gone, pids_in(mark)))


def test_what_a_function_started_ends_with_its_timeout(mark: Path) -> None:
    time_out("hang_with_family", mark, grace=0)
    assert len(pids_in(mark)) == 3
    until(lambda: all(map(is_gone, pids_in(mark))))


def test_a_function_in_native_code_is_ended_by_its_timeout(mark: Path) -> None:
    time_out("hang_in_native_code", mark, grace=0.1)
    until(lambda: all(map(is_gone, pids_in(mark))))


def test_what_a_function_left_behind_ends_with_it(mark: Path) -> None:
    call_in_child("process_tasks:leave_family_behind", [str(mark)])
    assert len(pids_in(mark)) == 2
    until(lambda: all(map(is_gone, pids_in(mark))))


def test_the_end_of_a_child_is_noticed_where_the_system_does_not_tell(
    mark: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: Any) -> int:
        raise OSError("this system has no such call")

    monkeypatch.setattr(os, "pidfd_open", unknown)
    call_in_child("process_tasks:leave_family_behind", [str(mark)])
    until(lambda: all(map(is_gone, pids_in(mark))))


# --- being told to stop


def test_a_run_that_is_stopped_already_starts_no_child(mark: Path) -> None:
    link = KeptLink()
    link.stop("cancelled")
    with pytest.raises(RunStopped, match="cancelled"):
        call_in_child("process_tasks:hang", [str(mark)], link=link)
    assert not mark.exists()


@pytest.mark.parametrize("function", ["work_until_told", "hang_async"])
def test_a_function_that_hears_ends_by_itself_when_its_run_is_stopped(
    function: str, mark: Path, pool: ThreadPoolExecutor
) -> None:
    link = KeptLink()
    future = begin(pool, function, mark, link, grace=1000)
    link.stop("cancelled by hand")
    with pytest.raises(RunStopped) as caught:
        future.result()
    assert caught.value.reason == "cancelled by hand"
    assert link.listeners == 0


def test_a_function_that_cannot_hear_is_terminated_after_the_grace(mark: Path, pool: ThreadPoolExecutor) -> None:
    link = KeptLink()
    future = begin(pool, "hang", mark, link, grace=0.1)
    link.stop("cancelled")
    with pytest.raises(RunStopped, match="cancelled"):
        future.result()
    until(lambda: all(map(is_gone, pids_in(mark))))


def test_a_result_that_comes_after_the_stop_is_not_thrown_away(mark: Path, pool: ThreadPoolExecutor) -> None:
    link = KeptLink()
    future = begin(pool, "finish_when_told", mark, link, grace=1000)
    link.stop("cancelled")
    assert future.result() == "finished all the same"


def test_a_function_that_returns_though_its_time_is_over_is_done(mark: Path) -> None:
    for timeout in (0.5, 1, 2, 4, 8, 16):
        try:
            result = call_in_child(
                "process_tasks:finish_when_told", [str(mark)], link=KeptLink(), timeout=timeout, grace=1000
            )
        except RunTimeout:
            continue  # it had not begun
        assert result.startswith("finished")
        return
    raise AssertionError("the function did not begin")


def test_a_termination_from_outside_is_left_to_the_parent(mark: Path, pool: ThreadPoolExecutor) -> None:
    link = KeptLink()
    future = begin(pool, "finish_when_told", mark, link, grace=1000)
    os.kill(pids_in(mark)[0], signal.SIGTERM)
    link.stop("the node shuts down")
    assert future.result() == "finished all the same"


def test_an_interrupt_of_the_caller_leaves_no_child(mark: Path) -> None:
    threading.Thread(target=lambda: (pids_in(mark), os.kill(os.getpid(), signal.SIGINT))).start()
    with pytest.raises(KeyboardInterrupt):
        call_in_child("process_tasks:hang", [str(mark)])
    until(lambda: all(map(is_gone, pids_in(mark))))


# --- the parent's death


PARENT = """
import os, sys, threading, time
sys.path[:] = {path!r}
from horarium.execution.processes import call_in_child

def call():
    call_in_child({task!r}, [{mark!r}], grace=1000)

threading.Thread(target=call, daemon=True).start()
while not os.path.exists({mark!r}):
    time.sleep(0.005)
if {forks} and os.fork() == 0:
    time.sleep(1000)
print("ready", flush=True)
time.sleep(1000)
"""


@pytest.mark.parametrize(
    ("function", "forks"),
    [
        pytest.param("hang_deaf", False, id="which ignores signals"),
        pytest.param("hang_with_family", False, id="which started others"),
        pytest.param("hang_in_native_code", False, id="in which no thread can run"),
        pytest.param("hang_with_family", True, id="whose pipes a fork of the parent holds open"),
    ],
)
def test_a_child_ends_with_a_parent_that_is_killed(function: str, forks: bool, mark: Path) -> None:
    script = PARENT.format(path=sys.path, task=f"process_tasks:{function}", mark=str(mark), forks=forks)
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, start_new_session=True)
    with parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"ready\n"
        parent.kill()
        parent.stdout.close()
    pids = pids_in(mark)
    try:
        until(lambda: all(map(is_gone, pids)))
    finally:
        for group in (parent.pid, pids[0]):
            end_group(group)


def end_group(number: int) -> None:
    try:
        os.killpg(number, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
