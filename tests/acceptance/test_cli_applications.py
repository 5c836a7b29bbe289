"""The commands of applications: below their own name, with the global options, imported when they are called."""

import sys

import pytest

from horarium.cli import applications
from horarium.plugins import App

from .cli_calls import Cli


@pytest.fixture
def with_apps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two applications are installed, of which one cannot be imported."""
    apps = [
        App(name="demo", cli="democli:app", cli_name="demo", help="A demonstration."),
        App(name="broken", cli="not_there:app", cli_name="broken", help="It cannot be imported."),
        App(name="silent", help="It has no commands."),
        App(name="jobs", cli="not_there:app", cli_name="jobs", help="It would like to be ours."),
    ]
    monkeypatch.setattr(applications, "installed_apps", lambda: apps)


@pytest.mark.usefixtures("with_apps")
def test_help_names_them_and_imports_none(sqlite_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "democli", raising=False)
    told = sqlite_cli("--help").out
    assert "Applications:\n  demo    A demonstration.\n  broken  It cannot be imported.\n" in told
    assert "silent" not in told
    assert "democli" not in sys.modules


@pytest.mark.usefixtures("with_apps")
def test_they_work_on_the_plan_that_the_global_options_name(sqlite_cli: Cli, tmp_path: object) -> None:
    other = f"sqlite:///{tmp_path}/other.db"
    assert sqlite_cli("demo", "where").out == f"{sqlite_cli.url}\n"
    assert sqlite_cli("--database", other, "demo", "where").out == f"{other}\n"
    assert sqlite_cli("demo", "where", "--database", other, "--json").json == {"plan": other}
    assert sqlite_cli("demo", "where", "--loud").out == f"{sqlite_cli.url.upper()}\n"


@pytest.mark.usefixtures("with_apps")
def test_one_that_cannot_be_imported_says_so(sqlite_cli: Cli) -> None:
    answer = sqlite_cli("broken", json=True)
    assert answer.code == 6
    assert "not_there" in answer.error["message"]


@pytest.mark.usefixtures("with_apps")
def test_an_error_of_theirs_is_a_sentence(sqlite_cli: Cli) -> None:
    answer = sqlite_cli("demo", "fail")
    assert (answer.code, "the demo broke" in answer.err, "Traceback" in answer.err) == (1, True, False)


@pytest.mark.usefixtures("with_apps")
def test_what_is_ours_stays_ours(sqlite_cli: Cli) -> None:
    assert "List the jobs" in sqlite_cli("jobs", "--help").out
