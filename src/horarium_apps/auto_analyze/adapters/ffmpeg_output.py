"""What ffmpeg prints, turned into values. Every function is pure and takes text.

ffmpeg is run with `-loglevel level+info`, so a line reads "[info]   Duration: 00:00:04.00, ..." or
"[h264 @ 0x55d6] [error] ...". The form of stream lines is `dump_stream_format` in ffmpeg's libavformat/dump.c.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from horarium_apps.auto_analyze.domain.media import AudioStream, Cut, Loudness, OtherStream, Probe, VideoStream

_LEVEL = re.compile(r"^((?:\[[^\]]* @ [^\]]*\] )*)\[(\w+)\] ?")
_CONTEXT = re.compile(r"^(?:\[[^\]]* @ [^\]]*\] )+")
_INPUT = re.compile(r"^Input #0, (?P<formats>.+), from ")
_DURATION = re.compile(r"^\s+Duration: (?P<duration>[^,]+),.*?bitrate: (?P<rate>N/A|\d+ kb/s)")
_STREAM = re.compile(
    r"^\s+Stream #0:(?P<index>\d+)(?:\[0x[0-9a-f]+\])?(?:\([^)]*\))?(?:, \d+, \d+/\d+)?: (?P<kind>\w+): (?P<rest>.*)$"
)
_ROTATION = re.compile(r"^\s+(?:Display Matrix|displaymatrix): rotation of (?P<degrees>-?[\d.]+|nan) degrees")
_CLOCK = re.compile(r"^(-?)(\d+):(\d\d):(\d\d(?:\.\d+)?)$")
_SIZE = re.compile(r"^(\d+)x(\d+)")
_PARENTHESES = re.compile(r"\([^()]*\)")
_CUT = re.compile(r"lavfi\.scd\.score: *(?P<score>[\d.]+), *lavfi\.scd\.time: *(?P<at>-?[\d.]+)")
_MEASURE = re.compile(
    r"^\s+(?P<name>I|Threshold|LRA|LRA low|Peak): +(?P<value>-?(?:[\d.]+|inf|nan)) (?:LUFS|LU|dBFS)\s*$"
)
_SURROUND = re.compile(r"^(\d+)\.(\d)(?:\.(\d))?(?:\(.*\))?$")

_CHANNELS = {"mono": 1, "stereo": 2, "downmix": 2, "quad": 4, "quad(side)": 4, "hexagonal": 6, "octagonal": 8}
_SILENCE_LUFS = -70.0
"""The absolute gate of EBU R 128: ffmpeg answers it when no block of the sound was louder."""
_ERROR_LEVELS = frozenset({"error", "fatal", "panic"})
_KILO = 1000


def parse_version(text: str) -> str | None:
    """Return "ffmpeg 7.1" from what `ffmpeg -version` prints; None when it is no ffmpeg."""
    found = re.match(r"ffmpeg version (\S+)", text)
    return f"ffmpeg {found[1]}" if found else None


def split_level(line: str) -> tuple[str | None, str]:
    """Return the level of a log line and its words, without the addresses ffmpeg puts before them."""
    found = _LEVEL.match(line)
    if found:
        return found[2], line[found.end() :]
    return None, _CONTEXT.sub("", line)


def is_error(line: str) -> bool:
    """Tell whether ffmpeg marked the line as an error."""
    return split_level(line)[0] in _ERROR_LEVELS


def parse_probe(lines: Sequence[str]) -> Probe | None:
    """Return what the headers say; None when ffmpeg did not open the file.

    Parameters:
        lines: the log of `ffmpeg -i FILE` without an output, with the file's own name taken out of it (a name
            may hold line ends and would be read as part of the log).
    """
    container: str | None = None
    duration: float | None = None
    bit_rate: int | None = None
    streams: list[VideoStream | AudioStream | OtherStream] = []
    for line in lines:
        words = split_level(line)[1]
        if container is None:
            if found := _INPUT.match(words):
                container = found["formats"]
        elif found := _DURATION.match(words):
            duration = parse_clock(found["duration"])
            bit_rate = _kilobits(found["rate"])
        elif found := _STREAM.match(words):
            streams.append(parse_stream(int(found["index"]), found["kind"], found["rest"]))
        elif found := _ROTATION.match(words):
            _rotate_last(streams, found["degrees"])
    if container is None:
        return None
    return Probe(
        container=container,
        duration=duration,
        bit_rate=bit_rate,
        video=tuple(each for each in streams if isinstance(each, VideoStream)),
        audio=tuple(each for each in streams if isinstance(each, AudioStream)),
        other=tuple(each for each in streams if isinstance(each, OtherStream)),
    )


def parse_stream(index: int, kind: str, rest: str) -> VideoStream | AudioStream | OtherStream:
    """Return one stream.

    Parameters:
        kind: "Video", "Audio", "Subtitle", "Data" or "Attachment".
        rest: what follows it on the line, such as "h264 (High), yuv420p, 360x640, 91 kb/s, 30 fps".
    """
    parts = _split_outside_parentheses(rest)
    codec, profile = _codec(parts[0])
    bit_rate = next((rate for part in parts if (rate := _kilobits(part)) is not None), None)
    if kind == "Video":
        size = next(((int(found[1]), int(found[2])) for part in parts[1:] if (found := _SIZE.match(part))), None)
        pixels = parts[1].split("(")[0] if len(parts) > 1 and not _SIZE.match(parts[1]) else None
        return VideoStream(
            index=index,
            codec=codec,
            profile=profile,
            pixel_format=None if pixels in {None, "", "none"} else pixels,
            width=size[0] if size else None,
            height=size[1] if size else None,
            rotation=0,
            frame_rate=_rate(parts, "fps") or _rate(parts, "tbr"),
            bit_rate=bit_rate,
            still="(attached pic)" in rest or "(still image)" in rest,
        )
    if kind == "Audio":
        at, sample_rate = _sample_rate(parts)
        layout = parts[at + 1].removesuffix(" (default)") if at is not None and len(parts) > at + 1 else None
        return AudioStream(
            index=index,
            codec=codec,
            profile=profile,
            sample_rate=sample_rate,
            channels=channel_count(layout) if layout else None,
            channel_layout=layout,
            bit_rate=bit_rate,
        )
    return OtherStream(index=index, kind=kind.lower(), codec=codec)


def parse_clock(text: str) -> float | None:
    """Return the seconds of "00:01:02.50"; None for "N/A"."""
    found = _CLOCK.match(text.strip())
    if found is None:
        return None
    seconds = int(found[2]) * 3600 + int(found[3]) * 60 + float(found[4])
    return round(-seconds if found[1] else seconds, 3)


def channel_count(layout: str) -> int | None:
    """Return how many channels a layout such as "stereo", "5.1(side)" or "3 channels" has."""
    if layout in _CHANNELS:
        return _CHANNELS[layout]
    if found := re.match(r"(\d+) channels", layout):
        return int(found[1])
    if found := _SURROUND.match(layout):
        return sum(int(part) for part in found.groups() if part)
    return None


def parse_cut(line: str) -> Cut | None:
    """Return the cut that a line of the `scdet` filter reports."""
    found = _CUT.search(line)
    return Cut(at=round(float(found["at"]), 3), score=float(found["score"])) if found else None


def parse_loudness(lines: Iterable[str]) -> Loudness | None:
    """Return what the summary of the `ebur128` filter says; None without one, or for silence.

    A sound that changes its format in the middle has several summaries: the last that is not silent counts.
    """
    loudness = None
    values: dict[str, float] = {}
    for line in lines:
        found = _MEASURE.match(split_level(line)[1])
        if found is None:
            continue
        # Both the integrated loudness and the range have a threshold: the second of a summary is the range's.
        values[found["name"]] = float(found["value"])
        if found["name"] == "Peak":
            loudness = _summary(values) or loudness
            values = {}
    return loudness


def parse_out_time(line: str) -> float | None:
    """Return the seconds that a line of `-progress` says are done; None for any other line."""
    key, _, value = line.strip().partition("=")
    if key != "out_time_us" or not value.removeprefix("-").isdigit():
        return None
    return max(0.0, int(value) / 1_000_000)


def parse_frame_count(line: str) -> int | None:
    """Return the frames that a line of `-progress` says are done; None for any other line."""
    key, _, value = line.strip().partition("=")
    return int(value) if key == "frame" and value.strip().isdigit() else None


def first_error(lines: Iterable[str]) -> str | None:
    """Return the words of the first error, which names the cause; later ones only say what failed with it."""
    return next((split_level(line)[1].strip().rstrip(".") for line in lines if is_error(line)), None)


def _summary(values: dict[str, float]) -> Loudness | None:
    integrated = values.get("I")
    if integrated is None or not integrated > _SILENCE_LUFS:
        return None
    # No block of three seconds to take a range from leaves its threshold at zero; with a single block ffmpeg
    # answers the threshold itself as the lower end.
    has_range = values.get("Threshold", 0.0) not in {0.0, values.get("LRA low")}
    peak = values["Peak"]
    return Loudness(
        integrated=integrated,
        range=values.get("LRA") if has_range else None,
        true_peak=peak if math.isfinite(peak) else None,
    )


def _split_outside_parentheses(text: str) -> list[str]:
    parts, depth, start = [], 0, 0
    for at, character in enumerate(text):
        if character in "([":
            depth += 1
        elif character in ")]":
            depth -= 1
        elif character == "," and depth == 0:
            parts.append(text[start:at].strip())
            start = at + 1
    return [*parts, text[start:].strip()]


def _codec(text: str) -> tuple[str, str | None]:
    """Split "h264 (High) (avc1 / 0x31637661)" into the codec and its profile."""
    name = text.split(" ", 1)[0]
    for group in _PARENTHESES.findall(text):
        inside = group[1:-1]
        if " / 0x" not in inside and inside not in {"default", "native", "attached pic"}:
            return name, inside
    return name, None


def _kilobits(text: str) -> int | None:
    found = re.match(r"(\d+) kb/s", text)
    return int(found[1]) * _KILO if found else None


def _rate(parts: Sequence[str], unit: str) -> float | None:
    for part in parts:
        if found := re.match(rf"([\d.]+)(k?) {unit}\b", part):
            rate = float(found[1]) * (_KILO if found[2] else 1)
            return rate if rate > 0 else None
    return None


def _sample_rate(parts: Sequence[str]) -> tuple[int | None, int | None]:
    for at, part in enumerate(parts):
        if found := re.match(r"(\d+) Hz", part):
            return at, int(found[1])
    return None, None


def _rotate_last(streams: list[VideoStream | AudioStream | OtherStream], degrees: str) -> None:
    """Add a rotation to the stream it was printed under; ffmpeg counts anticlockwise, people clockwise."""
    if not streams or not isinstance(last := streams[-1], VideoStream) or degrees == "nan":
        return
    quarter_turns = round(-float(degrees) / 90) % 4
    streams[-1] = replace(last, rotation=quarter_turns * 90)
