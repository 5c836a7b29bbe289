"""The options that say when: `--every 10m`, `--cron "0 3 * * *"`, `--weekly mon,thu@14:00`, ..."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import typer

from horarium.cli.json_values import parse_json
from horarium.when import Trigger, at, cron, daily, every, monthly, weekly
from horarium.when.durations import parse_duration
from horarium.when.zones import zone_name

_PANEL = "When (one of)"
_BOUNDS = "When, more exactly"

ValueT = TypeVar("ValueT")


@dataclass(frozen=True, kw_only=True)
class TriggerOptions:
    """When a job runs: at most one of the first seven, and what goes with it."""

    every: Annotated[
        str | None,
        typer.Option(metavar="DURATION", help="At a fixed rate: 10m, 1h30m, 90s, 2d.", rich_help_panel=_PANEL),
    ] = None
    cron: Annotated[
        str | None,
        typer.Option(metavar="EXPRESSION", help='A cron expression: "0 3 * * *", @hourly.', rich_help_panel=_PANEL),
    ] = None
    daily: Annotated[
        str | None, typer.Option(metavar="TIME", help="Every day at a time: 06:00.", rich_help_panel=_PANEL)
    ] = None
    weekly: Annotated[
        str | None,
        typer.Option(metavar="DAYS@TIME", help="On days of the week: mon,thu@14:00.", rich_help_panel=_PANEL),
    ] = None
    monthly: Annotated[
        str | None,
        typer.Option(metavar="DAYS@TIME", help="On days of the month: 1,15@09:00, last@23:00.", rich_help_panel=_PANEL),
    ] = None
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help='Once: "2025-10-13 15:30".', rich_help_panel=_PANEL)
    ] = None
    trigger: Annotated[
        str | None,
        typer.Option(
            metavar="JSON", help="Any trigger, as horarium.yaml or `jobs show --json` has it.", rich_help_panel=_PANEL
        ),
    ] = None
    start: Annotated[
        str | None, typer.Option(metavar="TIME", help="Not before this time.", rich_help_panel=_BOUNDS)
    ] = None
    end: Annotated[str | None, typer.Option(metavar="TIME", help="Not after this time.", rich_help_panel=_BOUNDS)] = (
        None
    )
    jitter: Annotated[
        str | None,
        typer.Option(metavar="DURATION", help="Delay each time by up to this, by chance.", rich_help_panel=_BOUNDS),
    ] = None
    timezone: Annotated[
        str | None,
        typer.Option(
            metavar="ZONE",
            help="IANA zone in which its times are read: Europe/Rome. [default: the settings']",
            rich_help_panel=_BOUNDS,
        ),
    ] = None

    def zone(self) -> str | None:
        """The IANA zone that was given. Raises BadParameter for one that does not exist."""
        return _reading("--timezone", lambda: zone_name(self.timezone))

    def trigger_or_none(self) -> Trigger | None:
        """The trigger, without a zone of its own; None when no option says when. Raises BadParameter, UsageError."""
        given = [name for name in _READERS if getattr(self, name) is not None]
        if not given:
            for name in ("start", "end", "jitter"):
                if getattr(self, name) is not None:
                    raise typer.BadParameter("it goes with one of " + _choices(), param_hint=f"--{name}")
            return None
        if len(given) > 1:
            raise typer.BadParameter(
                'give one of them; several at once are --trigger \'{"type": "any_of", ...}\'',
                param_hint=[f"--{name}" for name in given],
            )
        name = given[0]
        text: str = getattr(self, name)
        return _reading(f"--{name}", lambda: _READERS[name](text, self._bounds(name)))

    def needed_trigger(self) -> Trigger:
        """The trigger. Raises BadParameter when no option says when."""
        found = self.trigger_or_none()
        if found is None:
            raise typer.BadParameter("say when it runs", param_hint=_choices())
        return found

    def _bounds(self, name: str) -> dict[str, Any]:
        bounds = {"start": self.start, "end": self.end}
        given: dict[str, Any] = {option: value for option, value in bounds.items() if value is not None}
        if self.jitter is not None:
            jitter = self.jitter
            given["jitter"] = _reading("--jitter", lambda: parse_duration(jitter)).total_seconds()
        if given and name in ("at", "trigger"):
            raise typer.BadParameter(f"it does not go with --{name}", param_hint=f"--{next(iter(given))}")
        return given


def _choices() -> str:
    return ", ".join(f"--{name}" for name in _READERS)


def _days_at(text: str) -> tuple[str, str]:
    days, _, time = text.partition("@")
    return days, time or "00:00"


def _weekly(text: str, bounds: dict[str, Any]) -> Trigger:
    days, time = _days_at(text)
    return weekly(days, time, **bounds)


def _monthly(text: str, bounds: dict[str, Any]) -> Trigger:
    days, time = _days_at(text)
    return monthly(days, time, **bounds)


def _trigger(text: str, _bounds: dict[str, Any]) -> Trigger:
    # Late: it knows jobs too, and with them libraries that a help page need not wait for.
    from horarium.jobs_file import read_trigger  # noqa: PLC0415 - see above

    return read_trigger(parse_json(text))


_READERS: dict[str, Callable[[str, dict[str, Any]], Trigger]] = {
    "every": lambda text, bounds: every(seconds=parse_duration(text).total_seconds(), **bounds),
    "cron": lambda text, bounds: cron(text, **bounds),
    "daily": lambda text, bounds: daily(text, **bounds),
    "weekly": _weekly,
    "monthly": _monthly,
    "at": lambda text, _bounds: at(text),
    "trigger": _trigger,
}


def _reading(option: str, read: Callable[[], ValueT]) -> ValueT:
    try:
        return read()
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from error
