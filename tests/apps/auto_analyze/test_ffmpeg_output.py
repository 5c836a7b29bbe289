"""Logs that real ffmpegs wrote, read."""

from collections.abc import Callable

import pytest

from horarium_apps.auto_analyze.adapters.ffmpeg_output import (
    channel_count,
    first_error,
    is_error,
    parse_clock,
    parse_cut,
    parse_frame_count,
    parse_loudness,
    parse_out_time,
    parse_probe,
    parse_stream,
    parse_version,
)
from horarium_apps.auto_analyze.domain.media import AudioStream, Cut, Loudness, OtherStream, Probe, VideoStream

Captured = Callable[[str], list[str]]


def test_a_vertical_mp4_is_read(captured: Captured) -> None:
    assert parse_probe(captured("probe_mp4")) == Probe(
        container="mov,mp4,m4a,3gp,3g2,mj2",
        duration=4.0,
        bit_rate=1_095_000,
        video=(VideoStream(0, "h264", "Constrained Baseline", "yuv420p", 360, 640, 0, 30.0, 1_016_000),),
        audio=(AudioStream(1, "aac", "LC", 44100, 1, "mono", 69_000),),
    )


@pytest.mark.parametrize("log", ["probe_rotated", "probe_rotated_7"])
def test_a_rotation_is_read_from_new_and_old_logs(captured: Captured, log: str) -> None:
    probe = parse_probe(captured(log))

    assert probe is not None
    assert probe.video[0].rotation == 270
    assert probe.video[0].shown_size == (640, 360)


def test_the_rotation_of_a_phone_is_clockwise() -> None:
    log = [
        "[info] Input #0, mov, from 'file':",
        "[info]   Duration: 00:00:04.00, start: 0.000000, bitrate: 1095 kb/s",
        "[info]   Stream #0:0: Video: h264, yuv420p, 1920x1080, 30 fps",
        "[info]       Display Matrix: rotation of -90.00 degrees",
    ]

    probe = parse_probe(log)

    assert probe is not None
    assert probe.video[0].rotation == 90
    assert probe.video[0].shown_size == (1080, 1920)


def test_a_cover_picture_is_no_moving_picture(captured: Captured) -> None:
    probe = parse_probe(captured("probe_cover"))

    assert probe is not None
    assert probe.video[0].still
    assert probe.picture is None


def test_metadata_that_looks_like_a_stream_is_not_one(captured: Captured) -> None:
    probe = parse_probe(captured("probe_mkv"))

    assert probe is not None
    assert [stream.index for stream in probe.video] == [0]
    assert probe.video[0].frame_rate == 23.98
    assert probe.audio == (AudioStream(1, "aac", "LC", 44100, 6, "5.1", None),)
    assert probe.other == (OtherStream(2, "subtitle", "subrip"),)


def test_a_transport_stream_with_a_program_is_read(captured: Captured) -> None:
    probe = parse_probe(captured("probe_ts"))

    assert probe is not None
    assert probe.picture is not None
    assert (probe.picture.codec, probe.picture.frame_rate) == ("h264", 30.0)
    assert probe.audio[0].sample_rate == 44100


def test_an_older_webm_log_is_read(captured: Captured) -> None:
    probe = parse_probe(captured("probe_webm_7"))

    assert probe is not None
    assert probe.duration == 4.01
    assert probe.video == (VideoStream(0, "vp8", None, "yuv420p", 360, 640, 0, 30.0, None),)
    assert probe.audio == (AudioStream(1, "opus", None, 48000, 1, "mono", None),)


def test_what_the_headers_do_not_say_is_none(captured: Captured) -> None:
    probe = parse_probe(captured("probe_h264"))

    assert probe is not None
    assert (probe.duration, probe.bit_rate) == (None, None)


def test_a_stream_without_frames_keeps_its_size_and_has_no_pixel_format(captured: Captured) -> None:
    probe = parse_probe(captured("probe_no_frames"))

    assert probe is not None
    assert probe.video[0].pixel_format is None
    assert probe.video[0].shown_size == (360, 640)


@pytest.mark.parametrize("log", ["probe_text", "probe_truncated"])
def test_a_file_that_was_not_opened_has_no_probe(captured: Captured, log: str) -> None:
    assert parse_probe(captured(log)) is None


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        (
            "hevc (Main 10) (hvc1 / 0x31637668), yuv420p10le(tv, bt2020nc), 1920x1080, 8000 kb/s, 29.97 fps (default)",
            VideoStream(3, "hevc", "Main 10", "yuv420p10le", 1920, 1080, 0, 29.97, 8_000_000),
        ),
        ("vp9 (Profile 0), yuv420p(tv), 608x1080, SAR 1:1 DAR 76:135, 1k fps, 1k tbr, 1k tbn",
         VideoStream(3, "vp9", "Profile 0", "yuv420p", 608, 1080, 0, 1000.0, None)),
        ("mjpeg, yuvj444p, 320x240, 90k tbr", VideoStream(3, "mjpeg", None, "yuvj444p", 320, 240, 0, 90000.0, None)),
        ("none (xvid / 0x64697678)", VideoStream(3, "none", None, None, None, None, 0, None, None)),
    ],
)  # fmt: skip
def test_video_streams_of_many_kinds_are_read(rest: str, expected: VideoStream) -> None:
    assert parse_stream(3, "Video", rest) == expected


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        ("mp3 (mp3float), 44100 Hz, stereo, fltp, 128 kb/s",
         AudioStream(1, "mp3", "mp3float", 44100, 2, "stereo", 128_000)),
        ("ac3, 48000 Hz, 5.1(side), fltp, 384 kb/s", AudioStream(1, "ac3", None, 48000, 6, "5.1(side)", 384_000)),
        ("pcm_s16le, 48000 Hz, 3 channels, s16", AudioStream(1, "pcm_s16le", None, 48000, 3, "3 channels", None)),
        ("none", AudioStream(1, "none", None, None, None, None, None)),
    ],
)  # fmt: skip
def test_sound_tracks_of_many_kinds_are_read(rest: str, expected: AudioStream) -> None:
    assert parse_stream(1, "Audio", rest) == expected


def test_a_data_stream_is_another_stream() -> None:
    assert parse_stream(2, "Data", "none (tmcd / 0x64636D74) (default)") == OtherStream(2, "data", "none")


@pytest.mark.parametrize(
    ("layout", "channels"),
    [("mono", 1), ("7.1", 8), ("5.1.2(back)", 8), ("2 channels (FL+FR)", 2), ("ambisonic 1", None)],
)
def test_channels_are_counted_where_the_layout_is_known(layout: str, channels: int | None) -> None:
    assert channel_count(layout) == channels


def test_the_loudness_of_a_tone_is_read(captured: Captured) -> None:
    assert parse_loudness(captured("sound_tone")) == Loudness(integrated=-21.8, range=0.0, true_peak=-17.6)


def test_silence_has_no_loudness(captured: Captured) -> None:
    assert parse_loudness(captured("sound_silence")) is None


@pytest.mark.parametrize("log", ["sound_short", "sound_one_block"])
def test_a_short_sound_has_a_loudness_without_a_range(captured: Captured, log: str) -> None:
    loudness = parse_loudness(captured(log))

    assert loudness is not None
    assert loudness.range is None


def test_a_log_without_a_summary_has_no_loudness(captured: Captured) -> None:
    assert parse_loudness(captured("picture_cuts")) is None


def test_the_last_summary_that_is_not_silent_counts(captured: Captured) -> None:
    assert parse_loudness(captured("sound_tone") + captured("sound_silence")) == Loudness(-21.8, 0.0, -17.6)


@pytest.mark.parametrize("log", ["picture_cuts", "picture_cuts_7"])
def test_cuts_are_read(captured: Captured, log: str) -> None:
    cuts = [cut for line in captured(log) if (cut := parse_cut(line))]

    assert [cut.at for cut in cuts] == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert all(10 <= cut.score <= 100 for cut in cuts)


def test_a_cut_has_a_time_and_a_score() -> None:
    line = "[scdet @ 0x7fb9d800f540] [info] lavfi.scd.score: 25.383, lavfi.scd.time: 3.0333333"

    assert parse_cut(line) == Cut(at=3.033, score=25.383)


def test_errors_are_told_from_other_lines(captured: Captured) -> None:
    assert sum(is_error(line) for line in captured("picture_damaged")) > 10
    assert not any(is_error(line) for line in captured("picture_cuts"))


def test_the_first_error_is_given_without_addresses(captured: Captured) -> None:
    assert first_error(captured("probe_truncated")) == "moov atom not found"


def test_progress_lines_say_time_and_frames(captured: Captured) -> None:
    lines = captured("progress")

    assert [time for line in lines if (time := parse_out_time(line)) is not None] == [6.0]
    assert [count for line in lines if (count := parse_frame_count(line)) is not None] == [180]


@pytest.mark.parametrize("line", ["out_time_us=N/A", "out_time_us=", "speed=46x", "", "frame=N/A"])
def test_progress_that_says_nothing_is_passed_over(line: str) -> None:
    assert parse_out_time(line) is None
    assert parse_frame_count(line) is None


@pytest.mark.parametrize(("text", "seconds"), [("00:01:02.50", 62.5), ("-00:00:01.00", -1.0), ("N/A", None)])
def test_clocks_are_read(text: str, seconds: float | None) -> None:
    assert parse_clock(text) == seconds


def test_the_version_is_read_from_an_ffmpeg_and_from_nothing_else() -> None:
    assert parse_version("ffmpeg version 7.0.2-static https://johnvansickle.com/ffmpeg/") == "ffmpeg 7.0.2-static"
    assert parse_version("GNU bash, version 5.2") is None
