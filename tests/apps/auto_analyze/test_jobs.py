"""The scheduled task: real videos in child processes, good and broken ones, on both databases."""

import logging
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from horarium import RunState, Scheduler, every
from horarium.scheduler import set_scheduler
from horarium.testing import Timetable
from horarium_apps import auto_analyze
from horarium_apps.auto_analyze.adapters.ffmpeg import Ffmpeg
from horarium_apps.auto_analyze.child import analyze_in_child
from horarium_apps.auto_analyze.domain.document_reader import from_document
from horarium_apps.auto_analyze.domain.errors import AnalysisError
from horarium_apps.auto_analyze.domain.video import VideoStatus
from horarium_apps.auto_analyze.jobs import analyze_videos, job_id
from horarium_apps.auto_analyze.settings import AutoAnalyzeSettings
from horarium_apps.auto_analyze.tables import videos

from .plans import Library, eventually, linked

DOCUMENTED_KEYS = {"analyzed", "errors", "total_videos", "duration", "error_details"}


def scheduled(library: Library, folder: Path) -> str:
    """A job that analyses the videos of a folder; its id."""
    user_id = library.add_user()
    library.add(folder, user_id)
    return library.scheduler.add_job(analyze_videos, every(minutes=15), id=job_id(user_id), args=[user_id]).id


def analysed(table: Timetable, job: str) -> dict[str, Any]:
    """The result of an analysis that is run now."""
    run = table.scheduler.run_now(job)
    table.run_due()
    ended = table.scheduler.get_run(run.id)
    assert ended.state is RunState.SUCCEEDED, ended.error
    result: dict[str, Any] = ended.result
    return result


@pytest.fixture
def videos_folder(samples: list[Path], tmp_path: Path) -> Path:
    """A folder with two short samples; its files may be changed."""
    folder = tmp_path / "videos"
    folder.mkdir()
    for sample in (samples[0], samples[5]):
        shutil.copy(sample, folder)
    return folder


# --- what an analysis does


def test_a_scheduled_occurrence_analyses_every_new_video(
    table: Timetable, library: Library, videos_folder: Path
) -> None:
    scheduled(library, videos_folder)
    table.advance(minutes=15)
    assert set(library.statuses().values()) == {"analysed"}


def test_the_result_has_exactly_the_documented_keys(table: Timetable, library: Library, videos_folder: Path) -> None:
    result = analysed(table, scheduled(library, videos_folder))
    assert result.keys() == DOCUMENTED_KEYS
    assert (result["analyzed"], result["errors"], result["total_videos"], result["error_details"]) == (2, 0, 2, [])


def test_what_was_found_is_kept_as_a_document_that_can_be_read(
    table: Timetable, library: Library, videos_folder: Path, samples: list[Path]
) -> None:
    analysed(table, scheduled(library, videos_folder))
    analysis = from_document(library.document(samples[0].name))
    assert analysis.content_hash == library.named(samples[0].name).content_hash
    assert analysis.duration == pytest.approx(library.named(samples[0].name).duration)


def test_the_contact_sheet_is_where_the_video_says(
    table: Timetable, library: Library, videos_folder: Path, samples: list[Path], tmp_path: Path
) -> None:
    analysed(table, scheduled(library, videos_folder))
    sheet = library.named(samples[0].name).sheet_path
    assert sheet is not None
    assert sheet.parent == tmp_path / "sheets"
    assert sheet.read_bytes().startswith(b"\xff\xd8")


def test_without_frames_there_is_no_contact_sheet(
    table: Timetable, library: Library, videos_folder: Path, samples: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTO_ANALYZE_SHEET_FRAMES", "0")
    analysed(table, scheduled(library, videos_folder))
    assert library.named(samples[0].name).sheet_path is None


def test_an_analysed_video_is_not_analysed_again(table: Timetable, library: Library, videos_folder: Path) -> None:
    job = scheduled(library, videos_folder)
    analysed(table, job)
    assert analysed(table, job)["total_videos"] == 0
    assert [video.attempts for video in library.videos()] == [1, 1]


def test_a_user_without_videos_is_no_error(table: Timetable, library: Library, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert analysed(table, scheduled(library, tmp_path / "empty"))["total_videos"] == 0


def test_only_the_users_own_videos_are_analysed(table: Timetable, library: Library, videos_folder: Path) -> None:
    job = scheduled(library, videos_folder)
    other = library.add_user("bruno")
    library.add(videos_folder, other)
    analysed(table, job)
    assert {video.status for video in library.videos(other)} == {VideoStatus.NEW}


def test_what_an_attempt_that_died_was_analysing_is_analysed(
    table: Timetable, library: Library, videos_folder: Path
) -> None:
    job = scheduled(library, videos_folder)
    with library.scheduler.connection() as connection:
        connection.execute(videos.update().values(status=VideoStatus.ANALYSING, run_id="an earlier one", job_id=job))
    assert analysed(table, job)["analyzed"] == 2


def test_the_documented_lines_are_logged(
    table: Timetable, library: Library, videos_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (videos_folder / "empty.mp4").write_bytes(b"")
    job = scheduled(library, videos_folder)
    with caplog.at_level(logging.INFO, logger="horarium_apps"):
        analysed(table, job)
    lines = [record.message for record in caplog.records if record.name.startswith("horarium_apps")]
    broken = library.named("empty.mp4").id
    assert lines[0].startswith("[OK] [TokIntel Auto] Analisi avviata - ")
    assert f'[WARN] Errore video: Video ID {broken} - Errore di analisi: "empty.mp4" is empty.' in lines
    assert lines[-1] == "Completati 2 video - [ERROR] 1 errore"


def test_a_video_tells_its_stages_while_it_is_analysed(talking: Path, library: Library, tmp_path: Path) -> None:
    (tmp_path / "videos").mkdir()
    shutil.copy(talking, tmp_path / "videos")
    library.add(tmp_path / "videos", library.add_user())
    video, run = library.videos()[0], ToldProgress()
    file = {"path": str(video.path), "content_hash": video.content_hash, "size": video.size, "mtime_ns": 0}
    known: dict[str, Any] = {"media": None, "outcomes": {}, "older": {}}
    options = AutoAnalyzeSettings(config=None).model_dump(mode="json", exclude={"config"})
    whole = {**file, "sheet_path": str(tmp_path / "sheet.jpg"), "known": known}
    analyze_in_child(run, whole, options)  # type: ignore[arg-type]
    stages = list(dict.fromkeys(message.rpartition(": ")[2] for message in run.messages))
    assert stages == ["probe", "loudness", "cuts", "contact sheet", "fingerprint", "words", "hook"]
    assert run.parts == sorted(run.parts)
    assert run.parts[-1] == 1.0


def test_what_a_run_kept_of_a_file_that_was_replaced_and_imported_again_is_not_taken_for_the_new_one(
    talking: Path, library: Library, tmp_path: Path
) -> None:
    library.add(linked([talking], tmp_path / "videos"), library.add_user())
    video = library.videos()[0]
    file = {"path": str(video.path), "content_hash": video.content_hash, "size": video.size, "mtime_ns": 0}
    whole = {**file, "sheet_path": None, "known": {"media": None, "outcomes": {}, "older": {}}}
    options = AutoAnalyzeSettings(config=None).model_dump(mode="json", exclude={"config"})
    with pytest.raises(AnalysisError, match="changed or removed while it was analysed") as caught:
        analyze_in_child(KeptMedia(), whole, options)  # type: ignore[arg-type]
    assert not caught.value.permanent  # the next run keeps nothing of the old file, and succeeds


class ToldProgress:
    """What a child is given of its run, and hears."""

    def __init__(self) -> None:
        self.parts: list[float] = []
        self.messages: list[str] = []

    def check(self) -> None: ...

    def step(self, _key: str, function: Callable[..., Any], *args: Any) -> Any:
        return function(*args)

    def progress(self, done: float, total: float, message: str) -> None:
        self.parts.append(done / total)
        self.messages.append(message)


class KeptMedia(ToldProgress):
    """A run that has kept what ffmpeg told of another file."""

    def step(self, _key: str, _function: Callable[..., Any], *_args: Any) -> Any:
        return {"content_hash": "0" * 64}


# --- broken ones


def test_broken_videos_are_errors_of_their_own_and_not_of_the_batch(
    table: Timetable, library: Library, videos_folder: Path, samples: list[Path], silent: Path
) -> None:
    shutil.copy(silent, videos_folder)
    (videos_folder / "empty.mp4").write_bytes(b"")
    (videos_folder / "text.mp4").write_text("This is no video.\n" * 50)
    (videos_folder / "truncated.mp4").write_bytes(samples[1].read_bytes()[:200_000])
    shutil.copy(samples[3], videos_folder / "vanished.mp4")
    shutil.copy(samples[4], videos_folder / "changed.mp4")
    job = scheduled(library, videos_folder)
    (videos_folder / "vanished.mp4").unlink()
    with (videos_folder / "changed.mp4").open("ab") as file:
        file.write(b"more")
    result = analysed(table, job)
    sentences = {detail["video_id"]: detail["error"] for detail in result["error_details"]}
    broken = ["changed.mp4", "empty.mp4", "text.mp4", "truncated.mp4", "vanished.mp4"]
    assert (result["analyzed"], result["errors"], result["total_videos"]) == (3, 5, 8)
    assert sorted(sentences) == sorted(library.named(name).id for name in broken)
    for name in broken:
        video = library.named(name)
        assert (video.status, video.error) == (VideoStatus.FAILED, sentences[video.id])
        assert sentences[video.id].startswith(f'"{name}"')
        assert sentences[video.id].endswith(".")
    assert library.document(silent.name)["loudness"] is None


def test_a_video_that_takes_too_long_is_stopped_and_has_failed(
    table: Timetable,
    library: Library,
    videos_folder: Path,
    samples: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hanging = tmp_path / "hanging-ffmpeg"
    hanging.write_text("#!/bin/sh\nexec sleep 600\n")
    hanging.chmod(0o755)
    monkeypatch.setenv("AUTO_ANALYZE_FFMPEG", str(hanging))
    monkeypatch.setenv("AUTO_ANALYZE_VIDEO_TIMEOUT", "2")
    result = analysed(table, scheduled(library, videos_folder))
    assert (result["analyzed"], result["errors"]) == (0, 2)
    sentence = f'"{samples[0].name}" took longer than 2 seconds to analyse and was stopped.'
    assert library.named(samples[0].name).error == sentence


def test_without_ffmpeg_the_run_fails_and_the_videos_go_on_waiting(
    table: Timetable, library: Library, videos_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTO_ANALYZE_FFMPEG", "/nowhere/ffmpeg")
    run = table.scheduler.run_now(scheduled(library, videos_folder))
    table.run_due()
    error = table.scheduler.run_attempts(run.id)[0].error
    assert error is not None
    assert "/nowhere/ffmpeg" in error.message
    assert set(library.statuses().values()) == {"new"}


def test_a_retried_run_does_exactly_the_videos_that_failed(
    table: Timetable, library: Library, videos_folder: Path, samples: list[Path]
) -> None:
    job, away = scheduled(library, videos_folder), videos_folder / samples[5].name
    away.rename(videos_folder / "away")
    run = table.scheduler.run_now(job)
    table.run_due()
    (videos_folder / "away").rename(away)
    table.scheduler.retry_run(run.id)
    table.run_due()
    assert {video.path.name: video.attempts for video in library.videos()} == {samples[0].name: 1, samples[5].name: 2}
    assert table.scheduler.get_run(run.id).result["analyzed"] == 2


# --- being told to stop


@pytest.fixture
def running(plan_url: str, own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    """A scheduler that runs in threads, as it does for real."""
    monkeypatch.setenv("AUTO_ANALYZE_CONCURRENCY", "1")
    scheduler = Scheduler(plan_url, apps=[auto_analyze.app])
    set_scheduler(scheduler)
    scheduler.start()
    yield Library(scheduler)
    scheduler.shutdown(grace=30)
    set_scheduler(None)


def test_a_cancelled_run_leaves_what_it_had_not_finished_as_new(
    running: Library, samples: list[Path], tmp_path: Path
) -> None:
    run = running.scheduler.run_now(scheduled(running, linked(samples, tmp_path / "videos")))
    eventually(lambda: running.with_status(VideoStatus.ANALYSED), "an analysed video")
    running.scheduler.cancel_run(run.id)
    ended = running.scheduler.wait_for_run(run.id, 60)
    statuses = [video.status for video in running.videos()]
    assert ended.state is RunState.CANCELLED
    assert VideoStatus.ANALYSING not in statuses
    assert VideoStatus.NEW in statuses


def test_what_a_run_logged_is_kept_with_it(
    running: Library, samples: list[Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    job = scheduled(running, linked(samples[:1], tmp_path / "videos"))
    with caplog.at_level(logging.INFO, logger="horarium_apps"):
        run = running.scheduler.wait_for_run(running.scheduler.run_now(job).id, 60)
    lines = [line.message for _, line in running.scheduler.run_logs(run.id)]
    assert lines[-1] == "Completati 1 video - [ERROR] 0 errori"


def test_the_progress_of_a_run_names_the_video_and_counts_them(
    running: Library, samples: list[Path], tmp_path: Path, media: Ffmpeg, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = tmp_path / "open"
    slow = tmp_path / "slow-ffmpeg"
    slow.write_text(f'#!/bin/sh\nuntil [ -e "{gate}" ]; do sleep 0.05; done\nexec "{media.executable}" "$@"\n')
    slow.chmod(0o755)
    monkeypatch.setenv("AUTO_ANALYZE_FFMPEG", str(slow))
    run = running.scheduler.run_now(scheduled(running, linked(samples[:2], tmp_path / "videos")))

    def progress() -> Any:
        return running.scheduler.get_run(run.id).progress

    eventually(lambda: (shown := progress()) and samples[0].name in shown.message, "a message with the video's name")
    gate.touch()
    ended = running.scheduler.wait_for_run(run.id, 60)
    assert ended.progress is not None
    assert (ended.progress.done, ended.progress.total) == (2, 2)
    assert ended.result["duration"] > 0
