"""The application's tables, on both databases: their migrations, and what is asked of them."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, inspect, select
from sqlalchemy.exc import IntegrityError

from horarium_apps.auto_analyze import queries
from horarium_apps.auto_analyze.domain.media import FoundVideo
from horarium_apps.auto_analyze.domain.video import VideoStatus
from horarium_apps.auto_analyze.tables import videos

from .plans import HORARIUM, Library, Processes

NOW = datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=365)
DOCUMENT = {"schema": "horarium.auto_analyze/1", "duration": 2.5, "notes": ["caffè"]}


@pytest.fixture
def connection(elsewhere: Library) -> Iterator[Connection]:
    """A transaction of a fresh plan."""
    with elsewhere.scheduler.connection() as connection:
        yield connection


@pytest.fixture
def user_id(connection: Connection) -> int:
    """A user."""
    return queries.add_user(connection, "anna", NOW).id


def file(name: str = "a.mp4", content: str = "a") -> FoundVideo:
    return FoundVideo(Path("/videos") / name, content * 64, size=3_000_000_000, mtime_ns=1_700_000_000_123_456_789)


def only_video(connection: Connection, user_id: int, status: VideoStatus = VideoStatus.NEW, **values: Any) -> int:
    """A user's single video."""
    queries.add_videos(connection, user_id, [file()], NOW)
    video_id: int = connection.execute(select(videos.c.id)).scalar_one()
    connection.execute(videos.update().values(status=status, **values))
    return video_id


def take(connection: Connection, video_id: int, *, run_id: str = "run-1", job_id: str = "job-1") -> Any:
    return queries.take_video(connection, video_id, run_id=run_id, job_id=job_id, now=NOW, left_before=LONG_AGO)


def waiting(connection: Connection, user_id: int, job_id: str = "job-1") -> list[int]:
    return queries.videos_to_analyse(connection, user_id, job_id=job_id, now=NOW, left_before=LONG_AGO)


def test_the_migrations_lead_to_the_tables(processes: Processes, elsewhere: Library) -> None:
    elsewhere.add_user()
    checked = processes.call(HORARIUM, "db", "check", "--json")
    (branch,) = (one for one in json.loads(checked.stdout) if one["branch"] == "auto_analyze")
    assert (branch["current"], branch["differences"]) == ("auto_analyze_0001", [])


def test_every_table_has_the_application_in_its_name(connection: Connection) -> None:
    tables = {name for name in inspect(connection).get_table_names() if not name.startswith("horarium_")}
    assert tables == {"auto_analyze_texts", "auto_analyze_users", "auto_analyze_videos"}


def test_a_users_name_is_taken_once(connection: Connection, user_id: int) -> None:
    assert queries.add_user(connection, "anna", NOW).id == user_id


def test_a_user_cannot_have_the_same_content_twice(connection: Connection, user_id: int) -> None:
    queries.add_videos(connection, user_id, [file("a.mp4")], NOW)
    with pytest.raises(IntegrityError), connection.begin_nested():
        queries.add_videos(connection, user_id, [file("b.mp4")], NOW)


def test_two_users_can_have_the_same_content(connection: Connection, user_id: int) -> None:
    other = queries.add_user(connection, "bruno", NOW).id
    for owner in (user_id, other):
        queries.add_videos(connection, owner, [file()], NOW)
    assert [video.user_id for video in queries.list_videos(connection)] == [user_id, other]


def test_what_is_written_of_a_file_reads_back_the_same(connection: Connection, user_id: int) -> None:
    queries.add_videos(connection, user_id, [file()], NOW)
    (video,) = queries.list_videos(connection)
    assert (video.path, video.content_hash, video.size) == (file().path, file().content_hash, file().size)


def test_times_read_back_to_the_microsecond_and_aware(connection: Connection, user_id: int) -> None:
    only_video(connection, user_id)
    assert queries.list_videos(connection)[0].added_at == NOW


def test_videos_are_listed_by_user_and_status(connection: Connection, user_id: int) -> None:
    other = queries.add_user(connection, "bruno", NOW).id
    queries.add_videos(connection, user_id, [file("a.mp4", "a"), file("b.mp4", "b")], NOW)
    queries.add_videos(connection, other, [file("c.mp4", "c")], NOW)
    connection.execute(videos.update().where(videos.c.path == "/videos/b.mp4").values(status=VideoStatus.FAILED))
    failed = queries.list_videos(connection, user_id=user_id, status=VideoStatus.FAILED)
    assert [video.path.name for video in failed] == ["b.mp4"]


def test_videos_are_counted_for_every_status(connection: Connection, user_id: int) -> None:
    only_video(connection, user_id)
    assert queries.count_by_status(connection, user_id) == {"new": 1, "analysing": 0, "analysed": 0, "failed": 0}


# --- which ones wait


def test_new_videos_wait(connection: Connection, user_id: int) -> None:
    video_id = only_video(connection, user_id)
    assert waiting(connection, user_id) == [video_id]


@pytest.mark.parametrize("status", [VideoStatus.ANALYSED, VideoStatus.FAILED])
def test_what_has_come_to_an_end_waits_no_more(connection: Connection, user_id: int, status: VideoStatus) -> None:
    only_video(connection, user_id, status)
    assert waiting(connection, user_id) == []


def test_what_an_earlier_run_of_the_job_was_analysing_waits(connection: Connection, user_id: int) -> None:
    only_video(connection, user_id, VideoStatus.ANALYSING, run_id="run-0", job_id="job-1", begun_at=NOW)
    assert waiting(connection, user_id) != []


def test_what_another_job_is_analysing_does_not_wait(connection: Connection, user_id: int) -> None:
    only_video(connection, user_id, VideoStatus.ANALYSING, run_id="run-0", job_id="job-2", begun_at=NOW)
    assert waiting(connection, user_id) == []


def test_what_another_job_began_too_long_ago_waits(connection: Connection, user_id: int) -> None:
    before = LONG_AGO - timedelta(seconds=1)
    only_video(connection, user_id, VideoStatus.ANALYSING, run_id="run-0", job_id="job-2", begun_at=before)
    assert waiting(connection, user_id) != []


def test_a_users_videos_are_nobody_elses(connection: Connection, user_id: int) -> None:
    only_video(connection, user_id)
    assert waiting(connection, queries.add_user(connection, "bruno", NOW).id) == []


# --- taking one


def test_a_taken_video_is_being_analysed_and_its_attempts_count(connection: Connection, user_id: int) -> None:
    video_id = only_video(connection, user_id)
    take(connection, video_id)
    video = queries.find_video(connection, video_id)
    assert video is not None
    assert (video.status, video.attempts, video.begun_at) == (VideoStatus.ANALYSING, 1, NOW)


def test_taking_answers_the_file_as_it_was_imported(connection: Connection, user_id: int) -> None:
    video_id = only_video(connection, user_id)
    taken = json.loads(json.dumps(take(connection, video_id)))
    assert taken == {
        "id": video_id,
        "path": str(file().path),
        "content_hash": file().content_hash,
        "size": file().size,
        "mtime_ns": file().mtime_ns,
        "last_run": None,
        "document": None,
        "sheet_path": None,
        "asked": True,
        "afresh": False,
    }


def test_a_video_that_is_tried_again_by_itself_was_not_asked_for(connection: Connection, user_id: int) -> None:
    video_id = only_video(connection, user_id, VideoStatus.ANALYSED, retry_at=LONG_AGO)
    assert take(connection, video_id)["asked"] is False


def test_all_is_done_again_until_that_has_succeeded(connection: Connection, user_id: int) -> None:
    video_id = only_video(connection, user_id, VideoStatus.ANALYSED, document=json.dumps(DOCUMENT), run_id="run-0")
    queries.ask_again(connection, [video_id], afresh=True)
    assert take(connection, video_id)["afresh"] is True
    queries.record_failure(connection, video_id, run_id="run-1", error="It broke.", now=NOW)
    queries.ask_again(connection, [video_id], afresh=False)
    assert (taken := take(connection, video_id))["afresh"] is True
    assert taken["document"] == DOCUMENT
    queries.record_analysis(connection, video_id, run_id="run-1", document=DOCUMENT, sheet_path=None, now=NOW)
    queries.ask_again(connection, [video_id], afresh=False)
    assert take(connection, video_id)["afresh"] is False


def test_a_video_is_not_taken_from_another_job(connection: Connection, user_id: int) -> None:
    video_id = only_video(connection, user_id)
    take(connection, video_id, run_id="run-1", job_id="job-1")
    assert take(connection, video_id, run_id="run-2", job_id="job-2") is None


def test_a_run_takes_a_video_again_that_its_earlier_attempt_was_analysing(connection: Connection, user_id: int) -> None:
    video_id = only_video(connection, user_id)
    take(connection, video_id)
    assert "path" in take(connection, video_id)


def test_a_run_takes_a_video_again_that_failed_in_it(connection: Connection, user_id: int) -> None:
    video_id = only_video(connection, user_id)
    take(connection, video_id)
    queries.record_failure(connection, video_id, run_id="run-1", error="It is empty.", now=NOW)
    assert "path" in take(connection, video_id)


def test_a_video_that_failed_in_another_run_is_left_alone(connection: Connection, user_id: int) -> None:
    video_id = only_video(connection, user_id, VideoStatus.FAILED, run_id="run-0", job_id="job-1")
    assert take(connection, video_id) is None


def test_a_video_that_the_run_has_analysed_is_named_without_its_file(connection: Connection, user_id: int) -> None:
    video_id = only_video(connection, user_id)
    take(connection, video_id)
    queries.record_analysis(connection, video_id, run_id="run-1", document=DOCUMENT, sheet_path=None, now=NOW)
    assert take(connection, video_id) == {"id": video_id}


def test_an_analysed_video_is_not_taken_by_another_run(connection: Connection, user_id: int) -> None:
    video_id = only_video(connection, user_id)
    take(connection, video_id)
    queries.record_analysis(connection, video_id, run_id="run-1", document=DOCUMENT, sheet_path=None, now=NOW)
    assert take(connection, video_id, run_id="run-2") is None


# --- what comes of it


def test_a_document_reads_back_the_same(connection: Connection, user_id: int) -> None:
    video_id = only_video(connection, user_id)
    take(connection, video_id)
    queries.record_analysis(connection, video_id, run_id="run-1", document=DOCUMENT, sheet_path=None, now=NOW)
    assert queries.load_document(connection, video_id) == DOCUMENT


def test_a_run_that_lost_a_video_writes_nothing_to_it(connection: Connection, user_id: int) -> None:
    video_id = only_video(connection, user_id)
    take(connection, video_id)
    take(connection, video_id, run_id="run-2")
    recorded = queries.record_analysis(
        connection, video_id, run_id="run-1", document=DOCUMENT, sheet_path=None, now=NOW
    )
    assert (recorded, queries.load_document(connection, video_id)) == (False, None)


def test_released_videos_are_new(connection: Connection, user_id: int) -> None:
    video_id = only_video(connection, user_id)
    take(connection, video_id)
    queries.release_videos(connection, "run-1")
    assert [video.status for video in queries.list_videos(connection)] == [VideoStatus.NEW]


def test_releasing_leaves_what_another_run_is_analysing(connection: Connection, user_id: int) -> None:
    take(connection, only_video(connection, user_id))
    assert queries.release_videos(connection, "run-2") == 0
