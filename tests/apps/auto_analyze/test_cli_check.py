"""`horarium auto-analyze check`: each reason for which nothing is analysed, found and told."""

import importlib.util
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from horarium_apps.auto_analyze.domain.video import VideoStatus
from horarium_apps.auto_analyze.tables import videos

from .plans import HORARIUM, Answer, Call, Library, Processes, eventually, linked


def findings(answer: Answer) -> dict[str, dict[str, Any]]:
    """What was found, by the thing that it is about."""
    return {each["about"]: each for each in answer.json["findings"]}


def fault(answer: Answer, about: str) -> str:
    """The sentence about a thing that is a fault; the command has failed then."""
    found = findings(answer)[about]
    assert (answer.code, found["ok"]) == (1, False)
    return str(found["sentence"])


@pytest.fixture
def waiting(call: Call, samples: list[Path], tmp_path: Path) -> Path:
    """The folder of a user's only video, which waits."""
    call("add-user", "anna")
    folder = linked([samples[0]], tmp_path / "videos")
    call("import", folder, "--user-id", 1)
    return folder


@pytest.fixture
def elsewhere_models(waiting: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Every stage, with a model that is not on this machine and may be downloaded."""
    monkeypatch.setenv("AUTO_ANALYZE_SKIP_STAGES", "[]")
    monkeypatch.setenv("AUTO_ANALYZE_SPEECH_MODEL", "small")
    monkeypatch.setenv("AUTO_ANALYZE_MODELS_FOLDER", str(tmp_path / "models"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of its own, of two megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("only root may mount a small disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_all_is_well_where_a_process_carries_a_schedule(call: Call, waiting: Path, processes: Processes) -> None:
    processes.start("auto-analyze", "--user-id", "1")
    eventually(lambda: call("--status", "--json").json["is_running"], "the scheduler")
    answer = call("check", "--json")
    assert [each["about"] for each in answer.json["findings"] if not each["ok"]] == []
    assert (answer.code, answer.json["ok"]) == (0, True)


@pytest.mark.parametrize("plan_url", ["sqlite"], indirect=True)
def test_a_plan_that_is_not_there_is_told_and_not_made(call: Call, own_folder: Path) -> None:
    assert "add-user NAME` makes one there" in fault(call("check", "--json"), "database")
    assert list(own_folder.glob("*.db")) == []


def test_a_database_out_of_reach_is_told(processes: Processes) -> None:
    processes.environment["HORARIUM_DATABASE_URL"] = "postgresql://127.0.0.1:1/nowhere"
    answer = processes.call(HORARIUM, "auto-analyze", "check")
    assert answer.returncode == 1
    assert "!!  database" in answer.stdout


def test_nobody_to_analyse_for_is_told(call: Call, elsewhere: Library) -> None:
    assert elsewhere.videos() == []  # which makes the plan
    assert "add-user NAME` adds one" in fault(call("check", "--json"), "users")


def test_a_user_who_does_not_exist_is_told(call: Call, waiting: Path) -> None:
    told = fault(call("check", "--user-id", 7, "--json"), "users")
    assert told == "There is no user 7; `horarium auto-analyze add-user NAME` adds one."


def test_a_job_for_somebody_who_does_not_exist_is_told(call: Call, waiting: Path, elsewhere: Library) -> None:
    elsewhere.scheduler.add_job("auto_analyze.analyze_videos", "interval", minutes=15, args=[77], id="auto-analyze-77")
    assert fault(call("check", "--json"), "users").startswith("auto-analyze-77 is for user 77, who is not there")


def test_a_job_whose_argument_is_no_user_at_all_is_told(call: Call, waiting: Path, elsewhere: Library) -> None:
    elsewhere.scheduler.add_job("auto_analyze.analyze_videos", "interval", minutes=15, args=[[1]], id="auto-analyze-x")
    assert fault(call("check", "--json"), "users").startswith("auto-analyze-x is for user [1], who is not there")


def test_no_schedule_is_told(call: Call, waiting: Path) -> None:
    assert "`horarium auto-analyze --user-id N` starts it" in fault(call("check", "--json"), "schedule")


def test_a_schedule_that_no_process_carries_is_told(call: Call, waiting: Path, elsewhere: Library) -> None:
    elsewhere.scheduler.add_job("auto_analyze.analyze_videos", "interval", minutes=15, args=[1], id="auto-analyze-1")
    assert "`horarium run` does" in fault(call("check", "--json"), "schedule")


def test_a_paused_job_is_told(call: Call, waiting: Path, elsewhere: Library, processes: Processes) -> None:
    processes.start("auto-analyze", "--user-id", "1")
    eventually(lambda: call("--status", "--json").json["is_running"], "the scheduler")
    elsewhere.scheduler.pause_job("auto-analyze-1")
    assert "`horarium jobs resume auto-analyze-1`" in fault(call("check", "--json"), "schedule")


def test_a_paused_plan_is_told(call: Call, waiting: Path, elsewhere: Library, processes: Processes) -> None:
    processes.start("auto-analyze", "--user-id", "1")
    eventually(lambda: call("--status", "--json").json["is_running"], "the scheduler")
    elsewhere.scheduler.pause()
    assert "`horarium jobs resume --all`" in fault(call("check", "--json"), "schedule")
    assert "Running" in (told := call("--status").out)
    assert "no: the plan is paused; `horarium jobs resume --all`" in told


def test_videos_that_are_new_are_counted(call: Call, waiting: Path) -> None:
    assert findings(call("check", "--json"))["videos"]["sentence"].startswith("1 new, ")


def test_no_videos_are_told(call: Call) -> None:
    call("add-user", "anna")
    assert "import FOLDER --user-id N" in fault(call("check", "--json"), "videos")


def test_files_that_are_gone_are_counted_and_named(call: Call, waiting: Path, samples: list[Path]) -> None:
    (waiting / samples[0].name).unlink()
    told = fault(call("check", "--json"), "files")
    assert told.startswith("1 of 1 that wait is not there")
    assert str(waiting / samples[0].name) in told


def test_a_missing_file_with_an_odd_name_is_told_on_one_line(call: Call, waiting: Path, samples: list[Path]) -> None:
    odd = waiting / "a\n\x1b[31m.mp4"
    (waiting / samples[0].name).rename(odd)
    call("import", waiting, "--user-id", 1)
    odd.unlink()
    assert r"a\n\x1b[31m.mp4" in fault(call("check", "--json"), "files")


def test_videos_that_failed_are_told_with_the_command_that_tries_them_again(
    call: Call, waiting: Path, elsewhere: Library
) -> None:
    with elsewhere.scheduler.connection() as connection:
        connection.execute(videos.update().values(status=VideoStatus.FAILED))
    told = findings(call("check", "--json"))["videos"]["sentence"]
    (command,) = re.findall("`horarium auto-analyze (retry[^`]*)` tries them again", told)
    assert call(*command.split()).out.startswith("1 video will be analysed again")


def test_an_ffmpeg_that_is_not_there_is_told(call: Call, waiting: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTO_ANALYZE_FFMPEG", "/nowhere/ffmpeg")
    assert "/nowhere/ffmpeg" in fault(call("check", "--json"), "ffmpeg")


def test_the_libraries_of_each_stage_are_looked_for(call: Call, waiting: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setenv("AUTO_ANALYZE_SKIP_STAGES", "[]")
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, package=None: None if name == "rapidocr" else find(name, package)
    )
    told = fault(call("check", "--json"), "screen text")
    assert told == (
        "It is skipped, for rapidocr cannot be imported; `pip install 'horarium[auto-analyze]'` installs it."
    )


@pytest.mark.parametrize("stage", ["fingerprint", "hook"])
def test_a_stage_that_needs_no_library_is_not_told_to_need_one(
    call: Call, waiting: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, package=None: None if name == "numpy" else find(name, package)
    )
    found = findings(call("check", "--json"))[stage]
    assert (found["ok"], found["sentence"]) == (True, "It needs ffmpeg only.")


def test_a_speech_model_that_is_there_is_told_with_its_folder(
    call: Call, waiting: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTO_ANALYZE_SKIP_STAGES", "[]")
    found = findings(call("check", "--json"))["speech"]
    assert (found["ok"], "the model tiny.en is in /" in found["sentence"]) == (True, True)


def test_a_speech_model_that_is_to_be_downloaded_is_no_fault(call: Call, elsewhere_models: None) -> None:
    found = findings(call("check", "--json"))["speech"]
    assert (found["ok"], "is not on this machine; it is downloaded" in found["sentence"]) == (True, True)


def test_a_speech_model_that_may_not_be_downloaded_is_a_fault(
    call: Call, elsewhere_models: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What HF_HUB_OFFLINE=1 does, which is read only once, when the library is imported.
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert "HF_HUB_OFFLINE forbids to download it" in fault(call("check", "--json"), "speech")


def test_a_speech_model_that_nobody_knows_is_a_fault(
    call: Call, elsewhere_models: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTO_ANALYZE_SPEECH_MODEL", "bogus")
    assert "There is no speech model 'bogus'" in fault(call("check", "--json"), "speech")


def test_a_folder_with_a_part_of_a_speech_model_is_a_fault(
    call: Call, elsewhere_models: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "half").mkdir()
    monkeypatch.setenv("AUTO_ANALYZE_SPEECH_MODEL", str(tmp_path / "half"))
    assert "holds no whole speech model" in fault(call("check", "--json"), "speech")


def test_a_user_who_cannot_be_is_told(call: Call, waiting: Path) -> None:
    assert fault(call("check", "--user-id", 10**30, "--json"), "users").startswith(f"There is no user {10**30};")


@pytest.mark.parametrize("plan_url", ["sqlite"], indirect=True)
def test_a_full_disk_of_the_plan_is_called_full(call: Call, small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HORARIUM_DATABASE_URL", f"sqlite:///{small_disk / 'plan.db'}")
    call("add-user", "anna")
    with (small_disk / "filler").open("wb") as filler, pytest.raises(OSError, match="No space"):
        while True:
            os.write(filler.fileno(), bytes(4096))
    assert fault(call("check", "--json"), "database").startswith(f"The disk of {small_disk / 'plan.db'} is full;")


def test_a_stage_that_is_left_out_is_no_fault(call: Call, waiting: Path) -> None:
    found = findings(call("check", "--json"))
    assert (found["speech"]["ok"], "skip_stages" in found["speech"]["sentence"]) == (True, True)


def test_a_folder_for_contact_sheets_that_cannot_be_written_is_told(
    call: Call, waiting: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("AUTO_ANALYZE_SHEETS_FOLDER", str(tmp_path / "file"))
    assert "cannot be written" in fault(call("check", "--json"), "contact sheets")


def test_people_are_told_in_lines(call: Call, waiting: Path) -> None:
    lines = call("check").out.splitlines()
    assert [line.split()[:2] for line in lines[:2]] == [["ok", "database"], ["ok", "ffmpeg"]]
    assert any(line.startswith("!!  schedule") for line in lines)
