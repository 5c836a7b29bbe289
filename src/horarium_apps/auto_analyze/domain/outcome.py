"""How one stage of an analysis ended, as it is kept: what is done is not done again, what failed is done alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


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
    """

    state: State
    version: int
    made_with: str
    seconds: float
    why: str | None = None
    result: Any = None

    def serves(self, version: int, made_with: str) -> bool:
        """Whether it need not be done again."""
        return self.state is State.DONE and self.version == version and self.made_with == made_with

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Outcome:
        """From JSON. Raises KeyError, TypeError or ValueError when it is none."""
        return cls(**{**data, "state": State(data["state"])})


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


def failed_stages(outcomes: Mapping[str, Outcome]) -> list[str]:
    """Return the names of the stages that failed."""
    return [name for name, outcome in outcomes.items() if outcome.state is State.FAILED]


def newest(kept: Iterable[Mapping[str, Outcome]]) -> dict[str, Outcome]:
    """Return the last outcome of each stage that is done, of what several analyses kept, the oldest first."""
    found: dict[str, Outcome] = {}
    for outcomes in kept:
        found |= {name: outcome for name, outcome in outcomes.items() if outcome.state is State.DONE}
    return found
