"""Importing folders: what is added, what is known, and what is noticed."""

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from horarium_apps.auto_analyze.domain.errors import ImportFolderError, UserNotFoundError
from horarium_apps.auto_analyze.domain.importing import Fate, KnownVideo, fate_of
from horarium_apps.auto_analyze.domain.media import FoundVideo
from horarium_apps.auto_analyze.domain.video import VideoStatus
from horarium_apps.auto_analyze.tables import texts, videos

from .plans import Library, linked

FOUND = FoundVideo(Path("/new/place.mp4"), "a" * 64, 10, 20)


def known(status: VideoStatus, path: str = "/old/place.mp4") -> KnownVideo:
    return KnownVideo(1, Path(path), status)


def replace(path: Path, other: Path) -> None:
    """Put other content in a file's place, and leave what it was a link to as it is."""
    path.unlink()
    shutil.copy(other, path)


def failed_often(library: Library) -> None:
    """Note that the only video has failed three times, and is to be tried again by itself."""
    values = {"status": VideoStatus.FAILED, "failures": 3, "retry_at": datetime(2030, 1, 1, tzinfo=UTC)}
    with library.scheduler.connection() as connection:
        connection.execute(videos.update().values(values))


def failures(library: Library) -> tuple[Any, ...]:
    """How often the only video has failed in a row, and when it is tried again by itself."""
    with library.scheduler.connection() as connection:
        return tuple(connection.execute(select(videos.c.failures, videos.c.retry_at)).one())


@pytest.mark.parametrize("status", [VideoStatus.NEW, VideoStatus.ANALYSING, VideoStatus.ANALYSED])
def test_a_copy_of_a_known_file_is_known(status: VideoStatus) -> None:
    assert fate_of(FOUND, known(status), None, lambda _path: True) is Fate.KNOWN


def test_a_known_file_whose_old_path_is_empty_was_moved() -> None:
    assert fate_of(FOUND, known(VideoStatus.ANALYSED), None, lambda _path: False) is Fate.MOVED


def test_a_known_file_that_failed_is_tried_again() -> None:
    assert fate_of(FOUND, known(VideoStatus.FAILED), None, lambda _path: True) is Fate.AGAIN


def test_other_content_at_the_path_of_a_waiting_video_is_a_change() -> None:
    assert fate_of(FOUND, None, known(VideoStatus.NEW, "/new/place.mp4"), lambda _path: True) is Fate.CHANGED


def test_an_unknown_file_is_added() -> None:
    assert fate_of(FOUND, None, None, lambda _path: True) is Fate.ADDED


def test_a_folder_is_imported_with_all_folders_below_it(
    elsewhere: Library, samples: list[Path], tmp_path: Path
) -> None:
    linked(samples[:1], tmp_path / "videos")
    linked(samples[1:2], tmp_path / "videos" / "below")
    elsewhere.add(tmp_path / "videos", elsewhere.add_user())
    assert elsewhere.statuses() == {samples[0].name: "new", samples[1].name: "new"}


def test_a_second_import_adds_nothing(elsewhere: Library, samples: list[Path], tmp_path: Path) -> None:
    folder, user_id = linked(samples[:2], tmp_path / "videos"), elsewhere.add_user()
    elsewhere.add(folder, user_id)
    report = elsewhere.add(folder, user_id)
    assert (report.added, report.known, len(elsewhere.videos())) == (0, 2, 2)


def test_a_copy_in_the_same_import_is_not_added_twice(elsewhere: Library, samples: list[Path], tmp_path: Path) -> None:
    folder = linked(samples[:1], tmp_path / "videos")
    shutil.copy(samples[0], folder / "copy.mp4")
    report = elsewhere.add(folder, elsewhere.add_user())
    assert (report.added, report.known) == (1, 1)


def test_a_moved_file_is_found_at_its_new_path(elsewhere: Library, samples: list[Path], tmp_path: Path) -> None:
    folder, user_id = linked(samples[:1], tmp_path / "videos"), elsewhere.add_user()
    elsewhere.add(folder, user_id)
    (folder / samples[0].name).rename(folder / "moved.mp4")
    elsewhere.add(folder, user_id)
    assert elsewhere.statuses() == {"moved.mp4": "new"}


def test_content_that_changed_before_its_analysis_takes_the_old_ones_place(
    elsewhere: Library, samples: list[Path], tmp_path: Path
) -> None:
    folder, user_id = linked(samples[:1], tmp_path / "videos"), elsewhere.add_user()
    elsewhere.add(folder, user_id)
    (before,) = elsewhere.videos()
    replace(folder / samples[0].name, samples[1])
    elsewhere.add(folder, user_id)
    (after,) = elsewhere.videos()
    assert (after.id, after.content_hash != before.content_hash) == (before.id, True)


def test_an_analysed_video_stays_when_its_file_changes(elsewhere: Library, samples: list[Path], tmp_path: Path) -> None:
    folder, user_id = linked(samples[:1], tmp_path / "videos"), elsewhere.add_user()
    elsewhere.add(folder, user_id)
    with elsewhere.scheduler.connection() as connection:
        connection.execute(videos.update().values(status=VideoStatus.ANALYSED))
    replace(folder / samples[0].name, samples[1])
    elsewhere.add(folder, user_id)
    assert [video.status for video in elsewhere.videos()] == [VideoStatus.ANALYSED, VideoStatus.NEW]


def test_a_video_that_failed_waits_again_when_it_is_imported_again(
    elsewhere: Library, samples: list[Path], tmp_path: Path
) -> None:
    folder, user_id = linked(samples[:1], tmp_path / "videos"), elsewhere.add_user()
    elsewhere.add(folder, user_id)
    with elsewhere.scheduler.connection() as connection:
        connection.execute(videos.update().values(status=VideoStatus.FAILED, error="It is empty."))
    report = elsewhere.add(folder, user_id)
    (video,) = elsewhere.videos()
    assert (report.again, video.status, video.error) == (1, VideoStatus.NEW, None)


def test_a_video_that_is_imported_again_begins_with_no_failures_counted(
    elsewhere: Library, samples: list[Path], tmp_path: Path
) -> None:
    folder, user_id = linked(samples[:1], tmp_path / "videos"), elsewhere.add_user()
    elsewhere.add(folder, user_id)
    failed_often(elsewhere)
    elsewhere.add(folder, user_id)
    assert failures(elsewhere) == (0, None)


def test_content_that_takes_the_place_of_what_failed_begins_with_no_failures_counted(
    elsewhere: Library, samples: list[Path], tmp_path: Path
) -> None:
    folder, user_id = linked(samples[:1], tmp_path / "videos"), elsewhere.add_user()
    elsewhere.add(folder, user_id)
    failed_often(elsewhere)
    replace(folder / samples[0].name, samples[1])
    assert elsewhere.add(folder, user_id).changed == 1
    assert failures(elsewhere) == (0, None)


def test_nothing_is_known_of_content_that_takes_the_place_of_other_content(
    elsewhere: Library, samples: list[Path], tmp_path: Path
) -> None:
    folder, user_id = linked(samples[:1], tmp_path / "videos"), elsewhere.add_user()
    elsewhere.add(folder, user_id)
    with elsewhere.scheduler.connection() as connection:
        connection.execute(videos.update().values(document='{"duration":2.5}', duration=2.5, fingerprint="{}"))
        text = {"position": 0, "source": "speech", "start": 0.0, "end": 1.0, "text": "River", "folded": "river"}
        connection.execute(texts.insert().values(video_id=1, **text))
    replace(folder / samples[0].name, samples[1])
    elsewhere.add(folder, user_id)
    with elsewhere.scheduler.connection() as connection:
        (row,) = connection.execute(select(videos.c.document, videos.c.duration, videos.c.fingerprint))
        assert connection.execute(select(texts)).all() == []
    assert tuple(row) == (None, None, None)


def test_what_cannot_be_read_is_left_out_and_told(elsewhere: Library, samples: list[Path], tmp_path: Path) -> None:
    folder = linked(samples[:1], tmp_path / "videos")
    (folder / "dangling.mp4").symlink_to(tmp_path / "nowhere.mp4")
    report = elsewhere.add(folder, elsewhere.add_user())
    assert (report.added, [each.path.name for each in report.unreadable]) == (1, ["dangling.mp4"])


def test_nothing_is_imported_for_a_user_who_does_not_exist(elsewhere: Library, tmp_path: Path) -> None:
    with pytest.raises(UserNotFoundError, match="there is no user 7"):
        elsewhere.add(tmp_path, 7)


def test_a_folder_that_does_not_exist_is_an_error(elsewhere: Library, tmp_path: Path) -> None:
    with pytest.raises(ImportFolderError, match="nowhere"):
        elsewhere.add(tmp_path / "nowhere", elsewhere.add_user())
