"""JSON values on a command line."""

from __future__ import annotations

import json
from typing import Any


def parse_json(text: str) -> Any:
    """The value that a JSON text stands for. Raises ValueError with a sentence that shows how text is quoted."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        quoted = json.dumps(text, ensure_ascii=False)
        raise ValueError(f"{text!r} is not JSON ({error.msg}); text needs double quotes: '{quoted}'") from None


def parse_pair(text: str) -> tuple[str, Any]:
    """The name and value of "name=JSON". Raises ValueError."""
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise ValueError(f"{text!r} is not NAME=JSON, like 'limit=10' or 'city=\"Rome\"'")
    return name, parse_json(value)
