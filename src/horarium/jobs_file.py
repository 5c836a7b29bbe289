"""The jobs of horarium.yaml.

Every error names the file, the job and the key. All jobs are read before any is used, so that a file is taken as a
whole or not at all.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from horarium.building import build_job
from horarium.errors import ArgumentsNotJSON, ConfigurationError, HorariumError, JobError, TriggerError
from horarium.job import FILE_ORIGIN, POLICY_NAMES, Job
from horarium.jsontext import to_json_text
from horarium.retry import KINDS, Retry
from horarium.settings.base import unknown_name
from horarium.settings.core import JOBS, NAME
from horarium.settings.yaml_file import read_yaml
from horarium.when import Interval, Trigger, all_of, any_of, at, codec, cron, daily, every, monthly, weekly
from horarium.when.durations import parse_duration
from horarium.when.zones import zone_name

__all__ = ["file_origin", "load_jobs", "read_trigger"]


class _Form(NamedTuple):
    """A short form: the function that it calls, the key that a single value stands for, and keys with another name."""

    function: Callable[..., Trigger]
    single: str
    renamed: Mapping[str, str] = {}

    @property
    def known(self) -> dict[str, inspect.Parameter]:
        """The keys that it takes. A time of day has one key, `at`."""
        parameters = inspect.signature(self.function).parameters
        hidden = {"hour", "minute", "second", *self.renamed.values()}
        own = {name: parameter for name, parameter in parameters.items() if name not in hidden}
        return {name: parameters[real] for name, real in self.renamed.items()} | own

    @property
    def needed(self) -> list[str]:
        """The keys that must be given."""
        return [name for name, parameter in self.known.items() if parameter.default is parameter.empty]


_FORMS = {
    "cron": _Form(cron, "expression"),
    "every": _Form(every, ""),
    "daily": _Form(daily, "at", {"at": "hour"}),
    "weekly": _Form(weekly, "days", {"at": "hour"}),
    "monthly": _Form(monthly, "days", {"at": "hour", "days": "days_of_month"}),
    "at": _Form(at, "when"),
}
_COMBINED: Mapping[str, Callable[..., Trigger]] = {"any_of": any_of, "all_of": all_of}
_WHEN = (*_FORMS, *_COMBINED)
_TRIGGER = "trigger"
_KEYS = ("task", _TRIGGER, *_WHEN, "args", "kwargs", "name", "timezone", *POLICY_NAMES)
_DEEPEST = 8

_WHOLE = "a whole number"
_NUMBERS = {
    "timeout": "seconds",
    "misfire_grace_time": "seconds",
    "keep_days": "days",
    "max_instances": _WHOLE,
    "catch_up": _WHOLE,
    "keep_runs": _WHOLE,
}


def file_origin(path: Path) -> str:
    """The origin of a file's jobs: "file:" and the `name` that it gives itself, or else its own.

    Files that share a plan need names of their own, since each removes the jobs that are its and that it no longer
    has. Raises ConfigurationError.
    """
    return _origin(read_yaml(path), path)


def load_jobs(path: Path, timezone: str = "UTC") -> list[Job]:
    """The jobs of a file; `timezone` is the zone of those that name none.

    Raises ConfigurationError with all that is wrong, a line each.
    """
    data = read_yaml(path)
    origin = _origin(data, path)
    entries = data.get(JOBS) or {}
    if not isinstance(entries, dict):
        raise ConfigurationError(f"{path}: {JOBS} must hold `ID:` and what the job is, for each job, not {entries!r}")
    jobs, faults = [], []
    for job_id, entry in entries.items():
        try:
            jobs.append(_read_job(job_id, entry, timezone, origin))
        except HorariumError as error:
            faults.append(f"{path}: {JOBS}: {job_id}: {error}")
    if faults:
        raise ConfigurationError("\n".join(faults))
    return jobs


def read_trigger(data: Any) -> Trigger:
    """A trigger from its JSON (`{"type": "cron", ...}`) or a short form (`{"daily": "06:00"}`). Raises TriggerError."""
    return _read_trigger(data, 0)


def _origin(data: Mapping[str, Any], path: Path) -> str:
    name = data.get(NAME, path.name)
    if not isinstance(name, str) or not name.strip() or not name.isprintable():
        raise ConfigurationError(f"{path}: {NAME} must be printable text, not {name!r}")
    return f"{FILE_ORIGIN}{name}"


def _read_job(job_id: str, entry: Any, timezone: str, origin: str) -> Job:
    if not isinstance(entry, dict):
        raise JobError(f"a job is written as lines such as `task: package.module:function`, not {entry!r}")
    for key in entry:
        if key not in _KEYS:
            raise JobError(unknown_name(key, _KEYS, "key"))
    task = entry.get("task")
    if not isinstance(task, str) or not task.strip():
        raise JobError("task: name the function to run, like package.module:function, or the name of a task")
    return build_job(
        task.strip(),
        _trigger_of(entry),
        _arguments(entry, "args", list),
        _arguments(entry, "kwargs", dict),
        id=job_id,
        name=_text(entry, "name"),
        timezone=_zone(entry) or timezone,
        next_run_time=None,
        paused=False,
        origin=origin,
        policies={name: _policy(name, entry[name]) for name in POLICY_NAMES if entry.get(name) is not None},
        trigger_args={},
    )


# --- when


def _trigger_of(entry: Mapping[str, Any]) -> Trigger:
    given = [key for key in entry if key == _TRIGGER or key in _WHEN]
    if not given:
        raise TriggerError(f"it does not say when; give one of {', '.join(_WHEN)}, or {_TRIGGER}")
    if len(given) > 1:
        raise TriggerError(f"{' and '.join(given)} both say when; keep one, or put them under any_of")
    key = given[0]
    if key != _TRIGGER:
        return read_trigger({key: entry[key]})
    try:
        return read_trigger(entry[key])
    except TriggerError as error:
        raise TriggerError(f"{key}: {error}") from None


def _read_trigger(data: Any, depth: int) -> Trigger:
    if not isinstance(data, Mapping) or not data:
        raise TriggerError(f"write a trigger like {{daily: '06:00'}} or {{type: cron, expression: ...}}, not {data!r}")
    if depth > _DEEPEST:
        raise TriggerError(f"triggers are nested more than {_DEEPEST} deep")
    if "type" in data:
        return codec.from_json(data)
    key, value = next(iter(data.items()))
    if key not in _WHEN:
        raise TriggerError(unknown_name(str(key), (*_WHEN, "type"), "trigger"))
    if len(data) > 1:
        other = next(name for name in data if name != key)
        raise TriggerError(f"{other} stands beside {key}; what belongs to {key} goes under it: `{key}: {{...}}`")
    try:
        if key in _COMBINED:
            return _combined(key, value, depth)
        return _length(value) if key == "every" and not isinstance(value, Mapping) else _called(_FORMS[key], value)
    except TriggerError as error:
        raise TriggerError(f"{key}: {error}") from None


def _combined(key: str, value: Any, depth: int) -> Trigger:
    if not isinstance(value, list):
        raise TriggerError(f"a list of triggers is wanted, not {value!r}")
    return _COMBINED[key](*(_read_trigger(one, depth + 1) for one in value))


def _length(value: Any) -> Trigger:
    if isinstance(value, str):
        return Interval(parse_duration(value))
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TriggerError(f"write a length of time, like 10 minutes, or `{{minutes: 10}}`, not {value!r}")
    return every(seconds=value)


def _called(form: _Form, value: Any) -> Trigger:
    given = value if isinstance(value, Mapping) else {form.single: value}
    for name in given:
        if name not in form.known:
            raise TriggerError(unknown_name(str(name), form.known, "key"))
    for name in form.needed:
        if name not in given:
            raise TriggerError(f"{name} is missing")
    try:
        return form.function(**{form.renamed.get(name, name): one for name, one in given.items()})
    except (TypeError, AttributeError) as error:
        raise TriggerError(f"{dict(given)!r} cannot be used: {error}") from None


# --- everything else


def _arguments(entry: Mapping[str, Any], key: str, kind: type[Any]) -> Any:
    value = entry.get(key)
    if value is None:
        return kind()
    if not isinstance(value, kind):
        raise ArgumentsNotJSON(f"{key} must be a {'list' if kind is list else 'mapping'}, not {value!r}")
    to_json_text(value, key)
    return value


def _text(entry: Mapping[str, Any], key: str) -> str | None:
    value = entry.get(key)
    if value is not None and not isinstance(value, str):
        raise JobError(f"{key} must be text, not {value!r}")
    return value


def _zone(entry: Mapping[str, Any]) -> str | None:
    try:
        return zone_name(_text(entry, "timezone"))
    except TriggerError as error:
        raise JobError(f"timezone: {error}") from None


def _policy(name: str, value: Any) -> Any:
    if name == "retry":
        return _retry(value)
    if name == "coalesce":
        if not isinstance(value, bool):
            raise JobError(f"coalesce takes true or false, not {value!r}")
        return value
    if name in _NUMBERS:
        kinds = int if _NUMBERS[name] == _WHOLE else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds):
            raise JobError(f"{name} takes {_NUMBERS[name]}, not {value!r}")
        return value
    if not isinstance(value, str):
        raise JobError(f"{name} must be text, not {value!r}")
    return value


def _retry(value: Any) -> Retry:
    """A retry policy; what it leaves out is as in `Retry.fixed()` and the others, which make three attempts."""
    if value == "none":
        return Retry.none()
    if not isinstance(value, Mapping):
        raise JobError(f"retry takes none, or a mapping such as {{kind: exponential, base: 60}}, not {value!r}")
    kind = value.get("kind")
    defaults: dict[str, Any] = getattr(Retry, kind)().to_json() if kind in KINDS else {}
    try:
        return Retry.from_json({**defaults, **value})
    except ConfigurationError as error:
        raise JobError(f"retry: {str(error).removeprefix('retry: ')}") from None
