"""Commands on a plan whose tables are those of an earlier or of a later release."""

import dataclasses
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from horarium.store import upgrade

from .cli_calls import Cli

LATER_REVISION = """
from alembic import op

revision = "core_9999"
down_revision = "{0}"


def upgrade():
    op.execute("CREATE TABLE horarium_of_later (id INTEGER)")
"""
READING = ["jobs list", "jobs show clean", "jobs preview clean", "runs list", "runs watch", "why clean", "status"]


@pytest.fixture
def later_release(sqlite_cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan with a job, made by this release; what is called from now on is a release with one more revision."""
    sqlite_cli("jobs", "add", "clitasks:cleanup", "--every", "1h", "--id", "clean")
    install_later_release(tmp_path, monkeypatch)


def install_later_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "later"
    shutil.copytree(upgrade.CORE.location / "versions", folder / "versions")
    newest = upgrade.CORE.scripts().get_current_head()
    (folder / "versions" / "core_9999_later.py").write_text(LATER_REVISION.format(newest))
    later = dataclasses.replace(upgrade.CORE, location=folder)
    monkeypatch.setattr("horarium.store.upgrade.CORE", later)
    monkeypatch.setattr("horarium.startup.CORE", later)


def revision(folder: Path) -> str:
    with closing(sqlite3.connect(folder / "plan.db")) as plan:
        (found,) = plan.execute("SELECT version_num FROM horarium_version_core").fetchone()
    return str(found)


@pytest.mark.usefixtures("later_release")
@pytest.mark.parametrize("words", [*READING, "node list"])
def test_reading_leaves_an_older_plan_as_it_is_and_says_what_upgrades_it(
    sqlite_cli: Cli, words: str, tmp_path: Path
) -> None:
    before = revision(tmp_path)
    answer = sqlite_cli(*words.split(), json=True)
    assert (answer.code, answer.out, answer.error["type"]) == (4, "", "SchemaError")
    assert "horarium db upgrade" in answer.error["message"]
    assert revision(tmp_path) == before
    assert list(tmp_path.glob("*.backup-*")) == []


@pytest.mark.usefixtures("later_release")
def test_an_older_plan_is_read_once_it_was_upgraded(sqlite_cli: Cli) -> None:
    assert sqlite_cli("db", "upgrade").code == 0
    assert [job["id"] for job in sqlite_cli("jobs", "list", json=True).json] == ["clean"]


@pytest.mark.usefixtures("later_release")
def test_a_change_upgrades_an_embedded_plan_after_a_copy(sqlite_cli: Cli, tmp_path: Path) -> None:
    assert sqlite_cli("jobs", "pause", "clean").code == 0
    assert revision(tmp_path) == "core_9999"
    assert len(list(tmp_path.glob("plan.db.backup-*"))) == 1


@pytest.mark.parametrize("words", READING)
def test_a_newer_plan_is_not_touched_and_its_release_asked_for(sqlite_cli: Cli, words: str, tmp_path: Path) -> None:
    sqlite_cli("jobs", "add", "clitasks:cleanup", "--every", "1h", "--id", "clean")
    with closing(sqlite3.connect(tmp_path / "plan.db")) as plan:
        plan.execute("UPDATE horarium_version_core SET version_num = 'core_9999'")
        plan.commit()
    answer = sqlite_cli(*words.split(), json=True)
    assert (answer.code, answer.error["type"]) == (4, "SchemaError")
    assert "a newer release has upgraded it" in answer.error["message"]


def test_reading_makes_no_tables_of_an_application(sqlite_cli: Cli, tmp_path: Path) -> None:
    sqlite_cli("jobs", "add", "clitasks:cleanup", "--every", "1h", "--id", "clean")
    with closing(sqlite3.connect(tmp_path / "plan.db")) as plan:  # as if the application had been installed since
        tables = [name for (name,) in plan.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        theirs = [name for name in tables if not name.startswith(("horarium_", "sqlite_"))]
        for name in [*theirs, "horarium_version_auto_analyze"]:
            plan.execute(f"DROP TABLE IF EXISTS {name}")
        plan.commit()
    assert sqlite_cli("jobs", "list").code == 0
    with closing(sqlite3.connect(tmp_path / "plan.db")) as plan:
        left = [name for (name,) in plan.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    assert set(left).isdisjoint(theirs)
    assert theirs


def test_on_each_database_an_older_plan_is_read_only_after_its_upgrade(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli("jobs", "add", "clitasks:cleanup", "--every", "1h", "--id", "clean")
    install_later_release(tmp_path, monkeypatch)
    assert cli("jobs", "list").code == 4
    assert [one["to"] for one in cli("db", "upgrade", json=True).json] == ["core_9999"]
    assert [job["id"] for job in cli("jobs", "list", json=True).json] == ["clean"]
