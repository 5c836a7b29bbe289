"""Whole videos, analysed by a real ffmpeg."""

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from horarium_apps.auto_analyze.adapters.ffmpeg import Ffmpeg, Limits
from horarium_apps.auto_analyze.adapters.files import LocalFiles
from horarium_apps.auto_analyze.analysis import add_missing_sheet, analyze_video
from horarium_apps.auto_analyze.domain.document import to_document
from horarium_apps.auto_analyze.domain.document_reader import from_document
from horarium_apps.auto_analyze.domain.errors import AnalysisError
from horarium_apps.auto_analyze.domain.media import Analysis
from horarium_apps.auto_analyze.domain.stages import OPTIONAL, Stage, overall
from horarium_apps.auto_analyze.samples import sample


def test_a_vertical_video_with_sound_is_described(talking: Path, analyze: Callable[..., Analysis]) -> None:
    analysis = analyze(talking)

    (picture,) = analysis.video
    (sound,) = analysis.audio
    assert (picture.codec, picture.shown_size, picture.frame_rate) == ("h264", (360, 640), 30.0)
    assert (sound.codec, sound.channels, sound.sample_rate) == ("aac", 1, 44100)
    assert analysis.duration == pytest.approx(3.0, abs=0.1)
    assert analysis.frames == 90
    assert analysis.size == talking.stat().st_size
    assert analysis.notes == ()


def test_every_cut_of_every_sample_is_found_where_it_is(samples: list[Path], analyze: Callable[..., Analysis]) -> None:
    for number, path in enumerate(samples, start=1):
        made = sample(number)
        expected = [scene * made.scene_seconds for scene in range(1, made.scenes)]
        assert [cut.at for cut in analyze(path).cuts] == pytest.approx(expected, abs=0.05), path.name


def test_a_louder_video_measures_louder(samples: list[Path], analyze: Callable[..., Analysis]) -> None:
    quiet = analyze(samples[0]).loudness
    loud = analyze(samples[3]).loudness

    assert loud.integrated > quiet.integrated + 6
    assert loud.true_peak > quiet.true_peak + 6


def test_a_video_without_sound_has_no_loudness(silent: Path, analyze: Callable[..., Analysis]) -> None:
    analysis = analyze(silent)

    assert analysis.audio == ()
    assert analysis.loudness is None
    assert analysis.notes == ()


def test_a_sound_track_of_silence_has_no_loudness(
    make: Callable[..., Path], silent: Path, analyze: Callable[..., Analysis]
) -> None:
    path = make("hush.mp4", "-i", silent, "-f", "lavfi", "-i", "anullsrc", "-c:v", "copy", "-c:a", "aac", "-shortest")

    analysis = analyze(path)

    assert len(analysis.audio) == 1
    assert analysis.loudness is None


def test_the_same_video_gives_the_same_document_twice(
    talking: Path, analyze: Callable[..., Analysis], tmp_path: Path
) -> None:
    first = to_document(analyze(talking, sheet_path=tmp_path / "sheet.jpg"))
    second = to_document(analyze(talking, sheet_path=tmp_path / "sheet.jpg"))

    assert json.dumps(first) == json.dumps(second)


def test_the_document_is_read_back_as_the_same_analysis(
    talking: Path, analyze: Callable[..., Analysis], tmp_path: Path
) -> None:
    analysis = analyze(talking, sheet_path=tmp_path / "sheet.jpg")

    assert from_document(json.loads(json.dumps(to_document(analysis), allow_nan=False))) == analysis


def test_the_contact_sheet_is_a_grid_of_frames_as_one_jpeg(
    talking: Path, analyze: Callable[..., Analysis], media: Ffmpeg, tmp_path: Path
) -> None:
    path = tmp_path / "new folder" / "sheet.jpg"

    sheet = analyze(talking, sheet_path=path).contact_sheet

    assert (sheet.file, sheet.columns, sheet.rows, len(sheet.times)) == ("sheet.jpg", 3, 3, 9)
    assert path.read_bytes().startswith(b"\xff\xd8\xff")
    (drawn,) = media.probe(path.rename(tmp_path / "sheet")).video
    assert (drawn.width, drawn.height) == (sheet.width, sheet.height)


def test_the_frames_of_a_contact_sheet_spread_over_the_whole_video(
    talking: Path, analyze: Callable[..., Analysis], tmp_path: Path
) -> None:
    times = analyze(talking, sheet_path=tmp_path / "sheet.jpg").contact_sheet.times

    assert times[0] < 0.3
    assert times[-1] > 2.7
    assert all(0.2 < after - before < 0.5 for before, after in pairwise(times))


def test_a_contact_sheet_replaces_an_older_one_and_leaves_nothing_else(
    talking: Path, analyze: Callable[..., Analysis], tmp_path: Path
) -> None:
    path = tmp_path / "sheet.jpg"
    path.write_text("old")

    analyze(talking, sheet_path=path)

    assert path.read_bytes().startswith(b"\xff\xd8")
    assert list(tmp_path.iterdir()) == [path]


def test_a_contact_sheet_that_an_earlier_analysis_lacks_is_drawn_alone(
    talking: Path, analyze: Callable[..., Analysis], media: Ffmpeg, files: LocalFiles, tmp_path: Path
) -> None:
    sheets = tmp_path / "sheets"
    sheets.write_text("a file where a folder should be")
    without = analyze(talking, sheet_path=sheets / "sheet.jpg")
    sheets.unlink()

    completed = add_missing_sheet(
        without,
        files.identify(talking),
        media=media,
        files=files,
        sheet_path=sheets / "sheet.jpg",
        sheet_frames=9,
        progress=lambda _stage, _done: None,
    )

    assert completed == analyze(talking, sheet_path=sheets / "sheet.jpg")
    assert (sheets / "sheet.jpg").is_file()


def test_a_contact_sheet_that_is_there_is_not_drawn_again(
    talking: Path, analyze: Callable[..., Analysis], media: Ffmpeg, files: LocalFiles, tmp_path: Path
) -> None:
    analysis = analyze(talking, sheet_path=tmp_path / "sheet.jpg")

    again = add_missing_sheet(
        analysis,
        files.identify(talking),
        media=media,
        files=files,
        sheet_path=tmp_path / "elsewhere" / "sheet.jpg",
        sheet_frames=9,
        progress=lambda _stage, _done: None,
    )

    assert again == analysis
    assert not (tmp_path / "elsewhere").exists()


def test_a_video_without_an_index_still_gets_all_frames_of_its_sheet(
    make: Callable[..., Path], talking: Path, analyze: Callable[..., Analysis], tmp_path: Path
) -> None:
    path = make("raw.h264", "-i", talking, "-an", "-c", "copy")

    analysis = analyze(path, sheet_path=tmp_path / "sheet.jpg")

    assert len(analysis.contact_sheet.times) == 9
    assert analysis.duration == pytest.approx(3.0, abs=0.7)


def test_a_video_of_one_frame_gets_a_sheet_of_one_frame(
    make: Callable[..., Path], talking: Path, analyze: Callable[..., Analysis], tmp_path: Path
) -> None:
    path = make("short.mp4", "-i", talking, "-an", "-frames:v", "1")

    analysis = analyze(path, sheet_path=tmp_path / "sheet.jpg")

    assert analysis.frames == 1
    assert len(analysis.contact_sheet.times) == 1


@pytest.mark.parametrize(("picture_seconds", "sound_seconds"), [(1, 3), (3, 1)])
def test_picture_and_sound_may_differ_in_length(
    make: Callable[..., Path],
    analyze: Callable[..., Analysis],
    tmp_path: Path,
    picture_seconds: int,
    sound_seconds: int,
) -> None:
    path = make(
        "uneven.mp4",
        *("-f", "lavfi", "-i", f"testsrc2=s=64x64:d={picture_seconds}", "-f", "lavfi", "-i", f"sine=d={sound_seconds}"),
    )

    analysis = analyze(path, sheet_path=tmp_path / "sheet.jpg")

    assert analysis.duration == pytest.approx(3.0, abs=0.1)
    assert analysis.notes == ()
    assert len(analysis.contact_sheet.times) == 9
    assert picture_seconds * 0.8 < analysis.contact_sheet.times[-1] < picture_seconds


def test_a_turned_video_is_shown_upright(
    make: Callable[..., Path], talking: Path, analyze: Callable[..., Analysis], tmp_path: Path
) -> None:
    path = make("turned.mp4", "-display_rotation", "90", "-i", talking, "-c", "copy")

    analysis = analyze(path, sheet_path=tmp_path / "sheet.jpg")

    assert analysis.video[0].rotation == 270
    assert analysis.video[0].shown_size == (640, 360)
    cell = analysis.contact_sheet.width / analysis.contact_sheet.columns
    assert cell > analysis.contact_sheet.height / analysis.contact_sheet.rows


@pytest.mark.parametrize("name", ["clip.mkv", "clip.mov", "clip.ts", "clip.avi", "clip.flv"])
def test_other_containers_are_analysed_alike(
    make: Callable[..., Path], talking: Path, analyze: Callable[..., Analysis], name: str
) -> None:
    path = make(name, "-i", talking, "-c", "copy")

    analysis = analyze(path)

    assert analysis.frames == 90
    assert len(analysis.cuts) == 2
    assert analysis.loudness.integrated == pytest.approx(analyze(talking).loudness.integrated, abs=0.5)


@pytest.mark.parametrize(
    "name",
    [
        "-y.mp4",
        "two words.mp4",
        'it\'s "quoted".mp4',
        "line\nend.mp4",
        "  Stream #0:7: Video: h264, 1x1.mp4",
        "Straße 東京 \U0001f3ac.mp4",
        "concat:a|b.mp4",
        "frame%03d.mp4",
        "$(touch gone);&*?.mp4",
    ],
)
def test_a_weird_name_is_only_a_name(talking: Path, media: Ffmpeg, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(talking.read_bytes())

    probe = media.probe(path)

    assert [stream.index for stream in (*probe.video, *probe.audio)] == [0, 1]


def test_a_relative_path_is_analysed(
    talking: Path, analyze: Callable[..., Analysis], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(talking.parent)

    assert analyze(Path(talking.name)).frames == 90


def test_progress_passes_all_stages_in_order_and_never_goes_back(
    talking: Path, analyze: Callable[..., Analysis], tmp_path: Path
) -> None:
    told = []

    analyze(talking, sheet_path=tmp_path / "sheet.jpg", progress=lambda stage, done: told.append((stage, done)))

    assert list(dict.fromkeys(stage for stage, _ in told)) == [each for each in Stage if each not in OPTIONAL]
    done = [overall(stage, fraction) for stage, fraction in told]
    assert done == sorted(done)
    assert (done[0], done[-1]) == (0.0, overall(OPTIONAL[0], 0.0))


def test_an_analysis_can_be_stopped_from_its_progress(talking: Path, analyze: Callable[..., Analysis]) -> None:
    def cancel(stage: str, fraction: float) -> None:
        if stage == Stage.CUTS:
            raise InterruptedError(stage)

    with pytest.raises(InterruptedError):
        analyze(talking, progress=cancel)


def test_a_decoding_that_takes_too_long_is_killed_and_may_be_tried_again(
    talking: Path, media: Ffmpeg, files: LocalFiles, tmp_path: Path
) -> None:
    stuck = tmp_path / "ffmpeg"
    stuck.write_text(f'#!/bin/sh\ncase "$*" in *-progress*) exec sleep 3600;; esac\nexec {media.executable} "$@"\n')
    stuck.chmod(0o755)

    with pytest.raises(AnalysisError, match=r"took longer than 0\.2 seconds") as caught:
        analyze_video(files.identify(talking), media=Ffmpeg(str(stuck), limits=Limits(decode=0.2)), files=files)

    assert not caught.value.permanent
