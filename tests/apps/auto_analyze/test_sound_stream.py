"""Sound is streamed from real files, from the video's first moment, and in pieces of any size."""

import array
import os
from pathlib import Path

import pytest

from horarium_apps.auto_analyze.adapters.ffmpeg import Ffmpeg
from horarium_apps.auto_analyze.adapters.sound_stream import RATE, SoundStream
from horarium_apps.auto_analyze.domain.errors import AnalysisError, FfmpegMissingError
from horarium_apps.auto_analyze.domain.media import AudioStream

from .conftest import RunFfmpeg

TONE = ("-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100:duration=3")


def track(media: Ffmpeg, path: Path) -> AudioStream:
    return media.probe(path).audio[0]


def read_all(media: Ffmpeg, path: Path, *, at_once: float = 60.0) -> "array.array[int]":
    samples = array.array("h")
    with SoundStream(path, track(media, path)) as stream:
        while piece := stream.read(at_once):
            samples.frombytes(piece)
    return samples


def script(folder: Path, words: str) -> str:
    path = folder / "ffmpeg"
    path.write_text(f"#!/bin/sh\n{words}\n")
    path.chmod(0o755)
    return str(path)


def test_a_whole_track_is_read_at_sixteen_thousand_samples_a_second(make: RunFfmpeg, media: Ffmpeg) -> None:
    samples = read_all(media, make("tone.wav", *TONE))

    assert len(samples) == pytest.approx(3 * RATE, abs=RATE // 50)
    assert max(samples) > 2000


def test_pieces_of_any_size_are_the_same_sound(make: RunFfmpeg, media: Ffmpeg) -> None:
    path = make("tone.wav", *TONE)

    assert read_all(media, path, at_once=0.7) == read_all(media, path)


def test_fewer_samples_than_asked_for_come_only_at_the_end(make: RunFfmpeg, media: Ffmpeg) -> None:
    path = make("tone.wav", *TONE)

    with SoundStream(path, track(media, path)) as stream:
        sizes = [len(stream.read(2.0)) for _ in range(3)]

    assert sizes == [2 * 2 * RATE, pytest.approx(2 * RATE, abs=RATE // 25), 0]


def test_a_track_that_begins_late_is_silent_until_then(make: RunFfmpeg, media: Ffmpeg) -> None:
    picture = ("-f", "lavfi", "-i", "color=black:s=64x64:r=10:d=4")
    path = make("late.mkv", *picture, "-itsoffset", "1.5", *TONE, "-c:a", "flac")

    samples = read_all(media, path)

    assert max(samples[: RATE * 14 // 10]) == 0
    assert max(samples[RATE * 16 // 10 : RATE * 2]) > 2000


def test_the_second_of_two_tracks_can_be_chosen(make: RunFfmpeg, media: Ffmpeg) -> None:
    silence = ("-f", "lavfi", "-i", "anullsrc=r=44100:cl=stereo:d=3")
    path = make("two.mkv", *silence, *TONE, "-map", "0", "-map", "1", "-c:a", "flac")

    with SoundStream(path, media.probe(path).audio[1]) as stream:
        samples = array.array("h", stream.read(60.0))

    assert max(samples) > 2000


def test_a_damaged_track_gives_what_can_be_decoded(make: RunFfmpeg, media: Ffmpeg) -> None:
    path = make("damaged.mkv", *TONE, "-c:a", "aac")
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 2000] = bytes(2000)
    path.write_bytes(content)

    assert len(read_all(media, path)) > RATE


def test_a_file_that_is_no_media_is_named_in_the_error(tmp_path: Path) -> None:
    path = tmp_path / "notes.mp4"
    path.write_text("only words " * 100)
    sound = AudioStream(0, "aac", None, 44100, 2, "stereo", None)

    with (
        pytest.raises(AnalysisError, match=r'The sound of "notes\.mp4" cannot be decoded: '),
        SoundStream(path, sound) as stream,
    ):
        stream.read(1.0)


def test_an_ffmpeg_that_stands_still_is_killed(make: RunFfmpeg, media: Ffmpeg, tmp_path: Path) -> None:
    path = make("tone.wav", *TONE)
    still = script(tmp_path, "exec sleep 60")

    with (
        SoundStream(path, track(media, path), ffmpeg=still, patience=0.2) as stream,
        pytest.raises(AnalysisError, match=r"took longer than 0\.2 seconds") as raised,
    ):
        stream.read(1.0)

    assert not raised.value.permanent


def test_leaving_early_ends_ffmpeg(make: RunFfmpeg, media: Ffmpeg, tmp_path: Path) -> None:
    path = make("tone.wav", *TONE)
    endless = script(tmp_path, f"echo $$ > {tmp_path}/pid; exec yes")

    with SoundStream(path, track(media, path), ffmpeg=endless) as stream:
        assert len(stream.read(1.0)) == 2 * RATE

    pid = (tmp_path / "pid").read_text().strip()
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid), 0)


def test_without_ffmpeg_it_says_so(make: RunFfmpeg, media: Ffmpeg) -> None:
    path = make("tone.wav", *TONE)

    with pytest.raises(FfmpegMissingError, match="no-such-ffmpeg"):
        SoundStream(path, track(media, path), ffmpeg="no-such-ffmpeg")
