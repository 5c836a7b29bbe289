"""Starting what runs already: the second start finds the first, also when both begin at the same moment."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from horarium_apps.auto_analyze.cli import giving_way
from horarium_apps.auto_analyze.cli.giving_way import older_than_here

from .plans import HORARIUM, Call, Processes, eventually

NOW = datetime(2025, 10, 13, 12, tzinfo=UTC)
RUNS_ALREADY = re.compile(r"^A scheduler runs already, and does it: process (\d+) on ", re.MULTILINE)


@dataclass
class Node:
    """A process that carries the plan."""

    id: str
    started_at: datetime
    host: str = "elsewhere"
    pid: int = 1


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which processes are this one is told by their host."""
    monkeypatch.setattr(giving_way, "is_here", lambda node: node.host == "here")


def test_the_older_one_stays_and_the_younger_one_gives_way() -> None:
    first, second = Node("a", NOW, "here"), Node("b", NOW + timedelta(seconds=1))
    assert older_than_here([first, second]) == (True, None)
    first.host, second.host = "elsewhere", "here"
    assert older_than_here([first, second]) == (True, first)


def test_of_two_that_started_at_the_very_same_time_one_stays() -> None:
    first, second = Node("a", NOW, "here"), Node("b", NOW)
    assert older_than_here([first, second])[1] is None
    first.host, second.host = "elsewhere", "here"
    assert older_than_here([first, second])[1] is first


def test_nobody_gives_way_before_it_is_in_the_plan() -> None:
    assert older_than_here([Node("a", NOW)]) == (False, None)


def test_a_predecessor_with_the_same_number_on_the_same_host_is_no_other() -> None:
    before, now = Node("a", NOW - timedelta(seconds=9), "here"), Node("b", NOW, "here")
    assert older_than_here([before, now]) == (True, None)


@pytest.mark.parametrize("words", [("1", "60"), ("1", "360"), ("2", "15")], ids=["same", "interval", "user"])
def test_a_later_start_ends_well_and_says_who_does_it(call: Call, processes: Processes, words: tuple[str, str]) -> None:
    for name in ("anna", "bruno"):
        call("add-user", name)
    first = processes.start("auto-analyze", "--user-id", "1")
    eventually(lambda: call("--status", "--json").json["is_running"], "the scheduler")
    answer = processes.call(HORARIUM, "auto-analyze", "--user-id", words[0], "--interval", words[1])
    assert (answer.returncode, RUNS_ALREADY.findall(answer.stdout)) == (0, [str(first.pid)])
    jobs = {job["user_id"]: job["interval_minutes"] for job in call("--status", "--json").json["jobs"]}
    assert jobs[int(words[0])] == int(words[1])


def test_of_two_starts_at_the_same_moment_one_carries_the_plan(call: Call, processes: Processes) -> None:
    for name in ("anna", "bruno"):
        call("add-user", name)
    both = [processes.start("auto-analyze", "--user-id", user_id, "--interval", "15") for user_id in ("1", "2")]
    younger = eventually(lambda: [each for each in both if each.poll() is not None], "the end of one")
    assert len(younger) == 1
    (other,) = [each for each in both if each is not younger[0]]
    assert younger[0].returncode == 0
    assert RUNS_ALREADY.findall(processes.log(younger[0])) == [str(other.pid)]
    status = call("--status", "--json").json
    assert ([node["pid"] for node in status["nodes"]], len(status["jobs"])) == ([other.pid], 2)


def test_a_start_stays_where_only_a_dead_process_was(call: Call, processes: Processes, own_folder: Path) -> None:
    call("add-user", "anna")
    first = processes.start("auto-analyze", "--user-id", "1", HORARIUM_LEASE="3600")
    eventually(lambda: call("--status", "--json").json["is_running"], "the scheduler")
    first.kill()
    first.wait()
    second = processes.start("auto-analyze", "--user-id", "1")
    eventually(lambda: call("--status", "--json").json["is_running"], "the scheduler")
    assert second.poll() is None
