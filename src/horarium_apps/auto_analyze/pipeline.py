"""The stages of one video's analysis after ffmpeg's own, each kept by itself: what is done is never done again.

A stage gets a `Bench` with what is known of the video so far, and returns JSON. One whose library is not installed is
skipped, one that goes wrong has failed, and the others go on; only ffmpeg's own stages fail the video.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
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
    """

    path: Path
    analysis: Analysis
    options: Mapping[str, Any]
    outcomes: Mapping[str, Outcome]
    progress: Fraction

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

    def has_failed(self, stage: Stage) -> bool:
        """Whether an earlier stage failed."""
        outcome = self.outcomes.get(stage)
        return outcome is not None and outcome.state is State.FAILED


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
    keep: Keep,
    report: Callable[[str, float], None],
) -> dict[str, Outcome]:
    """Do the stages of one video and return how each ended.

    Parameters:
        known: how stages ended in earlier analyses of the same file; what is done and as it should be is taken over.
        keep: keeps the outcome of each stage as soon as it is there.
        report: told the stage and how much of it is done.

    Raises:
        RunStopped: the run was told to stop meanwhile.
    """
    outcomes: dict[str, Outcome] = {}
    fresh: set[Stage] = set()
    for stage in stages:
        report(stage.name, 0.0)
        made_with, before = stage.made_with(options), known.get(stage.name)
        if before is not None and before.serves(stage.version, made_with) and fresh.isdisjoint(stage.needs):
            outcomes[stage.name] = before
            logger.debug("%s: %s was done before, and is taken over", quoted(path), stage.name)
            report(stage.name, 1.0)
            continue
        bench = Bench(path, analysis, options, dict(outcomes), _of_stage(stage.name, report))

        def compute(stage: StageSpec = stage, bench: Bench = bench, made_with: str = made_with) -> dict[str, Any]:
            return _attempt(stage, bench, made_with).to_json()

        outcomes[stage.name] = Outcome.from_json(keep(stage.name, compute))
        fresh.add(stage.name)
        ended = outcomes[stage.name]
        logger.debug("%s: %s %s in %.1f s%s", quoted(path), stage.name, ended.state, ended.seconds, _because(ended.why))
        report(stage.name, 1.0)
    return outcomes


def _attempt(stage: StageSpec, bench: Bench, made_with: str) -> Outcome:
    began = time.monotonic()

    def ended(state: State, *, why: str | None = None, result: Any = None) -> Outcome:
        return Outcome(state, stage.version, made_with, round(time.monotonic() - began, 3), why, result)

    try:
        return ended(State.DONE, result=stage.perform(bench))
    except RunStopped:
        raise
    except StageSkippedError as error:
        return ended(State.SKIPPED, why=str(error))
    except AnalysisError as error:
        return ended(State.FAILED, why=str(error))
    except Exception as error:  # noqa: BLE001 - whatever a library raises costs its own stage only, and is told
        return ended(State.FAILED, why=f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)


def _because(why: str | None) -> str:
    return f": {why}" if why else ""


def _of_stage(name: Stage, report: Callable[[str, float], None]) -> Fraction:
    return lambda done: report(name, done)
