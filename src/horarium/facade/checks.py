"""What people give to the facade, checked before a database sees it, so that a slip is told in words."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum
from typing import TypeVar

from horarium.errors import JobError, JobNotFound

_MOST = 2**63 - 1
_MOST_DAYS = 366_000
_Choice = TypeVar("_Choice", bound=StrEnum)


def job_named(job_id: object) -> str:
    """A job's id that a database can be asked for. Raises JobNotFound for what can be no id."""
    if not isinstance(job_id, str) or not job_id.isprintable():
        raise JobNotFound(job_id if isinstance(job_id, str) else repr(job_id))
    return job_id


def whole(value: object, what: str, least: int = 0) -> int:
    """A whole number that is at least `least`. Raises JobError, naming `what`."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= _MOST:
        raise JobError(f"{what} must be a whole number, at least {least}, not {value!r}")
    return value


def days_of(value: object) -> timedelta:
    """A number of days, not negative. Raises JobError."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= _MOST_DAYS:
        raise JobError(f"days must be a number, at least 0 and at most {_MOST_DAYS}, not {value!r}")
    return timedelta(days=value)


def limit_of(value: object) -> int | None:
    """How many at most; None for all. Raises JobError."""
    return None if value is None else whole(value, "limit")


def choice(kind: type[_Choice], value: object, what: str) -> _Choice:
    """One of an enumeration, by itself or by its word. Raises JobError, with the words that there are."""
    try:
        return kind(str(value))
    except ValueError:
        raise JobError(f"{what} {value!r} is not one of {', '.join(kind)}") from None


def choices(kind: type[_Choice], values: object, what: str) -> list[_Choice]:
    """Several of an enumeration; one by itself is meant as the only one. Raises JobError."""
    several = [values] if isinstance(values, str) or not isinstance(values, Iterable) else values
    return [choice(kind, value, what) for value in several]
