"""The reference of all public names, made from their docstrings: `python scripts/api_reference.py > docs/api.md`."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from enum import Enum
from types import ModuleType
from typing import Any

import horarium
import horarium.testing

HEAD = """# Public names

Everything that may be imported, from `horarium` and `horarium.testing`; what is not here may change at any time.
Made from the docstrings by `scripts/api_reference.py`. In the code they say more, such as what is raised:
`help(horarium.Scheduler)`.
"""
_PLAIN = (bool, int, str, float, type(None))


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for module in (horarium, horarium.testing):
        parts.append(f"## {module.__name__}\n")
        parts += [_entry(module, name) for name in sorted(module.__all__, key=str.casefold) if name != "__version__"]
    return "\n".join(parts)


def _entry(module: ModuleType, name: str) -> str:
    value = getattr(module, name)
    if not inspect.isclass(value):
        return f"### {name}\n\n`{name}{_signature(value)}`\n\n{_first_sentences(value)}\n"
    told = _first_sentences(value)
    if is_dataclass(value):
        told += f"\n\nFields: {', '.join(f'`{one.name}`' for one in fields(value))}."
    rows = "".join(f"| `{_cell(what)}` | {_cell(says)} |\n" for what, says in _members(value))
    members = f"\n| | |\n|---|---|\n{rows}" if rows else ""
    return f"### {name}\n\n{told}\n{members}"


def _members(value: Any) -> Iterator[tuple[str, str]]:
    """The public methods and properties of a class, or the members of an enumeration."""
    if issubclass(value, Enum):
        yield from ((member.name, str(member.value)) for member in value)
    elif not issubclass(value, Exception):
        for name, member in inspect.getmembers(value):
            if name.startswith(("_", "settings_")) or not _is_ours(member):
                continue
            called = _signature(member) if callable(member) else ""
            yield f"{name}{called}", _first_sentences(member)


def _is_ours(member: Any) -> bool:
    function = member.fget if isinstance(member, property) else member
    return str(getattr(inspect.unwrap(function), "__module__", "")).startswith("horarium")


def _signature(function: Any) -> str:
    """Names and simple defaults: types would make it unreadable."""
    parts: list[str] = []
    starred = False
    for one in inspect.signature(function).parameters.values():
        if one.name in ("self", "cls"):
            continue
        if one.kind is one.KEYWORD_ONLY and not starred:
            parts.append("*")
        starred = starred or one.kind in (one.KEYWORD_ONLY, one.VAR_POSITIONAL)
        mark = {one.VAR_POSITIONAL: "*", one.VAR_KEYWORD: "**"}.get(one.kind, "")
        default = "" if one.default is one.empty else f"={one.default!r}" if isinstance(one.default, _PLAIN) else "=…"
        parts.append(mark + one.name + default)
    return f"({', '.join(parts)})"


def _first_sentences(value: Any) -> str:
    """The first paragraph of a docstring, on one line."""
    return re.sub(r"\s+", " ", (inspect.getdoc(value) or "").partition("\n\n")[0])


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(page())
