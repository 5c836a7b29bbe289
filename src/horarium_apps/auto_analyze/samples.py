"""Sample videos, rendered by ffmpeg: vertical, a few seconds, with cuts, text on screen, tones and a voice."""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from horarium_apps.auto_analyze.adapters.espeak_voice import speak
from horarium_apps.auto_analyze.adapters.ffmpeg_output import first_error
from horarium_apps.auto_analyze.adapters.ffmpeg_process import find_ffmpeg, run_ffmpeg
from horarium_apps.auto_analyze.domain.errors import AutoAnalyzeError
from horarium_apps.auto_analyze.pixel_font import draw_lines

WIDTH, HEIGHT, FRAME_RATE = 360, 640, 30
_TEXT_WIDTH, _TEXT_HEIGHT, _TEXT_SCALE = 320, 132, 4
_RENDER_SECONDS = 120.0
_TITLES = ("MORNING RUN", "CITY LIGHTS", "SILENT FILM", "MARKET DAY", "OLD BRIDGE", "NIGHT TRAIN")
_SILENT = 2
# One for each title; a video without sound has none, and the last is over too soon to say anything.
_SENTENCES = (
    "Good morning. Today we run along the river, five kilometres before breakfast.",
    "City lights shine at night.",
    None,
    "Welcome to the market. Fresh bread, tomatoes and cheese.",
    "The old bridge has crossed this river for three hundred years.",
    None,
)
# The least length in seconds of a video that says so much, whether there is a voice on this machine or not.
_SPOKEN_SECONDS = (6.0, 2.4, 0.0, 4.8, 4.4, 0.0)
_VOICE_DELAY_MS = 300
_TONE_UNDER_VOICE = 0.15
# Dark and light in turn, so that every change of scene is bright enough to be found as a cut.
_COLOURS = ("0x0B2545", "0xF4D35E", "0x5A1807", "0x8DE4D3", "0x2B1B5A", "0xFFB5C2", "0x12372A", "0xE8F0FF")


@dataclass(frozen=True, slots=True)
class Sample:
    """What one sample video is made of.

    Parameters:
        number: counts from 1.
        scenes: parts of equal length with a cut between each two.
        scene_seconds: length of one part.
        tone: Hz in the first scene, rising by a fourth with each; None for a video without a sound track.
        volume: amplitude of the tone, from 0 to 1; under a voice the tone is fainter. A voice grows with it as well.
        sentence: what is said; None for nothing.
    """

    number: int
    title: str
    scenes: int
    scene_seconds: float
    tone: int | None
    volume: float
    sentence: str | None = None

    @property
    def file_name(self) -> str:
        """Name of the file, such as "1-morning-run.mp4"."""
        return f"{self.number}-{self.title.lower().replace(' ', '-')}.mp4"

    @property
    def seconds(self) -> float:
        """Length of the whole video."""
        return self.scenes * self.scene_seconds


def sample(number: int) -> Sample:
    """Return what the sample with a number (from 1) is made of; the third of every six is silent."""
    index = number - 1
    kind = index % len(_TITLES)
    scenes = 2 + index % 5
    return Sample(
        number=number,
        title=_TITLES[kind],
        scenes=scenes,
        # Whole tenths of a second are whole frames.
        scene_seconds=max((1.2, 1.0, 0.8)[index % 3], math.ceil(10 * _SPOKEN_SECONDS[kind] / scenes) / 10),
        tone=None if kind == _SILENT else 180 + 45 * (index % 20),
        volume=(0.1, 0.3, 0.6)[index % 3] if kind < _SILENT else 0.2 + 0.1 * (index % 4),
        sentence=_SENTENCES[kind],
    )


def render_samples(
    folder: Path,
    count: int = len(_TITLES),
    *,
    ffmpeg: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """Render sample videos that do not exist yet; the same file, byte for byte, by the same ffmpeg and voice.

    Without the package `espeakng-loader` nobody speaks in them.

    Parameters:
        folder: where to; made if it does not exist.
        count: how many, each different.
        ffmpeg: path or command of an ffmpeg; None for the one of the package `imageio-ffmpeg`.
        progress: told how many are there and how many there will be.

    Returns:
        The paths of all of them, those that existed as well.

    Raises:
        FfmpegMissingError: there is no ffmpeg.
        AutoAnalyzeError: one cannot be rendered; those before it are there.
    """
    executable = find_ffmpeg(ffmpeg)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(1, count + 1):
        each = sample(number)
        path = folder / each.file_name
        if not path.exists():
            _render(executable, each, path)
        paths.append(path)
        if progress is not None:
            progress(number, count)
    return paths


def _render(executable: str, each: Sample, path: Path) -> None:
    # Rendered under a hidden name of its own: nobody ever finds half a video under the real one.
    part = _hidden(path)
    voice = None
    try:
        spoken = speak(each.sentence) if each.sentence is not None and each.tone is not None else None
        if spoken is not None:
            voice = _hidden(path)
            voice.write_bytes(spoken)
        command = _command(executable, each, part, voice)
        finished = run_ffmpeg(command, timeout=_RENDER_SECONDS, feed=_texts(each))
        if finished.code != 0:
            cause = "its time was up" if finished.expired else first_error(finished.log)
            raise AutoAnalyzeError(f"The sample video {path} cannot be rendered: {cause or 'ffmpeg failed'}.")
        part.chmod(0o644)
        part.replace(path)
    finally:
        for file in (part, voice):
            if file is not None:
                file.unlink(missing_ok=True)


def _hidden(path: Path) -> Path:
    descriptor, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=".part", dir=path.parent)
    os.close(descriptor)
    return Path(name)


def _command(executable: str, each: Sample, part: Path, voice: Path | None) -> list[str]:
    scenes = [_scene(each, scene) for scene in range(each.scenes)]
    inputs = [argument for scene in scenes for argument in ("-f", "lavfi", "-i", scene)]
    joined = "".join(f"[{1 + scene}:v]" for scene in range(each.scenes))
    graph = (
        f"{joined}concat=n={each.scenes}:v=1:a=0,format=yuv420p[pictures];"
        f"[0:v]format=yuv420p[text];[pictures][text]overlay=x=(W-w)/2:y=60:format=yuv420[shown]"
    )
    command = [executable, "-hide_banner", "-loglevel", "level+error", "-nostdin", "-y"]
    # One frame of text for each scene, so it changes with the cut.
    command += ["-f", "rawvideo", "-pix_fmt", "gray", "-s", f"{_TEXT_WIDTH}x{_TEXT_HEIGHT}"]
    command += ["-framerate", f"{1000}/{round(each.scene_seconds * 1000)}", "-i", "pipe:0", *inputs]
    heard = []
    if each.tone is not None:
        command += ["-f", "lavfi", "-i", _tones(each, _TONE_UNDER_VOICE if voice else 1.0)]
        tones = f"{1 + each.scenes}:a"
        if voice is not None:
            command += ["-f", "wav", "-i", f"file:{voice.absolute()}"]
            gain = min(1.0, 0.15 + 1.7 * each.volume)
            graph += f";[{2 + each.scenes}:a]aresample=44100,volume={gain:g},adelay={_VOICE_DELAY_MS}[voice]"
            graph += f";[{tones}][voice]amix=inputs=2:duration=first:normalize=0[heard]"
        heard = ["-map", tones if voice is None else "[heard]", "-c:a", "aac", "-b:a", "64k"]
    command += ["-filter_complex", graph, "-map", "[shown]", *heard]
    command += ["-c:v", "libx264", "-preset", "ultrafast", "-crf", "27", "-g", str(FRAME_RATE), "-threads", "1"]
    command += ["-map_metadata", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact"]
    command += ["-t", f"{each.seconds:.3f}", "-movflags", "+faststart", "-f", "mp4", f"file:{part.absolute()}"]
    return command


def _scene(each: Sample, scene: int) -> str:
    shape = f"s={WIDTH}x{HEIGHT}:r={FRAME_RATE}:d={each.scene_seconds}"
    colour = _COLOURS[(each.number + scene) % len(_COLOURS)]
    alike = _COLOURS[(each.number + scene + 2) % len(_COLOURS)]
    unlike = _COLOURS[(each.number + scene + 3) % len(_COLOURS)]
    match (each.number + scene) % 4:
        case 0:
            return f"testsrc2={shape}"
        case 1:
            return f"color=c={colour}:{shape},drawbox=x=30:y=420:w=120:h=120:color={unlike}:t=fill,scroll=h=0.01"
        case 2:
            corners = f"x0=0:y0=0:x1={WIDTH}:y1={HEIGHT}"
            return f"gradients={shape}:c0={colour}:c1={alike}:{corners}:nb_colors=2:seed=1:speed=0.01"
        case _:
            return f"color=c={colour}:{shape},drawgrid=w=60:h=60:t=3:color={unlike},scroll=v=0.005"


def _tones(each: Sample, share: float) -> str:
    steps = f"pow(4/3,floor(t/{each.scene_seconds}))"
    wave = f"{each.volume * share:g}*sin(2*PI*{each.tone}*{steps}*t)"
    return f"aevalsrc=exprs='{wave}':s=44100:d={each.seconds:.3f}"


def _texts(each: Sample) -> bytes:
    return b"".join(
        draw_lines(
            (f"SAMPLE {each.number}", each.title, f"SCENE {scene} OF {each.scenes}"),
            width=_TEXT_WIDTH,
            height=_TEXT_HEIGHT,
            scale=_TEXT_SCALE,
        )
        for scene in range(1, each.scenes + 1)
    )
