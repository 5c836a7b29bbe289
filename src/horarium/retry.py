"""How often a failed run is tried again, and after which wait.

tenacity, stamina and backoff wrap a call and wait in memory; here a wait must outlive the process, and what
is left of them, a formula in one line, does not carry a dependency.
"""

from __future__ import annotations

import builtins
import math
import random as standard_random
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any, Literal, Self

from horarium.errors import ConfigurationError

Kind = Literal["none", "fixed", "linear", "exponential"]
KINDS: tuple[Kind, ...] = ("none", "fixed", "linear", "exponential")
LONGEST_DELAY = 365 * 86_400.0
"""Seconds; a delay that a formula takes beyond a year is cut to a year."""

_MOST_DOUBLINGS = 60


@dataclass(frozen=True, slots=True)
class Retry:
    """A retry policy. Make one with `Retry.none()`, `.fixed()`, `.linear()` or `.exponential()`.

    With n = 1 at the first retry the wait is `base` (fixed), n·base (linear) or 2^n·base (exponential)
    seconds, at most `max_delay`. `max_attempts` counts the first try: 3 are one try and two retries. `jitter`
    is the share of the wait, 0 to 1, that is left to chance: the wait is drawn evenly from (1 - jitter)·wait
    to wait, so that it never exceeds `max_delay`; 1 is what is known as full jitter. `permanent` names errors
    for which trying again is pointless: classes, or their names ("ValueError", "package.module.ClassName");
    subclasses count. An error whose attribute `permanent` is true is permanent as well. Raises
    ConfigurationError.
    """

    kind: Kind
    base: float = 0.0
    max_attempts: int = 1
    max_delay: float | None = None
    jitter: float = 0.0
    permanent: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        put = object.__setattr__
        if self.kind not in KINDS:
            raise ConfigurationError(f"retry kind {self.kind!r} is not one of {', '.join(KINDS)}")
        put(self, "base", _seconds(self.base, "base"))
        if self.max_delay is not None:
            put(self, "max_delay", _seconds(self.max_delay, "max_delay"))
        attempts = self.max_attempts
        if isinstance(attempts, bool) or not isinstance(attempts, int) or attempts < 1:
            raise ConfigurationError(
                f"max_attempts must be a whole number, 1 or more (the first try counts), not {attempts!r}"
            )
        if not _is_number(self.jitter) or not 0 <= self.jitter <= 1:
            raise ConfigurationError(f"jitter must be a share of the wait from 0 to 1, not {self.jitter!r}")
        put(self, "jitter", float(self.jitter))
        if isinstance(self.permanent, (str, type)) or not isinstance(self.permanent, Iterable):
            raise ConfigurationError(f"permanent must be a list of errors, not {self.permanent!r}")
        put(self, "permanent", tuple(dict.fromkeys(_class_name(error) for error in self.permanent)))

    @classmethod
    def none(cls) -> Self:
        """One try only."""
        return cls("none")

    @classmethod
    def fixed(
        cls,
        delay: float | timedelta = 60,
        *,
        max_attempts: int = 3,
        max_delay: float | timedelta | None = None,
        jitter: float = 0.0,
        permanent: Iterable[type[BaseException] | str] = (),
    ) -> Self:
        """Wait `delay` seconds before every retry."""
        return cls._of("fixed", delay, max_attempts, max_delay, jitter, permanent)

    @classmethod
    def linear(
        cls,
        base: float | timedelta = 60,
        *,
        max_attempts: int = 3,
        max_delay: float | timedelta | None = None,
        jitter: float = 0.0,
        permanent: Iterable[type[BaseException] | str] = (),
    ) -> Self:
        """Wait n·`base` seconds before the n-th retry."""
        return cls._of("linear", base, max_attempts, max_delay, jitter, permanent)

    @classmethod
    def exponential(
        cls,
        base: float | timedelta = 60,
        *,
        max_attempts: int = 3,
        max_delay: float | timedelta | None = None,
        jitter: float = 0.0,
        permanent: Iterable[type[BaseException] | str] = (),
    ) -> Self:
        """Wait 2^n·`base` seconds before the n-th retry: 120 s, then 240 s, with a base of 60."""
        return cls._of("exponential", base, max_attempts, max_delay, jitter, permanent)

    @classmethod
    def _of(
        cls,
        kind: Kind,
        base: float | timedelta,
        max_attempts: int,
        max_delay: float | timedelta | None,
        jitter: float,
        permanent: Iterable[type[BaseException] | str],
    ) -> Self:
        limit = None if max_delay is None else _seconds(max_delay, "max_delay")
        names = (permanent,) if isinstance(permanent, (str, type)) else permanent
        return cls(
            kind,
            _seconds(base, "delay" if kind == "fixed" else "base"),
            max_attempts,
            limit,
            jitter,
            tuple(_class_name(one) for one in names),
        )

    def delay_before(self, attempt: int, random: Callable[[], float] = standard_random.random) -> float:
        """Seconds to wait before `attempt` is made: 1 is the first try (no wait), 2 the first retry.

        `random` answers a number from 0 to 1, as `random.random` does.
        """
        retry = attempt - 1
        if retry < 1 or self.kind == "none":
            return 0.0
        factor = {"fixed": 1.0, "linear": float(retry), "exponential": 2.0 ** min(retry, _MOST_DOUBLINGS)}[self.kind]
        longest = LONGEST_DELAY if self.max_delay is None else self.max_delay
        delay = min(self.base * factor, longest)
        return delay * (1.0 - self.jitter * random()) if self.jitter else delay

    def wants_retry(self, attempt_made: int, error_class_names: Collection[str], permanent_flag: bool = False) -> bool:
        """Whether to try again after `attempt_made` attempts, the last of which failed.

        `error_class_names` are those of the error's class and its bases (`error_names`); `permanent_flag`
        says that the error itself called trying again pointless.
        """
        if permanent_flag or attempt_made >= self.max_attempts or self.kind == "none":
            return False
        return not any(name in self.permanent for name in error_class_names)

    def to_json(self) -> dict[str, Any]:
        """As JSON, without what is at its default."""
        data: dict[str, Any] = {}
        for one in fields(self):
            value = getattr(self, one.name)
            if value != one.default:
                data[one.name] = list(value) if isinstance(value, tuple) else value
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """From the fields that `to_json` writes. Raises ConfigurationError, naming the field that is wrong."""
        if not isinstance(data, Mapping):
            raise ConfigurationError(f'a retry policy must be an object such as {{"kind": "fixed", ...}}, not {data!r}')
        known = {one.name for one in fields(cls)}
        for name in data:
            if name not in known:
                raise ConfigurationError(
                    f"retry: there is no field {name!r}; the fields are {', '.join(sorted(known))}"
                )
        if "kind" not in data:
            raise ConfigurationError(f"retry: the field 'kind' is missing; it is one of {', '.join(KINDS)}")
        return cls(**data)


def error_names(error: BaseException | type[BaseException]) -> tuple[str, ...]:
    """The full names of an error's class and of its bases, the nearest first: "builtins.ValueError", ..."""
    kind = error if isinstance(error, type) else type(error)
    return tuple(_full_name(one) for one in kind.__mro__ if one is not object)


def is_permanent(error: BaseException) -> bool:
    """Whether the error itself says, by a true attribute `permanent`, that trying again is pointless."""
    return getattr(error, "permanent", False) is True


def _full_name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _class_name(error: object) -> str:
    if isinstance(error, type) and issubclass(error, BaseException):
        return _full_name(error)
    if isinstance(error, str) and error.strip():
        name = error.strip()
        if "." in name:
            return name
        builtin = getattr(builtins, name, None)
        if isinstance(builtin, type) and issubclass(builtin, BaseException):
            return f"builtins.{builtin.__name__}"
        raise ConfigurationError(
            f"permanent error {name!r} is not one of Python's own; name its module too, like 'package.module.{name}'"
        )
    raise ConfigurationError(f"permanent error {error!r} must be a class of errors or the name of one")


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _seconds(value: float | timedelta, field: str) -> float:
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if not _is_number(value) or value < 0:
        raise ConfigurationError(f"{field} must be a number of seconds, 0 or more, not {value!r}")
    return float(value)


__all__ = ["Kind", "Retry", "error_names", "is_permanent"]
