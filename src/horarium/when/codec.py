"""Triggers as JSON, both ways.

Each is an object with its `type` and its fields, those at their default left out. A field that this release
does not know is an error, not ignored: a newer release may have meant something by it. The same goes for `v`,
the version of the form, which is left out while it is 1.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import lru_cache
from typing import Any

from horarium.errors import TriggerError
from horarium.when.base import Trigger
from horarium.when.calendar_fields import CronFields
from horarium.when.calendar_interval import CalendarInterval
from horarium.when.combined import AllOf, AnyOf
from horarium.when.cron import Cron
from horarium.when.interval import Interval
from horarium.when.once import Once

VERSION = 1
_DEEPEST = 8


def _names(kind: type[Any], **renamed: str) -> frozenset[str]:
    return frozenset(renamed.get(one.name, one.name) for one in fields(kind) if one.init)


_READERS: dict[str, tuple[Callable[[Mapping[str, Any]], Trigger], frozenset[str], tuple[str, ...]]] = {
    "interval": (Interval.from_json, _names(Interval, interval="seconds"), ("seconds",)),
    "cron": (Cron.from_json, _names(Cron), ("expression",)),
    "cron_fields": (CronFields.from_json, _names(CronFields), ()),
    "calendar_interval": (CalendarInterval.from_json, _names(CalendarInterval), ()),
    "once": (Once.from_json, _names(Once), ("at",)),
    "any_of": (lambda data: AnyOf(**data), _names(AnyOf), ("triggers",)),
    "all_of": (lambda data: AllOf(**data), _names(AllOf), ("triggers",)),
}


FIELDS = {kind: known for kind, (_, known, _) in _READERS.items()}
"""The names of the fields of each type."""


def from_json(data: Mapping[str, Any]) -> Trigger:
    """The trigger that `data` stands for. Raises TriggerError, naming the type or the field that is wrong."""
    return _read(data, 0)


def dumps(trigger: Trigger) -> str:
    """A trigger as compact JSON text, the same for equal triggers."""
    return json.dumps(trigger.to_json(), ensure_ascii=False, separators=(",", ":"), sort_keys=True)


@lru_cache(maxsize=32_768)
def loads(text: str) -> Trigger:
    """The trigger in a JSON text; the latest are kept, as the tick reads the same ones time and again.

    Raises TriggerError.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise TriggerError(f"a trigger must be JSON: {error}") from None
    return _read(data, 0)


def _read(data: object, depth: int) -> Trigger:
    if not isinstance(data, Mapping):
        raise TriggerError(f'a trigger must be an object such as {{"type": "cron", ...}}, not {data!r}')
    if depth > _DEEPEST:
        raise TriggerError(f"triggers are nested more than {_DEEPEST} deep")
    values = dict(data)
    kind = values.pop("type", None)
    if not isinstance(kind, str) or kind not in _READERS:
        raise TriggerError(f"there is no trigger type {kind!r}; the types are {', '.join(_READERS)}")
    version = values.pop("v", VERSION)
    if version != VERSION:
        raise TriggerError(f"{kind}: the form {version!r} is not known to this release, which reads {VERSION}")
    reader, known, needed = _READERS[kind]
    for name in values:
        if name not in known:
            raise TriggerError(f"{kind}: there is no field {name!r}; the fields are {', '.join(sorted(known))}")
    for name in needed:
        if name not in values:
            raise TriggerError(f"{kind}: the field {name!r} is missing")
    if "triggers" in known:
        if not isinstance(values["triggers"], (list, tuple)):
            raise TriggerError(f"{kind}: triggers must be a list, not {values['triggers']!r}")
        values["triggers"] = tuple(_read(part, depth + 1) for part in values["triggers"])
    try:
        return reader(values)
    except TriggerError as error:
        raise TriggerError(f"{kind}: {error}") from None
