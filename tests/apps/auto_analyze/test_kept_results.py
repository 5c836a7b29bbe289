"""Videos that are analysed again: what was found and drawn before stays, and what is missing is done alone."""

import importlib.util
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from horarium import every
from horarium.testing import Timetable
from horarium_apps.auto_analyze.domain.video import Video, VideoStatus
from horarium_apps.auto_analyze.jobs import analyze_videos, job_id
from horarium_apps.auto_analyze.tables import videos

from .conftest import RunFfmpeg
from .ollama_server import Ollama
from .plans import Call, Library

pytestmark = pytest.mark.parametrize("plan_url", ["sqlite"], indirect=True)
"""Each takes seconds, and the database has no part in it."""

NAME = "1-morning-run.mp4"


class Analyses:
    """Analyses of one video, in which somebody speaks and there is text on screen."""

    def __init__(self, table: Timetable, library: Library, folder: Path, call: Call) -> None:
        self._table, self._library, self._call = table, library, call
        user_id = library.add_user()
        library.add(folder, user_id)
        self._job = table.scheduler.add_job(analyze_videos, every(hours=1), id=job_id(user_id), args=[user_id]).id

    @property
    def video(self) -> Video:
        """How it stands."""
        (video,) = self._library.videos()
        return video

    def run(self) -> dict[str, Any]:
        """Analyse what waits; the document."""
        self._table.scheduler.run_now(self._job)
        self._table.run_due()
        return self._library.document(NAME)

    def run_again(self, *which: str) -> dict[str, Any]:
        """Ask for it with `retry`, and analyse it; the document."""
        assert self._call("retry", *(which or ("1",)), "--json").json == {"videos": [1], "asked": 1}
        return self.run()

    def run_when_due(self) -> dict[str, Any]:
        """Move on to the next try that comes by itself; the document."""
        due = self.video.retry_at
        assert due is not None
        self._table.advance_to(due)
        return self.run()


@pytest.fixture
def analyses(table: Timetable, library: Library, call: Call, samples: list[Path], tmp_path: Path) -> Analyses:
    """That video, not analysed yet."""
    folder = tmp_path / "videos"
    folder.mkdir()
    shutil.copy(samples[0], folder / NAME)
    return Analyses(table, library, folder, call)


def without(monkeypatch: pytest.MonkeyPatch, *stages: str) -> None:
    monkeypatch.setenv("AUTO_ANALYZE_SKIP_STAGES", json.dumps(stages))


@pytest.fixture
def no_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A library that cannot be imported, since this folder comes before the real one; until it is removed."""
    folder = tmp_path / "broken" / "vaderSentiment"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("raise ImportError('it is broken')\n")
    monkeypatch.setattr(sys, "path", [str(folder.parent), *sys.path])  # a child has its parent's
    return folder


# --- the contact sheet


def test_a_contact_sheet_stays_when_none_are_drawn_any_more(
    analyses: Analyses, monkeypatch: pytest.MonkeyPatch
) -> None:
    analyses.run()
    sheet = analyses.video.sheet_path
    monkeypatch.setenv("AUTO_ANALYZE_SHEET_FRAMES", "0")
    analyses.run_again()
    assert (analyses.video.status, analyses.video.sheet_path) == (VideoStatus.ANALYSED, sheet)


def test_a_contact_sheet_stays_where_it_is_when_new_ones_go_elsewhere(
    analyses: Analyses, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    analyses.run()
    sheet = analyses.video.sheet_path
    monkeypatch.setenv("AUTO_ANALYZE_SHEETS_FOLDER", str(tmp_path / "elsewhere"))
    document = analyses.run_again()
    assert analyses.video.sheet_path == sheet
    assert sheet is not None
    assert sheet.is_file()
    assert document["contact_sheet"]["folder"] == str(sheet.parent)


def test_a_contact_sheet_of_a_document_without_its_folder_stays_known(
    analyses: Analyses, library: Library, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    document = analyses.run()
    sheet = analyses.video.sheet_path
    del document["contact_sheet"]["folder"]
    with library.scheduler.connection() as connection:
        connection.execute(videos.update().values(document=json.dumps(document), run_id=None))
    monkeypatch.setenv("AUTO_ANALYZE_SHEETS_FOLDER", str(tmp_path / "elsewhere"))
    analyses.run_again()
    assert analyses.video.sheet_path == sheet


def test_a_contact_sheet_that_cannot_be_written_costs_only_itself_and_is_drawn_the_next_time(
    analyses: Analyses, tmp_path: Path
) -> None:
    (tmp_path / "sheets").write_text("a file where a folder should be")
    first = analyses.run()
    assert (analyses.video.status, analyses.video.sheet_path) == (VideoStatus.ANALYSED, None)
    assert "There is no contact sheet: " in first["notes"][0]
    assert first["stages"]["fingerprint"]["state"] == "done"
    (tmp_path / "sheets").unlink()
    second = analyses.run_again()
    assert analyses.video.sheet_path is not None
    assert analyses.video.sheet_path.is_file()
    assert second["notes"] == []
    assert second["stages"]["fingerprint"] == first["stages"]["fingerprint"]


# --- results


def test_speech_that_fails_now_takes_nothing_away(
    analyses: Analyses, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, "screen_text")
    first = analyses.run()
    monkeypatch.setenv("AUTO_ANALYZE_SPEECH_MODEL", "/no/such/model")
    second = analyses.run_again()
    assert (second["speech"], second["words"]) == (first["speech"], first["words"])
    assert call("search", "morning", "--json").json[0]["video_id"] == 1
    assert analyses.video.retry_at is not None
    shown = call("show", 1).out
    assert "/no/such/model" in shown
    assert "Nobody speaks" not in shown


@pytest.mark.parametrize(("words", "again"), [(["1"], False), (["1", "--fresh"], True)])
def test_what_is_done_is_done_again_only_when_that_is_said(
    analyses: Analyses, library: Library, monkeypatch: pytest.MonkeyPatch, words: list[str], again: bool
) -> None:
    without(monkeypatch, "speech", "screen_text")
    first = analyses.run()
    marked = {**first, "tool": "another ffmpeg", "hook": {**first["hook"], "score": None}}
    with library.scheduler.connection() as connection:
        connection.execute(videos.update().values(document=json.dumps(marked), run_id=None))
    second = analyses.run_again(*words)
    expected = first if again else marked
    assert (second["tool"], second["hook"]) == (expected["tool"], expected["hook"])


def test_what_cannot_be_done_afresh_takes_nothing_away(analyses: Analyses, monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "screen_text")
    first = analyses.run()
    monkeypatch.setenv("AUTO_ANALYZE_SPEECH_MODEL", "/no/such/model")
    second = analyses.run_again("1", "--fresh")
    assert second["speech"] == first["speech"]
    assert [problem["state"] for problem in second["stages"]["speech"]["unmet"]] == ["failed"]


def test_speech_that_is_left_out_from_now_on_stays(analyses: Analyses, monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "screen_text")
    first = analyses.run()
    without(monkeypatch, "screen_text", "speech")
    second = analyses.run_again()
    assert second["stages"] == first["stages"]
    assert second["speech"] == first["speech"] is not None


def test_a_stage_that_is_left_out_says_so_in_the_document_and_to_people(analyses: Analyses, call: Call) -> None:
    document = analyses.run()
    assert document["speech"] is None
    assert document["stages"]["speech"]["state"] == "skipped"
    assert "Left out, as the setting skip_stages says." in call("show", 1).out


def test_a_part_without_its_library_is_done_alone_once_that_is_installed(
    analyses: Analyses, call: Call, no_library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, "screen_text")
    first = analyses.run()
    assert first["words"]["sentiment"] is None
    assert first["words"]["summary"] is not None
    assert "Words skipped" in call("show", 1).out
    assert analyses.video.retry_at is None
    assert "Words skipped: Sentiment is left out" in call("export", "--csv").out
    shutil.rmtree(no_library)
    second = analyses.run_again("--skipped")
    assert second["words"]["sentiment"] is not None
    assert second["stages"]["words"]["unmet"] == []
    assert second["stages"]["speech"] == first["stages"]["speech"]


def test_check_says_that_words_without_a_library_are_skipped_in_part(
    own_folder: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, package=None: None if name == "py3langid" else find(name, package)
    )
    told = next(each["sentence"] for each in call("check", "--json").json["findings"] if each["about"] == "words")
    assert told.startswith("A part of it is skipped, for py3langid cannot be imported")


def test_a_summary_that_no_server_wrote_is_asked_for_again_by_itself(
    analyses: Analyses, ollama: Ollama, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, "speech")
    monkeypatch.setenv("AUTO_ANALYZE_SUMMARY_MODEL", "some")
    monkeypatch.setenv("AUTO_ANALYZE_OLLAMA_URL", "http://127.0.0.1:1")
    first = analyses.run()
    assert first["words"]["summary"]["by"] == "extract"
    assert [each["state"] for each in first["stages"]["words"]["unmet"]] == ["failed"]
    monkeypatch.setenv("AUTO_ANALYZE_OLLAMA_URL", ollama.url)
    second = analyses.run_when_due()
    assert second["words"]["summary"]["text"] == "A run along the river."
    assert second["stages"]["words"]["unmet"] == []
    assert second["stages"]["screen_text"] == first["stages"]["screen_text"]
    assert analyses.video.retry_at is None


def test_nothing_to_retry_is_said_as_it_is(analyses: Analyses, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "speech", "screen_text", "words")
    assert call("retry", "--failed").out == (
        "There is nothing to analyse again: no video has failed, nor a stage of one.\n"
    )


# --- sound that cannot be decoded


@pytest.fixture
def unheard(make: RunFfmpeg, samples: list[Path], tmp_path: Path) -> Path:
    """A video with a sound track of a kind that nobody knows."""
    whole = make("whole.mkv", "-i", samples[0], "-c", "copy")
    path = tmp_path / "videos" / "unheard.mkv"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(whole.read_bytes().replace(b"A_AAC", b"A_QQQ"))
    return path


def test_sound_that_cannot_be_decoded_is_neither_silent_nor_tried_again(
    table: Timetable, library: Library, unheard: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, "screen_text")
    library.add(unheard.parent, library.add_user())
    table.scheduler.run_now(table.scheduler.add_job(analyze_videos, every(hours=1), args=[1]).id)
    table.run_due()
    document = library.document(unheard.name)
    assert document["stages"]["speech"]["state"] == "failed"
    assert document["stages"]["speech"]["permanent"] is True
    assert library.videos()[0].retry_at is None
    sentences = {each["name"]: each["sentence"] for each in document["hook"]["reasons"]}
    assert sentences["sound"] == "Sound was not measured, so it does not count."
    assert sentences["voice"] == "What is said is not known, so it does not count."
