"""`horarium jobs`: adding, reading, changing and removing jobs, while no scheduler runs."""

import re
import shlex
from pathlib import Path

import pytest

from .cli_calls import Answer, Cli

TASK = "clitasks:cleanup"


def ids(answer: Answer) -> list[str]:
    assert answer.code == 0, answer.err
    return [job["id"] for job in answer.json]


def test_a_job_is_added_and_listed(cli: Cli) -> None:
    added = cli("jobs", "add", TASK, "--every", "10m", "--id", "clean", "--kwarg", "days=7", json=True)
    assert added.code == 0, added.err
    job = added.json
    assert (job["id"], job["task"], job["kwargs"], job["when"]) == ("clean", TASK, {"days": 7}, "every 10 minutes")
    assert (job["status"], job["origin"]) == ("scheduled", "cli")
    assert ids(cli("jobs", "list", json=True)) == ["clean"]


def test_all_policies_can_be_given(cli: Cli) -> None:
    words = shlex.split(
        "--timeout 5m --retry exponential:60:3 --overlap queue --max-instances 2 --grace 1h --no-coalesce --catch-up 9 "
        "--on-crash fail --executor process --keep-runs 50 --keep-days 7.5 --paused"
    )
    job = cli("jobs", "add", TASK, "--daily", "06:00", "--id", "clean", *words, json=True).json
    assert job["policies"] == {
        "executor": "process",
        "overlap": "queue",
        "max_instances": 2,
        "misfire_grace_time": 3600.0,
        "coalesce": False,
        "catch_up": 9,
        "on_crash": "fail",
        "retry": {"kind": "exponential", "base": 60.0, "max_attempts": 3},
        "timeout": 300.0,
        "keep_runs": 50,
        "keep_days": 7.5,
    }
    assert (job["paused"], job["status"]) == (True, "paused")


def test_a_daily_job_is_due_at_that_time_in_its_zone(cli: Cli) -> None:
    job = cli("jobs", "add", TASK, "--daily", "06:00", "--timezone", "Asia/Kolkata", json=True).json
    assert job["next_run_time"].endswith("T00:30:00+00:00")


def test_a_job_without_an_id_gets_one(sqlite_cli: Cli) -> None:
    first = sqlite_cli("jobs", "add", TASK, "--every", "10m", json=True).json["id"]
    second = sqlite_cli("jobs", "add", TASK, "--every", "10m", json=True).json["id"]
    assert first != second


def test_an_id_that_is_taken_is_a_conflict_that_says_what_to_do(cli: Cli) -> None:
    cli("jobs", "add", TASK, "--every", "10m", "--id", "clean")
    again = cli("jobs", "add", TASK, "--every", "20m", "--id", "clean", json=True)
    assert again.code == 5
    assert again.error["type"] == "JobExists"
    assert "jobs edit clean" in again.error["message"]


def test_a_task_whose_module_is_not_here_may_be_elsewhere_and_is_warned_of(sqlite_cli: Cli) -> None:
    answer = sqlite_cli("jobs", "add", "elsewhere.jobs:sync", "--every", "10m")
    assert answer.code == 0
    assert "Warning: task 'elsewhere.jobs:sync' cannot be imported here: there is no module elsewhere" in answer.err


def test_a_name_that_nobody_registered_here_is_warned_of(sqlite_cli: Cli) -> None:
    answer = sqlite_cli("jobs", "add", "clitasks.cleanup", "--every", "10m")
    assert answer.code == 0
    assert 'Did you mean "clitasks:cleanup"?' in answer.err


def test_a_task_that_is_known_here_is_not_warned_of(sqlite_cli: Cli) -> None:
    assert sqlite_cli("jobs", "add", TASK, "--every", "10m").err == ""


@pytest.mark.parametrize(
    ("task", "words"),
    [
        ("echo hello", "is no task"),
        ("", "is no task"),
        ("clitasks: cleanup", "names no function"),
        ("my tasks:cleanup", "names no function"),
        ("clitasks:", "names no function"),
        ("clitasks..x:f", "names no function"),
        ("clitasks:clenup", "did you mean 'cleanup'"),
        ("clitasks:log", "not a function"),
        ("__main__:cleanup", "another file in every process"),
    ],
)
def test_a_task_that_no_node_can_know_is_refused(sqlite_cli: Cli, task: str, words: str) -> None:
    answer = sqlite_cli("jobs", "add", task, "--every", "10m", json=True)
    assert answer.code == 2
    assert words in answer.error["message"]
    assert sqlite_cli("jobs", "list").code == 4, "no plan was made"


def test_an_edit_refuses_such_a_task_too(sqlite_cli: Cli) -> None:
    sqlite_cli("jobs", "add", TASK, "--every", "10m", "--id", "clean")
    assert sqlite_cli("jobs", "edit", "clean", "--task", "clitasks:clenup").code == 2
    assert sqlite_cli("jobs", "show", "clean", json=True).json["task"] == TASK


@pytest.mark.parametrize(
    "words",
    [
        ["--every", "10m", "--arg", "Rome"],
        ["--every", "10m", "--kwarg", "days"],
        ["--every", "10m", "--timeout", "0"],
        ["--every", "10m", "--retry", "often"],
        ["--every", "10m", "--overlap", "maybe"],
        ["--every", "10m", "--max-instances", "0"],
        ["--every", "10m", "--executor", "moon"],
        ["--every", "10m", "--id", ""],
        [],
    ],
    ids=" ".join,
)
def test_what_cannot_be_used_is_a_usage_error_and_adds_nothing(sqlite_cli: Cli, words: list[str]) -> None:
    answer = sqlite_cli("jobs", "add", TASK, *words)
    assert answer.code == 2
    assert answer.err
    assert "Traceback" not in answer.err
    assert sqlite_cli("jobs", "list", json=True).code == 4 or ids(sqlite_cli("jobs", "list", json=True)) == []


def test_the_list_can_be_narrowed(cli: Cli) -> None:
    cli("jobs", "add", TASK, "--every", "10m", "--id", "clean")
    cli("jobs", "add", "clitasks:fails", "--every", "20m", "--id", "unlucky")
    cli("jobs", "add", TASK, "--every", "30m", "--id", "later", "--paused")
    assert ids(cli("jobs", "list", "--status", "paused", json=True)) == ["later"]
    assert ids(cli("jobs", "list", "--search", "luck", json=True)) == ["unlucky"]
    assert ids(cli("jobs", "list", "--origin", "code", json=True)) == []
    assert ids(cli("jobs", "list", "--limit", "1", "--offset", "1", json=True)) == ["unlucky"]


def test_a_job_is_shown_with_what_is_not_at_its_default(sqlite_cli: Cli) -> None:
    sqlite_cli(
        "jobs", "add", TASK, "--daily", "06:00", "--id", "clean", "--timezone", "Europe/Rome", "--timeout", "90s"
    )
    shown = sqlite_cli("jobs", "show", "clean").out
    assert re.search(r"^When +daily at 06:00 \(Europe/Rome\)$", shown, re.MULTILINE)
    assert re.search(r"^Next run +\S+ 06:00:00 CES?T \(in \d+ \w+\)$", shown, re.MULTILINE)
    assert re.search(r"^Timeout +1 min 30 s$", shown, re.MULTILINE)
    assert "Coalesce" not in shown


def test_a_job_is_changed_and_the_rest_of_it_stays(cli: Cli) -> None:
    words = ["--kwarg", "days=7", "--timeout", "5m", "--retry", "fixed:10:3", "--no-coalesce"]
    cli("jobs", "add", TASK, "--every", "10m", "--id", "clean", *words)
    changed = cli("jobs", "edit", "clean", "--daily", "06:00", "--timeout", "default", "--name", "Clean up", json=True)
    job = changed.json
    assert (job["when"], job["name"], job["kwargs"]) == ("daily at 06:00 (UTC)", "Clean up", {"days": 7})
    assert (job["policies"]["timeout"], job["policies"]["coalesce"]) == (None, False)
    assert job["policies"]["retry"]["kind"] == "fixed"


POLICIES = {
    "--timeout": "5m",
    "--retry": "fixed:10",
    "--overlap": "queue",
    "--max-instances": "3",
    "--grace": "1h",
    "--catch-up": "7",
    "--on-crash": "fail",
    "--executor": "process",
    "--keep-runs": "9",
    "--keep-days": "8",
}


def test_every_policy_goes_back_to_its_default(sqlite_cli: Cli) -> None:
    usual = sqlite_cli("jobs", "add", TASK, "--every", "10m", "--id", "clean", json=True).json["policies"]
    words = [word for pair in POLICIES.items() for word in pair]
    chosen = sqlite_cli("jobs", "edit", "clean", *words, json=True).json["policies"]
    assert {name for name in usual if usual[name] == chosen[name]} == {"coalesce"}
    words = [word for option in POLICIES for word in (option, "default")]
    assert sqlite_cli("jobs", "edit", "clean", *words, json=True).json["policies"] == usual


@pytest.mark.parametrize("option", ["--overlap", "--on-crash", "--executor", "--max-instances", "--catch-up"])
def test_a_policy_that_there_is_not_is_refused_with_its_option(sqlite_cli: Cli, option: str) -> None:
    refused = sqlite_cli("jobs", "add", TASK, "--every", "10m", option, "sometimes")
    assert refused.code == 2
    assert f"{option}: 'sometimes' is not" in refused.err


def test_arguments_are_changed_by_name_or_taken_away(sqlite_cli: Cli) -> None:
    sqlite_cli("jobs", "add", TASK, "--every", "10m", "--id", "clean", "--kwarg", "days=7")
    assert sqlite_cli("jobs", "edit", "clean", "--kwarg", "days=9", json=True).json["kwargs"] == {"days": 9}
    assert sqlite_cli("jobs", "edit", "clean", "--no-args", "--arg", "1", json=True).json["args"] == [1]
    assert sqlite_cli("jobs", "show", "clean", json=True).json["kwargs"] == {}


def test_a_job_is_moved_to_another_zone(sqlite_cli: Cli) -> None:
    sqlite_cli("jobs", "add", TASK, "--daily", "06:00", "--id", "clean", "--timezone", "Europe/Rome")
    job = sqlite_cli("jobs", "edit", "clean", "--timezone", "Asia/Kolkata", json=True).json
    assert job["when"] == "daily at 06:00 (Asia/Kolkata)"
    assert job["next_run_time"].endswith("T00:30:00+00:00")


def test_an_edit_that_changes_nothing_is_a_usage_error(sqlite_cli: Cli) -> None:
    sqlite_cli("jobs", "add", TASK, "--every", "10m", "--id", "clean")
    assert sqlite_cli("jobs", "edit", "clean").code == 2


def test_jobs_are_paused_and_resumed(cli: Cli) -> None:
    cli("jobs", "add", TASK, "--every", "10m", "--id", "clean")
    assert [job["status"] for job in cli("jobs", "pause", "clean", json=True).json] == ["paused"]
    assert [job["status"] for job in cli("jobs", "resume", "clean", json=True).json] == ["scheduled"]


def test_the_whole_plan_is_paused_and_resumed(cli: Cli) -> None:
    cli("jobs", "add", TASK, "--every", "10m", "--id", "clean")
    assert cli("jobs", "pause", "--all", json=True).json == {"plan": "paused"}
    assert cli("jobs", "show", "clean", json=True).json["paused"] is False
    cli.run()
    assert cli("status", json=True).json["status"] == "paused"
    cli("jobs", "resume", "--all")
    assert cli("status", json=True).json["status"] == "ok"


def test_pausing_nothing_is_a_usage_error(sqlite_cli: Cli) -> None:
    assert sqlite_cli("jobs", "pause").code == 2
    assert sqlite_cli("jobs", "pause", "clean", "--all").code == 2


def test_jobs_are_removed(cli: Cli) -> None:
    for job in ("one", "two", "three"):
        cli("jobs", "add", TASK, "--every", "10m", "--id", job)
    assert cli("jobs", "remove", "one", "two", json=True).json == {"removed": ["one", "two"]}
    assert ids(cli("jobs", "list", json=True)) == ["three"]


@pytest.mark.parametrize("command", ["pause", "resume", "remove"])
def test_when_one_of_several_is_not_there_nothing_is_done(sqlite_cli: Cli, command: str) -> None:
    sqlite_cli("jobs", "add", TASK, "--every", "10m", "--id", "clean")
    before = sqlite_cli("jobs", "show", "clean", json=True).json
    assert sqlite_cli("jobs", command, "clean", "nightly").code == 3
    assert sqlite_cli("jobs", "show", "clean", json=True).json == before


@pytest.mark.parametrize(
    "words",
    [
        "jobs show X",
        "jobs edit X --every 1h",
        "jobs pause X",
        "jobs run X",
        "jobs preview X",
        "why X",
        "runs list X",
        "runs show X",
        "runs logs X",
        "runs cancel X",
        "runs retry X",
        "runs watch X",
    ],
)
def test_what_is_not_there_is_not_found(sqlite_cli: Cli, words: str) -> None:
    sqlite_cli("jobs", "add", TASK, "--every", "10m", "--id", "clean")
    answer = sqlite_cli(*words.split(), json=True)
    assert (answer.code, answer.out) == (3, "")
    assert "'X'" in answer.error["message"]


def test_the_times_of_a_job_are_previewed(cli: Cli) -> None:
    cli("jobs", "add", TASK, "--weekly", "mon@06:00", "--timezone", "Europe/Rome", "--id", "clean")
    preview = cli("jobs", "preview", "clean", "--after", "2025-10-20 06:00", "-n", "2", json=True).json
    assert preview["timezone"] == "Europe/Rome"
    assert preview["times"] == ["2025-10-27T05:00:00+00:00", "2025-11-03T05:00:00+00:00"]


def test_jobs_of_the_file_are_not_taken_for_the_command_lines(sqlite_cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text("timezone: Asia/Kolkata\n")
    job = sqlite_cli("--config", tmp_path / "other.yaml", "jobs", "add", TASK, "--daily", "06:00", json=True).json
    assert job["timezone"] == "Asia/Kolkata"
    assert job["origin"] == "cli"


def test_another_zone_does_not_begin_an_interval_anew(sqlite_cli: Cli) -> None:
    added = sqlite_cli("jobs", "add", TASK, "--every", "10m", "--id", "clean", json=True).json
    edited = sqlite_cli("jobs", "edit", "clean", "--timezone", "Europe/Rome", json=True).json
    assert edited["trigger"]["timezone"] == "Europe/Rome"
    assert edited["next_run_time"] == added["next_run_time"]
