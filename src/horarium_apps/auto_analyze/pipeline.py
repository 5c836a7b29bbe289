"""The stages of one video's analysis after ffmpeg's own, each kept by itself: what is done is never done again.

A stage gets a `Bench` with what is known of the video so far, and returns JSON. One whose library is not installed is
skipped, one that goes wrong has failed, and the others go on; only ffmpeg's own stages fail the video. What an earlier
analysis found stays when a later one cannot find it again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from horarium import RunStopped
from horarium_apps.auto_analyze.domain.errors import AnalysisError, StageSkippedError
from horarium_apps.auto_analyze.domain.media import Analysis, AudioStream, VideoStream
from horarium_apps.auto_analyze.domain.names import quoted
from horarium_apps.auto_analyze.domain.outcome import Outcome, State
from horarium_apps.auto_analyze.domain.stages import Fraction, Stage

logger = logging.getLogger(__name__)

Keep = Callable[[str, Callable[[], dict[str, Any]]], dict[str, Any]]
"""Computes something under a name and keeps it, or returns what was kept under it: `SyncRun.step`."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What a stage works with.

    Parameters:
        path: of the file.
        analysis: what ffmpeg told.
        options: the settings of the application, as JSON.
        outcomes: how the stages before this one ended, by name.
        progress: told how much of this stage is done.
        unmet: to be given the error that costs a part of a stage, which is done without that part.
    """

    path: Path
    analysis: Analysis
    options: Mapping[str, Any]
    outcomes: Mapping[str, Outcome]
    progress: Fraction
    unmet: list[Exception] = field(default_factory=list)

    @property
    def picture(self) -> VideoStream:
        """The picture stream that is looked at."""
        return next(each for each in self.analysis.video if each.index == self.analysis.picture)

    @property
    def sound(self) -> AudioStream:
        """The sound track that is listened to. Raises StageSkippedError when there is none."""
        if not self.analysis.audio:
            raise StageSkippedError(f"{quoted(self.path)} has no sound.")
        return self.analysis.audio[0]

    def result(self, stage: Stage) -> Any:
        """What an earlier stage found; None when it is not done."""
        outcome = self.outcomes.get(stage)
        return None if outcome is None else outcome.result

    def failure(self, stage: Stage) -> Outcome | None:
        """How an earlier stage failed; None when it did not, or what was found before is kept."""
        outcome = self.outcomes.get(stage)
        return outcome if outcome is not None and outcome.state is State.FAILED else None


@dataclass(frozen=True, slots=True)
class StageSpec:
    """A stage: its name, its version, what it does, the settings and the earlier stages that its result depends on."""

    name: Stage
    version: int
    perform: Callable[[Bench], Any]
    settings: Sequence[str] = ()
    needs: Sequence[Stage] = field(default=())

    def made_with(self, options: Mapping[str, Any]) -> str:
        """Return the settings that its result depends on, as text."""
        return ", ".join(f"{name}={options[name]}" for name in self.settings if options.get(name) is not None)


def run_stages(
    stages: Sequence[StageSpec],
    path: Path,
    analysis: Analysis,
    *,
    options: Mapping[str, Any],
    known: Mapping[str, Outcome],
    older: Mapping[str, Outcome] = MappingProxyType({}),
    keep: Keep,
    report: Callable[[str, float], None],
) -> dict[str, Outcome]:
    """Do the stages of one video and return how each ended.

    Parameters:
        options: the settings of the application; `skip_stages` names stages to leave out.
        known: how stages ended in earlier analyses of the same file; what is done and as it should be is taken over.
        older: the same, of stages that are to be done again all the same; what they found stays where that fails.
        keep: keeps the outcome of each stage as soon as it is there.
        report: told the stage and how much of it is done.

    Raises:
        RunStopped: the run was told to stop meanwhile.
    """
    outcomes: dict[str, Outcome] = {}
    changed: set[Stage] = set()
    for stage in stages:
        done, made_with = known.get(stage.name), stage.made_with(options)
        before = done or older.get(stage.name)
        if stage.name in options.get("skip_stages", ()):
            outcomes[stage.name] = _left_out(stage, made_with, before)
        else:
            report(stage.name, 0.0)
            stale = not changed.isdisjoint(stage.needs)
            if done is not None and done.serves(stage.version, made_with) and not stale:
                outcomes[stage.name] = done
                logger.debug("%s: %s was %s before, and is taken over", quoted(path), stage.name, done.state)
            else:
                bench = Bench(path, analysis, options, dict(outcomes), _of_stage(stage.name, report))
                outcomes[stage.name] = _done(stage, bench, made_with, before, stale=stale, keep=keep)
            report(stage.name, 1.0)
        if not _is_same(before, outcomes[stage.name]):
            changed.add(stage.name)
    return outcomes


def _left_out(stage: StageSpec, made_with: str, before: Outcome | None) -> Outcome:
    """How a stage stands that the settings leave out: what was found before stays, and nothing is tried again."""
    skipped = Outcome(State.SKIPPED, stage.version, made_with, 0.0, "Left out, as the setting skip_stages says.")
    if before is None or before.state is not State.DONE:
        return skipped
    return skipped.after(before, stale=False) if before.unmet else before


def _done(
    stage: StageSpec, bench: Bench, made_with: str, before: Outcome | None, *, stale: bool, keep: Keep
) -> Outcome:
    def compute() -> dict[str, Any]:
        return _attempt(stage, bench, made_with).after(before, stale=stale).to_json()

    outcome = Outcome.from_json(keep(stage.name, compute))
    for each in outcome.problems or (outcome,):
        logger.debug(
            "%s: %s %s in %.1f s%s", quoted(bench.path), stage.name, each.state, each.seconds, _because(each.why)
        )
    return outcome


def _attempt(stage: StageSpec, bench: Bench, made_with: str) -> Outcome:
    began = time.monotonic()

    def ended(state: State, why: str | None = None, **facts: Any) -> Outcome:
        return Outcome(state, stage.version, made_with, round(time.monotonic() - began, 3), why, **facts)

    def unmet(error: Exception) -> Outcome:
        match error:
            case StageSkippedError():
                return ended(State.SKIPPED, str(error))
            case AnalysisError():
                return ended(State.FAILED, str(error), permanent=error.permanent)
            case _:
                return ended(State.FAILED, f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)

    try:
        result = stage.perform(bench)
    except RunStopped:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a library raises costs its own stage only, and is told
        return unmet(error)
    return ended(State.DONE, result=result, unmet=tuple(unmet(error) for error in bench.unmet))


def _is_same(before: Outcome | None, now: Outcome) -> bool:
    """Whether what rests on a stage can stay as it is."""
    return before is not None and (before.state, before.result) == (now.state, now.result)


def _because(why: str | None) -> str:
    return f": {why}" if why else ""


def _of_stage(name: Stage, report: Callable[[str, float], None]) -> Fraction:
    return lambda done: report(name, done)
