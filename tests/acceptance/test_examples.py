"""The programs of `examples/`, each run as its readers run it: a process of its own, in an empty folder."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .cli_calls import HORARIUM, PATIENCE, ended, line_of, stop

EXAMPLES = Path(__file__).parents[2] / "examples"
PROGRAMS = sorted(path.name for path in EXAMPLES.glob("*.py"))


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, in which the programs make their plans; nothing of the machine's settings reaches them."""
    for name in [name for name in os.environ if name.startswith("HORARIUM_")] + ["DATABASE_URL", "SCHEDULER_BACKEND"]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Processes that are killed at the end of the test."""
    processes: list[subprocess.Popen[bytes]] = []
    yield processes
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


def start(*command: object, folder: Path | None = None) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0, cwd=folder
    )


def lines(program: str) -> list[str]:
    """Run a program until it ends by itself; what it wrote."""
    code, out, err = ended(start(sys.executable, EXAMPLES / program))
    assert code == 0, err
    assert "Traceback" not in err
    return out.splitlines()


def horarium(*words: str, folder: Path | None = None) -> object:
    """What a command answers in JSON."""
    answer = subprocess.run(
        [HORARIUM, *words, "--json"], capture_output=True, check=True, text=True, timeout=PATIENCE, cwd=folder
    )
    return json.loads(answer.stdout)


def test_every_program_has_its_test() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    assert [name for name in PROGRAMS if f'"{name}"' not in text] == []


def test_the_quickstart_shows_what_ran_and_what_is_next() -> None:
    by_hand, *runs, following = lines("quickstart.py")
    assert by_hand == "by hand: {'apples': 3, 'pears': 4}"
    ended_well = [run for run in runs if re.fullmatch(r"\d\d:\d\d:\d\d succeeded: \{'apples': 3, 'pears': 4\}", run)]
    assert ended_well
    assert len(runs) <= len(ended_well) + 1, "one may be at work at that very moment"
    assert following.startswith("lome is due at ")


def test_the_quickstart_can_be_started_again() -> None:
    lines("quickstart.py")
    assert lines("quickstart.py")


def test_a_killed_batch_goes_on_where_it_stopped(started: list[subprocess.Popen[bytes]]) -> None:
    first = start(sys.executable, EXAMPLES / "resume_after_crash.py")
    started.append(first)
    sent: list[str] = []
    while len(sent) < 5:
        line = line_of(first)
        assert line, ended(first)
        sent += re.findall(r"invoice sent to (.+)", line)
    first.kill()
    sent += re.findall(r"invoice sent to (.+)", ended(first)[1])

    again = lines("resume_after_crash.py")
    assert "listing the customers" not in again
    sent_again = re.findall(r"invoice sent to (.+)", "\n".join(again))
    assert sorted({*sent, *sent_again}) == sorted(f"customer {number}" for number in range(1, 21))
    # The mark of the last one may not have been on disk yet, and the next one may have been under way.
    assert len({*sent} & {*sent_again}) <= 2
    assert again[-1] == "succeeded in attempt 2: 20 of 20 invoices are sent"


def test_a_batch_that_ended_is_not_begun_again_by_another_start() -> None:
    lines("resume_after_crash.py")
    assert not any("sent to" in line for line in lines("resume_after_crash.py"))


def test_an_apscheduler_of_ones_own_records_its_runs() -> None:
    written = lines("own_apscheduler.py")
    heard = [line for line in written if line == "shelf-a: A collected"]
    runs = [line for line in written if line.endswith("succeeded A collected")]
    assert len(heard) >= 2
    assert len(runs) >= 2
    assert "['shelf-b', 'shelf-a']" in written


def test_a_month_is_tested() -> None:
    assert lines("testing_a_month.py") == ["32 days and 1 month closed"]


def test_failures_are_tried_again_or_not() -> None:
    shaky, hopeless, endless = [line for line in lines("retries_and_timeouts.py") if not line.startswith(" ")]
    assert shaky == "shaky: succeeded in attempt 3: it answered"
    assert hopeless == "hopeless: failed in attempt 1: PermanentError: there is no such account"
    assert endless.startswith("endless: failed in attempt 1: RunTimeout: ")


def test_child_processes_are_ended_and_their_crashes_are_theirs_alone() -> None:
    assert lines("process_executor.py") == [
        "add-up: succeeded",
        "  the sum is 499500; another process: True",
        "spin: failed",
        "  RunTimeout",
        "crash: failed",
        "  ChildProcessDied",
    ]


def test_a_transactional_step_takes_effect_once() -> None:
    assert lines("transactional_step.py") == [
        "attempt 1: 300 cents are moved",
        "attempt 2: 300 cents are moved",
        "attempt 3: 300 cents are moved",
        "succeeded in attempt 3: paid, and the mail is sent",
        "{'Ada': 700, 'Ben': 300}",
    ]


def test_a_web_application_carries_its_scheduler() -> None:
    assert lines("embedded_in_a_web_app.py") == [
        "/health {'status': 'ok', 'running': True}",
        "/refreshed ['fresh']",
    ]


def test_the_jobs_of_a_file_run(tmp_path: Path, started: list[subprocess.Popen[bytes]]) -> None:
    folder = tmp_path / "shop"
    shutil.copytree(EXAMPLES / "jobs_in_a_file", folder)
    scheduler = start(HORARIUM, "run", folder=folder)
    started.append(scheduler)
    while (line := line_of(scheduler)) != "the shop is open\n":
        assert line, ended(scheduler)
    jobs = horarium("jobs", "list", folder=folder)
    assert isinstance(jobs, list)
    assert {job["id"]: job["origin"] for job in jobs} == dict.fromkeys(
        ("heartbeat", "stocktaking", "newsletter"), "file:horarium.yaml"
    )
    assert stop(scheduler, signal.SIGTERM)[0] == 0


def test_the_streamlit_page_is_drawn_without_an_error() -> None:
    """Its buttons are clicked in `tests/apps/auto_analyze/test_streamlit.py`."""
    page = str(EXAMPLES / "streamlit_app.py")
    program = (
        "from streamlit.testing.v1 import AppTest\n"
        f"page = AppTest.from_file({page!r}, default_timeout=60).run()\n"
        "print([title.value for title in page.title], [each.message for each in page.exception])\n"
    )
    code, out, err = ended(start(sys.executable, "-c", program))
    assert (code, out) == (0, "['Auto-analyze'] []\n"), err
