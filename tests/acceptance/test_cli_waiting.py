"""How long a run is waited for, and what is said when nobody can take it."""

import json
import re
from pathlib import Path

import pytest

from horarium import Scheduler
from horarium.cli.failures import StillWaiting
from horarium.cli.runs.outlook import Outlook
from horarium.cli.session import Session
from horarium.testing import ManualClock

from .cli_calls import Cli, eventually

ADD = ("jobs", "add", "--every", "1h", "--id")
STILL_WAITING = 124


def add_broken(cli: Cli) -> None:
    """A job that a running scheduler found to be broken."""
    cli("jobs", "add", "elsewhere.jobs:sync", "--at", "2025-10-13 15:30", "--id", "lost")
    cli.run()
    eventually(lambda: cli("jobs", "show", "lost", json=True).json["status"] == "broken", "the broken job")


def test_a_wait_ends_with_its_timeout_when_no_scheduler_runs_and_says_so(cli: Cli) -> None:
    cli(*ADD, "clean", "clitasks:cleanup")
    answer = cli("jobs", "run", "clean", "--wait", "--timeout", "0.3")
    assert answer.code == STILL_WAITING
    assert "\nNo scheduler is running" in answer.err
    assert re.search(r"Error: run \S+ of clean is queued after 300 ms; .*stays in the queue", answer.err)
    assert cli("runs", "show", "clean", json=True).json["state"] == "queued"


def test_a_wait_for_a_run_of_a_broken_job_says_why_nobody_takes_it(sqlite_cli: Cli) -> None:
    add_broken(sqlite_cli)
    answer = sqlite_cli("jobs", "run", "lost", "--wait", "--timeout", "0.3")
    assert answer.code == STILL_WAITING
    assert "Job 'lost' is broken: " in answer.err.splitlines()[1]
    assert "no module elsewhere" in answer.err


def test_a_run_of_a_broken_job_that_is_not_waited_for_is_warned_of(sqlite_cli: Cli) -> None:
    add_broken(sqlite_cli)
    answer = sqlite_cli("jobs", "run", "lost")
    assert answer.code == 0
    assert "Job 'lost' is broken: " in answer.err


def test_programs_get_the_end_of_a_wait_as_an_error(sqlite_cli: Cli) -> None:
    sqlite_cli(*ADD, "clean", "clitasks:cleanup")
    answer = sqlite_cli("jobs", "run", "clean", "--wait", "--timeout", "0", json=True)
    assert (answer.code, answer.out, answer.error["type"]) == (STILL_WAITING, "", "StillWaiting")


def test_the_run_goes_on_after_the_timeout_of_the_wait(sqlite_cli: Cli, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    sqlite_cli(*ADD, "gated", "clitasks:gated", "--kwarg", f"gate={json.dumps(str(gate))}")
    sqlite_cli.run()
    answer = sqlite_cli("jobs", "run", "gated", "--wait", "--timeout", "300ms")
    assert answer.code == STILL_WAITING
    assert "No scheduler" not in answer.err
    gate.touch()
    eventually(lambda: sqlite_cli("runs", "show", "gated", json=True).json["state"] == "succeeded")


@pytest.mark.parametrize("words", [["--timeout", "5"], ["--wait", "--timeout", "soon"]], ids=" ".join)
def test_a_timeout_that_means_nothing_is_a_usage_error_and_runs_nothing(sqlite_cli: Cli, words: list[str]) -> None:
    sqlite_cli(*ADD, "clean", "clitasks:cleanup")
    assert sqlite_cli("jobs", "run", "clean", *words).code == 2
    assert sqlite_cli("runs", "list", json=True).json == []


def test_a_watch_says_at_once_that_no_scheduler_runs(sqlite_cli: Cli) -> None:
    sqlite_cli(*ADD, "clean", "clitasks:cleanup")
    watch = sqlite_cli.start("runs", "watch")
    assert watch.stderr is not None
    assert b"No scheduler is running" in watch.stderr.readline()


def test_without_a_timeout_nobody_may_be_there_for_a_minute_and_no_longer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = ManualClock()
    scheduler = Scheduler(f"sqlite:///{tmp_path}/plan.db", clock=clock, apps=())
    scheduler.add_job("clitasks:cleanup", "interval", hours=1, id="clean")
    run = scheduler.run_now("clean")
    outlook = Outlook(Session(), scheduler, None, clock.elapsed)
    outlook.check(run)
    clock.advance(seconds=59)
    outlook.check(run)
    assert capsys.readouterr().err.count("No scheduler is running") == 1
    clock.advance(seconds=2)
    with pytest.raises(StillWaiting, match="nobody took it for 60 s"):
        outlook.check(run)
    scheduler.shutdown()


def test_a_scheduler_that_comes_back_within_the_minute_is_waited_for(tmp_path: Path) -> None:
    clock = ManualClock()
    scheduler = Scheduler(f"sqlite:///{tmp_path}/plan.db", clock=clock, apps=(), engine="inline")
    scheduler.add_job("clitasks:cleanup", "interval", hours=1, id="clean")
    run = scheduler.run_now("clean")
    outlook = Outlook(Session(), scheduler, None, clock.elapsed)
    outlook.check(run)
    clock.advance(seconds=50)
    scheduler.start()
    outlook.check(run)
    clock.advance(seconds=15)
    outlook.check(run)
    scheduler.shutdown()
