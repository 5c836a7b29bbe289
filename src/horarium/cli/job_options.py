"""The options that say what a job is and how its runs are treated; `jobs add` and `jobs edit` take the same ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from horarium.cli.json_values import parse_json, parse_pair
from horarium.job import CATCH_UP, EXECUTORS
from horarium.retry import KINDS, Retry
from horarium.states import OnCrash, Overlap
from horarium.when.durations import parse_duration

_WHAT = "What"
_HOW = "How its runs are treated"
_HISTORY = "What is kept of it"

DEFAULT = "default"
"""What a person writes to take a policy back to its default."""

_UNCHANGED = object()


@dataclass(frozen=True, kw_only=True)
class ArgumentOptions:
    """The arguments of the task."""

    arg: Annotated[
        list[str] | None,
        typer.Option(metavar="JSON", help="A positional argument, as JSON; repeat for more.", rich_help_panel=_WHAT),
    ] = None
    kwarg: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=JSON", help="An argument by name, as JSON; may be repeated.", rich_help_panel=_WHAT),
    ] = None

    def args(self) -> list[Any] | None:
        """The positional arguments; None when none was given. Raises BadParameter."""
        return [_reading("--arg", parse_json, text) for text in self.arg] if self.arg else None

    def kwargs(self) -> dict[str, Any] | None:
        """The arguments by name; None when none was given. Raises BadParameter."""
        return dict(_reading("--kwarg", parse_pair, text) for text in self.kwarg) if self.kwarg else None


@dataclass(frozen=True, kw_only=True)
class PolicyOptions:
    """The policies of a job. Each that takes a value takes the word "default" as well."""

    timeout: Annotated[
        str | None,
        typer.Option(metavar="DURATION", help="Stop a run that takes longer: 5m.", rich_help_panel=_HOW),
    ] = None
    retry: Annotated[
        str | None,
        typer.Option(
            metavar="KIND[:SECONDS[:ATTEMPTS]]",
            help=f"Try again: exponential:60:3, linear:30, fixed:10:5, none (kinds: {', '.join(KINDS)}).",
            rich_help_panel=_HOW,
        ),
    ] = None
    overlap: Annotated[
        str | None,
        typer.Option(
            metavar="|".join(Overlap),
            help="What happens while a run of it is active. [default: skip]",
            rich_help_panel=_HOW,
        ),
    ] = None
    max_instances: Annotated[
        str | None,
        typer.Option(metavar="N", help="Runs at once, over all nodes. [default: 1]", rich_help_panel=_HOW),
    ] = None
    grace: Annotated[
        str | None,
        typer.Option(
            metavar="DURATION",
            help="How late an occurrence may still run. [default: however late]",
            rich_help_panel=_HOW,
        ),
    ] = None
    coalesce: Annotated[
        bool | None,
        typer.Option(
            "--coalesce/--no-coalesce",
            help="Run several missed occurrences as one, or each. [default: as one]",
            rich_help_panel=_HOW,
        ),
    ] = None
    catch_up: Annotated[
        str | None,
        typer.Option(
            metavar="N",
            help=f"How many missed ones at most with --no-coalesce. [default: {CATCH_UP}]",
            rich_help_panel=_HOW,
        ),
    ] = None
    on_crash: Annotated[
        str | None,
        typer.Option(
            metavar="|".join(OnCrash),
            help="What happens to a run whose node died. [default: as the task says, or resume]",
            rich_help_panel=_HOW,
        ),
    ] = None
    executor: Annotated[
        str | None,
        typer.Option(
            metavar="|".join(EXECUTORS),
            help="Where it runs. [default: as the task says]",
            rich_help_panel=_HOW,
        ),
    ] = None
    keep_runs: Annotated[
        str | None, typer.Option(metavar="N", help="How many of its runs are kept.", rich_help_panel=_HISTORY)
    ] = None
    keep_days: Annotated[
        str | None, typer.Option(metavar="DAYS", help="For how many days.", rich_help_panel=_HISTORY)
    ] = None

    def policies(self) -> dict[str, Any]:
        """The policies that were given, by name; None is a policy's default. Raises BadParameter."""
        found = {
            "timeout": _value("--timeout", _seconds, self.timeout),
            "retry": _value("--retry", parse_retry, self.retry),
            "overlap": _value("--overlap", _one_of(Overlap), self.overlap),
            "max_instances": _value("--max-instances", _whole, self.max_instances),
            "misfire_grace_time": _value("--grace", _seconds, self.grace),
            "coalesce": _UNCHANGED if self.coalesce is None else self.coalesce,
            "catch_up": _value("--catch-up", _whole, self.catch_up),
            "on_crash": _value("--on-crash", _one_of(OnCrash), self.on_crash),
            "executor": _value("--executor", _one_of(EXECUTORS), self.executor),
            "keep_runs": _value("--keep-runs", _whole, self.keep_runs),
            "keep_days": _value("--keep-days", _number, self.keep_days),
        }
        return {name: value for name, value in found.items() if value is not _UNCHANGED}


def parse_retry(text: str) -> Retry:
    """A retry policy from KIND[:SECONDS[:ATTEMPTS]]; SECONDS may be any length of time. Raises ValueError."""
    kind, *rest = text.split(":")
    makers: dict[str, Callable[..., Retry]] = {
        "none": Retry.none,
        "fixed": Retry.fixed,
        "linear": Retry.linear,
        "exponential": Retry.exponential,
    }
    most = 0 if kind == "none" else 2
    if kind not in makers or len(rest) > most:
        raise ValueError(f"{text!r} is not like exponential:60:3; the kinds are {', '.join(KINDS)}")
    base = [parse_duration(rest[0]).total_seconds()] if rest else []
    more = {"max_attempts": _whole(rest[1])} if len(rest) == most and rest else {}
    return makers[kind](*base, **more)


def _seconds(text: str) -> float:
    return parse_duration(text).total_seconds()


def _one_of(words: Iterable[str]) -> Callable[[str], str]:
    known = [str(word) for word in words]

    def read(text: str) -> str:
        if text not in known:
            raise ValueError(f"{text!r} is not one of {', '.join(known)}")
        return text

    return read


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a whole number") from None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a number") from None


def _value(option: str, read: Callable[[str], Any], text: str | None) -> Any:
    if text is None:
        return _UNCHANGED
    return None if text == DEFAULT else _reading(option, read, text)


def _reading(option: str, read: Callable[[str], Any], text: str) -> Any:
    try:
        return read(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from error
