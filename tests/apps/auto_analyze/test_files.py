"""Finding videos in folders, and writing results."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from horarium_apps.auto_analyze.adapters.files import LocalFiles
from horarium_apps.auto_analyze.domain.errors import AnalysisError, ImportFolderError
from horarium_apps.auto_analyze.domain.media import FoundVideo, UnreadableFile


def put(path: Path, content: bytes | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(str(path).encode() if content is None else content)
    return path


def found_in(folder: Path) -> list[str]:
    return [str(each.path.relative_to(folder)) for each in LocalFiles().find(folder) if isinstance(each, FoundVideo)]


def problems(each: Iterator[FoundVideo | UnreadableFile]) -> list[UnreadableFile]:
    return [one for one in each if isinstance(one, UnreadableFile)]


def test_videos_are_found_in_folders_below_in_a_steady_order(tmp_path: Path) -> None:
    for name in ["b.mp4", "a.MOV", "deep/er/c.mkv", "deep/d.webm", "other/e.mp4"]:
        put(tmp_path / name)

    assert found_in(tmp_path) == ["a.MOV", "b.mp4", "deep/d.webm", "deep/er/c.mkv", "other/e.mp4"]


@pytest.mark.parametrize(
    "name",
    [
        "notes.txt",
        "mp4",
        ".hidden.mp4",
        ".hidden/a.mp4",
        "a.mp4.part",
        "a.part.mp4",
        "a.f137.temp.mp4",
        "a.mp4.crdownload",
        "._a.mp4",
    ],
)
def test_what_is_hidden_unfinished_or_no_video_by_name_is_left_out(tmp_path: Path, name: str) -> None:
    put(tmp_path / name)

    assert list(LocalFiles().find(tmp_path)) == []


def test_a_found_video_is_known_by_its_content_size_and_time(tmp_path: Path) -> None:
    path = put(tmp_path / "a.mp4", b"film" * 1_000_000)
    os.utime(path, ns=(5, 1_700_000_000_123_456_789))

    (video,) = LocalFiles().find(tmp_path)

    assert video == FoundVideo(
        path, hashlib.sha256(b"film" * 1_000_000).hexdigest(), 4_000_000, path.stat().st_mtime_ns
    )


def test_an_empty_file_is_found_so_that_its_analysis_can_say_so(tmp_path: Path) -> None:
    put(tmp_path / "a.mp4", b"")

    (video,) = LocalFiles().find(tmp_path)

    assert isinstance(video, FoundVideo)
    assert video.size == 0


def test_a_loop_of_links_ends(tmp_path: Path) -> None:
    put(tmp_path / "a" / "x.mp4")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "again").symlink_to(tmp_path / "a")

    assert found_in(tmp_path) == ["a/x.mp4"]


def test_a_link_to_a_folder_elsewhere_is_followed(tmp_path: Path) -> None:
    put(tmp_path / "elsewhere" / "x.mp4")
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "more").symlink_to(tmp_path / "elsewhere")

    assert found_in(tmp_path / "videos") == ["more/x.mp4"]


def test_a_file_with_two_names_is_found_once(tmp_path: Path) -> None:
    put(tmp_path / "a.mp4")
    (tmp_path / "b.mp4").hardlink_to(tmp_path / "a.mp4")
    (tmp_path / "c.mp4").symlink_to(tmp_path / "a.mp4")

    assert found_in(tmp_path) == ["a.mp4"]


def test_what_cannot_be_read_is_reported_and_the_rest_found(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").symlink_to(tmp_path / "nowhere")
    (tmp_path / "b.mp4").symlink_to("b.mp4")
    os.mkfifo(tmp_path / "c.mp4")
    put(tmp_path / "d.mp4")

    found = list(LocalFiles().find(tmp_path))

    assert [each.path.name for each in problems(iter(found))] == ["a.mp4", "b.mp4", "c.mp4"]
    assert isinstance(found[-1], FoundVideo)
    assert "no such file" in problems(iter(found))[0].reason
    assert "not a regular file" in problems(iter(found))[2].reason


def test_a_file_that_vanishes_during_the_import_is_reported(tmp_path: Path) -> None:
    put(tmp_path / "a.mp4")
    gone = put(tmp_path / "b.mp4")
    put(tmp_path / "c.mp4")
    found = LocalFiles().find(tmp_path)
    first = next(found)
    gone.unlink()

    rest = list(found)

    assert [type(each) for each in (first, *rest)] == [FoundVideo, UnreadableFile, FoundVideo]
    assert '"b.mp4" is missing' in problems(iter(rest))[0].reason


def test_a_file_that_grows_while_it_is_hashed_is_reported_as_being_written(tmp_path: Path) -> None:
    path = put(tmp_path / "a.mp4", bytes(3_000_000))

    def grow(fraction: float) -> None:
        if fraction < 0.5:
            with path.open("ab") as file:
                file.write(b"more")

    with pytest.raises(AnalysisError, match="being written right now") as caught:
        LocalFiles().identify(path, grow)

    assert not caught.value.permanent


def test_a_name_that_is_no_utf8_is_reported(tmp_path: Path) -> None:
    os.close(os.open(os.fsencode(tmp_path) + b"/caf\xe9.mp4", os.O_CREAT | os.O_WRONLY))

    (problem,) = LocalFiles().find(tmp_path)

    assert isinstance(problem, UnreadableFile)
    assert problem.reason == '"caf\\udce9.mp4": the path is not valid UTF-8. Rename it.'


def test_a_folder_that_is_not_there_is_an_error_at_once(tmp_path: Path) -> None:
    with pytest.raises(ImportFolderError, match="nowhere cannot be read: no such file"):
        LocalFiles().find(tmp_path / "nowhere")


def test_a_file_in_place_of_the_folder_is_an_error_that_says_what_to_name(tmp_path: Path) -> None:
    with pytest.raises(ImportFolderError, match="is not a folder"):
        LocalFiles().find(put(tmp_path / "a.mp4"))


def test_the_progress_of_an_import_ends_at_one(tmp_path: Path) -> None:
    for name in "abcd":
        put(tmp_path / f"{name}.mp4")
    told: list[float] = []

    list(LocalFiles().find(tmp_path, told.append))

    assert told == [0.25, 0.5, 0.75, 1.0]


def test_a_folder_named_relatively_gives_absolute_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "videos" / "a.mp4")
    monkeypatch.chdir(tmp_path / "videos")

    (video,) = LocalFiles().find(Path("../videos"))

    assert video.path == tmp_path / "videos" / "a.mp4"


def test_a_saved_file_is_whole_or_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(tmp_path / "result", b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(AnalysisError, match="no space left on device") as caught:
        LocalFiles().save(path, b"new")

    assert not caught.value.permanent
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
