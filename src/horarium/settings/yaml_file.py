"""Reading YAML strictly, and by the rules of YAML 1.2.

PyYAML follows 1.1, where `at: 14:00` is the number 840, `on` and `no` are truth values, and `2025-10-13` is no text.
A key that stands twice silently loses its first value there; here it is an error.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from horarium.errors import ConfigurationError

_TAG = "tag:yaml.org,2002:"
_MERGE = "<<"


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping that a file holds; empty if the file is.

    Raises ConfigurationError, naming the file and the line.
    """
    try:
        data = yaml.load(path.read_bytes(), _StrictLoader)  # noqa: S506 - derives from SafeLoader
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror or error}") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = "" if mark is None else f", line {mark.line + 1}"
        said = ", ".join(part for part in (error.context, error.problem) if part)
        raise ConfigurationError(f"{path}{line}: {said}") from error
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{path} is not YAML in UTF-8: {error}") from error
    except RecursionError as error:
        raise ConfigurationError(f"{path} is nested too deep") from error
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise ConfigurationError(f"{path} must hold settings as `name: value`, not {type(data).__name__}")
    return data


class _StrictLoader(yaml.SafeLoader):
    """Knows the core schema of YAML 1.2, but for numbers with a leading zero and other bases, which are text."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """A mapping with text as its keys, each once."""
        first: dict[str, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if key.tag == f"{_TAG}merge":
                continue
            if key.tag != f"{_TAG}str":
                raise yaml.MarkedYAMLError(
                    problem=f"a key must be text{_quoting(key)}",
                    problem_mark=key.start_mark,
                )
            if key.value in first:
                raise yaml.MarkedYAMLError(
                    problem=f"{key.value!r} stands here again, after line {first[key.value]}; each name is given once",
                    problem_mark=key.start_mark,
                )
            first[key.value] = line
        return super().construct_mapping(node, deep)


def _quoting(key: yaml.Node) -> str:
    return f': write "{key.value}", in quotes' if isinstance(key, yaml.ScalarNode) else ""


_RULES = {
    "null": (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    "bool": (r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    "int": (r"[-+]?(?:0|[1-9][0-9]*)", list("-+0123456789")),
    "float": (r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?", list("-+.0123456789")),
    "merge": (_MERGE, ["<"]),
}
_StrictLoader.yaml_implicit_resolvers = {}
for _name, (_pattern, _first) in _RULES.items():
    _StrictLoader.add_implicit_resolver(_TAG + _name, re.compile(f"^(?:{_pattern})$"), _first)
