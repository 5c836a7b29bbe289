"""The command line of a small project, on fresh plans."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from .cli_calls import Cli, of_project


@pytest.fixture
def cli(plan_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cli]:
    """The command line on an empty database, once on SQLite and once on PostgreSQL."""
    yield from of_project(plan_url, monkeypatch)


@pytest.fixture
def sqlite_cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cli]:
    """The command line on SQLite, for what is the same on both."""
    yield from of_project(f"sqlite:///{tmp_path}/plan.db", monkeypatch)
