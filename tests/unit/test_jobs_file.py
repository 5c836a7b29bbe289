"""The jobs of horarium.yaml: forms, policies, errors, and the page that describes them."""

import re
import textwrap
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from horarium.errors import ConfigurationError, TriggerError
from horarium.job import POLICY_NAMES, Job
from horarium.jobs_file import file_origin, load_jobs, read_trigger
from horarium.retry import Retry
from horarium.settings import Settings
from horarium.settings.facts import variables
from horarium.states import OnCrash, Overlap
from horarium.when import (
    Trigger,
    all_of,
    any_of,
    at,
    cron,
    daily,
    every,
    monthly,
    weekly,
)
from horarium.when.durations import parse_duration

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "configuration.md"


@pytest.fixture(autouse=True)
def nothing_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable that means anything here."""
    for name in Settings.model_fields:
        for variable in variables(Settings, name):
            monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "horarium.yaml"


def write_job(file: Path, lines: str) -> None:
    """A file with one job, `nightly`, that has these keys."""
    file.write_text(
        "jobs:\n  nightly:\n    task: shop.jobs:cleanup\n" + textwrap.indent(textwrap.dedent(lines), "    ")
    )


def job_of(file: Path, lines: str) -> Job:
    write_job(file, lines)
    (job,) = load_jobs(file, "Europe/Rome")
    return job


def error_of(file: Path, lines: str) -> str:
    """What is said of the job `nightly`, after the file's name and the job's."""
    write_job(file, lines)
    with pytest.raises(ConfigurationError) as caught:
        load_jobs(file)
    said = str(caught.value)
    begin = f"{file}: jobs: nightly: "
    assert said.startswith(begin)
    return said.removeprefix(begin)


# --- when


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('cron: "0 3 * * *"', cron("0 3 * * *")),
        ('cron: {expression: "0 3 * * *", timezone: Africa/Lome}', cron("0 3 * * *", "Africa/Lome")),
        ("every: 10 minutes", every(minutes=10)),
        ("every: 1h30m", every(minutes=90)),
        ("every: 600", every(seconds=600)),
        ("every: 0.5", every(milliseconds=500)),
        ("every: {hours: 1, jitter: 30}", every(hours=1, jitter=30)),
        ("every: {days: 1, start: 2025-10-13 15:30:00}", every(days=1, start="2025-10-13 15:30:00")),
        ("daily: 06:00", daily(6)),
        ("daily: 14:30", daily(14, 30)),
        ("daily: 6", daily(6)),
        ("daily: {at: 06:00, timezone: Africa/Lome}", daily(6, timezone="Africa/Lome")),
        ("weekly: {days: [mon, thu], at: 14:00}", weekly("mon, thu", 14)),
        ("weekly: fri", weekly("fri")),
        ("monthly: {days: [1, 15], at: 09:00}", monthly([1, 15], 9)),
        ("monthly: {days: last, at: 23:00}", monthly("last", 23)),
        ("at: 2025-10-13 15:30:00", at("2025-10-13 15:30:00")),
        ("at: 2025-10-13", at("2025-10-13")),
        ("at: {when: 2025-10-13 15:30, timezone: Asia/Tokyo}", at("2025-10-13 15:30", "Asia/Tokyo")),
        ("any_of: [{daily: 06:00}, {weekly: {days: sat, at: 10:00}}]", any_of(daily(6), weekly("sat", 10))),
        ("all_of: [{every: 2h}, {daily: 06:00}]", all_of(every(hours=2), daily(6))),
        (
            "any_of: [{all_of: [{daily: 06:00}]}, {type: interval, seconds: 5}]",
            any_of(all_of(daily(6)), every(seconds=5)),
        ),
        ('trigger: {type: cron, expression: "0 3 * * *", timezone: Africa/Lome}', cron("0 3 * * *", "Africa/Lome")),
        ("trigger: {daily: 06:00}", daily(6)),
    ],
)
def test_a_trigger_is_written_in_short_or_as_json(file: Path, text: str, expected: Trigger) -> None:
    assert job_of(file, text).trigger == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("timeout: 3", "it does not say when; give one of cron, every, daily,"),
        ("daily: 06:00\nevery: 5m", "daily and every both say when"),
        ("daily: 25:00", "daily: the time of day '25:00' cannot be read"),
        ("daily: {time: 06:00}", "daily: there is no key 'time'"),
        ("daily: {hour: 6}", "daily: there is no key 'hour'; there are at,"),
        ("daily: {at: 06:00, timezone: Europe/Roma}", "did you mean 'Europe/Rome'?"),
        ("every: 10 parsecs", "every: '10 parsecs' is not a length of time"),
        ("every: 1h 30", "every: '1h 30' is not a length of time"),
        ("every: {minute: 10}", "every: there is no key 'minute'; did you mean 'minutes'?"),
        ("every: {minutes: ten}", "every: the parts of an interval must be finite numbers"),
        ("every: 1e400", "every: the parts of an interval must be finite numbers"),
        ("every: true", "every: write a length of time"),
        ("every:", "every: write a length of time"),
        ("every: 0", "every: an interval needs a length"),
        ("every: -5", "every: an interval must be more than nothing"),
        ("cron: 5", "cron: a cron expression must be text, not 5"),
        ("cron: 0 3 * *", "cron: cron expression '0 3 * *': wrong number of fields"),
        ("weekly: {days: [funday]}", "weekly: 'funday' is no day of the week"),
        ("weekly: {at: 06:00}", "weekly: days is missing"),
        ("monthly: {days: [32]}", "monthly: 32 is no day of the month"),
        ("at: noon", "at: when 'noon' is not a date and time"),
        ("any_of: {daily: 06:00}", "any_of: a list of triggers is wanted"),
        ("any_of: []", "any_of: a combined trigger needs at least one trigger"),
        ("any_of: [{dayly: 06:00}]", "any_of: there is no trigger 'dayly'; did you mean 'daily'?"),
        (
            "any_of: [{daily: 06:00, jitter: 5}]",
            "any_of: jitter stands beside daily; what belongs to daily goes under it",
        ),
        (
            "trigger: daily",
            "trigger: write a trigger like {daily: '06:00'} or {type: cron, expression: ...}, not 'daily'",
        ),
        ("trigger: {type: chron}", "trigger: there is no trigger type 'chron'"),
        ("trigger: {type: cron}", "trigger: cron: the field 'expression' is missing"),
        ("any_of: " + "[{any_of: " * 20 + "[{daily: 6}]" + "}]" * 20, "nested more than 8 deep"),
    ],
)
def test_a_trigger_that_cannot_be_used_is_named_by_its_key(file: Path, text: str, expected: str) -> None:
    assert expected in error_of(file, text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10m", timedelta(minutes=10)),
        ("1h30m", timedelta(minutes=90)),
        ("1 hour 30 minutes", timedelta(minutes=90)),
        ("1 hour and 30 minutes", timedelta(minutes=90)),
        ("2 days, 4 hours", timedelta(days=2, hours=4)),
        ("500ms", timedelta(milliseconds=500)),
        ("0.1s", timedelta(milliseconds=100)),
        ("1.5 weeks", timedelta(days=10.5)),
        ("90", timedelta(seconds=90)),
    ],
)
def test_a_length_of_time_is_written_as_people_do(text: str, expected: timedelta) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize("text", ["", "m", "10 m 5", "ten minutes", "1x", "-5s", "1" * 99 + "w", "1s" * 60, "10;s"])
def test_what_is_no_length_of_time_is_refused(text: str) -> None:
    with pytest.raises(TriggerError):
        parse_duration(text)


def test_triggers_can_be_read_without_a_file() -> None:
    assert read_trigger({"daily": "06:00"}) == daily(6)


# --- the rest of a job


def test_a_job_has_everything_that_the_file_says(file: Path) -> None:
    job = job_of(
        file,
        """
        daily: 06:00
        name: The cleanup
        timezone: Africa/Lome
        args: [1, [two]]
        kwargs: {dry_run: false, since: 2025-10-13}
        executor: process
        overlap: queue
        max_instances: 2
        misfire_grace_time: 60
        coalesce: false
        catch_up: 3
        on_crash: fail
        retry: {kind: exponential, base: 30, max_attempts: 5, max_delay: 600, jitter: 0.5, permanent: [ValueError]}
        timeout: 300
        keep_runs: 5
        keep_days: 1.5
        """,
    )
    assert (job.id, job.task, job.name, job.timezone) == ("nightly", "shop.jobs:cleanup", "The cleanup", "Africa/Lome")
    assert (job.args, dict(job.kwargs)) == ((1, ["two"]), {"dry_run": False, "since": "2025-10-13"})
    retry = Retry.exponential(30, max_attempts=5, max_delay=600, jitter=0.5, permanent=[ValueError])
    assert {name: getattr(job.policies, name) for name in POLICY_NAMES} == {
        "executor": "process",
        "overlap": Overlap.QUEUE,
        "max_instances": 2,
        "misfire_grace_time": 60,
        "coalesce": False,
        "catch_up": 3,
        "on_crash": OnCrash.FAIL,
        "retry": retry,
        "timeout": 300,
        "keep_runs": 5,
        "keep_days": 1.5,
    }


def test_a_job_is_in_the_zone_of_the_settings_unless_it_names_one(file: Path) -> None:
    assert job_of(file, "daily: 06:00").timezone == "Europe/Rome"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("retry: {kind: fixed}", Retry.fixed()),
        ("retry: {kind: linear, base: 5}", Retry.linear(5)),
        ("retry: {kind: exponential, max_attempts: 9}", Retry.exponential(max_attempts=9)),
        ("retry: none", Retry.none()),
        ("retry:", None),
    ],
)
def test_what_a_retry_leaves_out_is_as_in_code(file: Path, text: str, expected: Retry | None) -> None:
    assert job_of(file, f"daily: 06:00\n{text}").policies.retry == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("timout: 5", "there is no key 'timout'; did you mean 'timeout'?"),
        ("timeout: 5 minutes", "timeout takes seconds, not '5 minutes'"),
        ("timeout: -1", "timeout must be a number of seconds, more than 0"),
        ("coalesce: maybe", "coalesce takes true or false, not 'maybe'"),
        ("max_instances: 1.5", "max_instances takes a whole number, not 1.5"),
        ("max_instances: true", "max_instances takes a whole number, not True"),
        ("overlap: maybe", "overlap 'maybe' is not one of skip, queue, cancel_running, allow"),
        ("on_crash: maybe", "on_crash 'maybe' is not one of resume, fail"),
        ("executor: gpu", "executor 'gpu' is not one of loop, thread, process"),
        ("executor: 5", "executor must be text, not 5"),
        ("retry: 3", "retry takes none, or a mapping"),
        ("retry: {base: 3}", "retry: the field 'kind' is missing"),
        ("retry: {kind: often}", "retry: retry kind 'often' is not one of"),
        ("retry: {kind: fixed, tries: 3}", "retry: there is no field 'tries'"),
        ("timezone: Europe/Roma", "timezone: there is no time zone 'Europe/Roma'; did you mean 'Europe/Rome'?"),
        ("timezone: 5", "timezone must be text, not 5"),
        ("name: 5", "name must be text, not 5"),
        ("args: {a: 1}", "args must be a list"),
        ("kwargs: [1]", "kwargs must be a mapping"),
        ("kwargs: {a: 1e400}", "kwargs cannot be written as JSON"),
    ],
)
def test_a_key_that_cannot_be_used_is_named(file: Path, text: str, expected: str) -> None:
    assert expected in error_of(file, f"daily: 06:00\n{text}")


def test_arguments_that_the_function_does_not_take_are_an_error_at_once(file: Path) -> None:
    file.write_text("jobs: {nightly: {task: 'shutil:rmtree', daily: 06:00, kwargs: {depth: 3}}}\n")
    with pytest.raises(ConfigurationError, match="nightly: task 'shutil:rmtree' cannot be called with these arguments"):
        load_jobs(file)


def test_a_task_that_cannot_be_imported_here_may_run_elsewhere(file: Path) -> None:
    assert job_of(file, "daily: 06:00").task == "shop.jobs:cleanup"


# --- the file


def test_a_file_without_jobs_has_none(file: Path) -> None:
    file.write_text("port: 1\njobs:\n")
    assert load_jobs(file) == []


def test_all_that_is_wrong_is_said_at_once(file: Path) -> None:
    file.write_text("jobs:\n  a: {task: 1}\n  b: {task: x, daily: 06:00}\n  c: 5\n  '': {task: x, daily: 06:00}\n")
    with pytest.raises(ConfigurationError) as caught:
        load_jobs(file)
    lines = str(caught.value).splitlines()
    assert [line.removeprefix(f"{file}: jobs: ").partition(":")[0] for line in lines] == ["a", "c", ""]


def test_two_jobs_of_one_id_are_an_error_that_names_both_lines(file: Path) -> None:
    file.write_text("jobs:\n  a: {task: x, daily: 06:00}\n  a: {task: y, daily: 06:00}\n")
    with pytest.raises(ConfigurationError, match="line 3: 'a' stands here again, after line 2"):
        load_jobs(file)


def test_jobs_that_are_a_list_are_an_error(file: Path) -> None:
    file.write_text("jobs:\n  - task: x\n")
    with pytest.raises(ConfigurationError, match="jobs must hold `ID:` and what the job is"):
        load_jobs(file)


def test_the_jobs_belong_to_the_file_by_its_name(file: Path) -> None:
    assert job_of(file, "daily: 06:00").origin == file_origin(file) == "file:horarium.yaml"


def test_a_file_may_give_itself_a_name_that_others_do_not_have(file: Path) -> None:
    file.write_text("name: shop\njobs: {a: {task: x, daily: 06:00}}\n")
    assert [job.origin for job in load_jobs(file)] == [file_origin(file)] == ["file:shop"]


@pytest.mark.parametrize("text", ["name: 5", "name: ''", "name: ' '", 'name: "a\\nb"'])
def test_a_files_name_is_printable_text(file: Path, text: str) -> None:
    file.write_text(text)
    with pytest.raises(ConfigurationError, match="name must be printable text"):
        file_origin(file)


# --- the page


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def rows_under(heading: str) -> list[list[str]]:
    section = PAGE.read_text(encoding="utf-8").split(f"\n### {heading}\n")[1].split("\n## ")[0].split("\n### ")[0]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in section.splitlines() if row[:3] == "| `"]


def test_the_example_of_the_page_is_read_as_it_says(file: Path, tmp_path: Path) -> None:
    names: dict[str, Any] = {}
    exec(compile(blocks("python")[0], str(PAGE), "exec"), names)
    file.write_text(blocks("yaml")[0])
    settings = Settings(config=file)
    jobs = {job.id: job for job in load_jobs(file, settings.timezone)}
    assert settings.database_url == "sqlite:///shop.db"
    assert {job_id: job.trigger for job_id, job in jobs.items()} == {
        "nightly-cleanup": cron("0 3 * * *"),
        "prices": every(minutes=10),
        "newsletter": any_of(weekly("mon,thu", 14), monthly("last", 9)),
    }
    assert {job.origin for job in jobs.values()} == {"file:shop"}
    assert (jobs["prices"].timezone, jobs["newsletter"].timezone) == ("Europe/Rome", "Africa/Lome")
    assert names["MySettings"](config=file).folder == Path("/srv/videos")


def test_the_example_of_anchors_works(file: Path) -> None:
    file.write_text(blocks("yaml")[1])
    (job,) = load_jobs(file)
    assert job.policies.retry == Retry.linear(30)
    assert Settings(config=file).config == file


def test_every_key_of_a_job_is_on_the_page(file: Path) -> None:
    on_the_page = [key for row in rows_under("Jobs") for key in re.findall(r"`(\w+)`", row[0])]
    write_job(file, "nix: 1")
    said = error_of(file, "q: 1")
    assert sorted(on_the_page) == sorted(said.partition("there are ")[2].split(", "))


@pytest.mark.parametrize(
    "form", [form for row in rows_under("When") for form in re.findall(r"`([^`]+: [^`]+)`", row[0])]
)
def test_every_form_of_a_trigger_on_the_page_can_be_written(file: Path, form: str) -> None:
    assert isinstance(job_of(file, form).trigger, Trigger)


def test_the_page_shows_every_form_of_a_trigger() -> None:
    shown = {key for row in rows_under("When") for key in re.findall(r"`(\w+):?", " ".join(row))}
    keys = next(row[0] for row in rows_under("Jobs") if "`cron`" in row[0])
    assert set(re.findall(r"`(\w+)`", keys)) <= shown
