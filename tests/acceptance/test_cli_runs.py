"""`horarium runs`, `why`, `status` and `node list` from another process, while a scheduler runs and while none does."""

import json
import re
import signal
from pathlib import Path
from typing import Any

import pytest

from .cli_calls import Cli, ended, eventually, line_of, stop

ADD = ("jobs", "add", "--every", "1h", "--id")


def state(cli: Cli, run: str) -> str:
    return str(cli("runs", "show", run, json=True).json["state"])


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """A file for which the job "gated" waits."""
    return tmp_path / "gate"


def add_gated(cli: Cli, gate: Path) -> None:
    assert cli(*ADD, "gated", "clitasks:gated", "--kwarg", f"gate={json.dumps(str(gate))}").code == 0


def test_a_run_is_waited_for_and_its_result_told(cli: Cli) -> None:
    cli(*ADD, "clean", "clitasks:cleanup")
    cli.run()
    waited = cli("jobs", "run", "clean", "--wait", "--kwarg", "days=7", json=True)
    assert waited.code == 0
    assert (waited.json["state"], waited.json["result"], waited.json["cause"]) == ("succeeded", {"days": 7}, "manual")


def test_a_run_that_fails_is_an_exit_code_and_a_sentence(sqlite_cli: Cli) -> None:
    sqlite_cli(*ADD, "unlucky", "clitasks:fails")
    sqlite_cli.run()
    waited = sqlite_cli("jobs", "run", "unlucky", "--wait")
    assert waited.code == 1
    assert re.fullmatch(r"Run \S+ of unlucky failed after .*: ValueError: no luck today\n", waited.out)
    shown = sqlite_cli("runs", "show", "unlucky", json=True).json
    assert (shown["state"], shown["error"]["type"]) == ("failed", "ValueError")
    assert [attempt["outcome"] for attempt in shown["attempts"]] == ["failed"]


def test_a_job_names_its_latest_run(cli: Cli) -> None:
    cli(*ADD, "clean", "clitasks:cleanup")
    first = cli("jobs", "run", "clean", json=True).json["id"]
    assert cli("runs", "show", "clean", json=True).json["id"] == first
    second = cli("jobs", "run", "clean", json=True).json["id"]
    assert cli("runs", "show", "clean", json=True).json["id"] == second
    assert cli("runs", "show", first, json=True).json["id"] == first


def test_a_job_without_runs_names_none(sqlite_cli: Cli) -> None:
    sqlite_cli(*ADD, "clean", "clitasks:cleanup")
    answer = sqlite_cli("runs", "show", "clean", json=True)
    assert (answer.code, answer.error["type"]) == (3, "RunNotFound")
    assert "no run of job 'clean' is kept; `horarium why clean`" in answer.error["message"]


def test_a_run_waits_while_no_scheduler_runs_and_people_are_told(cli: Cli) -> None:
    cli(*ADD, "clean", "clitasks:cleanup")
    queued = cli("jobs", "run", "clean")
    assert queued.code == 0
    assert "No scheduler is running" in queued.err
    assert state(cli, "clean") == "queued"
    cli.run()
    eventually(lambda: state(cli, "clean") == "succeeded")


def test_a_run_that_nobody_takes_is_shown_with_why(sqlite_cli: Cli) -> None:
    sqlite_cli(*ADD, "clean", "clitasks:cleanup")
    sqlite_cli("jobs", "run", "clean")
    shown = sqlite_cli("runs", "show", "clean")
    assert (shown.code, "No scheduler is running" in shown.err) == (0, True)


def test_a_run_is_shown_with_its_progress_and_told_to_stop(cli: Cli, gate: Path) -> None:
    add_gated(cli, gate)
    cli.run()
    cli("jobs", "run", "gated")
    shown = eventually(lambda: (run := cli("runs", "show", "gated", json=True).json)["progress"] and run)
    assert shown["progress"] == {"done": 1, "total": 4, "message": "waiting at the gate"}
    assert cli("runs", "cancel", "gated", "--reason", "not today", json=True).json["state"] == "stopping"
    eventually(lambda: state(cli, "gated") == "cancelled")
    assert cli("runs", "show", "gated", json=True).json["stop_reason"] == "not today"


def test_a_run_that_waits_is_cancelled_at_once_and_tried_again(cli: Cli) -> None:
    cli(*ADD, "clean", "clitasks:cleanup")
    cli("jobs", "run", "clean")
    assert cli("runs", "cancel", "clean", json=True).json["state"] == "cancelled"
    assert cli("runs", "cancel", "clean", json=True).code == 5
    assert cli("runs", "retry", "clean", json=True).json["state"] == "queued"
    assert cli("runs", "retry", "clean").code == 5


def test_a_retry_can_be_waited_for(sqlite_cli: Cli) -> None:
    sqlite_cli(*ADD, "clean", "clitasks:cleanup")
    sqlite_cli("jobs", "run", "clean")
    sqlite_cli("runs", "cancel", "clean")
    sqlite_cli.run()
    assert sqlite_cli("runs", "retry", "clean", "--wait", json=True).json["state"] == "succeeded"


def test_runs_are_narrowed_by_job_state_and_time(cli: Cli) -> None:
    for job in ("one", "two"):
        cli(*ADD, job, "clitasks:cleanup")
        cli("jobs", "run", job)
    cli("runs", "cancel", "one")

    def jobs(*words: str) -> list[str]:
        return [run["job_id"] for run in cli("runs", "list", *words, json=True).json]

    assert jobs() == ["two", "one"]
    assert jobs("one") == ["one"]
    assert jobs("--state", "queued", "--state", "running") == ["two"]
    assert jobs("--since", "1h") == ["two", "one"]
    assert jobs("--until", "1h") == []
    assert jobs("--limit", "1", "--offset", "1") == ["one"]
    assert cli("runs", "list", "--since", "lately").code == 2


def test_logs_are_shown_with_time_level_and_logger(cli: Cli) -> None:
    cli(*ADD, "clean", "clitasks:cleanup")
    cli.run()
    cli("jobs", "run", "clean", "--wait")
    assert re.fullmatch(
        r"\d\d:\d\d:\d\d\.\d{3}  INFO    project: cleaning after 3 days\n", cli("runs", "logs", "clean").out
    )
    assert [line["message"] for line in cli("runs", "logs", "clean", json=True).json] == ["cleaning after 3 days"]


def test_logs_are_followed_until_the_run_has_ended(cli: Cli, gate: Path) -> None:
    add_gated(cli, gate)
    cli.run()
    cli("jobs", "run", "gated")
    follower = cli.start("runs", "logs", "gated", "--follow", "--json")
    assert json.loads(line_of(follower))["message"] == "at the gate"
    gate.touch()
    code, out, _ = ended(follower)
    assert code == 0
    assert [json.loads(line)["message"] for line in out.splitlines()] == ["through the gate"]


def test_a_watch_in_a_pipe_writes_a_line_for_each_change_until_it_is_interrupted(cli: Cli, gate: Path) -> None:
    add_gated(cli, gate)
    cli.run()
    cli("jobs", "run", "gated")
    watch = cli.start("runs", "watch", "--json", "--interval", "0.1")

    def seen(wanted: dict[str, Any]) -> bool:
        told = json.loads(line_of(watch))
        return wanted.items() <= told.items()

    eventually(lambda: seen({"job_id": "gated", "state": "running"}))
    gate.touch()
    eventually(lambda: seen({"job_id": "gated", "state": "succeeded", "result": "through"}))
    assert stop(watch, signal.SIGINT)[0] == 0


def test_waiting_can_be_left_and_the_run_goes_on(cli: Cli, gate: Path) -> None:
    add_gated(cli, gate)
    cli.run()
    waiting = cli.start("jobs", "run", "gated", "--wait")
    eventually(lambda: cli("runs", "list", "--state", "running", json=True).json)
    code, _, err = stop(waiting, signal.SIGINT)
    assert code == 130
    assert "goes on" in err
    gate.touch()
    eventually(lambda: state(cli, "gated") == "succeeded")


def test_why_tells_what_became_of_an_occurrence(cli: Cli) -> None:
    cli("jobs", "add", "clitasks:cleanup", "--at", "2025-10-13 15:30", "--timezone", "Europe/Rome", "--id", "once")
    cli.run()
    decision = eventually(lambda: cli("why", "once", "2025-10-13 15:30", json=True).json)[0]
    assert (decision["kind"], decision["first_at"], decision["run"]["job_id"]) == (
        "run",
        "2025-10-13T13:30:00+00:00",
        "once",
    )
    assert cli("why", "once", "2025-10-13T13:30:00Z", json=True).json[0]["first_at"] == decision["first_at"]
    assert re.search(r"^2025-10-13 15:30:00  \w+ +its time had passed", cli("why", "once").out, re.MULTILINE)


@pytest.mark.parametrize(
    ("time", "words"),
    [
        (None, "has not come due yet"),
        ("2099-01-01 06:00", "That time has not come"),
        ("2099-01-01 06:01", "is no time of job"),
        ("2020-01-01 06:00", "The job was added later"),
    ],
)
def test_why_tells_why_nothing_is_known(sqlite_cli: Cli, time: str | None, words: str) -> None:
    sqlite_cli("jobs", "add", "clitasks:cleanup", "--daily", "06:00", "--timezone", "Europe/Rome", "--id", "clean")
    answer = sqlite_cli("why", "clean", *([time] if time else []))
    assert answer.code == 0
    assert words in answer.out


def test_why_takes_no_nonsense_for_a_time(sqlite_cli: Cli) -> None:
    sqlite_cli(*ADD, "clean", "clitasks:cleanup")
    assert sqlite_cli("why", "clean", "yesterday").code == 2


def test_a_running_scheduler_is_seen(cli: Cli) -> None:
    scheduler = cli.run()
    told = cli("status", json=True)
    assert (told.code, told.json["status"]) == (0, "ok")
    assert [node["pid"] for node in cli("node", "list", json=True).json] == [scheduler.pid]
    stop(scheduler)
    assert cli("node", "list", json=True).json == []
    assert [node["stop_reason"] for node in cli("node", "list", "--all", json=True).json] == ["it was shut down"]
    assert cli("status", json=True).code == 1


def test_what_is_changed_is_noticed_by_a_scheduler_that_runs(cli: Cli) -> None:
    cli.run()
    cli("jobs", "add", "clitasks:cleanup", "--at", "2025-10-13 15:30", "--id", "once")
    eventually(lambda: [run["state"] for run in cli("runs", "list", "once", json=True).json] == ["succeeded"])
    assert cli("jobs", "show", "once", json=True).json["status"] == "finished"
