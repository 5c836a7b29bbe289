"""The score of a video's first three seconds: what makes a viewer stay.

Five things are looked at; each gives points up to a most, and a sentence its creator can act on:

    movement   25   how much the picture changes between frames a fifth of a second apart, as a share of the way from
                    black to white: nothing at 0.002 and below, all of it at 0.05 and above, in proportion to the
                    logarithm between them (twice the movement is one step, whether there is little or much); the
                    mean over all pairs of frames, so that one cut alone is not movement
    cut        15   all of it for a cut within the three seconds
    voice      25   all of it when somebody speaks within the first half second, falling evenly to 5 when they begin
                    at three seconds; none when nobody does
    text       20   all of it when text is on screen by half a second, falling evenly to 5 at three seconds; none
                    without; text read with a confidence under 0.5 does not count
    sound      15   all of it for sound at -20 LUFS or louder, none at -45 or below, evenly between; none without

The score is 100 * points / most over what is known: a thing that was not looked at (its stage was skipped or
failed) is held neither against the video nor for it, and its sentence says so. The weights are this application's
own judgement, put down here so that they can be argued with. The thresholds of movement come from clips: a still
picture with a line of text measures 0.0002, a man who talks in a moving car 0.03, a street full of cyclists 0.1.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, Protocol

SECONDS = 3.0
"""The part of the video that is looked at."""

RATE = 5
"""Frames a second between which movement is measured."""

SIDE = 48
"""Width and height in pixels of the grey frames between which movement is measured."""

_MOVEMENT, _CUT, _VOICE, _TEXT, _SOUND = 25, 15, 25, 20, 15
_STILL, _LIVELY = 0.002, 0.05
_HARDLY = 0.1
_AT_ONCE = 0.5
_LATE_POINTS = 5
_SURE = 0.5
_LOUD, _QUIET = -20.0, -45.0
_WHITE = 255


class Span(Protocol):
    """Something with a beginning and an end in seconds of the video, such as a spoken sentence."""

    @property
    def start(self) -> float:
        """Seconds from the start of the video."""
        ...

    @property
    def end(self) -> float:
        """Seconds from the start of the video."""
        ...


class ReadText(Span, Protocol):
    """A text on screen."""

    @property
    def confidence(self) -> float:
        """How sure the reading is, from 0 to 1."""
        ...


@dataclass(frozen=True, slots=True)
class Reason:
    """What one thing gave.

    Parameters:
        name: "movement", "cut", "voice", "text" or "sound".
        points: None when it was not looked at.
        most: points that it can give.
        sentence: for the creator of the video.
    """

    name: str
    points: float | None
    most: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Hook:
    """The first three seconds. `score` is from 0 to 100; None when nothing at all is known."""

    score: int | None
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Sound:
    """The sound of a video that was listened to: `loudness` in LUFS; None without a track, or when it is silence."""

    loudness: float | None


def score_hook(
    *,
    duration: float,
    cuts: Iterable[float] | None = None,
    movement: Sequence[float] | None = None,
    spoken: Iterable[Span] | None = None,
    shown: Iterable[ReadText] | None = None,
    sound: Sound | None = None,
) -> Hook:
    """Return the score of the first three seconds and its reasons. None for a thing means: it was not looked at.

    Parameters:
        duration: of the video, in seconds; a shorter one than three seconds is looked at as far as it goes.
        cuts: seconds of each.
        movement: as `movement` measures it.
        spoken: what is said; empty when nobody speaks.
        shown: what is on screen; empty when there is no text.
        sound: how loud it is.
    """
    seconds = min(SECONDS, duration) if duration > 0 else SECONDS
    part = _part(duration)
    reasons = (
        _moving(movement, part),
        _cutting(cuts, seconds, part),
        _speaking(spoken, seconds, part),
        _reading(shown, seconds, part),
        _sounding(sound),
    )
    most = sum(each.most for each in reasons if each.points is not None)
    points = sum(each.points for each in reasons if each.points is not None)
    return Hook(round(100 * points / most) if most else None, reasons)


def movement(frames: Sequence[bytes]) -> tuple[float, ...]:
    """Return for each two neighbouring grey frames how much changes between them, from 0 to 1 (black to white)."""
    return tuple(_difference(one, other) for one, other in pairwise(frames))


def to_json(hook: Hook) -> dict[str, Any]:
    """Return the hook as plain values; points with one decimal."""
    reasons = [asdict(each) for each in hook.reasons]
    return {"score": hook.score, "reasons": reasons}


def from_json(value: Mapping[str, Any]) -> Hook:
    """Return the hook that `to_json` wrote.

    Raises:
        KeyError, TypeError, ValueError: it is not what `to_json` writes.
    """
    reasons = tuple(
        Reason(
            str(each["name"]),
            None if each["points"] is None else float(each["points"]),
            int(each["most"]),
            str(each["sentence"]),
        )
        for each in value["reasons"]
    )
    return Hook(None if value["score"] is None else int(value["score"]), reasons)


def _moving(movement: Sequence[float] | None, part: str) -> Reason:
    if not movement:
        return Reason("movement", None, _MOVEMENT, "Movement was not measured, so it does not count.")
    share = sum(_liveliness(each) for each in movement) / len(movement)
    if share < _HARDLY:
        sentence = f"The picture hardly moves in {part}: begin with something that happens."
    elif share < 0.5:  # noqa: PLR2004 - half of the points
        sentence = f"There is little movement in {part}: more of it would catch the eye."
    else:
        sentence = f"There is plenty of movement in {part}."
    return _reason("movement", share, _MOVEMENT, sentence)


def _cutting(cuts: Iterable[float] | None, seconds: float, part: str) -> Reason:
    if cuts is None:
        return Reason("cut", None, _CUT, "Cuts were not looked for, so they do not count.")
    first = min((at for at in cuts if 0 < at < seconds), default=None)
    if first is None:
        return _reason("cut", 0.0, _CUT, f"There is no cut in {part}: a change of picture would keep the eye.")
    return _reason("cut", 1.0, _CUT, f"The picture changes after {first:.1f} seconds.")


def _speaking(spoken: Iterable[Span] | None, seconds: float, part: str) -> Reason:
    if spoken is None:
        return Reason("voice", None, _VOICE, "What is said is not known, so it does not count.")
    first = _first(spoken, seconds)
    if first is None:
        return _reason("voice", 0.0, _VOICE, f"Nobody speaks in {part}.")
    if first <= _AT_ONCE:
        return _reason("voice", 1.0, _VOICE, "Somebody speaks at once.")
    sentence = f"Somebody speaks only after {first:.1f} seconds: let the voice begin at once."
    return _reason("voice", _early(first, _VOICE), _VOICE, sentence)


def _reading(shown: Iterable[ReadText] | None, seconds: float, part: str) -> Reason:
    if shown is None:
        return Reason("text", None, _TEXT, "Text on screen is not known, so it does not count.")
    first = _first((each for each in shown if each.confidence >= _SURE), seconds)
    if first is None:
        return _reason("text", 0.0, _TEXT, f"No text is on screen in {part}: a line would tell what is coming.")
    if first <= _AT_ONCE:
        return _reason("text", 1.0, _TEXT, "Text is on screen at once.")
    sentence = f"Text is on screen only after {first:.1f} seconds: show it from the start."
    return _reason("text", _early(first, _TEXT), _TEXT, sentence)


def _sounding(sound: Sound | None) -> Reason:
    if sound is None:
        return Reason("sound", None, _SOUND, "Sound was not measured, so it does not count.")
    if sound.loudness is None:
        return _reason("sound", 0.0, _SOUND, "The video is silent: a voice or music would help.")
    share = _share((sound.loudness - _QUIET) / (_LOUD - _QUIET))
    level = f"{sound.loudness:.0f} LUFS"
    if share < 1:
        return _reason("sound", share, _SOUND, f"The sound is quiet ({level}): make it louder.")
    return _reason("sound", share, _SOUND, f"The sound is loud enough ({level}).")


def _part(duration: float) -> str:
    return f"its {duration:.1f} seconds" if 0 < duration < SECONDS else "the first three seconds"


def _reason(name: str, share: float, most: int, sentence: str) -> Reason:
    return Reason(name, round(share * most, 1), most, sentence)


def _first(spans: Iterable[Span], seconds: float) -> float | None:
    return min((max(0.0, each.start) for each in spans if each.start < seconds and each.end > 0), default=None)


def _early(first: float, most: int) -> float:
    late = (first - _AT_ONCE) / (SECONDS - _AT_ONCE)
    return 1.0 - _share(late) * (1.0 - _LATE_POINTS / most)


def _liveliness(change: float) -> float:
    return _share(math.log(max(change, _STILL) / _STILL) / math.log(_LIVELY / _STILL))


def _share(value: float) -> float:
    return min(1.0, max(0.0, value))


def _difference(one: bytes, other: bytes) -> float:
    return sum(abs(a - b) for a, b in zip(one, other, strict=True)) / (len(one) * _WHITE)
