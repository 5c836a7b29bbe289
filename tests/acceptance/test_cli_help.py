"""The command line's help and its reference: complete, readable at 80 columns, and quick."""

import inspect
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from horarium.__about__ import __version__
from horarium.cli.catalogue import CATALOGUE
from horarium.cli.exit_codes import ExitCode
from horarium.cli.groups import Entry
from horarium.cli.main import app
from horarium.cli.reference import commands, reference, rewritten

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "cli.md"
HORARIUM = [str(Path(sys.executable).with_name("horarium"))]

SLOW = {"sqlalchemy", "alembic", "apscheduler", "pydantic", "rich", "structlog", "psycopg", "yaml"}


def entries(some: tuple[Entry, ...] = CATALOGUE, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Entry]]:
    for entry in some:
        yield (*path, entry.name), entry
        yield from entries(entry.entries, (*path, entry.name))


ENTRIES = list(entries())
NAMES = [" ".join(path) for path, _ in ENTRIES]


def imported_by(*words: str) -> set[str]:
    """The libraries that a command line imports, by their top-level names."""
    told = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "horarium.cli.main", *words],
        capture_output=True,
        text=True,
        check=True,
    ).stderr
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in told.splitlines() if "|" in line}


def test_help_imports_no_slow_library() -> None:
    assert imported_by("--help") & SLOW == set()


def test_a_group_is_shown_without_importing_its_commands() -> None:
    told = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "horarium.cli.main", "jobs", "--help"],
        capture_output=True,
        text=True,
        check=True,
    ).stderr
    assert "horarium.cli.jobs" not in told


def test_the_version_imports_no_database() -> None:
    assert imported_by("--version") & {"sqlalchemy", "alembic", "apscheduler"} == set()


def test_the_version_is_told() -> None:
    assert CliRunner().invoke(app, ["--version"]).stdout == f"horarium {__version__}\n"
    assert json.loads(CliRunner().invoke(app, ["--version", "--json"]).stdout) == {"version": __version__}


def test_the_installed_command_is_this_one() -> None:
    told = subprocess.run([*HORARIUM, "--version"], capture_output=True, text=True, check=True)
    assert told.stdout == f"horarium {__version__}\n"


def test_help_lists_every_command_and_every_exit_code() -> None:
    told = CliRunner().invoke(app, ["--help"]).stdout
    for entry in CATALOGUE:
        assert re.search(rf"^  {entry.name} ", told, re.MULTILINE)
    for code in ExitCode:
        assert re.search(rf"^ +{code.value}  {re.escape(code.meaning)}$", told, re.MULTILINE)


@pytest.mark.parametrize("name", NAMES)
def test_every_help_is_readable_at_80_columns(name: str) -> None:
    told = CliRunner().invoke(app, [*name.split(), "--help"])
    assert told.exit_code == 0
    assert max(len(line) for line in told.stdout.splitlines()) <= 80
    assert "--database URL" in told.stdout


@pytest.mark.parametrize(("path", "entry"), ENTRIES, ids=NAMES)
def test_the_catalogue_says_what_the_command_says_of_itself(path: tuple[str, ...], entry: Entry) -> None:
    command = entry.load()
    assert inspect.cleandoc(command.help or "").splitlines()[0] == entry.help


def test_the_page_is_what_the_code_makes() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == rewritten(page), "run python -m horarium.cli.reference docs/cli.md"


def test_every_command_and_option_is_in_the_reference() -> None:
    page = reference()
    for path, command in commands(get_command(app), "horarium"):
        assert path == "horarium" or f"### {path}\n" in page
        options = {name for one in command.params for name in one.opts if name.startswith("--")}
        hidden = {"--help", "--version", "--install-completion", "--show-completion"}
        assert {name for name in options - hidden if name not in page} == set()


def test_without_a_command_the_help_is_shown_as_a_usage_error() -> None:
    outcome = CliRunner().invoke(app, [])
    assert outcome.exit_code == ExitCode.USAGE
    assert "Commands:" in outcome.stderr
