"""JSON that reads back as the very value, and that every database can hold."""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from horarium.errors import ArgumentsNotJSON
from horarium.jsontext import clean, to_json_text
from horarium.states import RunState

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")), inner)
    ),
    max_leaves=20,
)


class Pair(NamedTuple):
    a: int
    b: int


@given(VALUES)
def test_a_json_value_reads_back_the_same(value: Any) -> None:
    assert json.loads(to_json_text(value, "it")) == value


@given(st.text())
def test_any_text_is_kept_as_it_is_or_refused(text: str) -> None:
    try:
        written = to_json_text([text], "it")
    except ArgumentsNotJSON:
        assert "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text)
    else:
        assert json.loads(written) == [text]
        written.encode()
        assert clean(text) == text


def test_json_is_compact_and_keeps_the_letters() -> None:
    assert to_json_text({"name": ["é", 1]}, "it") == '{"name":["é",1]}'


@pytest.mark.parametrize(
    ("value", "back"),
    [
        ((1, (2,)), [1, [2]]),
        (Pair(1, 2), [1, 2]),
        (OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
        (RunState.FAILED, "failed"),
        ("\\u0000", "\\u0000"),
        ("\\\\u0000", "\\\\u0000"),
    ],
)
def test_what_is_nearly_json_is_written_as_json(value: Any, back: Any) -> None:
    assert json.loads(to_json_text(value, "it")) == back


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (float("nan"), "it cannot be written as JSON: Out of range float values"),
        ({1, 2}, "it cannot be written as JSON: Object of type set is not JSON serializable"),
        ({1: "a"}, "it would come back from JSON as something else"),
        ({None: "a"}, "it would come back from JSON as something else"),
        ({(1, 2): "a"}, "it cannot be written as JSON: keys must be str"),
        ("\x00", "it contains a NUL character"),
        ("\\\x00", "it contains a NUL character"),
        ({"\x00": 1}, "it contains a NUL character"),
        ("\udfff", "it contains half of a surrogate pair"),
        (10**5_000, "it cannot be written as JSON"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_json_is_refused_by_its_name(value: Any, says: str) -> None:
    with pytest.raises(ArgumentsNotJSON, match=says):
        to_json_text(value, "it")


def test_a_value_that_contains_itself_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(ArgumentsNotJSON, match="Circular reference"):
        to_json_text(loop, "it")


def test_a_value_that_is_nested_too_deeply_is_refused() -> None:
    deep: list[Any] = []
    for _ in range(5_000):
        deep = [deep]
    with pytest.raises(ArgumentsNotJSON, match="nested too deeply"):
        to_json_text(deep, "it")


def test_text_is_cleaned_of_what_databases_refuse() -> None:
    assert clean("a\x00b\ud800c\U0001f600") == "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}c\U0001f600"


@pytest.mark.parametrize(
    ("value", "advice"),
    [
        (datetime(2025, 10, 13, tzinfo=UTC), "pass text, value.isoformat()"),
        (date(2025, 10, 13), "pass text, value.isoformat()"),
        (timedelta(minutes=1), "pass a number of seconds, value.total_seconds()"),
        (Decimal("1.10"), "pass text, str(value)"),
        (UUID(int=7), "pass text, str(value)"),
        (Path("/tmp"), "pass text, str(value)"),
        ({1, 2}, "pass a list, sorted(value)"),
        (b"raw", "pass text, value.hex()"),
        (object(), "pass what it is found by (an id, a path), and load it in the task"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_who_passes_what_json_does_not_have_is_told_what_to_pass_instead(value: Any, advice: str) -> None:
    with pytest.raises(ArgumentsNotJSON, match=re.escape(advice)):
        to_json_text([value], "it")


def test_who_passes_it_deep_inside_is_told_where() -> None:
    with pytest.raises(ArgumentsNotJSON, match=re.escape("(at ['orders'][1]['when']); pass text")):
        to_json_text({"orders": [{}, {"when": date(2025, 10, 13)}]}, "it")


def test_what_contains_itself_several_times_is_refused_soon() -> None:
    knot: list[Any] = []
    knot += [knot, knot, knot, {"knot": knot}]
    with pytest.raises(ArgumentsNotJSON, match="it cannot be written as JSON"):
        to_json_text(knot, "it")
