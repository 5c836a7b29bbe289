"""Settings: layers, errors that say where a value came from, applications' own, and documents made from the code."""

import logging
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from horarium.errors import ConfigurationError
from horarium.settings import AppSettings, Settings, env_example, setting, settings_table, without_secrets
from horarium.settings.facts import variables
from horarium.settings.yaml_file import read_yaml
from horarium.store.database import normalised

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "configuration.md"


class OfApp(AppSettings, section="tested"):
    folder: Path = setting(Path("videos"), help="Where the videos are.", takes="a folder")
    tags: list[str] = setting([], help="What they are about.")
    key: str = setting("none yet", help="The key.", secret=True, also=["GEMINI_API_KEY"], min_length=4)
    pause: float = 1.0


class Nested(AppSettings, section="nested"):
    token: SecretStr = SecretStr("")
    needed: int


class Renamed(OfApp, prefix="OTHER_"):
    pass


@pytest.fixture(autouse=True)
def nothing_configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty working directory, and no variable that means anything here."""
    monkeypatch.chdir(tmp_path)
    for kind in (Settings, OfApp):
        for name in kind.model_fields:
            for variable in variables(kind, name):
                monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "horarium.yaml"


def error_of(kind: type[Any] = Settings, **arguments: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        kind(**arguments)
    return str(caught.value)


# --- layers


def test_without_any_configuration_everything_has_a_default() -> None:
    settings = Settings()
    assert (settings.database_url, settings.engine, settings.timezone) == (
        "sqlite:///horarium.db",
        "apscheduler",
        "UTC",
    )
    assert (settings.threads, settings.loop, settings.lease, settings.heartbeat) == (20, 1000, 30.0, 5.0)
    assert settings.processes >= 1
    assert settings.config is None


def test_the_file_is_stronger_than_a_default(file: Path) -> None:
    file.write_text("port: 1\n")
    assert Settings().port == 1


def test_a_documented_variable_is_stronger_than_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("port: 1\n")
    monkeypatch.setenv("PORT", "2")
    assert Settings().port == 2


def test_the_variable_with_the_prefix_is_stronger_than_the_documented_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "2")
    monkeypatch.setenv("HORARIUM_PORT", "3")
    assert Settings().port == 3


def test_an_argument_is_stronger_than_everything(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("port: 1\n")
    monkeypatch.setenv("HORARIUM_PORT", "3")
    assert Settings(port=4).port == 4


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HORARIUM_PORT", "")
    monkeypatch.setenv("PORT", "2")
    assert Settings().port == 2


@pytest.mark.parametrize(
    ("variable", "value", "name", "expected"),
    [
        ("DATABASE_URL", "postgres://me@host/plan", "database_url", "postgres://me@host/plan"),
        ("SCHEDULER_BACKEND", "apscheduler", "engine", "apscheduler"),
        ("REDIS_URL", "redis://127.0.0.1:6379/0", "redis_url", "redis://127.0.0.1:6379/0"),
        ("PORT", "5000", "port", 5000),
    ],
)
def test_the_names_that_applications_document_are_read(
    variable: str, value: str, name: str, expected: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    assert getattr(Settings(), name) == expected


def test_the_environment_names_another_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "other.yaml").write_text("port: 7\n")
    monkeypatch.setenv("HORARIUM_CONFIG", "other.yaml")
    settings = Settings()
    assert (settings.port, settings.config) == (7, tmp_path / "other.yaml")


def test_an_argument_names_another_file_than_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "other.yaml").write_text("port: 7\n")
    monkeypatch.setenv("HORARIUM_CONFIG", "not-there.yaml")
    assert Settings(config=Path("other.yaml")).port == 7


def test_no_file_is_read_when_none_is_asked_for(file: Path) -> None:
    file.write_text("port: 1\n")
    settings = Settings(config=None)
    assert (settings.port, settings.config) == (8000, None)


def test_the_file_that_was_read_is_known_by_its_whole_path(file: Path) -> None:
    file.write_text("port: 1\n")
    assert Settings().config == file


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().port = 1


@pytest.mark.parametrize("name", ["keep_days", "keep_runs"])
def test_none_means_no_limit_of_history(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"HORARIUM_{name.upper()}", "none")
    assert getattr(Settings(), name) is None


def test_words_are_understood_in_any_case(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HORARIUM_LOG_LEVEL", "debug")
    monkeypatch.setenv("HORARIUM_SQLITE_SYNCHRONOUS", "normal")
    monkeypatch.setenv("SCHEDULER_BACKEND", "APScheduler")
    settings = Settings()
    assert (settings.log_level, settings.sqlite_synchronous, settings.engine) == ("DEBUG", "NORMAL", "apscheduler")


def test_a_short_lease_alone_is_no_contradiction() -> None:
    assert Settings(lease=3).lease == 3


# --- errors


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        (
            "HORARIUM_THREADS",
            "many",
            "threads (HORARIUM_THREADS in the environment) takes a whole number, 1 or more, not 'many'",
        ),
        ("HORARIUM_LEASE", "0", "lease (HORARIUM_LEASE in the environment) takes seconds, more than 0, not '0'"),
        ("HORARIUM_LEASE", "nan", "lease (HORARIUM_LEASE in the environment) takes seconds, more than 0, not 'nan'"),
        (
            "PORT",
            "70000",
            "port (PORT in the environment) takes a port number, 0 to 65535 (0: any free one), not '70000'",
        ),
        (
            "SCHEDULER_BACKEND",
            "rq",
            "engine (SCHEDULER_BACKEND in the environment) takes apscheduler or inline, not 'rq'",
        ),
        ("HORARIUM_TIMEZONE", "Europe/Roma", "did you mean 'Europe/Rome'?"),
        ("HORARIUM_CONFIG", "nix.yaml", "config (HORARIUM_CONFIG in the environment): there is no file "),
    ],
)
def test_a_variable_that_cannot_be_used_is_named_with_what_it_takes(
    variable: str, value: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    assert expected in error_of()


def test_a_value_of_the_file_that_cannot_be_used_is_named_with_the_file(file: Path) -> None:
    file.write_text("threads: many\n")
    assert error_of() == f"threads ({file}) takes a whole number, 1 or more, not 'many'"


def test_an_argument_that_cannot_be_used_is_called_one() -> None:
    assert error_of(threads=0) == "threads (argument) takes a whole number, 1 or more, not 0"


def test_a_truth_value_is_no_number(file: Path) -> None:
    file.write_text("threads: true\n")
    assert "a number is wanted, not True" in error_of()


def test_all_that_is_wrong_is_said_at_once(file: Path) -> None:
    file.write_text("threads: many\nport: none\nlogs: json\n")
    assert [line.split()[0] for line in error_of().splitlines()] == ["threads", "port", f"{file}:"]


def test_a_name_in_the_file_that_is_not_known_brings_up_the_nearest(file: Path) -> None:
    file.write_text("databse_url: sqlite:///a.db\n")
    assert error_of() == f"{file}: there is no setting 'databse_url'; did you mean 'database_url'?"


def test_jobs_is_among_the_names_that_may_be_meant(file: Path) -> None:
    file.write_text("job: {}\n")
    assert error_of().endswith("did you mean 'jobs'?")


def test_an_argument_that_is_not_known_brings_up_the_nearest() -> None:
    assert error_of(treads=3) == "argument: there is no setting 'treads'; did you mean 'threads'?"


def test_the_file_may_have_jobs_a_name_and_notes_of_its_own(file: Path) -> None:
    file.write_text("name: shop\njobs: {}\nx-common: {a: 1}\nport: 1\n")
    assert Settings().port == 1


def test_the_file_cannot_name_the_file(file: Path) -> None:
    file.write_text("config: other.yaml\n")
    assert "cannot say which file is read" in error_of()


def test_celery_is_said_not_to_be_there_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCHEDULER_BACKEND", "celery")
    assert error_of().startswith("engine (SCHEDULER_BACKEND in the environment): 'celery' is not installed")


def test_a_heartbeat_that_the_lease_has_no_room_for_is_an_error() -> None:
    assert "heartbeat (20 s) must be at most a third of lease (30 s)" in error_of(heartbeat=20)


def test_an_address_of_another_database_is_refused_without_showing_its_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://me:hush@host/plan")
    said = error_of()
    assert "database_url (DATABASE_URL in the environment): 'mysql://me:***@host/plan'" in said
    assert "hush" not in said


@pytest.mark.parametrize("beginning", ["sqlite:///", "postgresql://", "postgres://", "postgresql+psycopg://"])
def test_every_address_that_the_settings_take_is_one_that_the_store_takes(beginning: str) -> None:
    address = f"{beginning}{'plan.db' if 'sqlite' in beginning else 'me@host/plan'}"
    assert normalised(Settings(database_url=address).database_url).database


def test_passwords_are_not_in_what_settings_look_like() -> None:
    settings = Settings(database_url="postgresql://me:hush@host/plan")
    assert "hush" not in f"{settings} {settings!r}"
    assert "postgresql://me:***@host/plan" in repr(settings)


def test_the_error_does_not_carry_what_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://me:hush@host/plan")
    with pytest.raises(ConfigurationError) as caught:
        Settings()
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_variable_that_looks_misspelt_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("HORARIUM_DATBASE_URL", "sqlite:///a.db")
    monkeypatch.setenv("HORARIUM_HOUSE_STYLE", "baroque")
    with caplog.at_level(logging.WARNING):
        Settings()
    assert caplog.messages == [
        "HORARIUM_DATBASE_URL in the environment is not a setting; did you mean HORARIUM_DATABASE_URL?"
    ]


# --- the file itself


def test_the_rules_of_yaml_1_2_hold(file: Path) -> None:
    file.write_text("a: 14:00\nb: on\nc: no\nd: 2025-10-13\ne: 007\nf: 1e3\ng: true\nh: ~\non: 1\n")
    assert read_yaml(file) == {
        "a": "14:00",
        "b": "on",
        "c": "no",
        "d": "2025-10-13",
        "e": "007",
        "f": 1000.0,
        "g": True,
        "h": None,
        "on": 1,
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: 2\na: 3\n", "line 3: 'a' stands here again, after line 1"),
        ("a: [1\n", "line 2: while parsing a flow sequence"),
        ("- a\n", "must hold settings as `name: value`, not list"),
        ("1: a\n", 'line 1: a key must be text: write "1", in quotes'),
        ("? [1, 2]\n: a\n", "line 1: a key must be text"),
        ("a: !!python/object:os.system {}\n", "line 1: could not determine a constructor"),
        ("a: 1\n---\nb: 1\n", "expected a single document"),
        ("[" * 3000, "nested too deep"),
    ],
)
def test_a_file_that_is_no_such_yaml_is_an_error_that_names_the_line(file: Path, text: str, expected: str) -> None:
    file.write_text(text)
    said = error_of()
    assert said.startswith(str(file))
    assert expected in said


def test_a_file_that_is_not_text_is_an_error(file: Path) -> None:
    file.write_bytes(b"port: \xff\n")
    assert error_of().startswith(f"{file} is not YAML in UTF-8")


def test_a_merge_is_not_a_name_that_stands_twice(file: Path) -> None:
    file.write_text("x-d: &d {a: 1, b: 2}\nx-e:\n  <<: *d\n  a: 3\n")
    assert read_yaml(file)["x-e"] == {"a": 3, "b": 2}


def test_an_empty_file_sets_nothing(file: Path) -> None:
    file.write_text("# nothing yet\n")
    assert Settings().port == 8000


# --- applications


def test_an_application_reads_its_section_and_its_variables(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("port: 1\napps:\n  tested: {folder: /srv, pause: 2}\n")
    monkeypatch.setenv("TESTED_TAGS", '["a", "b"]')
    settings = OfApp()
    assert (settings.folder, settings.pause, settings.tags) == (Path("/srv"), 2.0, ["a", "b"])


def test_an_application_gets_the_file_that_the_scheduler_read(tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text("apps: {tested: {pause: 3}}\n")
    assert OfApp(config=Settings(config=Path("other.yaml")).config).pause == 3


def test_an_application_takes_defaults_when_the_file_has_no_section_for_it(file: Path) -> None:
    file.write_text("port: 1\napps:\n  tested:\n")
    assert OfApp().pause == 1.0


def test_an_application_may_read_other_names_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", "abcdef")
    assert OfApp().key == "abcdef"


def test_a_prefix_of_its_own_is_read_with_the_inherited_section(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("apps: {tested: {pause: 2}}\n")
    monkeypatch.setenv("OTHER_FOLDER", "/other")
    monkeypatch.setenv("TESTED_FOLDER", "/tested")
    settings = Renamed()
    assert (settings.folder, settings.pause) == (Path("/other"), 2.0)


def test_an_unknown_name_in_a_section_brings_up_the_nearest(file: Path) -> None:
    file.write_text("apps: {tested: {foldr: /srv}}\n")
    assert error_of(OfApp) == f"{file}: apps: tested: there is no setting 'foldr'; did you mean 'folder'?"


def test_an_unknown_application_in_the_file_brings_up_the_nearest(file: Path) -> None:
    file.write_text("apps: {testet: {}}\n")
    assert error_of() == f"{file}: apps: there is no application 'testet'; did you mean 'tested'?"


def test_the_section_of_an_installed_application_is_known_without_importing_it(file: Path) -> None:
    file.write_text("apps: {auto_analyze: {}}\nport: 1\n")
    assert Settings().port == 1


@pytest.mark.parametrize("text", ["apps: [tested]\n", "apps: {tested: 5}\n"])
def test_sections_that_are_no_mappings_are_errors(file: Path, text: str) -> None:
    file.write_text(text)
    assert error_of().startswith(f"{file}: apps")
    assert error_of(OfApp).startswith(f"{file}: apps")


def test_a_secret_is_shown_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TESTED_KEY", "abc")
    assert error_of(OfApp) == (
        "key (TESTED_KEY in the environment): string should have at least 4 characters, not what it is set to"
    )
    assert "hush!" not in f"{OfApp(key='hush!')} {Nested(token=SecretStr('hush!'), needed=1)}"


def test_a_setting_that_must_be_given_says_how() -> None:
    assert error_of(Nested) == "needed is not set; set NESTED_NEEDED in the environment, or needed in horarium.yaml"


def test_a_list_in_the_environment_that_is_not_json_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TESTED_TAGS", "a, b")
    assert error_of(OfApp).startswith('TESTED_TAGS in the environment takes JSON, such as ["a", "b"]')


def test_settings_of_an_application_must_have_a_section() -> None:
    with pytest.raises(ConfigurationError, match="Homeless needs a section"):
        type("Homeless", (AppSettings,), {})


# --- passwords


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("postgresql://me:hush@host/db", "postgresql://me:***@host/db"),
        ("redis://:hush@host:6379/0 and http://a:b@c", "redis://:***@host:6379/0 and http://a:***@c"),
        ("postgresql://me:hu:s@h@host/db", "postgresql://me:***@host/db"),
        ("https://host/x?user=me&access_token=hush&n=1", "https://host/x?user=me&access_token=***&n=1"),
        ("https://host/x?password=hush", "https://host/x?password=***"),
    ],
)
def test_passwords_in_addresses_are_hidden(text: str, expected: str) -> None:
    assert without_secrets(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "sqlite:////srv/plan.db",
        "http://host:80/a?mail=me@host",
        "postgresql://me@host/db",
        "https://host/a:b@c",
        "a:b@c",
    ],
)
def test_addresses_without_a_password_stay_as_they_are(text: str) -> None:
    assert without_secrets(text) == text


# --- documents


def test_the_table_in_the_documents_is_the_one_of_the_code() -> None:
    assert settings_table() in PAGE.read_text(encoding="utf-8")


def test_the_example_of_the_environment_is_the_one_of_the_code() -> None:
    assert (ROOT / "env.example").read_text(encoding="utf-8") == env_example()


def test_the_example_of_the_environment_sets_what_is_set_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    without = Settings()
    for name, value in re.findall(r"^#(\w+)=(.*)$", env_example(), re.MULTILINE):
        monkeypatch.setenv(name, value)
    assert Settings() == without


def test_every_setting_says_what_it_is_for_and_what_it_takes() -> None:
    rows = [line.split(" | ") for line in settings_table().splitlines()]
    assert [row[0] for row in rows if len(row) != 5 or not all(cell.strip(" |") for cell in row)] == []


def test_the_settings_of_an_application_can_be_listed_too() -> None:
    assert "| `folder` | `TESTED_FOLDER` | `videos` | a folder | Where the videos are. |" in settings_table(OfApp)
    assert "#TESTED_FOLDER=videos\n" in env_example(OfApp)
    assert "none yet" not in env_example(OfApp)
