"""The figures to watch: how often, how long, how well, and what it takes."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from horarium import Scheduler
from horarium.testing import Timetable
from horarium_apps.auto_analyze.adapters.machine import (
    free_space,
    may_write,
    measure_processes,
    size_of_file,
    size_of_folder,
)
from horarium_apps.auto_analyze.cli.status_rows import figure_rows, in_bytes
from horarium_apps.auto_analyze.monitoring import read_figures
from horarium_apps.auto_analyze.plan import is_missing, plan_file
from horarium_apps.auto_analyze.service import AutoAnalyzeScheduler

from .plans import Call, Library, Processes, eventually, linked


@pytest.fixture
def user_id(library: Library) -> int:
    """A user whose videos are analysed every 15 minutes; there are none."""
    user_id = library.add_user()
    AutoAnalyzeScheduler(library.scheduler).schedule(user_id, 15)
    return user_id


def test_the_frequency_is_told_as_expected_and_as_found(table: Timetable, user_id: int) -> None:
    table.advance(minutes=61)
    (found,) = read_figures(table.scheduler)["frequency"]
    assert (found["job_id"], found["expected_minutes"], found["runs"]) == ("auto-analyze-1", 15, 4)
    assert (found["found_minutes"], found["longest_minutes"]) == (15, 15)


def test_a_run_by_hand_is_none_of_the_schedule(table: Timetable, user_id: int) -> None:
    table.advance(minutes=31)
    table.scheduler.wait_for_run(table.scheduler.run_now("auto-analyze-1").id)
    figures = read_figures(table.scheduler)
    assert (figures["frequency"][0]["runs"], len(figures["last_runs"])) == (2, 3)


def test_one_scheduled_run_is_too_few_to_tell_a_frequency(table: Timetable, user_id: int) -> None:
    table.advance(minutes=16)
    figures = read_figures(table.scheduler)
    assert figures["frequency"][0]["found_minutes"] is None
    assert "too few scheduled runs to tell (1)" in str(figure_rows(figures)["Frequency auto-analyze-1"])


def test_the_success_of_videos_and_of_runs_is_counted(
    table: Timetable, library: Library, user_id: int, samples: list[Path], tmp_path: Path
) -> None:
    folder = linked([samples[0]], tmp_path / "videos")
    (folder / "broken.mp4").write_text("this is no video", encoding="utf-8")
    library.add(folder, user_id)
    table.advance(minutes=16)
    figures = read_figures(table.scheduler)
    assert figures["success"] == {
        "videos": {"succeeded": 1, "failed": 1, "rate": 0.5},
        "runs": {"succeeded": 1, "failed": 0, "rate": 1.0},
    }
    assert [(run["state"], run["analyzed"], run["errors"]) for run in figures["last_runs"]] == [("succeeded", 1, 1)]


def test_the_time_that_runs_took_is_told(
    table: Timetable, library: Library, user_id: int, samples: list[Path], tmp_path: Path
) -> None:
    library.add(linked([samples[0]], tmp_path / "videos"), user_id)
    table.advance(minutes=31)
    later, earlier = (run.duration for run in table.scheduler.runs("auto-analyze-1"))
    assert later is not None
    assert earlier is not None
    figures = read_figures(table.scheduler)
    assert [run["duration"] for run in figures["last_runs"]] == [round(later, 3), round(earlier, 3)]
    assert (figures["duration"]["last"], figures["duration"]["longest"]) == (
        round(later, 3),
        round(max(later, earlier), 3),
    )
    assert figures["duration"]["mean"] == pytest.approx((later + earlier) / 2, abs=0.002)


def test_a_run_that_failed_counts_and_has_no_duration(
    table: Timetable, user_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTO_ANALYZE_FFMPEG", "/nowhere/ffmpeg")
    table.advance(hours=3)
    figures = read_figures(table.scheduler)
    assert figures["success"]["runs"]["failed"] >= 1
    assert figures["duration"] == {"last": None, "mean": None, "longest": None}


def test_the_figures_of_one_user_are_that_users(table: Timetable, library: Library, user_id: int) -> None:
    other = library.add_user("bruno")
    AutoAnalyzeScheduler(library.scheduler).schedule(other, 30)
    table.advance(minutes=61)
    (found,) = read_figures(table.scheduler, other)["frequency"]
    assert (found["expected_minutes"], found["runs"]) == (30, 2)
    assert len(read_figures(table.scheduler)["frequency"]) == 2


def test_the_contact_sheets_and_the_disk_are_told(table: Timetable, own_folder: Path) -> None:
    (own_folder / "sheets").mkdir()
    (own_folder / "sheets" / "one.jpg").write_bytes(b"x" * 1000)
    sheets = read_figures(table.scheduler)["disk"]["sheets"]
    assert (sheets["path"], sheets["size"]) == (str(own_folder / "sheets"), 1000)
    assert sheets["free"] > 0


@pytest.mark.parametrize("plan_url", ["sqlite"], indirect=True)
def test_the_file_of_the_plan_is_told(table: Timetable) -> None:
    plan = read_figures(table.scheduler)["disk"]["plan"]
    assert plan["size"] >= Path(plan["path"]).stat().st_size > 0


@pytest.mark.parametrize("plan_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("address", ["sqlite:///a.db", "sqlite:///a.db?timeout=3", "sqlite:///a%3Fb.db"])
def test_the_file_of_a_plan_is_known_before_it_is_there(address: str, own_folder: Path) -> None:
    scheduler = Scheduler(address, apps=[])
    file = plan_file(scheduler)
    assert (file, is_missing(scheduler)) == (own_folder / ("a?b.db" if "%" in address else "a.db"), True)
    assert file is not None
    assert not file.exists()
    scheduler.get_jobs()  # which makes it
    assert (file.exists(), is_missing(scheduler)) == (True, False)
    scheduler.shutdown()


def test_a_plan_on_a_server_is_no_file(own_folder: Path, plan_url: str) -> None:
    scheduler = Scheduler(plan_url, apps=[])
    assert (plan_file(scheduler) is None) is plan_url.startswith("postgresql")
    scheduler.shutdown()


# --- on the command line


@pytest.mark.parametrize("plan_url", ["sqlite"], indirect=True)
def test_figures_are_there_without_a_plan_and_make_none(call: Call, own_folder: Path) -> None:
    figures = call("--status", "--json").json["monitoring"]
    assert (figures["frequency"], figures["success"]["runs"]["rate"]) == ([], None)
    assert "no videos yet; no runs yet" in call("--status").out
    assert list(own_folder.glob("*.db")) == []


def test_the_status_shows_processor_memory_and_disk_of_a_process(call: Call, processes: Processes) -> None:
    call("add-user", "anna")
    process = processes.start("auto-analyze", "--user-id", "1")
    (load,) = eventually(lambda: call("--status", "--json").json["monitoring"]["processes"], "the process")
    assert load["pid"] == process.pid
    assert load["cpu_percent"] >= 0.0
    assert load["memory"] > 1_000_000
    people = call("--user-id", 1, "--status").out
    assert all(words in people for words in (f"Load {process.pid}", "processor", "memory", "Disk, sheets", "free"))


# --- the machine


def test_a_process_and_its_children_are_measured_together() -> None:
    waiting = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        measured = measure_processes([(os.getpid(), time.time())])[os.getpid()]
    finally:
        waiting.communicate()
    assert measured is not None
    assert measured["children"] >= 1


def test_a_process_that_has_ended_is_not_measured() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert measure_processes([(ended.pid, time.time())]) == {ended.pid: None}


def test_a_later_process_with_the_same_number_is_another() -> None:
    assert measure_processes([(os.getpid(), 1.0)]) == {os.getpid(): None}


def test_what_is_not_there_takes_no_room_and_has_that_of_its_disk(tmp_path: Path) -> None:
    nowhere = tmp_path / "no" / "such"
    assert (size_of_file(nowhere), size_of_folder(nowhere)) == (0, 0)
    assert free_space(nowhere) is not None
    assert may_write(nowhere)


def test_a_file_in_place_of_a_folder_cannot_be_written_into(tmp_path: Path) -> None:
    (tmp_path / "sheets").touch()
    assert not may_write(tmp_path / "sheets")


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (3 * 1024**3, "3.0 GiB"), (1024**5, "1024.0 TiB")],
)
def test_bytes_are_told_in_the_unit_that_suits_them(number: int, words: str) -> None:
    assert in_bytes(number) == words
