"""Text read from real pictures by the real models, without a network."""

import logging
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from horarium_apps.auto_analyze.adapters.ffmpeg import Ffmpeg
from horarium_apps.auto_analyze.adapters.frames import Frame, frames_to_read
from horarium_apps.auto_analyze.adapters.rapid_ocr import RapidOcr
from horarium_apps.auto_analyze.domain.errors import AnalysisError, StageSkippedError
from horarium_apps.auto_analyze.domain.screen_text import SeenText, merge_lines

WIDTH, HEIGHT = 540, 960


@pytest.fixture(scope="module")
def ocr() -> RapidOcr:
    return RapidOcr(threads=2)


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def frame(at: float, *lines: str, size: int = 36, level: int = 60) -> Frame:
    picture = np.full((HEIGHT, WIDTH, 3), (level, level, level + 30), np.uint8)
    font: Any = cv2.FontFace("sans")
    for place, line in enumerate(lines):
        cv2.putText(picture, line, (30, 120 + place * 2 * size), (255, 255, 255), font, size, 600)
    return Frame(at, WIDTH, HEIGHT, picture.tobytes())


def words(seen: SeenText) -> list[str]:
    return [line.text for line in seen.lines]


@pytest.mark.usefixtures("no_network")
def test_text_is_read_without_a_network_and_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    seen = RapidOcr().read([frame(0.0, "Three tips for runners")])

    assert words(seen[0]) == ["Three tips for runners"]
    assert capfd.readouterr() == ("", "")


def test_letters_with_accents_are_read(ocr: RapidOcr) -> None:
    lines = ["Perché è così bello?", "Über Größe, señor", "città più à la façon"]

    assert words(ocr.read([frame(0.0, *lines)])[0]) == lines


def test_small_letters_are_read(ocr: RapidOcr) -> None:
    assert words(ocr.read([frame(0.0, "#fitness @anna 19,99", size=14)])[0]) == ["#fitness @anna 19,99"]


def test_a_frame_without_text_has_no_lines(ocr: RapidOcr) -> None:
    assert ocr.read([frame(1.5)]) == (SeenText(1.5, ()),)


def test_no_frames_give_no_text(ocr: RapidOcr) -> None:
    assert ocr.read([]) == ()


def test_a_frame_that_looks_like_the_last_one_is_not_read_again(ocr: RapidOcr) -> None:
    seen = ocr.read([frame(float(at), "Wait for it", level=60 + at) for at in range(4)])

    assert ocr.skipped == 3
    assert [words(each) for each in seen] == [["Wait for it"]] * 4


def test_a_single_word_that_changes_is_seen(ocr: RapidOcr) -> None:
    seen = ocr.read([frame(0.0, "Day one", size=20), frame(1.0, "Day two", size=20)])

    assert [words(each) for each in seen] == [["Day one"], ["Day two"]]


def test_a_slow_change_is_measured_from_the_frame_that_was_read(ocr: RapidOcr) -> None:
    ocr.read([frame(float(at), level=60 + 4 * at) for at in range(6)])

    assert ocr.skipped == 4


def test_progress_tells_the_time_of_each_frame(ocr: RapidOcr) -> None:
    told: list[float] = []

    ocr.read([frame(0.0, "One"), frame(1.0, "One")], told.append)

    assert told == [0.0, 1.0]


def test_frames_are_taken_one_by_one(ocr: RapidOcr) -> None:
    told: list[float] = []

    def frames() -> Iterator[Frame]:
        for at in range(3):
            assert told == [float(each) for each in range(at)]
            yield frame(float(at))

    ocr.read(frames(), told.append)


def test_what_progress_raises_ends_the_reading(ocr: RapidOcr) -> None:
    def stop(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ocr.read([frame(0.0), frame(1.0)], stop)


@pytest.mark.parametrize("missing", ["rapidocr", "onnxruntime", "numpy"])
def test_a_missing_library_skips_the_stage_and_says_what_to_install(
    missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)

    with pytest.raises(
        StageSkippedError, match=rf"for {missing} cannot be imported .*: `pip install 'horarium\[auto-analyze\]'"
    ):
        RapidOcr().read([frame(0.0)])


def test_a_model_that_cannot_be_loaded_is_an_error_that_says_what_to_do(
    ocr: RapidOcr, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no model")
    fresh = RapidOcr()
    parameters = fresh._parameters() | {"Det.model_path": str(broken)}
    monkeypatch.setattr(fresh, "_parameters", lambda: parameters)

    with pytest.raises(AnalysisError, match=r"cannot be loaded .*force-reinstall rapidocr") as raised:
        fresh.read([frame(0.0)])

    assert not raised.value.permanent


def test_the_console_of_the_program_is_left_alone(ocr: RapidOcr) -> None:
    ocr.read([frame(0.0)])

    formatters = [each.formatter for each in logging.getLogger("RapidOCR").handlers]
    assert not [each for each in formatters if type(each).__module__.startswith("colorlog")]


def test_the_texts_of_a_sample_video_are_told_apart_by_time(ocr: RapidOcr, talking: Path, media: Ffmpeg) -> None:
    probe = media.probe(talking)
    assert probe.picture is not None
    assert probe.duration is not None
    cuts = media.watch(talking, probe.picture, probe.duration, lambda _: None).cuts

    seen = ocr.read(frames_to_read(talking, probe.picture, cuts))
    shown = merge_lines(seen, probe.duration)

    titles = [each for each in shown if "CITY" in each.text]
    scenes = [each.text for each in shown if each.text.startswith("SCENE")]
    assert len(titles) == 1
    assert titles[0].start == 0.0
    assert titles[0].end == probe.duration
    assert len(scenes) == len(set(scenes)) >= 2
