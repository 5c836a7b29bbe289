"""How one stage of an analysis ended, as it is kept: what is done is not done again, what failed is done alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

_OF_A_PROBLEM = ("state", "version", "made_with", "seconds", "why", "permanent")


class State(StrEnum):
    """How a stage ended."""

    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one stage ended.

    Parameters:
        version: of the stage; a newer one does it again.
        made_with: what it depends on beside the file, such as the name of a model; another one does it again.
        seconds: how long it took.
        why: a sentence, unless it is done.
        result: as JSON; None unless it is done.
        permanent: it failed, and trying again with the same file and settings cannot help.
        unmet: what is missing beside the result, each told as an outcome of its own: parts of a stage that could not
            be done, or a later try of the whole that did not succeed and left what was found before.
    """

    state: State
    version: int
    made_with: str
    seconds: float
    why: str | None = None
    result: Any = None
    permanent: bool = False
    unmet: tuple[Outcome, ...] = ()

    @property
    def problems(self) -> tuple[Outcome, ...]:
        """What did not succeed: all of it, or what is missing beside the result."""
        return self.unmet if self.state is State.DONE else (self,)

    def serves(self, version: int, made_with: str) -> bool:
        """Whether it need not be done again: it is done and nothing is missing, or trying again cannot help."""
        return all(
            (each.state is State.DONE or each.permanent) and (each.version, each.made_with) == (version, made_with)
            for each in self.unmet or (self,)
        )

    def after(self, before: Outcome | None, *, stale: bool) -> Outcome:
        """Return what is kept of a stage of which this is the newest outcome: what failed takes nothing away.

        Parameters:
            before: the outcome of an earlier try; None without one.
            stale: what it rests on has changed since, so that a part of a new result is better than the whole old one.
        """
        if before is None or before.state is not State.DONE or not self.problems:
            return self
        if self.state is State.DONE and (stale or before.unmet):
            return self
        return replace(before, unmet=tuple(replace(each, why=_kept(each.why)) for each in self.problems))

    def asked_again(self) -> Outcome:
        """Return it as it is once somebody asks for another try, whether that can help or not."""
        return replace(self, permanent=False, unmet=tuple(replace(each, permanent=False) for each in self.unmet))

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        facts = asdict(self)
        return facts | {"unmet": [{name: each[name] for name in _OF_A_PROBLEM} for each in facts["unmet"]]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Outcome:
        """From JSON. Raises KeyError, TypeError or ValueError when it is none."""
        unmet = tuple(cls.from_json(each) for each in data.get("unmet", ()))
        return cls(**{**data, "state": State(data["state"]), "unmet": unmet})


def into_document(media: Mapping[str, Any], outcomes: Mapping[str, Outcome]) -> dict[str, Any]:
    """Return the document of a video: what ffmpeg told, the result of each stage by its name, and how each ended."""
    document = dict(media)
    stages = {}
    for name, outcome in outcomes.items():
        document[name] = outcome.result
        facts = outcome.to_json()
        del facts["result"]
        stages[name] = facts
    return {**document, "stages": stages}


def from_document(document: Mapping[str, Any]) -> dict[str, Outcome]:
    """Return how the stages of a document ended; what cannot be read is left out, and so done again."""
    facts = document.get("stages", {})
    return from_steps({name: {**each, "result": document.get(name)} for name, each in facts.items()})


def from_steps(steps: Mapping[str, Any]) -> dict[str, Outcome]:
    """Return the outcomes that were kept as JSON; what cannot be read is left out."""
    found = {}
    for name, facts in steps.items():
        with suppress(KeyError, TypeError, ValueError):
            found[name] = Outcome.from_json(facts)
    return found


def failures(outcomes: Mapping[str, Outcome]) -> list[tuple[str, Outcome]]:
    """Return what failed, of which stage, be it a part of it."""
    return [
        (name, each) for name, outcome in outcomes.items() for each in outcome.problems if each.state is State.FAILED
    ]


def newest(kept: Iterable[Mapping[str, Outcome]]) -> dict[str, Outcome]:
    """Return for each stage the last outcome that is done, else the last, of what several analyses kept.

    Parameters:
        kept: the oldest first.
    """
    found: dict[str, Outcome] = {}
    for outcomes in kept:
        for name, outcome in outcomes.items():
            if outcome.state is State.DONE or name not in found or found[name].state is not State.DONE:
                found[name] = outcome
    return found


def _kept(why: str | None) -> str:
    return f"{(why or 'It failed').rstrip('.')}. What was found before is kept."
