"""JSON as the plan keeps it: text that reads back as the very value, and that every database can hold."""

from __future__ import annotations

import json
import re
from typing import Any

from horarium.errors import ArgumentsNotJSON

# An escaped NUL: one with an even number of backslashes before it, since an odd one belongs to the text itself.
_REFUSED = re.compile("[\x00\ud800-\udfff]")
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


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
        raise ArgumentsNotJSON(f"{what} cannot be written as JSON: {error}") from None
    if _NUL.search(text):
        raise ArgumentsNotJSON(f"{what} contains a NUL character, which databases cannot keep in text")
    if not same:
        raise ArgumentsNotJSON(
            f"{what} would come back from JSON as something else; use text keys, lists, numbers, text, true, false "
            "and null"
        )
    return text


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
