"""Files that are no whole videos: each is an error of that file, in one sentence, or an empty field."""

import os
import shutil
import socket
import wave
from collections.abc import Callable
from pathlib import Path

import pytest

from horarium_apps.auto_analyze.adapters.ffmpeg import Ffmpeg
from horarium_apps.auto_analyze.adapters.files import LocalFiles
from horarium_apps.auto_analyze.analysis import analyze_video
from horarium_apps.auto_analyze.domain.describe import describe
from horarium_apps.auto_analyze.domain.errors import AnalysisError
from horarium_apps.auto_analyze.domain.media import Analysis, FoundVideo
from horarium_apps.auto_analyze.domain.stages import Stage


def error_of(analyze: Callable[[Path], Analysis], path: Path) -> AnalysisError:
    with pytest.raises(AnalysisError) as caught:
        analyze(path)
    assert path.name in str(caught.value)
    assert "\n" not in str(caught.value)
    return caught.value


def shortened(source: Path, target: Path, share: float = 0.6) -> Path:
    content = source.read_bytes()
    target.write_bytes(content[: int(len(content) * share)])
    return target


def test_an_empty_file_is_called_empty(analyze: Callable[..., Analysis], tmp_path: Path) -> None:
    path = tmp_path / "empty.mp4"
    path.touch()

    assert "is empty" in str(error_of(analyze, path))


@pytest.mark.parametrize("content", [b"Dear diary,\n", b"hello\n" * 50_000, bytes(300_000), os.urandom(300_000)])
def test_a_file_that_is_no_video_is_called_no_video(
    analyze: Callable[..., Analysis], tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "letter.mp4"
    path.write_bytes(content)

    error = error_of(analyze, path)

    assert "not a video" in str(error)
    assert error.permanent


def test_a_download_without_its_index_is_called_cut_short(
    make: Callable[..., Path], talking: Path, analyze: Callable[..., Analysis], tmp_path: Path
) -> None:
    whole = make("whole.mp4", "-i", talking, "-c", "copy", "-movflags", "0")

    assert "cut short: its index is missing" in str(error_of(analyze, shortened(whole, tmp_path / "part.mp4")))


def test_a_download_with_its_index_first_is_called_cut_short(
    talking: Path, analyze: Callable[..., Analysis], tmp_path: Path
) -> None:
    error = error_of(analyze, shortened(talking, tmp_path / "part.mp4"))

    assert "is cut short: " in str(error)
    assert "of its 3.0 seconds can be read" in str(error)
    assert error.permanent


def test_a_matroska_file_that_ends_early_is_called_cut_short(
    make: Callable[..., Path], talking: Path, analyze: Callable[..., Analysis], tmp_path: Path
) -> None:
    whole = make("whole.mkv", "-i", talking, "-c", "copy")

    assert "is cut short: " in str(error_of(analyze, shortened(whole, tmp_path / "part.mkv")))


def test_damage_in_the_middle_is_noted_and_the_rest_analysed(
    make: Callable[..., Path], talking: Path, analyze: Callable[..., Analysis], tmp_path: Path
) -> None:
    whole = make("whole.mp4", "-i", talking, "-c", "copy", "-movflags", "+faststart")
    content = bytearray(whole.read_bytes())
    start = content.index(b"mdat")
    for at in range(start + len(content) // 4, start + len(content) // 2, 400):
        content[at : at + 8] = b"DAMAGED!"
    path = tmp_path / "scratched.mp4"
    path.write_bytes(content)

    analysis = analyze(path)

    assert analysis.frames > 80
    assert "Parts of the file are damaged" in analysis.notes[0]


def test_a_sound_file_is_called_sound_only(
    make: Callable[..., Path], talking: Path, analyze: Callable[..., Analysis]
) -> None:
    path = make("song.mp4", "-i", talking, "-vn", "-c", "copy")

    assert "holds sound only" in str(error_of(analyze, path))


def test_a_sound_file_with_a_cover_picture_is_still_sound_only(
    make: Callable[..., Path], talking: Path, analyze: Callable[..., Analysis]
) -> None:
    cover = make("cover.jpg", "-i", talking, "-frames:v", "1", "-update", "1")
    path = make(
        "song.mp4",
        *("-i", talking, "-i", cover, "-map", "0:a", "-map", "1:v", "-c", "copy", "-disposition:v:0", "attached_pic"),
    )

    assert "holds sound only" in str(error_of(analyze, path))


@pytest.mark.parametrize("kind", ["png", "jpg", "bmp"])
def test_a_picture_is_called_a_still_picture(
    make: Callable[..., Path], talking: Path, analyze: Callable[..., Analysis], tmp_path: Path, kind: str
) -> None:
    picture = make(f"picture.{kind}", "-i", talking, "-frames:v", "1", "-update", "1")
    path = picture.rename(tmp_path / "picture.mp4")

    assert "is a still picture" in str(error_of(analyze, path))


def test_a_picture_stream_without_pictures_is_an_error(
    make: Callable[..., Path], talking: Path, analyze: Callable[..., Analysis]
) -> None:
    path = make("zero.mkv", "-i", talking, "-t", "0", "-c", "copy")

    assert "not one picture in it can be decoded" in str(error_of(analyze, path))


def test_a_sound_track_of_no_length_is_an_empty_field(
    make: Callable[..., Path], silent: Path, analyze: Callable[..., Analysis], tmp_path: Path
) -> None:
    with wave.open(str(tmp_path / "nothing.wav"), "wb") as sound:
        sound.setparams((1, 2, 44100, 0, "NONE", "not compressed"))
    path = make("mute.mkv", "-i", silent, "-i", tmp_path / "nothing.wav", "-map", "0", "-map", "1", "-c", "copy")

    analysis = analyze(path)

    assert len(analysis.audio) == 1
    assert (analysis.loudness, analysis.notes) == (None, ())
    assert len(analysis.cuts) == 3


def test_sound_that_cannot_be_decoded_is_noted_and_the_picture_analysed(
    make: Callable[..., Path], talking: Path, analyze: Callable[..., Analysis], tmp_path: Path
) -> None:
    whole = make("whole.mkv", "-i", talking, "-c", "copy")
    path = tmp_path / "strange.mkv"
    path.write_bytes(whole.read_bytes().replace(b"A_AAC", b"A_QQQ"))

    analysis = analyze(path)

    assert (analysis.loudness, analysis.notes) == (None, ("The sound cannot be decoded.",))
    assert describe(analysis)["Loudness"] == "not known"
    assert len(analysis.cuts) == 2


def test_a_folder_is_no_file(analyze: Callable[..., Analysis], tmp_path: Path) -> None:
    path = tmp_path / "folder.mp4"
    path.mkdir()

    assert "it is a folder" in str(error_of(analyze, path))


def test_a_named_pipe_is_refused_without_waiting_for_it(analyze: Callable[..., Analysis], tmp_path: Path) -> None:
    path = tmp_path / "pipe.mp4"
    os.mkfifo(path)

    assert "not a regular file" in str(error_of(analyze, path))


def test_a_file_that_is_gone_is_called_missing(talking: Path, files: LocalFiles, media: Ffmpeg, tmp_path: Path) -> None:
    path = shutil.copy(talking, tmp_path / "gone.mp4")
    video = files.identify(path)
    path.unlink()

    with pytest.raises(AnalysisError, match=r'"gone\.mp4" is missing'):
        analyze_video(video, media=media, files=files)


def test_a_file_with_other_content_than_imported_is_not_analysed(
    talking: Path, silent: Path, files: LocalFiles, media: Ffmpeg, tmp_path: Path
) -> None:
    path = shutil.copy(talking, tmp_path / "clip.mp4")
    video = files.identify(path)
    shutil.copy(silent, path)

    with pytest.raises(AnalysisError, match="content has changed since"):
        analyze_video(video, media=media, files=files)


def test_a_file_of_the_same_size_and_time_but_other_content_is_noticed(
    talking: Path, files: LocalFiles, media: Ffmpeg, tmp_path: Path
) -> None:
    path = shutil.copy(talking, tmp_path / "clip.mp4")
    video = files.identify(path)
    with path.open("r+b") as file:
        file.seek(video.size // 2)
        file.write(b"another film")
    os.utime(path, ns=(video.mtime_ns, video.mtime_ns))

    with pytest.raises(AnalysisError, match="content has changed since"):
        analyze_video(video, media=media, files=files)


def test_a_file_that_was_only_touched_is_analysed(
    talking: Path, files: LocalFiles, media: Ffmpeg, tmp_path: Path
) -> None:
    path = shutil.copy(talking, tmp_path / "clip.mp4")
    video = files.identify(path)
    os.utime(path, ns=(0, 0))

    assert analyze_video(video, media=media, files=files).frames == 90


@pytest.mark.parametrize("stage", [Stage.LOUDNESS, Stage.CUTS, Stage.CONTACT_SHEET])
@pytest.mark.parametrize("happening", ["removed", "replaced"])
def test_a_file_that_changes_while_it_is_analysed_is_noticed(
    talking: Path, files: LocalFiles, media: Ffmpeg, tmp_path: Path, stage: Stage, happening: str
) -> None:
    path = shutil.copy(talking, tmp_path / "clip.mp4")
    sheet = tmp_path / "sheet.jpg"

    def interfere(now: str, fraction: float) -> None:
        if now == stage and fraction == 0.0 and path.exists():
            if happening == "removed":
                path.unlink()
            else:
                path.write_text("something else")

    with pytest.raises(AnalysisError, match="changed or removed while it was analysed") as caught:
        analyze_video(files.identify(path), media=media, files=files, sheet_path=sheet, progress=interfere)

    assert not caught.value.permanent
    assert not sheet.exists()


def test_a_contact_sheet_that_cannot_be_written_costs_only_itself(
    talking: Path, analyze: Callable[..., Analysis], tmp_path: Path
) -> None:
    (tmp_path / "sheets").write_text("a file where a folder should be")

    analysis = analyze(talking, sheet_path=tmp_path / "sheets" / "sheet.jpg")

    (note,) = analysis.notes
    assert note.startswith('There is no contact sheet: "sheet.jpg" cannot be written: ')
    assert (analysis.contact_sheet, analysis.frames) == (None, 90)


@pytest.mark.parametrize("name", ["list.mp4", "list.m3u8"])
def test_a_playlist_reads_no_other_file(
    talking: Path, media: Ffmpeg, analyze: Callable[..., Analysis], tmp_path: Path, name: str
) -> None:
    shutil.copy(talking, tmp_path / "secret.mp4")
    path = tmp_path / name
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\nsecret.mp4\n#EXT-X-ENDLIST\n")

    error_of(analyze, path)


def test_a_concatenation_list_reads_no_other_file(
    talking: Path, analyze: Callable[..., Analysis], tmp_path: Path
) -> None:
    shutil.copy(talking, tmp_path / "secret.mp4")
    path = tmp_path / "list.mp4"
    path.write_text("ffconcat version 1.0\nfile secret.mp4\n")

    assert "lists of files are not" in str(error_of(analyze, path))


@pytest.mark.parametrize("name", ["list.mp4", "list.m3u8"])
def test_a_playlist_opens_no_connection(analyze: Callable[..., Analysis], tmp_path: Path, name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        path = tmp_path / name
        address = f"http://127.0.0.1:{server.getsockname()[1]}/part.ts"
        path.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\n{address}\n#EXT-X-ENDLIST\n")

        error_of(analyze, path)

        with pytest.raises(BlockingIOError):
            server.accept()


def test_a_path_with_a_null_byte_is_an_error_of_that_video(files: LocalFiles, media: Ffmpeg) -> None:
    video = FoundVideo(Path("/nowhere/a\0b.mp4"), "00", 1, 1)

    with pytest.raises(AnalysisError, match=r"a\\x00b.mp4"):
        analyze_video(video, media=media, files=files)
