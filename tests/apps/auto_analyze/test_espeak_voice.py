"""The voice of sample videos speaks in a process of its own, or not at all."""

import io
import logging
import sys
import wave
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from horarium_apps.auto_analyze.adapters import espeak_voice
from horarium_apps.auto_analyze.adapters.espeak_voice import speak


def located(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    spec = ModuleSpec("espeakng_loader", None, is_package=True)
    spec.submodule_search_locations = [str(folder)]
    monkeypatch.setattr(espeak_voice, "find_spec", lambda _name: spec)


def test_a_sentence_is_a_wav_file_of_some_seconds() -> None:
    spoken = speak("Good morning, this is a sample.")

    assert spoken is not None
    with wave.open(io.BytesIO(spoken)) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        assert 1.0 < file.getnframes() / file.getframerate() < 4.0


def test_the_same_sentence_is_the_same_bytes() -> None:
    assert speak("The same again.") == speak("The same again.")


def test_a_faster_speaker_is_done_sooner() -> None:
    text = "One, two, three, four, five, six."

    assert len(speak(text, words_per_minute=220) or b"") < len(speak(text, words_per_minute=120) or b"")


@pytest.mark.skipif(sys.platform != "linux", reason="lists what is loaded as Linux does")
def test_the_library_is_never_loaded_into_our_process() -> None:
    speak("Hello.")

    assert "espeak" not in Path("/proc/self/maps").read_text(encoding="utf-8")


def test_without_the_package_there_is_no_voice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(espeak_voice, "find_spec", lambda _name: None)

    assert speak("Hello.") is None


def test_a_library_that_does_not_work_is_no_voice_and_a_warning(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "libespeak-ng.so").write_text("no library")
    located(monkeypatch, tmp_path)

    with caplog.at_level(logging.WARNING):
        assert speak("Hello.") is None

    assert "samples have no voice" in caplog.text


def test_a_package_without_a_library_for_this_system_is_no_voice(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    located(monkeypatch, tmp_path)

    assert speak("Hello.") is None
