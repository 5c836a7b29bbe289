"""The sample videos are what they claim to be."""

import io
import subprocess
import wave
from pathlib import Path

import pytest

from horarium_apps.auto_analyze.adapters import espeak_voice
from horarium_apps.auto_analyze.adapters.ffmpeg import Ffmpeg
from horarium_apps.auto_analyze.domain.errors import AutoAnalyzeError
from horarium_apps.auto_analyze.pixel_font import draw_lines
from horarium_apps.auto_analyze.samples import HEIGHT, WIDTH, render_samples, sample


def frame(media: Ffmpeg, path: Path, at: float) -> bytes:
    """One frame in shades of grey, a byte a pixel."""
    command = [media.executable, "-nostdin", "-loglevel", "error", "-ss", str(at), "-i", f"file:{path}"]
    command += ["-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "gray", "pipe:1"]
    return subprocess.run(command, check=True, capture_output=True, timeout=60).stdout


def test_six_are_rendered_and_each_is_different(samples: list[Path]) -> None:
    assert len({path.read_bytes() for path in samples}) == 6
    assert [path.name for path in samples][:2] == ["1-morning-run.mp4", "2-city-lights.mp4"]


def test_each_is_vertical_and_a_few_seconds_long(samples: list[Path], media: Ffmpeg) -> None:
    for path in samples:
        probe = media.probe(path)
        assert probe.picture.shown_size == (WIDTH, HEIGHT)
        assert 1.0 < probe.duration < 10.0


def test_exactly_one_of_six_is_without_sound(samples: list[Path], media: Ffmpeg) -> None:
    assert [path.name for path in samples if not media.probe(path).audio] == ["3-silent-film.mp4"]


def test_the_text_on_screen_is_drawn_as_the_font_draws_it(samples: list[Path], media: Ffmpeg) -> None:
    pixels = frame(media, samples[3], 0.5)
    text = draw_lines(("SAMPLE 4", "MARKET DAY", "SCENE 1 OF 5"), width=320, height=132, scale=4)

    shown = [pixels[(60 + row) * WIDTH + 20 :][:320] for row in range(132)]
    same = sum((a > 127) == (b > 127) for a, b in zip(b"".join(shown), text, strict=True))

    assert text.count(255) > 4000
    assert same / len(text) > 0.98


def test_the_text_changes_with_the_scene(samples: list[Path], media: Ffmpeg) -> None:
    first = frame(media, samples[3], 0.5)
    second = frame(media, samples[3], 1.7)

    assert first[60 * WIDTH : 190 * WIDTH] != second[60 * WIDTH : 190 * WIDTH]


def test_rendering_again_gives_the_same_bytes(samples: list[Path], tmp_path: Path) -> None:
    (again,) = render_samples(tmp_path, 1)

    assert again.read_bytes() == samples[0].read_bytes()


def test_a_sentence_ends_before_its_video_does() -> None:
    for number in range(1, 25):
        each = sample(number)
        spoken = espeak_voice.speak(each.sentence or "")
        assert spoken is not None
        with wave.open(io.BytesIO(spoken)) as file:
            assert each.sentence is None or file.getnframes() / file.getframerate() + 0.3 < each.seconds


def test_without_a_voice_the_samples_are_as_long_and_hold_their_tones(
    samples: list[Path], tmp_path: Path, media: Ffmpeg, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(espeak_voice, "find_spec", lambda _name: None)

    (mute,) = render_samples(tmp_path, 1)

    assert media.probe(mute).duration == media.probe(samples[0]).duration
    assert len(media.probe(mute).audio) == 1
    assert mute.read_bytes() != samples[0].read_bytes()


def test_rendering_leaves_only_videos_behind(samples: list[Path]) -> None:
    assert sorted(samples[0].parent.iterdir()) == sorted(samples)


def test_files_that_exist_are_left_alone(tmp_path: Path) -> None:
    mine = tmp_path / sample(1).file_name
    mine.write_text("mine")

    assert render_samples(tmp_path, 1) == [mine]
    assert mine.read_text() == "mine"


def test_a_rendering_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    broken = tmp_path / "ffmpeg"
    broken.write_text("#!/bin/sh\necho '[error] No such encoder' >&2; exit 1\n")
    broken.chmod(0o755)
    folder = tmp_path / "videos"

    with pytest.raises(AutoAnalyzeError, match="cannot be rendered: No such encoder"):
        render_samples(folder, 1, ffmpeg=str(broken))

    assert list(folder.iterdir()) == []


def test_samples_beyond_six_are_different_again() -> None:
    made = [sample(number) for number in range(1, 25)]

    assert len({each.file_name for each in made}) == 24
    assert len({(each.scenes, each.scene_seconds, each.tone, each.volume) for each in made if each.tone}) == 20


def test_text_that_does_not_fit_or_has_no_glyph_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        draw_lines(["TOO LONG A LINE"], width=40, height=40, scale=2)
    with pytest.raises(ValueError, match="without a glyph"):
        draw_lines(["a"], width=40, height=40, scale=2)
