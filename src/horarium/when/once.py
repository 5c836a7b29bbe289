"""A single time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Self

from horarium.errors import TriggerError
from horarium.when.base import Count, Trigger, seconds_of
from horarium.when.moments import instant, moment, written
from horarium.when.zones import zone_name


@dataclass(frozen=True, slots=True)
class Once(Trigger):
    """One occurrence, at `at`; a naive time is in `timezone`.

    A time that has passed when the job is added is still its first occurrence: it is due at once. Raises
    TriggerError.
    """

    at: datetime
    timezone: str | None = None
    jitter: float = 0.0
    seed: str = ""
    _instant: datetime = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "timezone", zone_name(self.timezone))
        put(self, "jitter", seconds_of(self.jitter, "jitter"))
        put(self, "at", moment(self.at, "at"))
        if not isinstance(self.seed, str):
            raise TriggerError(f"seed must be text, not {self.seed!r}")
        put(self, "_instant", instant(self.at, self.timezone))

    def first(self, now: datetime) -> datetime | None:
        """The occurrence, also if it has passed."""
        del now
        return self._delayed(self._instant) if self.jitter else self._instant

    def _nominal_after(self, after: datetime) -> datetime | None:
        return self._instant if self._instant > after else None

    def _nominal_until(self, until: datetime) -> datetime | None:
        return self._instant if self._instant <= until else None

    def _nominal_count(self, after: datetime, until: datetime) -> Count:
        return Count(int(after < self._instant <= until), exact=True)

    def to_json(self) -> dict[str, Any]:
        """As JSON, without what is at its default."""
        data: dict[str, Any] = {"type": "once", "at": self.at.isoformat()}
        data.update({name: getattr(self, name) for name in ("timezone", "jitter", "seed") if getattr(self, name)})
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """From the fields that `to_json` writes."""
        return cls(**data)

    def describe(self) -> str:
        """In words, such as "once at 2025-10-13 15:30 (Europe/Rome)"."""
        zone = self.timezone or ("UTC" if self.at.tzinfo is UTC else None)
        return f"once at {written(self.at, self.timezone)}{f' ({zone})' if zone else ''}"

    def _changed(self, **values: Any) -> Self:
        return replace(self, **values)
