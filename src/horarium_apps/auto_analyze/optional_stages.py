"""What the stages after ffmpeg's own do, in their order. Each loads its library when it is its turn."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from horarium_apps.auto_analyze.adapters import frames
from horarium_apps.auto_analyze.adapters.rapid_ocr import RapidOcr
from horarium_apps.auto_analyze.adapters.whisper import Whisper
from horarium_apps.auto_analyze.domain import fingerprint, hook, screen_text, transcript
from horarium_apps.auto_analyze.domain.errors import AnalysisError, StageSkippedError
from horarium_apps.auto_analyze.domain.media import Analysis
from horarium_apps.auto_analyze.domain.stages import Stage
from horarium_apps.auto_analyze.pipeline import Bench, StageSpec
from horarium_apps.auto_analyze.words import WordsOptions, find_words
from horarium_apps.auto_analyze.words import to_json as words_to_json

_LONGER = 60.0


def _fingerprint(bench: Bench) -> Any:
    seen = frames.frames_to_hash(bench.path, bench.picture, bench.analysis.duration, **_reading(bench))
    return fingerprint.to_json(fingerprint.fingerprint(seen))


def _speech(bench: Bench) -> Any:
    folder = bench.options["models_folder"]
    listener = Whisper(
        bench.options["speech_model"],
        threads=bench.options["threads"],
        models_folder=None if folder is None else Path(folder),
    )
    heard = listener.transcribe(
        bench.path, bench.sound, bench.analysis.duration, bench.progress, ffmpeg=bench.options["ffmpeg"]
    )
    return transcript.to_json(heard)


def _screen_text(bench: Bench) -> Any:
    length = bench.analysis.duration
    pictures = frames.frames_to_read(bench.path, bench.picture, bench.analysis.cuts, **_reading(bench))
    reader = RapidOcr(threads=bench.options["threads"])
    read = reader.read(pictures, lambda at: bench.progress(at / length if length else 0.0))
    return screen_text.to_json(screen_text.merge_lines(read, length))


def _words(bench: Bench) -> Any:
    spoken, shown = _spoken(bench), _shown(bench)
    if spoken is None and shown is None:
        failed = [each for each in (bench.failure(Stage.SPEECH), bench.failure(Stage.SCREEN_TEXT)) if each is not None]
        if failed:
            raise AnalysisError(
                "There are no words to look at, since what had to find them failed.",
                permanent=all(each.permanent for each in failed),
            )
        raise StageSkippedError("There are no words to look at: neither speech nor text on screen was looked for.")
    found = find_words(
        _segments(bench, spoken),
        shown or (),
        transcript_language=None if spoken is None else spoken.language,
        transcript_probability=None if spoken is None else spoken.language_probability,
        options=WordsOptions(
            bench.options["summary_model"], bench.options["ollama_url"], bench.options["summary_timeout"]
        ),
        missed=bench.unmet.append,
    )
    return words_to_json(found)


def _hook(bench: Bench) -> Any:
    analysis, spoken = bench.analysis, _spoken(bench)
    scored = hook.score_hook(
        duration=analysis.duration,
        cuts=[cut.at for cut in analysis.cuts],
        movement=hook.movement(list(frames.opening_frames(bench.path, bench.picture, **_reading(bench)))),
        spoken=_segments(bench, spoken),
        shown=_shown(bench),
        sound=_sound(analysis),
    )
    return hook.to_json(scored)


def _sound(analysis: Analysis) -> hook.Sound | None:
    if analysis.loudness is not None:
        return hook.Sound(analysis.loudness.integrated)
    return hook.Sound(None) if analysis.sound_was_heard else None


def _segments(bench: Bench, spoken: transcript.Transcript | None) -> tuple[transcript.Spoken, ...] | None:
    """What is said: nothing without a sound track, None when it is not known."""
    if spoken is not None:
        return spoken.segments
    return None if bench.analysis.audio else ()


def _spoken(bench: Bench) -> transcript.Transcript | None:
    found = bench.result(Stage.SPEECH)
    return None if found is None else transcript.from_json(found)


def _shown(bench: Bench) -> tuple[screen_text.ShownText, ...] | None:
    found = bench.result(Stage.SCREEN_TEXT)
    return None if found is None else screen_text.from_json(found)


def patience(options: Mapping[str, Any]) -> float:
    """Return the seconds that one ffmpeg may take: more than the whole video may, so that there is one answer only."""
    return float(options["video_timeout"]) + _LONGER


def _reading(bench: Bench) -> dict[str, Any]:
    options = bench.options
    return {"ffmpeg": options["ffmpeg"], "threads": options["threads"], "timeout": patience(options)}


STAGES = (
    StageSpec(Stage.FINGERPRINT, 1, _fingerprint),
    StageSpec(Stage.SPEECH, 1, _speech, settings=("speech_model",)),
    StageSpec(Stage.SCREEN_TEXT, 1, _screen_text),
    StageSpec(Stage.WORDS, 2, _words, settings=("summary_model",), needs=(Stage.SPEECH, Stage.SCREEN_TEXT)),
    StageSpec(Stage.HOOK, 2, _hook, needs=(Stage.SPEECH, Stage.SCREEN_TEXT)),
)
