"""The result of one execution of the scheduled analysis."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class VideoFailure:
    """A video that could not be analysed: its id and a sentence that says why."""

    video_id: int
    error: str


@dataclass(frozen=True, slots=True)
class ExecutionResult:
    """What one execution did.

    Parameters:
        analyzed: videos analysed.
        errors: videos that could not be; never fewer than `error_details`, which may hold only the first of them.
        duration: seconds.
    """

    analyzed: int
    errors: int
    duration: float
    error_details: tuple[VideoFailure, ...] = ()

    @property
    def total_videos(self) -> int:
        """How many videos were processed, well or not."""
        return self.analyzed + self.errors

    def as_dict(self) -> dict[str, Any]:
        """Return exactly the documented keys, JSON-ready; each error detail has `video_id` and `error`."""
        return {
            "analyzed": self.analyzed,
            "errors": self.errors,
            "total_videos": self.total_videos,
            "duration": round(self.duration, 3),
            "error_details": [{"video_id": each.video_id, "error": each.error} for each in self.error_details],
        }


class FailedItem(Protocol):
    """An item of a batch that failed: its key is the video's id."""

    @property
    def key(self) -> str:
        """The id of the video, as text."""
        ...

    @property
    def message(self) -> str:
        """Why, in a sentence."""
        ...


class BatchTally(Protocol):
    """The counts of a finished batch, as the scheduler gives them; `errors` may hold only the first failures."""

    @property
    def done(self) -> int:
        """Items that succeeded."""
        ...

    @property
    def failed(self) -> int:
        """Items that failed."""
        ...

    @property
    def duration(self) -> float:
        """Seconds."""
        ...

    @property
    def errors(self) -> Iterable[FailedItem]:
        """The failures that were kept."""
        ...


def fold(tally: BatchTally, reason: Callable[[str, str], str] = lambda _key, message: message) -> ExecutionResult:
    """Turn the tally of a batch of videos into the documented result. Skipped items were not processed.

    Parameters:
        reason: from the key of a failed item and its message to the sentence that people are told.
    """
    return ExecutionResult(
        analyzed=tally.done,
        errors=tally.failed,
        duration=float(tally.duration),
        error_details=tuple(VideoFailure(int(each.key), reason(each.key, each.message)) for each in tally.errors),
    )
