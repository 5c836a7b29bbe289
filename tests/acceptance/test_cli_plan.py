"""Which plan a command works on, and what it does where there is none."""

import json
import os
import pty
import re
import signal
import subprocess
from pathlib import Path

import pytest

from horarium import Scheduler
from horarium.cli.exit_codes import ExitCode
from horarium.store.pruning import Pruned

from .cli_calls import HORARIUM, PATIENCE, PROJECT, Cli, eventually

TASK = "clitasks:cleanup"
READING = ["jobs list", "runs list", "runs watch", "status", "node list", "db check", "prune", "why X", "jobs pause X"]


@pytest.mark.parametrize("words", READING)
def test_reading_makes_no_plan_and_says_what_does(cli: Cli, words: str, tmp_path: Path) -> None:
    answer = cli(*words.split(), json=True)
    assert (answer.code, answer.out) == (4, "")
    assert answer.error["type"] == "PlanUnavailable"
    assert "horarium run" in answer.error["message"]
    assert list(tmp_path.iterdir()) == []


def test_tables_are_made_and_checked(cli: Cli) -> None:
    made = cli("db", "upgrade", json=True).json
    assert ("core", None) in [(one["branch"], one["from"]) for one in made]
    assert cli("db", "upgrade", json=True).json == []
    assert all(state["up_to_date"] for state in cli("db", "check", json=True).json)


def test_a_server_that_is_not_there_is_unavailable(sqlite_cli: Cli) -> None:
    answer = sqlite_cli("--database", "postgresql://nobody:secret@127.0.0.1:1/none", "jobs", "list", json=True)
    assert answer.code == 4
    assert "127.0.0.1" in answer.error["message"]
    assert "secret" not in answer.err


@pytest.mark.parametrize("url", ["mysql://x/y", "nonsense"])
def test_an_address_that_cannot_be_is_a_matter_of_configuration(sqlite_cli: Cli, url: str) -> None:
    assert sqlite_cli("--database", url, "jobs", "list").code == 6


def test_a_configuration_file_that_is_not_there_is_a_matter_of_configuration(sqlite_cli: Cli, tmp_path: Path) -> None:
    answer = sqlite_cli("--config", tmp_path / "none.yaml", "jobs", "list")
    assert answer.code == 6
    assert "none.yaml" in answer.err


def test_the_options_stand_before_or_after_the_command(sqlite_cli: Cli, tmp_path: Path) -> None:
    other = f"sqlite:///{tmp_path}/other.db"
    assert sqlite_cli("--database", other, "jobs", "add", TASK, "--every", "1h", "--id", "there").code == 0
    assert [job["id"] for job in sqlite_cli("jobs", "list", "--database", other, "--json").json] == ["there"]
    assert [job["id"] for job in sqlite_cli("jobs", "--json", "list", "--database", other).json] == ["there"]


def test_a_traceback_is_for_those_who_ask(sqlite_cli: Cli) -> None:
    sqlite_cli("jobs", "add", TASK, "--every", "1h", "--id", "clean")
    assert "Traceback" not in sqlite_cli("jobs", "show", "X").err
    assert "Traceback" in sqlite_cli("jobs", "show", "X", "--verbose").err


def test_the_status_says_that_nothing_runs(cli: Cli) -> None:
    cli("jobs", "add", TASK, "--every", "1h", "--id", "clean")
    answer = cli("status", json=True)
    assert answer.code == 1
    assert (answer.json["status"], answer.json["jobs"]["total"], answer.json["next"]["job"]) == ("stopped", 1, "clean")
    assert "no scheduler is running" in cli("status").out


def test_the_status_says_that_the_plan_is_paused_though_nothing_runs(sqlite_cli: Cli) -> None:
    sqlite_cli("jobs", "add", TASK, "--every", "1h", "--id", "clean")
    assert sqlite_cli("status", json=True).json["paused"] is False
    sqlite_cli("jobs", "pause", "--all")
    answer = sqlite_cli("status", json=True)
    assert (answer.json["status"], answer.json["paused"]) == ("stopped", True)
    assert "horarium jobs resume --all" in sqlite_cli("status").out


def test_pruning_tells_what_was_forgotten(cli: Cli) -> None:
    cli("jobs", "add", TASK, "--every", "1h", "--id", "clean")
    assert cli("prune", json=True).json == {"runs": 0, "decisions": 0, "jobs": 0, "nodes": 0}


def test_pruning_counts_in_the_singular_and_the_plural(sqlite_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    sqlite_cli("jobs", "add", TASK, "--every", "1h", "--id", "clean")
    monkeypatch.setattr(Scheduler, "prune", lambda _scheduler: Pruned(runs=1, decisions=2, jobs=0, nodes=1))
    assert sqlite_cli("prune").out == "Forgot 1 run, 2 decisions, 1 node.\n"


def test_in_a_pipe_a_line_of_a_table_is_a_line_of_text(sqlite_cli: Cli) -> None:
    long = "a-job-with-an-id-that-alone-is-wider-than-most-terminals-are-and-then-some-more-of-it"
    sqlite_cli("jobs", "add", TASK, "--every", "1h", "--id", long)
    told = sqlite_cli.process("jobs", "list").out
    assert [line.split()[0] for line in told.splitlines()] == ["JOB", long]
    assert "\x1b" not in told
    assert not re.search(r" $", told, re.MULTILINE)


def test_text_of_other_languages_and_markup_is_shown_as_it_is(sqlite_cli: Cli) -> None:
    sqlite_cli("jobs", "add", TASK, "--every", "1h", "--id", "[bold]però:smile:")
    assert "[bold]però:smile:" in sqlite_cli.process("jobs", "list", PYTHONIOENCODING="utf-8").out
    as_json = sqlite_cli.process("jobs", "list", "--json", PYTHONIOENCODING="ascii").out
    assert json.loads(as_json)[0]["id"] == "[bold]però:smile:"


def on_a_terminal(cli: Cli, *words: str, **more: str) -> str:
    """What a command writes to a terminal of 80 columns."""
    ours, theirs = pty.openpty()
    environment = cli.environment | {"COLUMNS": "80", "TERM": "xterm"} | more
    with subprocess.Popen([HORARIUM, *words], stdout=theirs, stderr=theirs, cwd=PROJECT, env=environment) as process:
        os.close(theirs)
        told = b""
        try:
            while piece := os.read(ours, 65_536):
                told += piece
        except OSError:
            pass  # how Linux says that the other side is closed
        finally:
            os.close(ours)
        assert process.wait(PATIENCE) == 0
    return told.decode()


def test_tables_fit_a_terminal_of_80_columns_and_lose_nothing(sqlite_cli: Cli) -> None:
    long = "a-job-with-quite-a-long-id-of-50-characters-in-all"
    sqlite_cli("jobs", "add", TASK, "--weekly", "mon,tue,thu@06:00", "--timezone", "Europe/Rome", "--id", long)
    told = on_a_terminal(sqlite_cli, "jobs", "list", NO_COLOR="1")
    lines = re.sub(r"\x1b\[[0-9;]*m", "", told).splitlines()
    assert max(map(len, lines)) <= 80
    assert long in "".join(line.split("  ")[0].strip() for line in lines)


def test_a_terminal_has_colours_unless_it_wants_none(sqlite_cli: Cli) -> None:
    sqlite_cli("jobs", "add", TASK, "--every", "1h", "--id", "clean", "--paused")
    yellow = re.compile(r"\x1b\[(\d+;)*33m")
    assert yellow.search(on_a_terminal(sqlite_cli, "jobs", "list"))
    assert not yellow.search(on_a_terminal(sqlite_cli, "jobs", "list", NO_COLOR="1"))


def test_a_reader_that_goes_away_is_no_fault(sqlite_cli: Cli) -> None:
    for number in range(20):
        sqlite_cli("jobs", "add", TASK, "--every", "1h", "--id", f"job-{number}")
    process = sqlite_cli.start("jobs", "list", "--json")
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (128 + signal.SIGPIPE, b"")


@pytest.mark.parametrize("words", ["jobs list", "jobs list --json"])
def test_output_that_finds_no_room_is_said_in_a_sentence(sqlite_cli: Cli, words: str) -> None:
    sqlite_cli("jobs", "add", TASK, "--every", "1h", "--id", "clean")
    with Path("/dev/full").open("wb") as full:
        process = subprocess.run(
            [HORARIUM, *words.split()],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            cwd=PROJECT,
            env=sqlite_cli.environment,
            check=False,
            timeout=PATIENCE,
        )
    assert process.returncode == ExitCode.FAILED
    assert "No space left on device" in process.stderr
    assert "internal" not in process.stderr


def test_a_watch_ends_with_its_reader(sqlite_cli: Cli) -> None:
    sqlite_cli("jobs", "add", TASK, "--every", "1h", "--id", "clean")
    process = sqlite_cli.start("runs", "watch", "--interval", "0.1")
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None

    def ended() -> bool:
        sqlite_cli("jobs", "run", "clean")
        return process.poll() is not None

    eventually(ended, "the end")
    assert process.returncode == 128 + signal.SIGPIPE
