"""Every stage of the analysis in the scheduled task: what is found, what is kept, and what is tried again."""

import json
import shutil
import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from horarium import RunState, every
from horarium.testing import Timetable
from horarium_apps.auto_analyze.domain import fingerprint
from horarium_apps.auto_analyze.domain.video import VideoStatus
from horarium_apps.auto_analyze.jobs import analyze_videos, job_id

from .plans import Library

SQLITE_ONLY = pytest.mark.parametrize("plan_url", ["sqlite"], indirect=True)
"""For what takes seconds, and in which the database has no part."""

ALL = ["fingerprint", "speech", "screen_text", "words", "hook"]


@pytest.fixture
def folder(samples: list[Path], tmp_path: Path) -> Path:
    """A folder with the first sample: somebody speaks, and there is text on screen."""
    folder = tmp_path / "videos"
    folder.mkdir()
    shutil.copy(samples[0], folder)
    return folder


@pytest.fixture
def job(table: Timetable, library: Library, folder: Path) -> str:
    user_id = library.add_user()
    library.add(folder, user_id)
    return table.scheduler.add_job(analyze_videos, every(minutes=15), id=job_id(user_id), args=[user_id]).id


@pytest.fixture
def silent_server() -> Iterator[str]:
    """A server that takes what it is asked and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def without(monkeypatch: pytest.MonkeyPatch, *stages: str) -> None:
    monkeypatch.setenv("AUTO_ANALYZE_SKIP_STAGES", json.dumps(stages))


def run_now(table: Timetable, job: str) -> Any:
    run = table.scheduler.run_now(job)
    table.run_due()
    return table.scheduler.get_run(run.id)


def states(document: dict[str, Any]) -> dict[str, str]:
    return {name: stage["state"] for name, stage in document["stages"].items()}


def test_everything_is_found_in_a_video(
    table: Timetable, library: Library, job: str, samples: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch)
    assert run_now(table, job).state is RunState.SUCCEEDED
    document = library.document(samples[0].name)
    assert states(document) == dict.fromkeys(ALL, "done")
    assert "morning" in " ".join(piece["text"] for piece in document["speech"]["segments"]).lower()
    assert "MORNING RUN" in [line["text"] for line in document["screen_text"]]
    assert document["words"]["language"]["code"] == "en"
    assert "morning" in document["words"]["summary"]["text"].lower()
    assert document["hook"]["score"] > 0
    assert len(document["fingerprint"]["hashes"]) == fingerprint.FRAMES
    assert library.videos()[0].retry_at is None


@SQLITE_ONLY
def test_a_stage_that_failed_costs_itself_only_and_is_tried_again_alone(
    table: Timetable, library: Library, job: str, samples: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, "screen_text")
    monkeypatch.setenv("AUTO_ANALYZE_SPEECH_MODEL", "/no/such/model")
    assert run_now(table, job).result["analyzed"] == 1
    first = library.document(samples[0].name)
    others = {"fingerprint": "done", "screen_text": "skipped", "hook": "done"}
    assert states(first) == others | {"speech": "failed", "words": "failed"}
    assert "/no/such/model" in first["stages"]["speech"]["why"]
    monkeypatch.setenv("AUTO_ANALYZE_SPEECH_MODEL", "tiny.en")
    assert run_now(table, job).result["total_videos"] == 0  # its time has not come
    table.advance(minutes=15)
    second = library.document(samples[0].name)
    assert states(second) == others | {"speech": "done", "words": "done"}
    assert second["stages"]["fingerprint"] == first["stages"]["fingerprint"]
    assert library.videos()[0].retry_at is None


@SQLITE_ONLY
def test_what_was_done_before_a_video_took_too_long_is_not_done_again(
    table: Timetable,
    library: Library,
    job: str,
    samples: list[Path],
    silent_server: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AUTO_ANALYZE_SUMMARY_MODEL", "slow")
    monkeypatch.setenv("AUTO_ANALYZE_OLLAMA_URL", silent_server)
    monkeypatch.setenv("AUTO_ANALYZE_VIDEO_TIMEOUT", "12")
    without(monkeypatch, "speech")
    run = run_now(table, job)
    assert run.result["error_details"][0]["error"].endswith("took longer than 12 seconds to analyse and was stopped.")
    kept = table.scheduler.run_steps(run.id, "videos[")
    video = library.videos()[0]
    assert video.status is VideoStatus.FAILED
    for name in ("SUMMARY_MODEL", "OLLAMA_URL", "VIDEO_TIMEOUT"):
        monkeypatch.delenv(f"AUTO_ANALYZE_{name}")
    table.advance(minutes=15)
    document = library.document(samples[0].name)
    screen_text = kept[f"videos[{video.id}].screen_text"]
    assert document["stages"]["screen_text"]["seconds"] == screen_text["seconds"]
    assert states(document)["words"] == "done"


def test_a_video_that_failed_is_tried_again_later_and_later_and_then_left(
    table: Timetable, library: Library, job: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTO_ANALYZE_RETRIES", "2")
    monkeypatch.setenv("AUTO_ANALYZE_RETRY_DELAY", "600")
    killed = tmp_path / "killed-ffmpeg"
    killed.write_text("#!/bin/sh\nkill -9 $$\n")
    killed.chmod(0o755)
    monkeypatch.setenv("AUTO_ANALYZE_FFMPEG", str(killed))
    waits = []
    for _ in range(3):
        run_now(table, job)
        video = library.videos()[0]
        assert video.status is VideoStatus.FAILED
        if video.retry_at is not None:
            waits.append(video.retry_at - video.begun_at)
            table.advance_to(video.retry_at)
    assert [round(wait / timedelta(minutes=10)) for wait in waits] == [1, 2]
    assert video.attempts == 3


def test_a_file_that_was_away_is_analysed_once_it_is_back(
    table: Timetable, library: Library, job: str, folder: Path
) -> None:
    away = folder.rename(folder.with_name("away"))
    run_now(table, job)
    (video,) = library.videos()
    assert (video.status, "is missing" in str(video.error)) == (VideoStatus.FAILED, True)
    away.rename(folder)
    assert video.retry_at is not None
    table.advance_to(video.retry_at)
    run_now(table, job)
    assert library.videos()[0].status is VideoStatus.ANALYSED


def test_what_cannot_help_is_not_tried_again(table: Timetable, library: Library, job: str, folder: Path) -> None:
    (folder / "empty.mp4").write_bytes(b"")
    library.add(folder, 1)
    run_now(table, job)
    assert library.named("empty.mp4").status is VideoStatus.FAILED
    assert library.named("empty.mp4").retry_at is None


def test_without_any_words_to_look_for_nothing_has_failed(
    table: Timetable, library: Library, job: str, samples: list[Path]
) -> None:
    run_now(table, job)
    document = library.document(samples[0].name)
    assert states(document)["words"] == "skipped"
    assert library.videos()[0].retry_at is None
