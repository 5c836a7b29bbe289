"""The score of a video's first three seconds."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from horarium_apps.auto_analyze.adapters.ffmpeg import Ffmpeg
from horarium_apps.auto_analyze.adapters.frames import opening_frames
from horarium_apps.auto_analyze.domain.hook import (
    SIDE,
    Hook,
    Reason,
    Sound,
    from_json,
    movement,
    score_hook,
    to_json,
)

from .conftest import RunFfmpeg

BLACK, WHITE = bytes(SIDE * SIDE), b"\xff" * (SIDE * SIDE)


@dataclass(frozen=True)
class Span:
    start: float
    end: float
    confidence: float = 0.9


def hook_of(**known: object) -> Hook:
    everything = {
        "duration": 10.0,
        "cuts": [1.0],
        "movement": [0.05] * 14,
        "spoken": [Span(0.2, 2.0)],
        "shown": [Span(0.0, 2.0)],
        "sound": Sound(-14.0),
    }
    return score_hook(**(everything | known))  # type: ignore[arg-type]


def reason(hook: Hook, name: str) -> Reason:
    return next(each for each in hook.reasons if each.name == name)


def test_a_video_with_all_five_from_the_start_scores_a_hundred() -> None:
    assert hook_of().score == 100


def test_a_video_without_any_of_the_five_scores_nothing() -> None:
    assert hook_of(cuts=[], movement=[0.0] * 14, spoken=[], shown=[], sound=Sound(None)).score == 0


def test_the_points_that_can_be_had_are_a_hundred() -> None:
    assert sum(each.most for each in hook_of().reasons) == 100


@pytest.mark.parametrize(
    ("name", "known", "sentence"),
    [
        ("movement", {"movement": [0.0] * 14}, "hardly moves in the first three seconds"),
        ("cut", {"cuts": [3.5]}, "no cut in the first three seconds"),
        ("voice", {"spoken": []}, "Nobody speaks in the first three seconds."),
        ("text", {"shown": []}, "No text is on screen in the first three seconds"),
        ("sound", {"sound": Sound(None)}, "silent"),
    ],
)
def test_what_is_wanting_costs_all_its_points_and_says_so(name: str, known: dict[str, object], sentence: str) -> None:
    hook = hook_of(**known)

    wanting = reason(hook, name)
    assert wanting.points == 0
    assert sentence in wanting.sentence
    assert hook.score == 100 - wanting.most


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("movement", {"movement": None}),
        ("movement", {"movement": []}),
        ("cut", {"cuts": None}),
        ("voice", {"spoken": None}),
        ("text", {"shown": None}),
        ("sound", {"sound": None}),
    ],
)
def test_what_was_not_looked_at_is_not_held_against_the_video(name: str, known: dict[str, object]) -> None:
    hook = hook_of(**known)

    unknown = reason(hook, name)
    assert unknown.points is None
    assert "not" in unknown.sentence
    assert hook.score == 100


def test_nothing_known_at_all_gives_no_score() -> None:
    assert score_hook(duration=10.0).score is None


def test_a_voice_counts_the_more_the_earlier_it_begins() -> None:
    points = [reason(hook_of(spoken=[Span(at, 5.0)]), "voice").points for at in (0.5, 1.0, 2.9)]

    assert points == [25, 21.0, 5.8]


def test_the_first_of_several_voices_counts() -> None:
    assert "after 1.2 seconds" in reason(hook_of(spoken=[Span(2.0, 3.0), Span(1.2, 1.9)]), "voice").sentence


def test_a_voice_after_three_seconds_is_too_late() -> None:
    assert reason(hook_of(spoken=[Span(3.0, 5.0)]), "voice").points == 0


def test_text_that_was_hardly_read_does_not_count() -> None:
    assert reason(hook_of(shown=[Span(0.0, 2.0, 0.3)]), "text").points == 0


def test_quiet_sound_counts_in_part() -> None:
    quiet = reason(hook_of(sound=Sound(-32.5)), "sound")

    assert quiet.points == 7.5
    assert "-32 LUFS" in quiet.sentence


def test_one_cut_alone_is_not_movement() -> None:
    assert (reason(hook_of(movement=[0.0] * 13 + [0.9]), "movement").points or 0) < 3


def test_a_video_shorter_than_three_seconds_is_looked_at_as_far_as_it_goes() -> None:
    hook = hook_of(duration=1.5, spoken=[], cuts=[])

    assert reason(hook, "voice").sentence == "Nobody speaks in its 1.5 seconds."
    assert hook.score == 60


def test_movement_is_a_share_of_the_way_from_black_to_white() -> None:
    assert movement([BLACK, WHITE, WHITE]) == (1.0, 0.0)


def test_one_frame_alone_shows_no_movement() -> None:
    assert movement([BLACK]) == ()


def test_a_hook_comes_back_from_json_as_it_was() -> None:
    hook = hook_of(movement=None, spoken=[Span(1.7, 2.0)])

    assert from_json(json.loads(json.dumps(to_json(hook)))) == hook


def test_a_still_picture_moves_less_than_a_running_one(make: RunFfmpeg, media: Ffmpeg) -> None:
    still = make("still.mp4", "-f", "lavfi", "-i", "smptebars=s=180x320:r=25", "-t", "4", "-pix_fmt", "yuv420p")
    running = make("running.mp4", "-f", "lavfi", "-i", "mandelbrot=s=180x320:r=25", "-t", "4", "-pix_fmt", "yuv420p")

    scores = [reason(hook_of(movement=opening_movement(path, media)), "movement").points for path in (still, running)]

    assert scores[0] == 0
    assert (scores[1] or 0) > 15


def opening_movement(path: Path, media: Ffmpeg) -> tuple[float, ...]:
    picture = media.probe(path).picture
    assert picture is not None
    return movement(opening_frames(path, picture))
