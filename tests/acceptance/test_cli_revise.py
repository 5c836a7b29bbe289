"""`horarium db revise`, on the tables of a stranger's application."""

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from horarium.plugins import find_apps

from .cli_calls import Cli

MANIFEST = """
from horarium import App

app = App(name="bakery", metadata="bakery.tables:metadata", migrations="bakery.migrations")
bare = App(name="bare")
"""
TABLES = """
from sqlalchemy import Column, Integer, MetaData, Table, Text

metadata = MetaData(naming_convention={"pk": "pk_%(table_name)s"})
loaves = Table("bakery_loaves", metadata, Column("kind", Text, primary_key=True))
"""
PRICES = """
Table("bakery_prices", metadata, Column("kind", Text, primary_key=True), Column("cents", Integer, nullable=False))
"""


@pytest.fixture
def bakery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of an application that is installed, as `pip install -e` does it, and has no migration yet."""
    source = tmp_path / "source"
    folder = source / "bakery"
    (folder / "migrations").mkdir(parents=True)
    (folder / "__init__.py").write_text(MANIFEST)
    (folder / "tables.py").write_text(TABLES)
    (folder / "migrations" / "__init__.py").touch()
    info = source / "bakery-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: bakery\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[horarium.apps]\nbakery = bakery:app\nbare = bakery:bare\n")
    monkeypatch.syspath_prepend(source)
    find_apps.cache_clear()
    yield folder
    find_apps.cache_clear()
    forget()


def forget() -> None:
    """Have the application imported anew, as another process would."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "bakery"]:
        del sys.modules[name]
    find_apps.cache_clear()
    importlib.invalidate_caches()


@pytest.fixture
def revise(sqlite_cli: Cli) -> Callable[[str], dict[str, object]]:
    def call(message: str) -> dict[str, object]:
        forget()
        answer: dict[str, object] = sqlite_cli("db", "revise", "--app", "bakery", "-m", message, json=True).json
        return answer

    return call


def test_the_first_migration_makes_the_tables_and_the_next_what_came_to_them(
    sqlite_cli: Cli, bakery: Path, revise: Callable[[str], dict[str, object]]
) -> None:
    first = revise("initial")
    assert first == {
        "app": "bakery",
        "file": str(bakery / "migrations" / "versions" / "bakery_0001_initial.py"),
        "empty": False,
    }
    with (bakery / "tables.py").open("a") as tables:
        tables.write(PRICES)
    second = Path(str(revise("add prices")["file"]))
    assert second.name == "bakery_0002_add_prices.py"
    assert "bakery_prices" in second.read_text()
    assert "bakery_loaves" not in second.read_text()
    forget()
    made = {one["branch"]: one["to"] for one in sqlite_cli("db", "upgrade", json=True).json}
    assert made["bakery"] == "bakery_0002"
    states = {state["branch"]: state for state in sqlite_cli("db", "check", json=True).json}
    assert (states["bakery"]["up_to_date"], states["bakery"]["differences"]) == (True, [])


def test_without_a_difference_it_is_empty_and_says_so(
    sqlite_cli: Cli, bakery: Path, revise: Callable[[str], dict[str, object]]
) -> None:
    revise("initial")
    assert revise("round the prices")["empty"] is True
    assert "it is empty" in sqlite_cli("db", "revise", "--app", "bakery", "-m", "again").out
    assert len(list((bakery / "migrations" / "versions").glob("bakery_*.py"))) == 3


@pytest.mark.usefixtures("bakery")
@pytest.mark.parametrize(
    ("name", "words"), [("brewery", "no application named 'brewery' is installed"), ("bare", "brings no tables")]
)
def test_an_application_that_has_no_migrations_is_a_matter_of_configuration(
    sqlite_cli: Cli, name: str, words: str
) -> None:
    answer = sqlite_cli("db", "revise", "--app", name, "-m", "initial", json=True)
    assert answer.code == 6
    assert words in answer.error["message"]


@pytest.mark.usefixtures("bakery")
def test_a_migration_needs_a_few_words(sqlite_cli: Cli) -> None:
    assert sqlite_cli("db", "revise", "--app", "bakery", "-m", " ").code == 2


def test_a_folder_that_cannot_be_written_is_a_sentence(sqlite_cli: Cli, bakery: Path) -> None:
    (bakery / "migrations" / "versions").write_text("a file, where the folder should be")
    answer = sqlite_cli("db", "revise", "--app", "bakery", "-m", "initial", json=True)
    assert answer.code == 6
    assert "cannot be written" in answer.error["message"]
    assert "Traceback" not in answer.err
