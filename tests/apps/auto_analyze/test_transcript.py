"""A transcript as a value, and as JSON."""

import json

import pytest

from horarium_apps.auto_analyze.domain.transcript import Spoken, Transcript, from_json, to_json

SAID = Transcript("it", 0.97, (Spoken(0.5, 1.25, "Buongiorno."), Spoken(1.5, 3.0, "Oggi si corre.")), "small")
NOTHING = Transcript(None, None, (), "tiny.en")


@pytest.mark.parametrize("transcript", [SAID, NOTHING])
def test_a_transcript_comes_back_from_json_as_it_was(transcript: Transcript) -> None:
    assert from_json(json.loads(json.dumps(to_json(transcript)))) == transcript


def test_the_whole_text_is_one_line() -> None:
    assert SAID.text == "Buongiorno. Oggi si corre."
    assert NOTHING.text == ""


def test_words_are_counted() -> None:
    assert (SAID.words, NOTHING.words) == (4, 0)


def test_fields_of_a_later_version_are_left_out() -> None:
    assert from_json({**to_json(SAID), "speakers": 2}) == SAID


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {**to_json(SAID), "segments": None},
        {**to_json(SAID), "segments": [{"start": 0.0, "end": "later", "text": "x"}]},
        {**to_json(SAID), "segments": [{"start": 0.0, "end": float("nan"), "text": "x"}]},
        {**to_json(SAID), "language_probability": "high"},
    ],
)
def test_what_is_no_transcript_is_refused_with_a_sentence(broken: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="this is no transcript"):
        from_json(broken)
