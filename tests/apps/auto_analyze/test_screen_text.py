"""Lines on screen, told apart by time."""

import json

import pytest

from horarium_apps.auto_analyze.domain.screen_text import (
    MOST_LINES,
    SeenLine,
    SeenText,
    ShownText,
    from_json,
    likeness,
    merge_lines,
    to_json,
)


def seen(at: float, *lines: str, confidence: float = 0.9) -> SeenText:
    return SeenText(at, tuple(SeenLine(line, confidence) for line in lines))


def times(shown: tuple[ShownText, ...]) -> list[tuple[float, float, str]]:
    return [(each.start, each.end, each.text) for each in shown]


def test_a_line_over_several_frames_is_one_with_its_times() -> None:
    shown = merge_lines([seen(0), seen(1, "Wait for it"), seen(2, "Wait for it"), seen(3)], end=4)

    assert times(shown) == [(1, 3, "Wait for it")]


def test_a_shape_that_was_taken_for_text_is_no_line() -> None:
    assert times(merge_lines([seen(0, "\u25a0", "50%"), seen(1, "--")], end=2)) == [(0, 1, "50%")]


def test_a_line_that_is_there_at_the_end_ends_with_the_video() -> None:
    assert times(merge_lines([seen(0, "Link in bio"), seen(1, "Link in bio")], end=1.6)) == [(0, 1.6, "Link in bio")]


def test_a_line_that_follows_another_begins_when_that_ends() -> None:
    shown = merge_lines([seen(0, "First tip"), seen(1, "Second thing")], end=2)

    assert times(shown) == [(0, 1, "First tip"), (1, 2, "Second thing")]


def test_a_reading_error_in_one_frame_does_not_break_a_line() -> None:
    shown = merge_lines([seen(0, "Wait for it"), seen(1, "Wait fof it"), seen(2, "Wait for it")], end=3)

    assert times(shown) == [(0, 3, "Wait for it")]


def test_a_line_unread_in_one_frame_goes_on() -> None:
    assert times(merge_lines([seen(0, "Wait for it"), seen(1), seen(2, "Wait for it")], end=3)) == [
        (0, 3, "Wait for it")
    ]


def test_a_line_that_comes_back_later_is_told_twice() -> None:
    shown = merge_lines([seen(0, "Follow me"), seen(1), seen(2), seen(3, "Follow me")], end=4)

    assert times(shown) == [(0, 1, "Follow me"), (3, 4, "Follow me")]


def test_of_readings_equally_frequent_the_most_confident_is_kept() -> None:
    frames = [seen(0, "Morning rum", confidence=0.6), seen(1, "Morning run", confidence=0.95)]

    assert merge_lines(frames, end=2) == (ShownText(0, 2, "Morning run", 0.95),)


def test_a_subtitle_that_grows_word_by_word_is_one_line() -> None:
    shown = merge_lines([seen(0, "Three tips"), seen(1, "Three tips for"), seen(2, "Three tips for runners")], end=3)

    assert times(shown) == [(0, 3, "Three tips for runners")]


def test_lines_that_differ_in_a_digit_are_different_lines() -> None:
    shown = merge_lines([seen(0, "SCENE 1 OF 3"), seen(1, "SCENE 2 OF 3")], end=2)

    assert times(shown) == [(0, 1, "SCENE 1 OF 3"), (1, 2, "SCENE 2 OF 3")]


def test_two_lines_at_once_keep_their_own_times() -> None:
    shown = merge_lines([seen(0, "@anna"), seen(1, "@anna", "Look up"), seen(2, "Look up")], end=3)

    assert times(shown) == [(0, 2, "@anna"), (1, 3, "Look up")]


def test_the_same_line_twice_in_one_frame_is_two() -> None:
    assert len(merge_lines([seen(0, "SALE", "SALE"), seen(1, "SALE", "SALE")], end=2)) == 2


def test_blank_lines_are_no_text() -> None:
    assert merge_lines([seen(0, " ", "")], end=1) == ()


def test_an_hour_of_scrolling_text_stays_bounded() -> None:
    frames = (seen(at, *(f"{at} {line} word" for line in range(30))) for at in range(3600))

    assert len(merge_lines(frames, end=3600)) == MOST_LINES


@pytest.mark.parametrize(
    ("one", "other"), [("PERCHÉ NO", "perche no"), ("città più", "citta piu"), ("Good morning", "Goodmorning")]
)
def test_case_accents_and_spaces_do_not_make_another_line(one: str, other: str) -> None:
    assert likeness(one, other) == 1.0


@pytest.mark.parametrize(("one", "other"), [("yes", "yep"), ("Only 19,99", "Only 49,99"), ("Left side", "Right hand")])
def test_short_words_prices_and_other_words_are_no_reading_errors(one: str, other: str) -> None:
    assert likeness(one, other) == 0.0


def test_shown_lines_come_back_from_json_as_they_were() -> None:
    shown = (ShownText(0.0, 1.5, "Perché è così bello?", 0.98), ShownText(1.0, 2.0, "你好", 0.5))

    assert from_json(json.loads(json.dumps(to_json(shown)))) == shown
