"""What a child process and its parent say to each other: JSON lines over pipes, errors by description.

The parent sends the sys.path, then one call, then replies and at most one `stop` and one `terminate`. The child sends
`started`, any number of requests, log lines and progress, and at last `result` or `error`. A request has an `id`, which
its `reply` has too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from types import TracebackType
from typing import Any

from horarium import errors
from horarium.errors import HorariumError, RunStopped, Skip
from horarium.execution.faults import RemoteError, info_of, names_of
from horarium.execution.link import Mark, RunFacts
from horarium.values import ErrorInfo, ItemFailure

Message = dict[str, Any]

importing_task = False
"""Whether this process is a child that is importing its task's module, which must not call children itself then."""


class Lines:
    """Puts chunks of bytes together to whole lines, without looking at any byte twice."""

    def __init__(self) -> None:
        self._begun = bytearray()

    def __len__(self) -> int:
        """How many bytes of an unfinished line there are."""
        return len(self._begun)

    def feed(self, chunk: bytes) -> list[bytes]:
        """Take a chunk in; answers the lines that it ended, without their newlines."""
        *ended, rest = chunk.split(b"\n")
        if ended:
            ended[0] = bytes(self._begun) + ended[0]
            self._begun.clear()
        self._begun += rest
        return ended

    def take_unfinished(self) -> bytes:
        """The unfinished line, which is forgotten."""
        rest = bytes(self._begun)
        self._begun.clear()
        return rest


def encode(message: Mapping[str, Any] | list[str]) -> bytes:
    """A message as one line. ASCII, so that no text (a lone surrogate, a file name) can fail to cross."""
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def decode(line: bytes) -> Message:
    """The message of a line."""
    message: Message = json.loads(line)
    return message


def as_json(result: Any) -> Any:
    """A result as what JSON can hold, if it is one of the values that know how (a Tally)."""
    return result.to_json() if hasattr(result, "to_json") else result


def facts_to_json(facts: RunFacts) -> dict[str, Any]:
    """The facts of a run, for the child."""
    return {
        "id": facts.id,
        "job_id": facts.job_id,
        "task": facts.task,
        "scheduled_at": facts.scheduled_at.isoformat(),
        "attempt": facts.attempt,
        "fencing_token": facts.fencing_token,
        "node": facts.node,
        "args": facts.args,
        "kwargs": dict(facts.kwargs),
    }


def facts_from_json(data: Mapping[str, Any]) -> RunFacts:
    """The facts of a run, in the child."""
    return RunFacts(
        **{
            **data,
            "scheduled_at": datetime.fromisoformat(data["scheduled_at"]),
            "args": tuple(data["args"]),
        }
    )


def mark_to_json(mark: Mark) -> dict[str, Any]:
    """A mark without a `write`."""
    return {
        "key": mark.key,
        "outcome": mark.outcome,
        "failure": mark.failure.to_json() if mark.failure else None,
    }


def mark_from_json(data: Mapping[str, Any]) -> Mark:
    """A mark, from JSON."""
    failure = ItemFailure(**data["failure"]) if data["failure"] else None
    return Mark(data["key"], data["outcome"], failure)


def describe(error: BaseException, where: TracebackType | None = None) -> dict[str, Any]:
    """An error as JSON. `where` is the traceback to show, the error's own if not given."""
    info, names = info_of(error, where), names_of(error)
    kind = _known_class(error)
    return {
        "info": info.to_json(),
        "names": names,
        "class": kind.__name__ if kind else None,
        "attributes": {
            name: value
            for name, value in vars(error).items()
            if isinstance(value, str | int | float | None) and not name.startswith("_")
        },
    }


def rebuild(data: Mapping[str, Any]) -> HorariumError:
    """The error of a description: one of ours as its own class, so that it can be caught; any other as RemoteError."""
    info = ErrorInfo.from_json(data["info"])
    kind: type[HorariumError] | None = getattr(errors, data["class"]) if data["class"] else None
    error: HorariumError
    if kind is None:
        error = RemoteError(info, data["names"])
    else:
        # Not through __init__: it makes the message of its own arguments, and here only the message crossed.
        error = kind.__new__(kind, info.message)
        vars(error).update(data["attributes"])
    if info.traceback:
        error.add_note(f"In the child process:\n{info.traceback.rstrip()}")
    return error


def _known_class(error: BaseException) -> type[HorariumError] | None:
    """The class of `horarium.errors` to rebuild: its own, or that of a signal (`Skip`) which it derives from."""
    for kind in type(error).__mro__:
        if kind.__module__ == errors.__name__ and issubclass(kind, HorariumError):
            return kind if kind is type(error) or issubclass(kind, Skip | RunStopped) else None
    return None
