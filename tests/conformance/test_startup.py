"""What a scheduler adds to its plan when it starts: its own jobs, those of applications, and those of the file."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from horarium import App, Job, JobStatus, every
from horarium.testing import Timetable

from . import tasks
from .days import START, after
from .tasks import note

More = Callable[..., Timetable]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "horarium.yaml"


def write(config: Path, **jobs: str) -> dict[str, Any]:
    """A file with these jobs, each with its interval; the settings that name it."""
    lines = [f"  {name}:\n    task: conformance.note\n    every: {every}\n" for name, every in jobs.items()]
    config.write_text("jobs:\n" + "".join(lines) if lines else "timezone: UTC\n")
    return {"config": config}


def test_jobs_of_the_file_are_added_at_start(more: More, config: Path) -> None:
    table = more(settings=write(config, nightly="1 hour"))
    job = table.scheduler.get_job("nightly")
    assert job is not None
    assert (job.origin, job.next_run_time) == ("file:horarium.yaml", after(hours=1))


def test_what_the_file_no_longer_names_is_removed_and_nothing_else_is(more: More, config: Path) -> None:
    first = more(settings=write(config, nightly="1 hour", weekly="7 days"))
    first.scheduler.add_job(note, every(hours=1), id="of-code")
    second = more(settings=write(config, weekly="7 days"))
    assert {job.id for job in second.scheduler.get_jobs()} == {"weekly", "of-code"}


def test_a_job_of_the_file_keeps_its_time_and_a_persons_pause_over_starts(more: More, config: Path) -> None:
    first = more(settings=write(config, nightly="24 hours"))
    first.scheduler.pause_job("nightly", by="anna")
    second = more(after(hours=20), settings=write(config, nightly="24 hours"))
    job = second.scheduler.get_job("nightly")
    assert job is not None
    assert (job.status, job.next_run_time) == (JobStatus.PAUSED, after(hours=24))


def test_a_changed_job_of_the_file_is_changed(more: More, config: Path) -> None:
    more(settings=write(config, nightly="24 hours"))
    second = more(after(hours=20), settings=write(config, nightly="1 hour"))
    assert second.scheduler.get_job("nightly").next_run_time == after(hours=21)  # type: ignore[union-attr]


def test_a_file_without_jobs_removes_those_it_had(more: More, config: Path) -> None:
    more(settings=write(config, nightly="24 hours"))
    assert more(settings=write(config)).scheduler.get_jobs() == []


def test_jobs_of_an_application_are_added_and_removed_with_it(more: More) -> None:
    def app(*ids: str) -> App:
        jobs = [Job(id=job_id, task="conformance.note", trigger=every(hours=1)) for job_id in ids]
        return App(name="shop", title="Shop", version="1", jobs=lambda _settings: jobs)

    first = more(apps=[app("one", "two")])
    assert {job.id for job in first.scheduler.get_jobs()} == {"one", "two"}
    second = more(apps=[app("two")])
    assert [(job.id, job.origin) for job in second.scheduler.get_jobs()] == [("two", "app:shop")]


def test_an_application_that_fails_does_not_stop_the_others(more: More) -> None:
    def broken(_settings: object) -> list[Job]:
        raise RuntimeError("no")

    good = [Job(id="good", task="conformance.note", trigger=every(hours=1))]
    apps = [
        App(name="bad", title="Bad", version="1", jobs=broken),
        App(name="odd", title="Odd", version="1", jobs=lambda _settings: ["no job"]),  # type: ignore[list-item]
        App(name="good", title="Good", version="1", jobs=lambda _settings: good),
    ]
    table = more(apps=apps)
    table.advance(hours=1)
    assert len(tasks.calls) == 1


def test_starting_twice_leaves_the_built_in_jobs_as_they_are(more: More) -> None:
    first = more().scheduler.get_jobs(origin="builtin")
    second = more(after(hours=1)).scheduler.get_jobs(origin="builtin")
    assert [(job.id, job.next_run_time) for job in first] == [(job.id, job.next_run_time) for job in second]
    assert first[0].next_run_time > START  # type: ignore[operator]


def test_a_new_plan_is_told_in_one_line_whatever_alembic_says(plan_url: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with Timetable(plan_url):
        lines = [record.getMessage() for record in caplog.records]
    assert [line for line in lines if "tables" in line] == ["Brought the tables of core from nothing to core_0001"]
    assert not [record.name for record in caplog.records if record.name.startswith("alembic")]
    logging.getLogger("alembic.runtime.migration").info("an application's own")
    assert "an application's own" in caplog.messages


def test_a_timetable_counts_the_runs_of_the_test_alone() -> None:
    with Timetable(start=START) as table:
        table.scheduler.add_job(note, every(days=1), id="job")
        assert table.advance(days=10) == 10
        assert len(table.scheduler.runs(limit=None)) == 10


def test_a_timetable_with_upkeep_has_the_built_in_job_too() -> None:
    with Timetable(start=START, upkeep=True) as table:
        assert len(table.scheduler.get_jobs(origin="builtin")) == 1
        assert table.advance(days=10) == 10
