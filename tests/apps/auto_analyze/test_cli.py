"""`horarium auto-analyze`, as people and programs call it."""

import json
import os
import signal
import sys
from pathlib import Path

import pytest

from horarium_apps.auto_analyze.domain.video import VideoStatus
from horarium_apps.auto_analyze.tables import videos

from .plans import HORARIUM, Answer, Call, Library, Processes, eventually, linked

HUGE = "99999999999999999999999"


@pytest.fixture
def folder(samples: list[Path], tmp_path: Path) -> Path:
    """A folder with two videos."""
    return linked([samples[0], samples[5]], tmp_path / "videos")


# --- users and videos


def test_a_new_user_is_told_with_their_id(call: Call) -> None:
    assert call("add-user", "anna") == Answer(0, "Added user 1, anna.\n", "")


def test_a_user_who_is_there_is_told_and_not_added_again(call: Call) -> None:
    call("add-user", "anna")
    assert call("add-user", "anna", "--json").json == {"id": 1, "name": "anna", "added": False}


def test_an_import_tells_what_it_did(call: Call, folder: Path) -> None:
    call("add-user", "anna")
    assert call("import", folder, "--user-id", 1).out == "2 videos added.\n"
    assert call("import", folder, "--user-id", 1).out == "0 videos added, 2 known already.\n"


def test_an_import_tells_programs_what_was_left_out(call: Call, folder: Path, tmp_path: Path) -> None:
    (folder / "dangling.mp4").symlink_to(tmp_path / "nowhere.mp4")
    call("add-user", "anna")
    report = call("import", folder, "--user-id", 1, "--json").json
    assert (report["added"], [Path(each["path"]).name for each in report["unreadable"]]) == (2, ["dangling.mp4"])


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["import", ".", "--user-id", "7"], "there is no user 7; `horarium auto-analyze add-user NAME` adds one"),
        (["import", "nowhere", "--user-id", "1"], "the folder"),
        (["show", "12"], "there is no video 12"),
        (["list", "--user-id", "7"], "there is no user 7"),
        (["list", "--user-id", HUGE], f"there is no user {HUGE}"),
        (["import", ".", "--user-id", HUGE], f"there is no user {HUGE}"),
        (["show", HUGE], f"there is no video {HUGE}"),
        (["show", "9" * 5000], "there is no video 9999"),
        (["show", "0"], "there is no video 0"),
        (["show", os.fsdecode(b"\xff.mp4")], "there is no video "),
        (["retry", HUGE], f"there is no video {HUGE}"),
        (["search", "river", "--user-id", HUGE], f"there is no user {HUGE}"),
        (["export", "--csv", "--user-id", HUGE], f"there is no user {HUGE}"),
        (["--user-id", HUGE, "--status"], f"there is no user {HUGE}"),
        (["--user-id", HUGE, "--stop"], f"there is no user {HUGE}"),
        (["--user-id", "-1", "--status"], "there is no user -1"),
    ],
)
def test_what_does_not_exist_is_an_error_with_a_way_out(call: Call, words: list[str], sentence: str) -> None:
    call("add-user", "anna")
    answer = call(*words)
    assert (answer.code, answer.err.startswith(f"Error: {sentence}")) == (1, True)


def test_a_start_for_somebody_who_cannot_be_says_so_and_leaves_no_job(call: Call) -> None:
    call("add-user", "anna")
    answer = call("--user-id", HUGE)
    assert (answer.code, f"Error: there is no user {HUGE}" in answer.err) == (1, True)
    assert call("--status", "--json").json["jobs"] == []


@pytest.mark.parametrize("words", [["list", "--limit", HUGE], ["search", "river", "--limit", HUGE]])
def test_a_limit_beyond_all_numbers_is_none(call: Call, words: list[str]) -> None:
    call("add-user", "anna")
    assert call(*words).code == 0


def test_a_video_is_found_by_whatever_leads_to_its_file(call: Call, folder: Path, samples: list[Path]) -> None:
    call("add-user", "anna")
    call("import", f"{folder.name}/../{folder.name}", "--user-id", 1)
    for path in (folder, Path(folder.name), Path("..") / folder.parent.name / folder.name, folder / ".." / folder.name):
        assert call("show", path / samples[0].name, "--json").json["id"] == 1


def test_videos_are_listed_with_how_they_stand(call: Call, folder: Path, samples: list[Path]) -> None:
    call("add-user", "anna")
    call("import", folder, "--user-id", 1)
    lines = call("list").out.splitlines()
    assert lines[0].split() == ["ID", "USER", "STATUS", "LENGTH", "FILE"]
    assert lines[1].split() == ["1", "1", "new", "-", str(folder / samples[0].name)]


def test_a_name_that_moves_the_cursor_is_shown_with_escapes(call: Call, samples: list[Path], tmp_path: Path) -> None:
    call("add-user", "anna")
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "a\x1b[2Jb.mp4").write_bytes(samples[0].read_bytes())
    call("import", tmp_path / "videos", "--user-id", 1)
    for shown in (call("list").out, call("show", 1).out):
        assert "\x1b" not in shown
        assert r"a\x1b[2Jb.mp4" in shown


def test_a_table_has_not_all_of_many_videos_and_says_so(call: Call, folder: Path) -> None:
    call("add-user", "anna")
    call("import", folder, "--user-id", 1)
    some = call("list", "--limit", 1)
    assert len(some.out.splitlines()) == 2
    assert some.err.startswith("These are the first 1; `--limit N` shows more")
    assert len(call("list", "--limit", 1, "--json").json) == 1
    whole = call("list", "--limit", len(call("list", "--json").json))
    assert whole.err == ""


def test_videos_are_listed_by_status(call: Call, folder: Path, elsewhere: Library) -> None:
    call("add-user", "anna")
    call("import", folder, "--user-id", 1)
    with elsewhere.scheduler.connection() as connection:
        connection.execute(videos.update().where(videos.c.id == 2).values(status=VideoStatus.FAILED, error="Empty."))
    (video,) = call("list", "--status", "failed", "--json").json
    assert (video["id"], video["status"], video["error"]) == (2, "failed", "Empty.")


def test_a_video_that_waits_can_be_shown(call: Call, folder: Path, samples: list[Path]) -> None:
    call("add-user", "anna")
    call("import", folder, "--user-id", 1)
    shown = call("show", folder / samples[0].name, "--json").json
    assert (shown["id"], shown["status"], shown["document"]) == (1, "new", None)


@pytest.mark.parametrize("plan_url", ["sqlite"], indirect=True)
def test_looking_makes_no_plan(call: Call, own_folder: Path) -> None:
    assert call("list").code == 1
    assert call("--status", "--json").json["is_running"] is False
    assert list(own_folder.glob("*.db")) == []


# --- the documented flags


def test_the_flags_are_the_documented_ones(call: Call) -> None:
    text = call("--help").out
    assert all(flag in text for flag in ("--user-id", "--interval", "--status", "--stop", "[default: 60]"))


@pytest.mark.parametrize(
    "words",
    [
        ["--user-id", "1", "--interval", "0"],
        ["--user-id", "1", "--interval", HUGE],
        ["--interval", "15"],
        ["--user-id", "1", "--status", "--stop"],
        ["--user-id", "1", "--status", "--interval", "5"],
        ["--user-id", "1", "list"],
    ],
)
def test_flags_that_do_not_go_together_are_a_usage_error(call: Call, words: list[str]) -> None:
    assert call(*words).code == 2


def test_stopping_what_does_not_run_is_said_and_is_no_error(call: Call) -> None:
    call("add-user", "anna")
    answer = call("--user-id", 1, "--stop")
    assert (answer.code, answer.out) == (
        0,
        "The videos of user 1 are not analysed on schedule; there is nothing to stop.\n",
    )


def test_a_start_carries_the_plan_until_it_is_interrupted(
    call: Call, processes: Processes, folder: Path, elsewhere: Library
) -> None:
    call("add-user", "anna")
    call("import", folder, "--user-id", 1)
    process = processes.start("auto-analyze", "--user-id", "1")
    eventually(lambda: call("--user-id", 1, "--status", "--json").json["is_running"], "the scheduler")
    (job,) = call("--user-id", 1, "--status", "--json").json["jobs"]
    assert (job["id"], job["interval_minutes"], job["status"]) == ("auto-analyze-1", 60, "scheduled")
    process.send_signal(signal.SIGINT)
    process.wait(60)
    log = processes.log(process)
    assert "[OK] [TokIntel Scheduler] Avviato per user_id=1 - intervallo: 60 min\n" in log
    assert "[OK] Scheduler avviato con successo\n" in log
    assert call("--user-id", 1, "--status", "--json").json["is_running"] is False


def test_a_second_start_finds_the_first_says_so_and_ends_well(call: Call, processes: Processes) -> None:
    call("add-user", "anna")
    first = processes.start("run")
    eventually(lambda: call("--status", "--json").json["nodes"], "the node")
    answer = call("--user-id", 1, "--interval", 15)
    assert answer.code == 0
    assert f"A scheduler runs already, and does it: process {first.pid} on " in answer.out
    assert call("--user-id", 1, "--status", "--json").json["is_running"] is True


@pytest.mark.parametrize("minutes", [15, 360])
def test_the_interval_is_in_minutes(call: Call, processes: Processes, minutes: int) -> None:
    processes.start("run")
    eventually(lambda: call("--status", "--json").json["nodes"], "the node")
    call("--user-id", 1, "--interval", minutes)
    (job,) = call("--user-id", 1, "--status", "--json").json["jobs"]
    assert job["interval_minutes"] == minutes


def test_a_start_after_a_killed_process_does_not_take_it_for_alive(call: Call, processes: Processes) -> None:
    call("add-user", "anna")
    first = processes.start("run", HORARIUM_LEASE="3600")
    eventually(lambda: call("--status", "--json").json["nodes"], "the node")
    first.kill()
    first.wait()
    assert call("--status", "--json").json["nodes"] == []


def test_the_status_tells_what_another_process_did(
    call: Call, processes: Processes, folder: Path, samples: list[Path]
) -> None:
    call("add-user", "anna")
    call("import", folder, "--user-id", 1)
    processes.start("run")
    eventually(lambda: call("--status", "--json").json["nodes"], "the node")
    call("--user-id", 1, "--interval", 15)
    processes.call(HORARIUM, "jobs", "run", "auto-analyze-1")
    status = eventually(lambda: (told := call("--status", "--json").json)["last_result"] and told, "a result")
    assert (status["videos"]["analysed"], status["last_result"]["analyzed"]) == (2, 2)
    assert status["last_run"]["state"] == "succeeded"
    people = call("--user-id", 1, "--status").out
    assert "2 analysed, 0 failed, of 2" in people
    shown = call("show", 1).out
    assert all(words in shown for words in ("analysed", "360x640 vertical", str(folder / samples[0].name), ".jpg"))


def test_a_start_answers_programs_in_lines_of_json(call: Call, processes: Processes) -> None:
    call("add-user", "anna")
    process = processes.start("auto-analyze", "--user-id", "1", "--json")
    eventually(lambda: call("--status", "--json").json["is_running"], "the scheduler")
    eventually(lambda: processes.log(process).count("\n") >= 2, "what it says")
    job, started = map(json.loads, processes.log(process).splitlines()[:2])
    assert (job["job_id"], job["carried_by"], started["started"]) == ("auto-analyze-1", [], True)


def test_one_users_analysis_is_stopped_from_another_process(call: Call, processes: Processes) -> None:
    for name in ("anna", "bruno"):
        call("add-user", name)
    processes.start("run")
    eventually(lambda: call("--status", "--json").json["nodes"], "the node")
    call("--user-id", 1)
    call("--user-id", 2)
    assert call("--user-id", 1, "--stop", "--json").json == {"stopped": ["auto-analyze-1"]}
    assert call("--user-id", 1, "--status", "--json").json["is_running"] is False
    assert call("--user-id", 2, "--status", "--json").json["is_running"] is True


@pytest.mark.parametrize("address", ["postgresql://127.0.0.1:1/nowhere", "sqlite:///no/such/folder/plan.db"])
def test_a_plan_out_of_reach_is_said_in_the_documented_words(processes: Processes, address: str) -> None:
    processes.environment["HORARIUM_DATABASE_URL"] = address
    answer = processes.call(HORARIUM, "auto-analyze", "--user-id", "1")
    assert (answer.returncode, answer.stdout) == (4, "")
    assert "[ERROR] Errore nell'avvio dello scheduler\n" in answer.stderr


def test_the_module_takes_the_same_flags(processes: Processes) -> None:
    answer = processes.call(sys.executable, "-m", "horarium_apps.auto_analyze", "--user-id", "1", "--status", "--json")
    assert (answer.returncode, json.loads(answer.stdout)["is_running"]) == (0, False)


def test_the_configuration_file_brings_settings_and_jobs(
    call: Call, processes: Processes, folder: Path, own_folder: Path
) -> None:
    (own_folder / "other.yaml").write_text(
        "apps: {auto_analyze: {sheet_frames: 0}}\n"
        "jobs: {every-night: {task: auto_analyze.analyze_videos, daily: '03:00', args: [1]}}\n"
    )
    call("add-user", "anna")
    call("import", folder, "--user-id", 1)
    processes.start("run", "--config", "other.yaml")
    (job,) = eventually(lambda: call("--user-id", 1, "--status", "--json").json["jobs"], "the job of the file")
    assert (job["id"], job["interval_minutes"]) == ("every-night", None)
    processes.call(HORARIUM, "jobs", "run", "every-night")
    videos = eventually(lambda: call("list", "--status", "analysed", "--json").json, "an analysed video")
    assert videos[0]["sheet_path"] is None


# --- the demonstration


def test_the_demonstration_makes_a_user_videos_and_a_schedule_once(call: Call, own_folder: Path) -> None:
    first = call("demo", "--folder", "samples", "--videos", 2)
    second = call("demo", "--folder", "samples", "--videos", 2, "--json").json
    assert (first.code, second["added"], second["known"], second["interval_minutes"]) == (0, 0, 2, 1)
    assert "auto-analyze --user-id 1 --status" in first.out
    (job,) = call("--status", "--json").json["jobs"]
    assert job["id"] == "auto-analyze-1"
