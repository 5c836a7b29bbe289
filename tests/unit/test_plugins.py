"""Applications: the manifest, finding them, and what becomes of one that is broken."""

import logging
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from horarium.errors import ConfigurationError
from horarium.job import Job
from horarium.plugins import App, app_names, find_apps, installed_apps
from horarium.when import daily

JOB = Job(id="nightly", task="garden.jobs:water", trigger=daily("03:00"))


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder whose packages can be imported, and whose distributions are installed; forgotten afterwards."""
    monkeypatch.syspath_prepend(str(tmp_path))
    find_apps.cache_clear()
    yield tmp_path
    find_apps.cache_clear()
    for name in [name for name in sys.modules if name.partition(".")[0] in {"attic", "garden", "zoo"}]:
        del sys.modules[name]


def write(folder: Path, modules: dict[str, str]) -> None:
    """Write modules by their paths, without `.py`."""
    for name, text in modules.items():
        path = folder / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))


def install(folder: Path, **points: str) -> None:
    """Make a distribution for each entry point `horarium.apps`."""
    for name, value in points.items():
        info = folder / f"{name}_dist-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}-dist\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[horarium.apps]\n{name} = {value}\n")


def names_of(apps: list[App]) -> list[str]:
    return [app.name for app in apps if app.name != "auto_analyze"]


# --- the manifest


def test_a_name_is_enough() -> None:
    app = App(name="my_garden")
    assert (app.title, app.help, app.cli_name, app.origin) == ("My garden", "My garden", "my-garden", "app:my_garden")
    assert app.load("cli") is None
    assert app.load_settings(None) is None
    assert app.load_jobs(None) == []
    assert app.migrations_folder() is None


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"name": "My Garden"}, "'My Garden' cannot name an application"),
        ({"name": "a" * 28}, "cannot name an application"),
        ({"name": "garden", "cli": "garden.cli"}, "application 'garden': cli must be like 'package.module:object'"),
        ({"name": "garden", "settings": "garden settings:x"}, "settings must be like"),
        ({"name": "garden", "jobs": "garden.jobs"}, "jobs must be like"),
        ({"name": "garden", "tasks": ("garden jobs",)}, "tasks are like 'package.module'"),
        ({"name": "garden", "cli_name": "Garden!"}, "cli_name 'Garden!'"),
        ({"name": "garden", "metadata": "garden.tables:metadata"}, "metadata and migrations belong together"),
        ({"name": "garden", "migrations": "garden.migrations"}, "metadata and migrations belong together"),
    ],
)
def test_a_manifest_that_cannot_work_is_refused_when_it_is_made(fields: dict[str, Any], expected: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        App(**fields)
    assert expected in str(caught.value)


def test_tasks_are_known_by_importing_what_the_manifest_names(packages: Path) -> None:
    write(packages, {"garden/jobs": "done = []", "garden/more": "def water() -> None: ...", "garden/other": ""})
    App(name="garden", tasks=("garden.jobs", "garden.more:water")).import_tasks()
    assert {"garden.jobs", "garden.more"} <= set(sys.modules)
    assert "garden.other" not in sys.modules


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import not_there_at_all", "ModuleNotFoundError: No module named 'not_there_at_all'"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("", "AttributeError: module 'garden.jobs' has no attribute 'water'"),
    ],
)
def test_what_cannot_be_imported_is_named_with_why(packages: Path, text: str, expected: str) -> None:
    write(packages, {"garden/jobs": text})
    with pytest.raises(ConfigurationError) as caught:
        App(name="garden", tasks=("garden.jobs:water",)).import_tasks()
    assert str(caught.value) == f"application 'garden': its tasks 'garden.jobs:water' cannot be imported: {expected}"


def test_a_part_is_loaded_when_it_is_asked_for(packages: Path) -> None:
    write(packages, {"garden/cli": "class apps:\n    main = 'the commands'"})
    app = App(name="garden", cli="garden.cli:apps.main")
    assert "garden.cli" not in sys.modules
    assert app.load("cli") == "the commands"


def test_the_folder_of_migrations_is_found_without_importing_them(packages: Path) -> None:
    write(packages, {"garden/__init__": "", "garden/migrations/__init__": "1 / 0", "garden/tables": "metadata = 1"})
    app = App(name="garden", metadata="garden.tables:metadata", migrations="garden.migrations")
    assert app.migrations_folder() == packages / "garden" / "migrations"


def test_a_folder_of_migrations_is_taken_as_it_is(tmp_path: Path) -> None:
    assert App(name="garden", metadata="garden.tables:metadata", migrations=tmp_path).migrations_folder() == tmp_path


@pytest.mark.parametrize("package", ["not_there_at_all", "not_there_at_all.migrations"])
def test_migrations_that_are_not_there_are_named(package: str) -> None:
    app = App(name="garden", metadata="garden.tables:metadata", migrations=package)
    with pytest.raises(ConfigurationError, match=r"application 'garden'.*'not_there_at_all"):
        app.migrations_folder()


# --- settings and jobs


SETTINGS = """
    from horarium.settings import AppSettings

    class Settings(AppSettings, section="garden"):
        hour: int = 3
"""


def jobs_of(settings: Any) -> list[Job]:
    return [Job(id="garden-water", task="garden.jobs:water", trigger=daily(settings.hour))]


def test_jobs_of_a_function_are_made_with_the_applications_settings(packages: Path, tmp_path: Path) -> None:
    write(packages, {"garden/settings": SETTINGS})
    (tmp_path / "other.yaml").write_text("apps: {garden: {hour: 5}}\n")
    app = App(name="garden", settings="garden.settings:Settings", jobs=jobs_of)
    jobs = app.load_jobs(tmp_path / "other.yaml")
    assert [(job.id, job.trigger, job.origin) for job in jobs] == [("garden-water", daily(5), "app:garden")]


def test_jobs_may_be_named_by_reference(packages: Path) -> None:
    write(
        packages,
        {
            "garden/jobs": """
            from horarium.job import Job
            from horarium.when import daily

            def all_jobs(settings):
                assert settings is None
                return [Job(id="nightly", task="garden.jobs:water", trigger=daily("03:00"))]
        """
        },
    )
    assert [job.id for job in App(name="garden", jobs="garden.jobs:all_jobs").load_jobs(None)] == ["nightly"]


def test_jobs_may_be_given_as_they_are() -> None:
    assert [job.origin for job in App(name="garden", jobs=[JOB]).load_jobs(None)] == ["app:garden"]


# --- finding them


def test_installed_applications_are_found_in_the_order_of_their_names(packages: Path) -> None:
    write(
        packages,
        {
            "garden/__init__": "from horarium.plugins import App\napp = App(name='garden')",
            "attic/__init__": "from horarium.plugins import App\napp = App(name='attic')",
        },
    )
    install(packages, garden="garden:app", attic="attic:app")
    assert names_of(installed_apps()) == ["attic", "garden"]
    assert {"attic", "garden"} <= set(app_names())


def test_the_names_of_applications_are_known_without_importing_them(packages: Path) -> None:
    write(packages, {"garden/__init__": "1 / 0"})
    install(packages, garden="garden:app")
    assert "garden" in app_names()
    assert "garden" not in sys.modules


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import not_there_at_all", "No module named 'not_there_at_all'"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("app = 'an application'", "garden:app is not an App, but str"),
        ("", "has no attribute 'app'"),
        ("from horarium.plugins import App\napp = App(name='shed')", "garden:app is named 'shed'"),
        ("from horarium.plugins import App\napp = App(name='No')", "'No' cannot name an application"),
        (
            "from horarium.plugins import App\napp = App(name='garden', cli='garden:cli', cli_name='attic')",
            "has the name or the cli_name of another",
        ),
    ],
)
def test_one_that_cannot_be_used_is_told_and_does_not_stop_the_others(
    packages: Path, caplog: pytest.LogCaptureFixture, text: str, expected: str
) -> None:
    write(
        packages,
        {
            "garden/__init__": text,
            "attic/__init__": "from horarium.plugins import App\napp = App(name='attic', cli='attic:cli')",
            "zoo/__init__": "from horarium.plugins import App\napp = App(name='zoo')",
        },
    )
    install(packages, garden="garden:app", attic="attic:app", zoo="zoo:app")
    with caplog.at_level(logging.ERROR):
        found = find_apps()
    faults = {fault.name: fault.why for fault in found.faults}
    assert names_of(list(found.apps)) == ["attic", "zoo"]
    assert expected in faults["garden"]
    assert any("'garden' cannot be used" in message for message in caplog.messages)


def test_looking_for_applications_again_neither_imports_nor_complains_again(
    packages: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(packages, {"garden/__init__": "1 / 0"})
    install(packages, garden="garden:app")
    find_apps()
    caplog.clear()
    find_apps()
    installed_apps()
    assert caplog.messages == []


def test_manifests_need_nothing_that_is_slow_to_import() -> None:
    code = "import sys, horarium.plugins; horarium.plugins.app_names(); print(*sys.modules)"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    tops = {name.partition(".")[0] for name in output.split()}
    assert tops & {"pydantic", "pydantic_settings", "sqlalchemy", "yaml", "structlog", "apscheduler", "rich"} == set()
