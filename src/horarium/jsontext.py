"""JSON as the plan keeps it: text that reads back as the very value, and that every database can hold."""

from __future__ import annotations

import json
import re
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any
from uuid import UUID

from horarium.errors import ArgumentsNotJSON

# An escaped NUL: one with an even number of backslashes before it, since an odd one belongs to the text itself.
_REFUSED = re.compile("[\x00\ud800-\udfff]")
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")

# A datetime is a date, so that order does not matter between them.
_INSTEAD: tuple[tuple[tuple[type, ...], str], ...] = (
    ((date, time), "text, value.isoformat(), and read it in the task with fromisoformat()"),
    ((timedelta,), "a number of seconds, value.total_seconds()"),
    ((Decimal, UUID, PurePath), "text, str(value), and make it anew in the task"),
    ((Enum,), "its value"),
    ((set, frozenset), "a list, sorted(value)"),
    ((bytes, bytearray), "text, value.hex(), or the name of a file that has them"),
)
_OTHERWISE = "what it is found by (an id, a path), and load it in the task"


def to_json_text(value: Any, what: str) -> str:
    """`value` as compact JSON text. Raises ArgumentsNotJSON, naming `what`, when it would not read back the same."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        same = json.loads(text) == _plain(value)
        text.encode()
    except UnicodeEncodeError:
        raise ArgumentsNotJSON(
            f"{what} contains half of a surrogate pair, which is no character and which databases cannot keep"
        ) from None
    except RecursionError:
        raise ArgumentsNotJSON(f"{what} cannot be written as JSON: it is nested too deeply") from None
    except (TypeError, ValueError) as error:
        raise ArgumentsNotJSON(f"{what} cannot be written as JSON: {error}{_advice(value)}") from None
    if _NUL.search(text):
        raise ArgumentsNotJSON(f"{what} contains a NUL character, which databases cannot keep in text")
    if not same:
        raise ArgumentsNotJSON(
            f"{what} would come back from JSON as something else; use text keys, lists, numbers, text, true, false "
            "and null"
        )
    return text


def _advice(value: Any) -> str:
    """Where the first value is that JSON has no word for, and what to pass instead; empty when there is none."""
    found = _first_strange(value)
    if found is None:
        return ""
    where, strange = found
    instead = next((words for kinds, words in _INSTEAD if isinstance(strange, kinds)), _OTHERWISE)
    return f"{f' (at {where})' if where else ''}; pass {instead}"


def _first_strange(value: Any) -> tuple[str, Any] | None:
    """The first value that is no JSON, and the way to it. Each container is looked into once: it may hold itself."""
    waiting: list[tuple[str, Any]] = [("", value)]
    seen: set[int] = set()
    while waiting:
        where, one = waiting.pop()
        if isinstance(one, (dict, list, tuple)):
            if id(one) not in seen:
                seen.add(id(one))
                inside = one.items() if isinstance(one, dict) else enumerate(one)
                waiting += reversed([(f"{where}[{name!r}]", part) for name, part in inside])
        elif one is not None and not isinstance(one, (str, int, float)):
            return where, one
    return None


def clean(text: str) -> str:
    """Text without NUL characters and lone surrogates, which databases refuse; each becomes the replacement sign."""
    return _REFUSED.sub("\N{REPLACEMENT CHARACTER}", text)


def _plain(value: Any) -> Any:
    """Tuples as lists, since JSON has no tuples and a tuple of arguments is no fault."""
    if isinstance(value, (tuple, list)):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return value
