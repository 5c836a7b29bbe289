"""`search`, `export`, `retry` and `show` on videos that were really analysed."""

import csv
import io
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from horarium import every
from horarium.scheduler import set_scheduler
from horarium.testing import Timetable
from horarium_apps import auto_analyze
from horarium_apps.auto_analyze.adapters.ffmpeg import Ffmpeg
from horarium_apps.auto_analyze.domain.video import VideoStatus
from horarium_apps.auto_analyze.jobs import analyze_videos, job_id
from horarium_apps.auto_analyze.tables import videos

from .plans import Call, Library


@pytest.fixture(scope="module")
def analysed(samples: list[Path], media: Ffmpeg, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a plan in which three videos are analysed: one that speaks, a smaller copy, a silent one."""
    folder = tmp_path_factory.mktemp("analysed")
    videos = folder / "videos"
    videos.mkdir()
    shutil.copy(samples[0], videos)
    shutil.copy(samples[2], videos)
    command = [media.executable, "-loglevel", "error", "-i", samples[0], "-vf", "scale=240:-2", "-crf", "32"]
    subprocess.run([*command, videos / "copy.mp4"], check=True, timeout=60)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUTO_ANALYZE_SHEETS_FOLDER", str(folder / "sheets"))
        with Timetable(f"sqlite:///{folder / 'plan.db'}", apps=[auto_analyze.app]) as table:
            set_scheduler(table.scheduler)
            library = Library(table.scheduler)
            library.add(videos, library.add_user())
            job = table.scheduler.add_job(analyze_videos, every(hours=1), id=job_id(1), args=[1]).id
            table.scheduler.run_now(job)
            table.run_due()
            set_scheduler(None)
    return folder


@pytest.fixture
def plan(analysed: Path, own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    """A copy of that plan, as the commands find it."""
    shutil.copy(analysed / "plan.db", own_folder / "copy.db")
    url = f"sqlite:///{own_folder / 'copy.db'}"
    monkeypatch.setenv("HORARIUM_DATABASE_URL", url)
    with Timetable(url, apps=[auto_analyze.app]) as table:
        yield Library(table.scheduler)


@pytest.fixture
def plan_url() -> str:
    """Not one for each database: the plan is made once."""
    return "sqlite:///unused.db"


# --- search


def test_a_search_finds_what_is_said_and_shown_with_its_times(plan: Library, call: Call) -> None:
    names = {Path(hit["path"]).name: hit for hit in call("search", "river", "morning", "--json").json}
    assert set(names) == {"1-morning-run.mp4", "copy.mp4"}
    moments = names["1-morning-run.mp4"]["moments"]
    assert {one["source"] for one in moments} == {"speech", "screen"}
    assert all(0 <= one["start"] < one["end"] <= 6 for one in moments)


def test_a_phrase_is_found_only_where_its_words_follow_one_another(plan: Library, call: Call) -> None:
    assert call("search", "morning run").out.count("MORNING RUN") == 2
    assert call("search", "run morning").out == "Nothing was found.\n"


def test_every_word_of_a_search_must_occur(plan: Library, call: Call) -> None:
    assert call("search", "river", "mountain").out == "Nothing was found.\n"


def test_a_search_can_be_for_one_user_only(plan: Library, call: Call) -> None:
    plan.add_user("bruno")
    assert call("search", "river", "--user-id", 2, "--json").json == []
    assert call("search", "river", "--user-id", 3).code == 1


@pytest.mark.parametrize("query", ["", "...", "50%", "a_b", "\\", "x" * 500])
def test_odd_queries_are_answered_in_words(plan: Library, call: Call, query: str) -> None:
    answer = call("search", query)
    assert answer.code in {0, 1}
    assert "Traceback" not in answer.out + answer.err


# --- export


def test_the_export_has_a_row_for_each_video(plan: Library, call: Call, own_folder: Path) -> None:
    answer = call("export", "--csv", "--output", own_folder / "videos.csv")
    assert answer.err.startswith("3 videos written to ")
    rows = list(csv.DictReader(io.StringIO((own_folder / "videos.csv").read_text(encoding="utf-8-sig"))))
    speaking, silent, copy = rows
    assert Path(speaking["path"]).name == "1-morning-run.mp4"
    assert (speaking["user"], speaking["language"], speaking["status"]) == ("anna", "en", "analysed")
    assert "river" in speaking["keywords"]
    assert (speaking["near_duplicates"], copy["near_duplicates"]) == (copy["id"], speaking["id"])
    assert silent["notes"] == 'Speech skipped: "3-silent-film.mp4" has no sound.'


def test_an_export_without_a_form_says_which_there_are(plan: Library, call: Call) -> None:
    answer = call("export")
    assert (answer.code, "--csv" in answer.err) == (2, True)


def test_an_export_that_cannot_be_written_says_why(plan: Library, call: Call) -> None:
    answer = call("export", "--csv", "--output", "/no/such/folder/videos.csv")
    assert (answer.code, "/no/such/folder/videos.csv cannot be written" in answer.err) == (1, True)


def test_an_export_as_json_has_the_whole_documents(plan: Library, call: Call) -> None:
    first = call("export", "--json").json[0]
    assert first["document"]["speech"]["model"] == "tiny.en"


def test_an_export_as_json_is_written_to_the_file_that_is_named(plan: Library, call: Call, own_folder: Path) -> None:
    answer = call("export", "--json", "--output", own_folder / "videos.json")
    assert (answer.out, answer.err.startswith("3 videos written to ")) == ("", True)
    written = (own_folder / "videos.json").read_text(encoding="utf-8")
    assert json.loads(written) == call("export", "--json").json
    assert len(json.loads(written)) == 3


# --- show


def test_show_tells_what_every_stage_found(plan: Library, call: Call) -> None:
    shown = call("show", 1).out
    for label in ("Summary", "Language", "Keywords", "Speech", "On screen", "First three seconds", "Near-duplicates"):
        assert f"\n{label}" in shown
    assert "copy.mp4" in shown


def test_a_copy_with_an_odd_name_is_told_on_one_line(plan: Library, call: Call) -> None:
    with plan.scheduler.connection() as connection:
        connection.execute(videos.update().where(videos.c.path.like("%copy.mp4")).values(path="/a\n\x1b[31m.mp4"))
    assert r"alike: /a\n\x1b[31m.mp4" in call("show", 1).out


def test_show_says_why_a_stage_was_left_out(plan: Library, call: Call) -> None:
    assert '"3-silent-film.mp4" has no sound.' in call("show", 2).out


# --- retry


def test_a_video_is_analysed_again_when_it_is_asked_for(plan: Library, call: Call) -> None:
    assert call("retry", 1).out.startswith("1 video will be analysed again")
    assert [video.status for video in plan.videos()] == [VideoStatus.NEW, VideoStatus.ANALYSED, VideoStatus.ANALYSED]


def test_videos_with_a_stage_that_was_left_out_are_analysed_again_together(plan: Library, call: Call) -> None:
    assert call("retry", "--skipped", "--json").json == {"videos": [2], "asked": 1}
    assert call("retry", "--failed").out.startswith("There is nothing to analyse again")


def test_what_is_known_stays_until_it_was_done_afresh(plan: Library, call: Call) -> None:
    call("retry", 3, "--fresh")
    assert plan.named("copy.mp4").status is VideoStatus.NEW
    assert "Somebody speaks at once." in call("show", 3).out
    assert {hit["video_id"] for hit in call("search", "river", "--json").json} == {1, 3}


@pytest.mark.parametrize("words", [[], ["1", "--failed"], ["1", "--user-id", "1"]])
def test_a_retry_of_nothing_or_of_two_things_says_what_to_give(plan: Library, call: Call, words: list[str]) -> None:
    answer = call("retry", *words)
    assert (answer.code, "Traceback" in answer.err) == (2, False)


def test_a_retry_of_a_video_that_there_is_not_changes_nothing(plan: Library, call: Call) -> None:
    assert call("retry", 1, 99).code == 1
    assert {video.status for video in plan.videos()} == {VideoStatus.ANALYSED}
