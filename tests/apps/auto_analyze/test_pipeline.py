"""Stages one by one: which are done, which are taken over, and what one that goes wrong costs."""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from horarium import RunStopped
from horarium_apps.auto_analyze.domain.errors import AnalysisError, StageSkippedError
from horarium_apps.auto_analyze.domain.media import Analysis
from horarium_apps.auto_analyze.domain.outcome import Outcome, State, from_document, into_document
from horarium_apps.auto_analyze.domain.stages import Stage
from horarium_apps.auto_analyze.pipeline import Bench, StageSpec, run_stages


class Kept:
    """What a run keeps of its steps, and how often each was computed."""

    def __init__(self) -> None:
        self.steps: dict[str, Any] = {}

    def __call__(self, key: str, function: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        if key not in self.steps:
            self.steps[key] = function()
        answer: dict[str, Any] = self.steps[key]
        return answer


@pytest.fixture
def did() -> list[str]:
    """The stages that were performed."""
    return []


@pytest.fixture
def run(did: list[str], analyze: Callable[..., Analysis], talking: Path) -> Callable[..., dict[str, Outcome]]:
    """Run stages on a sample."""
    analysis = analyze(talking)

    def ran(*stages: StageSpec, known: dict[str, Outcome] | None = None, **options: Any) -> dict[str, Outcome]:
        did.clear()
        return run_stages(
            stages,
            talking,
            analysis,
            options=options,
            known=known or {},
            keep=Kept(),
            report=lambda _stage, _done: None,
        )

    return ran


@pytest.fixture
def stage(did: list[str]) -> Callable[..., StageSpec]:
    """A stage that notes that it was performed, and then does something."""

    def made(name: Stage, act: Callable[[Bench], Any] = lambda _bench: "found", **facts: Any) -> StageSpec:
        def perform(bench: Bench) -> Any:
            did.append(name)
            return act(bench)

        return StageSpec(name, facts.pop("version", 1), perform, **facts)

    return made


def failing(error: BaseException) -> Callable[[Bench], Any]:
    def act(_bench: Bench) -> Any:
        raise error

    return act


def test_a_stage_sees_what_the_ones_before_it_found(run: Any, stage: Any) -> None:
    first = stage(Stage.SPEECH, lambda _: ["hello"])
    second = stage(Stage.WORDS, lambda bench: bench.result(Stage.SPEECH))
    assert run(first, second)["words"].result == ["hello"]


@pytest.mark.parametrize(
    ("error", "state", "why"),
    [
        (StageSkippedError("Install it."), State.SKIPPED, "Install it."),
        (AnalysisError("It broke."), State.FAILED, "It broke."),
        (ZeroDivisionError("by zero"), State.FAILED, "ZeroDivisionError: by zero"),
        (MemoryError(), State.FAILED, "MemoryError"),
    ],
)
def test_a_stage_that_goes_wrong_says_why_and_the_others_go_on(
    run: Any, stage: Any, did: list[str], error: BaseException, state: State, why: str
) -> None:
    outcomes = run(stage(Stage.SPEECH, failing(error)), stage(Stage.HOOK))
    assert (outcomes["speech"].state, outcomes["speech"].why, outcomes["speech"].result) == (state, why, None)
    assert outcomes["hook"].state is State.DONE
    assert did == ["speech", "hook"]


def test_a_run_that_is_told_to_stop_stops_in_the_middle_of_a_stage(run: Any, stage: Any) -> None:
    with pytest.raises(RunStopped):
        run(stage(Stage.SPEECH, failing(RunStopped("cancelled"))), stage(Stage.HOOK))


def test_what_is_done_is_taken_over(run: Any, stage: Any, did: list[str]) -> None:
    stages = (stage(Stage.SPEECH), stage(Stage.HOOK))
    known = run(*stages)
    assert run(*stages, known=known) == known
    assert did == []


def test_what_failed_or_was_skipped_is_done_again_alone(run: Any, stage: Any, did: list[str]) -> None:
    known = run(stage(Stage.SPEECH, failing(OSError("no disk"))), stage(Stage.SCREEN_TEXT), stage(Stage.HOOK))
    again = run(stage(Stage.SPEECH), stage(Stage.SCREEN_TEXT), stage(Stage.HOOK), known=known)
    assert did == ["speech"]
    assert again["speech"].state is State.DONE


def test_what_failed_for_good_is_not_tried_again_until_somebody_asks(run: Any, stage: Any, did: list[str]) -> None:
    listening = stage(Stage.SPEECH, failing(AnalysisError("It is broken.")))
    known = run(listening)
    assert run(listening, known=known) == known
    assert did == []
    run(listening, known={name: outcome.asked_again() for name, outcome in known.items()})
    assert did == ["speech"]


def test_what_failed_for_good_is_tried_again_with_other_settings(run: Any, stage: Any, did: list[str]) -> None:
    listening = stage(Stage.SPEECH, failing(AnalysisError("It is broken.")), settings=("speech_model",))
    run(listening, known=run(listening, speech_model="tiny.en"), speech_model="small")
    assert did == ["speech"]


@pytest.mark.parametrize(
    ("error", "permanent"),
    [
        (AnalysisError("It is broken."), True),
        (AnalysisError("It is away.", permanent=False), False),
        (OSError("no disk"), False),
        (StageSkippedError("Install it."), False),
    ],
)
def test_a_stage_keeps_whether_trying_again_can_help(
    run: Any, stage: Any, error: BaseException, permanent: bool
) -> None:
    assert run(stage(Stage.SPEECH, failing(error)))["speech"].permanent is permanent


@pytest.mark.parametrize("error", [OSError("no disk."), StageSkippedError("Install it.")])
def test_a_stage_that_cannot_be_done_again_keeps_what_was_found_before(
    run: Any, stage: Any, error: BaseException, did: list[str]
) -> None:
    words = stage(Stage.WORDS, needs=(Stage.SPEECH,))
    known = run(stage(Stage.SPEECH, settings=("speech_model",)), words, speech_model="tiny.en")
    failed = stage(Stage.SPEECH, failing(error), settings=("speech_model",))
    speech = run(failed, words, known=known, speech_model="small")["speech"]
    assert (speech.state, speech.result, speech.made_with) == (State.DONE, "found", "speech_model=tiny.en")
    (problem,) = speech.unmet
    assert (problem.made_with, problem.result) == ("speech_model=small", None)
    assert problem.why.endswith("What was found before is kept.")
    assert did == ["speech"]


def test_a_stage_that_lacks_a_part_is_done_again_until_it_has_it(run: Any, stage: Any, did: list[str]) -> None:
    def half(bench: Bench) -> str:
        bench.unmet.append(StageSkippedError("Install it."))
        return "half"

    known = run(stage(Stage.WORDS, half))
    assert (known["words"].state, known["words"].result) == (State.DONE, "half")
    assert [(each.state, each.why) for each in known["words"].unmet] == [(State.SKIPPED, "Install it.")]
    whole = run(stage(Stage.WORDS), known=known)["words"]
    assert did == ["words"]
    assert (whole.result, whole.unmet) == ("found", ())


def test_a_part_of_a_result_does_not_replace_a_whole_one(run: Any, stage: Any) -> None:
    def half(bench: Bench) -> str:
        bench.unmet.append(AnalysisError("It is away.", permanent=False))
        return "half"

    settings = ("summary_model",)
    known = run(stage(Stage.WORDS, settings=settings), summary_model="one")
    words = run(stage(Stage.WORDS, half, settings=settings), known=known, summary_model="other")["words"]
    assert (words.result, words.made_with) == ("found", "summary_model=one")
    assert [each.state for each in words.unmet] == [State.FAILED]


def test_a_stage_that_is_left_out_says_so(run: Any, stage: Any, did: list[str]) -> None:
    speech = run(stage(Stage.SPEECH), skip_stages=["speech"])["speech"]
    assert (speech.state, speech.why) == (State.SKIPPED, "Left out, as the setting skip_stages says.")
    assert did == []


def test_a_stage_that_is_left_out_keeps_what_was_found_before(run: Any, stage: Any) -> None:
    known = run(stage(Stage.SPEECH))
    assert run(stage(Stage.SPEECH), known=known, skip_stages=["speech"]) == known


def test_a_stage_that_is_left_out_has_not_failed_any_more(run: Any, stage: Any) -> None:
    listening = stage(Stage.SPEECH, settings=("speech_model",))
    broken = stage(Stage.SPEECH, failing(OSError("no disk")), settings=("speech_model",))
    known = run(broken, known=run(listening, speech_model="tiny.en"), speech_model="small")
    speech = run(listening, known=known, skip_stages=["speech"], speech_model="small")["speech"]
    assert (speech.result, [each.state for each in speech.unmet]) == ("found", [State.SKIPPED])


def test_what_rests_on_a_stage_that_was_done_again_is_done_again_too(run: Any, stage: Any, did: list[str]) -> None:
    words = stage(Stage.WORDS, needs=(Stage.SPEECH,))
    known = run(stage(Stage.SPEECH, failing(OSError("no disk"))), words)
    run(stage(Stage.SPEECH), words, known=known)
    assert did == ["speech", "words"]


def test_a_newer_version_of_a_stage_is_done_again(run: Any, stage: Any, did: list[str]) -> None:
    known = run(stage(Stage.SPEECH))
    run(stage(Stage.SPEECH, version=2), known=known)
    assert did == ["speech"]


def test_another_model_does_its_stage_again(run: Any, stage: Any, did: list[str]) -> None:
    listening = stage(Stage.SPEECH, settings=("speech_model",))
    known = run(listening, speech_model="tiny.en")
    run(listening, known=known, speech_model="tiny.en")
    assert did == []
    run(listening, known=known, speech_model="small")
    assert did == ["speech"]


def test_a_video_without_sound_has_nothing_to_listen_to(analyze: Callable[..., Analysis], silent: Path) -> None:
    bench = Bench(silent, analyze(silent), {}, {}, lambda _done: None)
    with pytest.raises(StageSkippedError, match=r'"3-silent-film.mp4" has no sound\.'):
        _ = bench.sound


def test_outcomes_come_back_from_the_document(run: Any, stage: Any) -> None:
    outcomes = run(stage(Stage.SPEECH, lambda _: {"segments": []}), stage(Stage.HOOK, failing(OSError("no disk"))))
    document = into_document({"schema": "x"}, outcomes)
    assert document["speech"] == {"segments": []}
    assert document["stages"]["hook"]["why"] == "OSError: no disk"
    assert from_document(document) == outcomes


def test_what_is_missing_beside_a_result_comes_back_from_the_document(run: Any, stage: Any) -> None:
    broken = stage(Stage.SPEECH, failing(OSError("no disk")), version=2)
    outcomes = run(broken, known=run(stage(Stage.SPEECH)))
    document = json.loads(json.dumps(into_document({"schema": "x"}, outcomes)))
    assert document["stages"]["speech"]["unmet"][0].keys() == {
        *("state", "version", "made_with", "seconds", "why", "permanent")
    }
    assert from_document(document) == outcomes


def test_an_outcome_of_an_older_document_is_read() -> None:
    stages = {"hook": {"state": "done", "version": 1, "made_with": "", "seconds": 0.5, "why": None}}
    assert from_document({"hook": {"score": 1}, "stages": stages}) == {
        "hook": Outcome(State.DONE, 1, "", 0.5, None, {"score": 1})
    }


def test_what_cannot_be_read_of_a_document_is_done_again() -> None:
    document = {"stages": {"speech": {"state": "odd"}, "hook": {"version": 1}}}
    assert from_document(document) == {}


def test_at_debug_each_stage_tells_how_it_ended(run: Any, stage: Any, caplog: pytest.LogCaptureFixture) -> None:
    stages = (stage(Stage.SPEECH), stage(Stage.HOOK, failing(OSError("no disk"))))
    with caplog.at_level(logging.DEBUG, logger="horarium_apps"):
        known = run(*stages)
        run(*stages, known=known)
    first, second, third, _ = [record.message for record in caplog.records]
    assert first.startswith('"2-city-lights.mp4": speech done in ')
    assert second.endswith(" s: OSError: no disk")
    assert third == '"2-city-lights.mp4": speech was done before, and is taken over'
