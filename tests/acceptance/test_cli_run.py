"""`horarium run`: what it tells, how it stops, and what it says when it cannot start."""

import json
import signal
from pathlib import Path

import pytest

from .cli_calls import PROJECT, Cli, ended, eventually, line_of, stop

ADD = ("jobs", "add", "--every", "1h", "--id")


def test_it_makes_the_plan_and_tells_where_it_is(cli: Cli) -> None:
    scheduler = cli.start("run", "--json")
    told = json.loads(line_of(scheduler))
    assert (told["started"], told["pid"], told["jobs"]["total"]) == (True, scheduler.pid, 0)
    assert told["database"]
    assert cli("jobs", "list", json=True).json == []


def test_it_greets_people_with_plan_applications_and_jobs(sqlite_cli: Cli) -> None:
    sqlite_cli(*ADD, "clean", "clitasks:cleanup")
    scheduler = sqlite_cli.start("run")
    told = [line_of(scheduler) for _ in range(6)]
    assert told[0].startswith("Horarium ")
    assert sqlite_cli.url in told[1]
    assert any("1 (1 scheduled)" in line for line in told)
    assert any("clean, " in line for line in told)


def test_it_runs_the_jobs_of_the_file(sqlite_cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "horarium.yaml"
    file.write_text("jobs:\n  once:\n    task: clitasks:cleanup\n    at: 2025-10-13 15:30:00\n")
    sqlite_cli.run("--config", str(file))
    eventually(lambda: [run["state"] for run in sqlite_cli("runs", "list", "once", json=True).json] == ["succeeded"])
    assert sqlite_cli("jobs", "show", "once", json=True).json["origin"] == "file:horarium.yaml"
    edited = sqlite_cli("jobs", "edit", "once", "--name", "Once")
    assert (edited.code, "the next start takes back" in edited.err) == (0, True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_lets_runs_end_and_ends_well(sqlite_cli: Cli, tmp_path: Path, number: int) -> None:
    gate = tmp_path / "gate"
    sqlite_cli(*ADD, "gated", "clitasks:gated", "--kwarg", f"gate={json.dumps(str(gate))}")
    scheduler = sqlite_cli.run()
    sqlite_cli("jobs", "run", "gated")
    eventually(lambda: sqlite_cli("runs", "logs", "gated", json=True).json)
    scheduler.send_signal(number)
    while "Stopping" not in line_of(scheduler, error=True):
        pass
    gate.touch()
    assert ended(scheduler)[0] == 0
    assert sqlite_cli("runs", "show", "gated", json=True).json["state"] == "succeeded"


def test_a_run_that_does_not_end_within_the_grace_goes_back_to_the_queue(sqlite_cli: Cli, tmp_path: Path) -> None:
    sqlite_cli.environment["HORARIUM_SHUTDOWN_GRACE"] = "0.2"
    sqlite_cli(*ADD, "gated", "clitasks:gated", "--kwarg", f"gate={json.dumps(str(tmp_path / 'gate'))}")
    scheduler = sqlite_cli.run()
    sqlite_cli("jobs", "run", "gated")
    eventually(lambda: sqlite_cli("runs", "logs", "gated", json=True).json)
    assert stop(scheduler)[0] == 0
    assert sqlite_cli("runs", "show", "gated", json=True).json["state"] == "queued"


def test_a_thread_that_hears_nothing_does_not_keep_the_process(sqlite_cli: Cli, tmp_path: Path) -> None:
    sqlite_cli.environment["HORARIUM_SHUTDOWN_GRACE"] = "0.2"
    started = tmp_path / "started"
    sqlite_cli(*ADD, "stubborn", "clitasks:stubborn", "--arg", json.dumps(str(started)))
    scheduler = sqlite_cli.run()
    sqlite_cli("jobs", "run", "stubborn")
    eventually(started.exists)
    code, _, err = stop(scheduler)
    assert code == 0
    assert "had not ended" in err


def leave_a_run_behind(cli: Cli, tmp_path: Path) -> tuple[int, str]:
    """Send a scheduler with a run that hears nothing two signals: exit code, and what it logged after the first."""
    started = tmp_path / "started"
    cli(*ADD, "stubborn", "clitasks:stubborn", "--arg", json.dumps(str(started)))
    scheduler = cli.run()
    cli("jobs", "run", "stubborn")
    eventually(started.exists)
    scheduler.send_signal(signal.SIGTERM)
    while "Stopping" not in line_of(scheduler, error=True):
        pass
    code, _, err = stop(scheduler)
    return code, err


def test_a_second_signal_ends_it_at_once_and_says_which_runs_are_left(sqlite_cli: Cli, tmp_path: Path) -> None:
    code, err = leave_a_run_behind(sqlite_cli, tmp_path)
    assert code == 128 + signal.SIGTERM
    run = sqlite_cli("runs", "show", "stubborn", json=True).json["id"]
    assert f"left running: {run} of stubborn" in err


def test_a_node_whose_process_is_gone_is_shown_as_dead_though_its_lease_holds(cli: Cli, tmp_path: Path) -> None:
    leave_a_run_behind(cli, tmp_path)
    (node,) = cli("node", "list", json=True).json
    assert (node["status"], node["alive"], node["running"]) == ("dead", False, 1)
    assert f"dead: process {node['pid']} is gone" in cli("node", "list").out
    told = cli("status", json=True)
    assert (told.code, told.json["status"]) == (1, "stopped")


def test_a_node_that_missed_two_heartbeats_is_shown_as_silent(sqlite_cli: Cli) -> None:
    sqlite_cli.environment["HORARIUM_HEARTBEAT"] = "0.2"
    scheduler = sqlite_cli.run()
    scheduler.send_signal(signal.SIGSTOP)
    told = eventually(lambda: (now := sqlite_cli.process("status", "--json").json)["status"] == "silent" and now)
    assert [node["status"] for node in told["nodes"]] == ["silent"]
    assert "silent for" in sqlite_cli.process("node", "list").out
    scheduler.send_signal(signal.SIGCONT)


@pytest.mark.parametrize(
    ("environment", "code", "words"),
    [
        ({"HORARIUM_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}, 4, "127.0.0.1"),
        ({"HORARIUM_DATABASE_URL": "sqlite:////nowhere/plan.db"}, 4, "/nowhere"),
        ({"HORARIUM_ENGINE": "steam"}, 6, "HORARIUM_ENGINE"),
        ({"HORARIUM_TIMEZONE": "Europe/Atlantis"}, 6, "Europe/Atlantis"),
        ({"HORARIUM_CONFIG": "none.yaml"}, 6, "none.yaml"),
    ],
    ids=lambda value: next(iter(value.values())) if isinstance(value, dict) else None,
)
def test_it_says_why_it_cannot_start(sqlite_cli: Cli, environment: dict[str, str], code: int, words: str) -> None:
    answer = sqlite_cli.process("run", **environment)
    assert answer.code == code
    assert words in answer.err
    assert "Traceback" not in answer.err


def test_a_faulty_job_in_the_file_is_a_matter_of_configuration(sqlite_cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "horarium.yaml"
    file.write_text("jobs:\n  once:\n    task: clitasks:cleanup\n    daily: '25:00'\n")
    answer = sqlite_cli.process("run", "--config", str(file), "--json")
    assert answer.code == 6
    assert "once" in answer.error["message"]


def test_a_task_of_the_file_that_cannot_be_imported_is_told_at_the_start(sqlite_cli: Cli, tmp_path: Path) -> None:
    config = tmp_path / "horarium.yaml"
    jobs = {"sound": "clitasks:cleanup", "gone": "clitasks:cleanse"}
    config.write_text(json.dumps({"jobs": {name: {"task": task, "daily": "06:00"} for name, task in jobs.items()}}))
    process = sqlite_cli.run("--config", config)
    said, told = "", list[str]()
    while "cannot run here" not in said:
        said = line_of(process, error=True)
        told.append(said)
    assert "job gone of" in said
    assert "clitasks:cleanse" in said
    assert not any("job sound" in line for line in told)


def test_a_file_that_claims_anothers_job_is_a_matter_of_configuration(sqlite_cli: Cli, tmp_path: Path) -> None:
    sqlite_cli(*ADD, "clean", "clitasks:cleanup")
    file = tmp_path / "horarium.yaml"
    file.write_text("jobs:\n  clean:\n    task: clitasks:cleanup\n    daily: '06:00'\n")
    answer = sqlite_cli.process("run", "--config", str(file))
    assert answer.code == 6
    assert "clean" in answer.err


def test_the_project_in_the_working_directory_is_found(sqlite_cli: Cli) -> None:
    assert (PROJECT / "clitasks.py").exists()
    added = sqlite_cli.process("jobs", "add", "clitasks:cleanup", "--every", "1h", "--kwarg", "nonsense=1")
    assert added.code == 2, "the function was imported, and refused the argument"
