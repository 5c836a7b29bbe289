"""APScheduler's triggers and ours: its objects and spellings taken over, and ours shown to it as one of its own.

The fire times of what is taken over are those of APScheduler 3.11, but for changes of clocks, where the rule of
`horarium.when.wall` holds, and but for drift: an interval keeps its rhythm, whatever else a job ran in between.
"""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import Any

from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.calendarinterval import CalendarIntervalTrigger
from apscheduler.triggers.combining import AndTrigger, OrTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger
from apscheduler.util import convert_to_datetime, datetime_repr

from horarium.errors import TriggerError
from horarium.when import AllOf, AnyOf, CalendarInterval, Cron, CronFields, Interval, Once, Trigger, codec
from horarium.when.calendar_fields import FIELDS
from horarium.when.durations import parse_duration
from horarium.when.moments import moment
from horarium.when.zones import zone_name

_LOADED_AT = datetime.now(UTC) - timedelta(minutes=1)
"""No trigger of this process was made earlier; the minute is for a program's own imports."""

_NAIVE = timezone(timedelta(), "naive")
_BOUNDS = ("start_date", "end_date", "timezone", "jitter")
_STEPS = ("weeks", "days", "hours", "minutes", "seconds")
_DATES = ("years", "months", "weeks", "days", "hour", "minute", "second")


def convert_trigger(
    trigger: object, trigger_args: Mapping[str, Any] | None = None, timezone: str | tzinfo | None = None
) -> Trigger:
    """A trigger as the plan keeps it, from any way in which one can be given.

    - `trigger`: one of `horarium.when`, an object of APScheduler's own trigger classes, or one of its aliases
      ("interval", "cron", "date", "calendarinterval", "and", "or"; None is "date") with `trigger_args`.
    - `timezone`: the zone of an alias that brings none; None leaves it to the job.

    Raises TriggerError, for a custom trigger class too: the plan keeps triggers as JSON, so that every node can work
    out their times, and has nothing to keep of an object that only one program knows.
    """
    args = dict(trigger_args or {})
    if trigger is None or isinstance(trigger, str):
        return _from_alias(trigger, args, timezone)
    if args:
        raise TriggerError(
            f"{', '.join(sorted(args))}: arguments go with a trigger's name; this trigger is an object already"
        )
    if isinstance(trigger, Trigger):
        return trigger
    if isinstance(trigger, PlanTrigger):
        return trigger.trigger
    if not isinstance(trigger, BaseTrigger):
        raise TriggerError(f"a trigger is an object of horarium or APScheduler, or a name of one, not {trigger!r}")
    for kind, convert in _NATIVE.items():
        # A subclass that works out its own times is another trigger.
        if isinstance(trigger, kind) and type(trigger).get_next_fire_time is kind.get_next_fire_time:
            return convert(trigger)
    raise TriggerError(
        f"{type(trigger).__module__}.{type(trigger).__qualname__} is a trigger class of your own. The plan keeps "
        "triggers as JSON and every node works out the times from it, which it cannot do from an object that only "
        "your program knows; say the same with interval, cron, date, calendarinterval, and, or, or with horarium's "
        "any_of and all_of"
    )


# --- names and arguments


def _from_alias(alias: str | None, args: dict[str, Any], timezone: str | tzinfo | None) -> Trigger:
    name = "date" if alias is None else alias
    if name not in _ALIASES:
        raise TriggerError(
            f"there is no trigger {name!r}; the names are {', '.join(_ALIASES)}. {_how_it_is_written(name)}"
        )
    make, known = _ALIASES[name]
    for unknown in sorted(set(args) - set(known)):
        hint = "" if alias else "; without trigger=... it is a date trigger: say trigger='cron' or 'interval'"
        raise TriggerError(f"{name}: there is no argument {unknown!r}; there are {', '.join(known)}{hint}")
    args = {key: value for key, value in args.items() if value is not None}
    args.setdefault("timezone", timezone)
    return make(args)


def _how_it_is_written(text: str) -> str:
    """What somebody meant who wrote a schedule where the name of a trigger is expected."""
    with suppress(TriggerError):
        seconds = parse_duration(text.strip().lower().removeprefix("every ")).total_seconds()
        if seconds:
            return f"Every so often is every(seconds={seconds:g})"
    with suppress(TriggerError):
        Cron(text)
        return f"A cron expression is cron({text!r})"
    return 'A schedule is every(minutes=5), cron("*/5 * * * *"), daily("06:00"), or at("2025-10-13 15:30")'


def _make_interval(args: dict[str, Any]) -> Trigger:
    try:
        length = timedelta(**{name: args[name] for name in _STEPS if name in args})
    except (TypeError, ValueError, OverflowError) as error:
        raise TriggerError(f"interval: the parts of an interval must be finite numbers: {error}") from None
    return Interval(length or timedelta(seconds=1), **_bounds(args))


def _make_cron(args: dict[str, Any]) -> Trigger:
    return CronFields(**{name: args[name] for name in FIELDS if name in args}, **_bounds(args))


def _make_date(args: dict[str, Any]) -> Trigger:
    run_date = args.get("run_date")
    at = datetime.now(UTC) if run_date is None else _moment(run_date, "run_date")
    return Once(at, zone_name(args["timezone"]))


def _make_calendar_interval(args: dict[str, Any]) -> Trigger:
    return CalendarInterval(**{name: args[name] for name in _DATES if name in args}, **_bounds(args))


def _make_combined(kind: type[AnyOf | AllOf]) -> Callable[[dict[str, Any]], Trigger]:
    def make(args: dict[str, Any]) -> Trigger:
        parts = args.get("triggers", ())
        if isinstance(parts, (str, Mapping)) or not hasattr(parts, "__iter__"):
            raise TriggerError(f"triggers must be a list of triggers, not {parts!r}")
        return kind(tuple(convert_trigger(part) for part in parts), args.get("jitter", 0.0))

    return make


def _bounds(args: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"timezone": zone_name(args["timezone"]), "jitter": args.get("jitter", 0.0)}
    for theirs, ours in (("start_date", "start"), ("end_date", "end")):
        if theirs in args:
            found[ours] = _moment(args[theirs], theirs)
    return found


def _moment(value: object, name: str) -> Any:
    """A point in time in APScheduler's spellings ("2025-1-5 06:00:00" too) or ISO 8601; naive if it has no zone."""
    if not isinstance(value, str):
        return value
    try:
        found: datetime = convert_to_datetime(value.strip(), _NAIVE, name)
    except (ValueError, OverflowError):
        return moment(value, name)
    return found.replace(tzinfo=None) if found.tzinfo is _NAIVE else found


_ALIASES: dict[str, tuple[Callable[[dict[str, Any]], Trigger], tuple[str, ...]]] = {
    "interval": (_make_interval, (*_STEPS, *_BOUNDS)),
    "cron": (_make_cron, (*FIELDS, *_BOUNDS)),
    "date": (_make_date, ("run_date", "timezone")),
    "calendarinterval": (_make_calendar_interval, (*_DATES, *_BOUNDS)),
    "and": (_make_combined(AllOf), ("triggers", "jitter")),
    "or": (_make_combined(AnyOf), ("triggers", "jitter")),
}


# --- APScheduler's objects


def _from_interval(native: Any) -> Trigger:
    start, length = native.start_date, native.interval
    begin = "anchor" if _looks_defaulted(start, length) else "start"
    return Interval(
        length,
        **{begin: start},
        end=native.end_date,
        timezone=_zone_if_named(native.timezone),
        jitter=native.jitter or 0.0,
    )


def _looks_defaulted(start: datetime, length: timedelta) -> bool:
    """Whether nobody gave this start, so that APScheduler took the moment when the object was made, plus the interval.

    It must not count as part of the schedule: it is another at every boot, and the job would never be unchanged.
    """
    return bool(start.microsecond) and _LOADED_AT <= start - length <= datetime.now(UTC)


def _from_cron(native: Any) -> Trigger:
    return CronFields(
        **{field.name: str(field) for field in native.fields if not field.is_default},
        start=native.start_date,
        end=native.end_date,
        timezone=zone_name(native.timezone),
        jitter=native.jitter or 0.0,
    )


def _from_date(native: Any) -> Trigger:
    return Once(native.run_date, _zone_if_named(native.run_date.tzinfo))


def _from_calendar_interval(native: Any) -> Trigger:
    state = native.__getstate__()
    names = dict(zip(_DATES, (*state["interval"], *state["time"]), strict=True))
    start: date = state["start_date"]
    # As above: today is what APScheduler takes when no start is given.
    begin = "anchor" if _LOADED_AT.date() <= start <= date.today() else "start"  # noqa: DTZ011 - what APScheduler does
    fields: dict[str, Any] = {**names, begin: start}
    return CalendarInterval(
        **fields,
        end=state["end_date"],
        timezone=zone_name(state["timezone"]),
        jitter=state["jitter"] or 0.0,
    )


def _from_and(native: Any) -> Trigger:
    return AllOf(tuple(convert_trigger(part) for part in native.triggers), native.jitter or 0.0)


def _from_or(native: Any) -> Trigger:
    return AnyOf(tuple(convert_trigger(part) for part in native.triggers), native.jitter or 0.0)


def _zone_if_named(zone: tzinfo | None) -> str | None:
    """The zone's IANA name; None for a bare offset, which does where all times are aware anyway."""
    try:
        return zone_name(zone)
    except TriggerError:
        return None


_NATIVE: dict[Any, Callable[[Any], Trigger]] = {
    IntervalTrigger: _from_interval,
    CronTrigger: _from_cron,
    DateTrigger: _from_date,
    CalendarIntervalTrigger: _from_calendar_interval,
    AndTrigger: _from_and,
    OrTrigger: _from_or,
}


# --- the other way


class PlanTrigger(BaseTrigger):  # type: ignore[misc]  # APScheduler has no annotations
    """A trigger of the plan as APScheduler sees it. `trigger` is the trigger itself.

    What APScheduler's own triggers tell (`interval`, `run_date`, `start_date`, `end_date`, `timezone`, `jitter`,
    `triggers`) it tells too, where the trigger has it.
    """

    __slots__ = ("trigger",)

    def __init__(self, trigger: Trigger) -> None:
        self.trigger = trigger

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        """The occurrence after the previous one, or the first from `now` on; in the trigger's zone."""
        trigger = self.trigger
        found = trigger.first(now) if previous_fire_time is None else trigger.next_after(previous_fire_time)
        return None if found is None else found.astimezone(zone_of(trigger))

    def __getattr__(self, name: str) -> Any:
        told = _TOLD.get(name)
        value = None if told is None else getattr(self.trigger, told, _ABSENT)
        if told is None or value is _ABSENT:
            raise AttributeError(f"{type(self).__name__} of {self.trigger!r} has no {name}")
        if name == "timezone":
            return zone_of(self.trigger)
        return tuple(PlanTrigger(part) for part in self.trigger.triggers) if name == "triggers" else value  # type: ignore[attr-defined]  # told above

    def __getstate__(self) -> dict[str, Any]:
        return {"version": 1, "trigger": self.trigger.to_json()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.trigger = codec.from_json(state["trigger"])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PlanTrigger) and self.trigger == other.trigger

    def __hash__(self) -> int:
        return hash(self.trigger)

    def __str__(self) -> str:
        return shown(self.trigger)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} ({self})>"


_ABSENT = object()
_TOLD = {
    "interval": "interval",
    "run_date": "at",
    "start_date": "start",
    "end_date": "end",
    "timezone": "timezone",
    "jitter": "jitter",
    "triggers": "triggers",
}


def zone_of(trigger: Trigger) -> tzinfo:
    """The zone in which a trigger's times are shown: its own, or UTC."""
    return UTC if trigger.timezone in {None, "UTC"} else zoneinfo.ZoneInfo(str(trigger.timezone))


def shown(trigger: Trigger) -> str:
    """A trigger as APScheduler writes its own: "interval[1:00:00]", "cron[hour='6', minute='0']"."""
    match trigger:
        case Interval():
            return f"interval[{trigger.interval}]"
        case CronFields():
            given = ((name, getattr(trigger, name)) for name in FIELDS)
            return f"cron[{', '.join(f'{name}={text!r}' for name, text in given if text is not None)}]"
        case Cron():
            return f"cron[{trigger.expression}]"
        case Once():
            return f"date[{datetime_repr(_local(trigger))}]"
        case AllOf():
            return f"and[{', '.join(map(shown, trigger.triggers))}]"
        case AnyOf():
            return f"or[{', '.join(map(shown, trigger.triggers))}]"
        case CalendarInterval():
            given = ((name, getattr(trigger, name)) for name in _DATES)
            return f"calendarinterval[{', '.join(f'{name}={value!r}' for name, value in given if value)}]"
    return f"trigger[{trigger.describe()}]"


def _local(trigger: Once) -> datetime:
    first = trigger.first(trigger.at if trigger.at.tzinfo else datetime.now(UTC))
    return (first or trigger.at).astimezone(zone_of(trigger))


__all__ = ["PlanTrigger", "convert_trigger", "shown", "zone_of"]
