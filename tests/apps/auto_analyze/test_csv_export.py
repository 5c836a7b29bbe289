"""The table for spreadsheets, read back by the csv module."""

import csv
import io
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from horarium_apps.auto_analyze.domain import csv_export
from horarium_apps.auto_analyze.domain.csv_export import COLUMNS, ExportedVideo, write_csv


def row(**values: Any) -> dict[str, str]:
    """One video written and read back."""
    video = ExportedVideo(**{"id": 1, "user": "Anna", "path": "/a.mp4", "status": "analysed", **values})
    stream = io.StringIO(newline="")
    assert write_csv([video], stream) == 1
    stream.seek(0)
    return next(csv.DictReader(stream))


def test_the_columns_are_those_that_are_documented() -> None:
    documented = [line.split()[0] for line in str(csv_export.__doc__).splitlines() if line.startswith("    ")]
    assert tuple(documented) == COLUMNS


def test_no_videos_make_a_heading_alone() -> None:
    stream = io.StringIO(newline="")
    assert write_csv([], stream) == 0
    assert stream.getvalue() == ",".join(COLUMNS) + "\r\n"


def test_what_is_not_known_is_empty() -> None:
    assert row()["duration"] == row()["summary"] == row()["keywords"] == ""


def test_a_score_of_zero_is_no_empty_cell() -> None:
    assert row(hook_score=0.0)["hook_score"] == "0.0"


def test_lists_are_joined() -> None:
    found = row(keywords=("morning run", "river"), hashtags=("#a", "#b"), near_duplicates=(2, 3))
    assert (found["keywords"], found["hashtags"], found["near_duplicates"]) == ("morning run; river", "#a #b", "2 3")


def test_times_are_in_utc() -> None:
    at = datetime(2026, 3, 1, 1, 30, tzinfo=timezone(timedelta(hours=1)))
    assert row(added_at=at, analysed_at=at.astimezone(UTC))["added_at"] == "2026-03-01T00:30:00Z"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\r=1", "\n=1", " =1", "\uff1d1"])
def test_no_text_is_taken_for_a_formula(text: str) -> None:
    assert row(summary=text)["summary"] == f"'{text}"


def test_a_first_keyword_is_not_taken_for_a_formula() -> None:
    assert row(keywords=("=cmd", "b"))["keywords"] == "'=cmd; b"


def test_a_negative_number_stays_a_number() -> None:
    assert row(loudness=-14.2)["loudness"] == "-14.2"


def test_quotes_commas_and_line_ends_come_back_as_they_were() -> None:
    text = 'He said "run",\r\nthen left; "bye"'
    assert row(summary=text)["summary"] == text


def test_a_name_that_is_no_text_can_be_written() -> None:
    assert row(path="/a\udcff\0.mp4")["path"].encode() == b"/a\\udcff.mp4"
