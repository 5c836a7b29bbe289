"""Triggers made of triggers: any of them, or all of them at once."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, ClassVar, Self

from horarium.errors import TriggerError
from horarium.when.base import Count, Trigger, seconds_of
from horarium.when.moments import MICROSECOND

COUNTED = 1_000
"""Occurrences of a combined trigger are counted one by one up to here; beyond it a lower bound is given."""
SEARCHED = 10_000
"""How many occurrences of its parts `AllOf` compares in search of a common one: 13 years of a daily one."""


class CombinedTrigger(Trigger):
    """What `AnyOf` and `AllOf` share: the parts, in order and without repetition."""

    __slots__ = ()

    kind: ClassVar[str]
    triggers: tuple[Trigger, ...]

    def __post_init__(self) -> None:
        parts: object = self.triggers
        if isinstance(parts, Trigger) or not isinstance(parts, Iterable):
            raise TriggerError(f"triggers must be a list of triggers, not {parts!r}")
        triggers = tuple(parts)
        if not triggers:
            raise TriggerError("a combined trigger needs at least one trigger")
        for part in triggers:
            if isinstance(part, list | tuple):
                raise TriggerError(
                    f"give the triggers one by one, {self.kind}(first, second), not as a {type(part).__name__}"
                )
            if not isinstance(part, Trigger):
                raise TriggerError(f"triggers must be a list of triggers; {part!r} is none")
        object.__setattr__(self, "triggers", tuple(dict.fromkeys(triggers)))
        object.__setattr__(self, "jitter", seconds_of(self.jitter, "jitter"))
        if not isinstance(self.seed, str):
            raise TriggerError(f"seed must be text, not {self.seed!r}")

    @property
    def timezone(self) -> str | None:
        """The zone that all parts share; None when they differ or have none."""
        zones = {part.timezone for part in self.triggers}
        return zones.pop() if len(zones) == 1 else None

    @property
    def is_anchored(self) -> bool:
        """Whether the occurrences of all parts are fixed."""
        return all(part.is_anchored for part in self.triggers)

    def anchored(self, now: datetime) -> Self:
        """With every part anchored at `now`."""
        return self if self.is_anchored else self._each(lambda part: part.anchored(now))

    def in_zone(self, name: str) -> Self:
        """With `name` as the zone of every part that has none."""
        return self._each(lambda part: part.in_zone(name))

    def seeded(self, seed: str) -> Self:
        """With the jitter of the whole and of the parts derived from `seed`."""
        changed = self._each(lambda part: part.seeded(seed))
        return changed._changed(seed=seed) if self.jitter and self.seed != seed else changed

    def as_written(self) -> Self:
        """The trigger as its user wrote it: parts without anchor and seed."""
        changed = self._each(lambda part: part.as_written())
        return changed._changed(seed="") if self.seed else changed

    def to_json(self) -> dict[str, Any]:
        """As JSON, without what is at its default."""
        data: dict[str, Any] = {"type": self.kind, "triggers": [part.to_json() for part in self.triggers]}
        data.update({name: getattr(self, name) for name in ("jitter", "seed") if getattr(self, name)})
        return data

    def describe(self) -> str:
        """In words, such as "any of: every hour; daily at 06:00 (UTC)"."""
        words = f"{self.kind.replace('_', ' ')}: {'; '.join(part.describe() for part in self.triggers)}"
        return f"{words}, up to {self.jitter:g} s later" if self.jitter else words

    @abstractmethod
    def _most(self, counts: list[Count]) -> int:
        """A number that the occurrences surely reach, from those of the parts."""

    def _nominal_count(self, after: datetime, until: datetime) -> Count:
        counted = 0
        found = self._nominal_after(after)
        while found is not None and found <= until:
            counted += 1
            if counted == COUNTED:
                surely = self._most([part.count_between(after, until) for part in self.triggers])
                return Count(max(counted, surely), exact=False)
            found = self._nominal_after(found)
        return Count(counted, exact=True)

    def _each(self, change: Callable[[Trigger], Trigger]) -> Self:
        changed = tuple(change(part) for part in self.triggers)
        same = all(new is old for new, old in zip(changed, self.triggers, strict=True))
        return self if same else self._changed(triggers=changed)


@dataclass(frozen=True, slots=True)
class AnyOf(CombinedTrigger):
    """The occurrences of any of `triggers`; those that meet at one instant are one.

    `jitter`, in seconds, delays those of the whole, besides that of the parts. Raises TriggerError.
    """

    triggers: tuple[Trigger, ...]
    jitter: float = 0.0
    seed: str = ""
    kind: ClassVar[str] = "any_of"

    def first(self, now: datetime) -> datetime | None:
        """The first occurrence of any part for a job added at `now`; that of a past `Once` is in the past."""
        found = [first for part in self.triggers if (first := part.first(now)) is not None]
        if self.jitter and found and min(found) >= now:
            return CombinedTrigger.first(self, now)
        return min(found, default=None)

    def _nominal_after(self, after: datetime) -> datetime | None:
        found = [following for part in self.triggers if (following := part.next_after(after)) is not None]
        return min(found, default=None)

    def _nominal_until(self, until: datetime) -> datetime | None:
        found = [last for part in self.triggers if (last := part.last_before(until)) is not None]
        return max(found, default=None)

    def _most(self, counts: list[Count]) -> int:
        return max(count.number for count in counts)

    def _changed(self, **values: Any) -> Self:
        return replace(self, **values)


@dataclass(frozen=True, slots=True)
class AllOf(CombinedTrigger):
    """The instants that are occurrences of all `triggers`, to the microsecond.

    Meant for times of day. The search for a common instant compares `SEARCHED` occurrences of
    the parts at most and then answers None; `first` raises TriggerError when it comes to nothing although
    all parts go on. A part cannot have jitter; `jitter`, in seconds, delays the occurrences of the whole.
    Raises TriggerError.
    """

    triggers: tuple[Trigger, ...]
    jitter: float = 0.0
    seed: str = ""
    kind: ClassVar[str] = "all_of"

    def __post_init__(self) -> None:
        CombinedTrigger.__post_init__(self)
        for part in self.triggers:
            if part.jitter:
                raise TriggerError(
                    f"a part of AllOf cannot have jitter ({part.describe()}), since its times would never meet "
                    "those of the others; give the jitter to AllOf"
                )

    def first(self, now: datetime) -> datetime | None:
        """The first occurrence for a job added at `now`; None when a part has none any more.

        Raises TriggerError when the parts go on but do not meet.
        """
        fixed = self.anchored(now)
        found = CombinedTrigger.first(fixed, now)
        if found is None and all(part.next_after(now - MICROSECOND) for part in fixed.triggers):
            raise TriggerError(
                f"no common time of {self.describe()!r} was found after {now.isoformat()}; triggers of which all "
                "must agree need times that meet exactly"
            )
        return found

    def _nominal_after(self, after: datetime) -> datetime | None:
        candidate, agreed = after + MICROSECOND, 0
        for step in range(SEARCHED):
            found = self.triggers[step % len(self.triggers)].next_after(candidate - MICROSECOND)
            if found is None:
                return None
            agreed = agreed + 1 if found == candidate else 1
            candidate = found
            if agreed == len(self.triggers):
                return candidate
        return None

    def _nominal_until(self, until: datetime) -> datetime | None:
        candidate, agreed = until, 0
        for step in range(SEARCHED):
            found = self.triggers[step % len(self.triggers)].last_before(candidate)
            if found is None:
                return None
            agreed = agreed + 1 if found == candidate else 1
            candidate = found
            if agreed == len(self.triggers):
                return candidate
        return None

    def _most(self, counts: list[Count]) -> int:
        del counts
        return 0

    def _changed(self, **values: Any) -> Self:
        return replace(self, **values)
