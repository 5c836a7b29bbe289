"""Frames streamed from real videos."""

import resource
import sys
from contextlib import closing
from itertools import islice
from pathlib import Path

import pytest

from horarium_apps.auto_analyze.adapters.ffmpeg import Ffmpeg
from horarium_apps.auto_analyze.adapters.frames import (
    Frame,
    Sampling,
    frames_to_hash,
    frames_to_read,
    opening_frames,
    sample_frames,
)
from horarium_apps.auto_analyze.domain import fingerprint, hook
from horarium_apps.auto_analyze.domain.errors import AnalysisError, FfmpegMissingError
from horarium_apps.auto_analyze.domain.media import Cut, VideoStream

from .conftest import RunFfmpeg


def picture_of(media: Ffmpeg, path: Path) -> VideoStream:
    picture = media.probe(path).picture
    assert picture is not None
    return picture


@pytest.fixture
def black_then_white(make: RunFfmpeg) -> Path:
    """Two seconds of black, then two of white; 720x1280."""
    colours = [
        part for colour in ("black", "white") for part in ("-f", "lavfi", "-i", f"color={colour}:s=720x1280:d=2")
    ]
    return make("bw.mp4", *colours, "-filter_complex", "[0:v][1:v]concat=n=2,format=yuv420p")


def brightness(frame: Frame) -> float:
    return sum(frame.pixels) / len(frame.pixels)


def test_one_frame_a_second_is_read_without_cuts(media: Ffmpeg, black_then_white: Path) -> None:
    frames = list(frames_to_read(black_then_white, picture_of(media, black_then_white)))

    assert [frame.at for frame in frames] == [0.0, 1.0, 2.0, 3.0]


def test_a_frame_shows_what_is_on_screen_at_its_time(media: Ffmpeg, black_then_white: Path) -> None:
    frames = frames_to_read(black_then_white, picture_of(media, black_then_white))

    assert [brightness(frame) > 128 for frame in frames] == [False, False, True, True]


def test_the_frame_just_after_each_cut_is_read_too(media: Ffmpeg, black_then_white: Path) -> None:
    frames = list(frames_to_read(black_then_white, picture_of(media, black_then_white), [Cut(2.04, 90.0)]))

    assert [frame.at for frame in frames] == [0.0, 1.0, 2.0, 2.2, 3.0]
    assert brightness(frames[3]) > 128


def test_a_large_picture_is_shrunk_to_960_pixels_in_colour(media: Ffmpeg, black_then_white: Path) -> None:
    frame = next(frames_to_read(black_then_white, picture_of(media, black_then_white)))

    assert (frame.width, frame.height, frame.grey) == (540, 960, False)


def test_a_rotated_picture_comes_upright(make: RunFfmpeg, media: Ffmpeg) -> None:
    top_white = "color=black:s=320x180:d=1,drawbox=w=160:h=180:color=white:t=fill"
    flat = make("flat.mp4", "-f", "lavfi", "-i", top_white, "-pix_fmt", "yuv420p")
    turned = make("turned.mp4", "-display_rotation:v:0", "-90", "-i", flat, "-c", "copy")
    picture = picture_of(media, turned)

    frame = next(frames_to_read(turned, picture))

    assert picture.rotation in {90, 270}
    assert (frame.width, frame.height) == picture.shown_size == (180, 320)
    half = len(frame.pixels) // 2
    assert abs(sum(frame.pixels[:half]) - sum(frame.pixels[half:])) > half * 200


def test_a_video_of_one_frame_a_second_gives_each(make: RunFfmpeg, media: Ffmpeg) -> None:
    slow = make("slow.mp4", "-f", "lavfi", "-i", "testsrc2=s=180x320:r=1:d=5", "-pix_fmt", "yuv420p")

    assert len({frame.pixels for frame in frames_to_read(slow, picture_of(media, slow))}) == 5


def test_frames_to_hash_are_spread_over_the_whole_video(media: Ffmpeg, black_then_white: Path) -> None:
    frames = frames_to_hash(black_then_white, picture_of(media, black_then_white), 4.0)

    half = fingerprint.FRAMES // 2
    assert [max(frame) > 128 for frame in frames] == [False] * half + [True] * half
    assert {len(frame) for frame in frames} == {fingerprint.WIDTH * fingerprint.HEIGHT}


def test_progress_grows_to_the_last_frame_to_hash(media: Ffmpeg, black_then_white: Path) -> None:
    told: list[float] = []

    frames_to_hash(black_then_white, picture_of(media, black_then_white), 4.0, told.append)

    assert told == sorted(told)
    assert told[-1] == 1.0


def test_frames_of_a_long_video_are_sought(make: RunFfmpeg, media: Ffmpeg) -> None:
    colours = [part for c in ("black", "white") for part in ("-f", "lavfi", "-i", f"color={c}:s=64x64:d=80:r=2")]
    long = make("long.mp4", *colours, "-filter_complex", "[0:v][1:v]concat=n=2,format=yuv420p")

    frames = frames_to_hash(long, picture_of(media, long), 160.0)

    half = fingerprint.FRAMES // 2
    assert [bool(frame) and max(frame) > 128 for frame in frames] == [False] * half + [True] * half


def test_frames_past_the_end_of_what_can_be_decoded_are_empty(media: Ffmpeg, black_then_white: Path) -> None:
    frames = frames_to_hash(black_then_white, picture_of(media, black_then_white), 8.0)

    assert len(frames) == fingerprint.FRAMES
    assert frames[-1] == b""


def test_the_opening_is_the_first_three_seconds(media: Ffmpeg, black_then_white: Path) -> None:
    frames = opening_frames(black_then_white, picture_of(media, black_then_white))

    assert len(frames) in {hook.RATE * 3, hook.RATE * 3 + 1}
    assert [max(frame) > 128 for frame in frames[:15]] == [False] * 10 + [True] * 5


def test_the_opening_of_a_shorter_video_is_all_of_it(make: RunFfmpeg, media: Ffmpeg) -> None:
    short = make("short.mp4", "-f", "lavfi", "-i", "testsrc2=s=180x320:r=25:d=1", "-pix_fmt", "yuv420p")

    assert 5 <= len(opening_frames(short, picture_of(media, short))) <= 6


def test_closing_the_frames_ends_ffmpeg(media: Ffmpeg, black_then_white: Path) -> None:
    endless = Sampling(1000.0, 540, 960)

    with closing(sample_frames(black_then_white, picture_of(media, black_then_white), endless)) as frames:
        seen = list(islice(frames, 2))

    assert [frame.at for frame in seen] == [0.0, 0.001]


def test_a_video_that_takes_too_long_is_given_up(media: Ffmpeg, black_then_white: Path) -> None:
    slow = Sampling(100_000.0, 540, 960, timeout=0.2)

    with pytest.raises(AnalysisError, match=r'"bw.mp4" took longer than 0.2 seconds') as raised:
        for _ in sample_frames(black_then_white, picture_of(media, black_then_white), slow):
            pass

    assert not raised.value.permanent


def test_a_file_that_is_no_video_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "notes.mp4"
    path.write_text("no video at all\n" * 100)
    picture = VideoStream(0, "h264", None, None, 180, 320, 0, None, None)

    with pytest.raises(AnalysisError, match=r"notes\.mp4") as raised:
        list(frames_to_read(path, picture))

    assert raised.value.permanent


def test_a_video_cut_short_gives_the_frames_it_has(make: RunFfmpeg, media: Ffmpeg, tmp_path: Path) -> None:
    whole = make("whole.ts", "-f", "lavfi", "-i", "testsrc2=s=180x320:r=25:d=4", "-pix_fmt", "yuv420p")
    part = tmp_path / "part.ts"
    part.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])

    frames = list(frames_to_read(part, picture_of(media, part)))

    assert 1 <= len(frames) <= 3


def test_an_ffmpeg_that_is_not_there_is_named(media: Ffmpeg, black_then_white: Path) -> None:
    with pytest.raises(FfmpegMissingError, match="no-such-ffmpeg"):
        next(frames_to_read(black_then_white, picture_of(media, black_then_white), ffmpeg="no-such-ffmpeg"))


def test_a_video_without_length_has_no_frames_to_spread(media: Ffmpeg, black_then_white: Path) -> None:
    with pytest.raises(AnalysisError, match="no length"):
        frames_to_hash(black_then_white, picture_of(media, black_then_white), 0.0)


@pytest.mark.skipif(sys.platform == "win32", reason="peak memory is read the POSIX way")
def test_the_memory_does_not_grow_with_the_frames(media: Ffmpeg, black_then_white: Path) -> None:
    picture = picture_of(media, black_then_white)
    next(frames_to_read(black_then_white, picture))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    # 400 frames of 1.5 megabytes.
    assert sum(1 for _ in sample_frames(black_then_white, picture, Sampling(100.0, 540, 960))) >= 400

    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000
