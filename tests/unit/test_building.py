"""From what people write to a job."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from horarium.building import aware, build_policies, checked_id, checked_job, checked_text, default_name, known
from horarium.errors import HorariumError, JobError, TriggerError
from horarium.execution.registry import REGISTRY, task
from horarium.job import Job
from horarium.states import OnCrash
from horarium.when import every

NAIVE = datetime(2026, 7, 1, 9)  # noqa: DTZ001 - naive on purpose


@task("building.plain", on_crash="fail")
def plain() -> None: ...


@task("building.async")
async def asynchronous() -> None: ...


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (NAIVE, datetime(2026, 7, 1, 7, tzinfo=UTC)),
        (NAIVE.replace(tzinfo=UTC), datetime(2026, 7, 1, 9, tzinfo=UTC)),
        (NAIVE.replace(tzinfo=ZoneInfo("Asia/Tokyo")), datetime(2026, 7, 1, 0, tzinfo=UTC)),
        ("2026-07-01 09:00", datetime(2026, 7, 1, 7, tzinfo=UTC)),
        ("2026-07-01T09:00:00+00:00", datetime(2026, 7, 1, 9, tzinfo=UTC)),
        (date(2026, 7, 1), datetime(2026, 6, 30, 22, tzinfo=UTC)),
        (None, None),
    ],
)
def test_a_naive_time_is_in_the_zone_of_the_job(value: Any, expected: datetime | None) -> None:
    assert aware(value, "Europe/Rome") == expected


@pytest.mark.parametrize("value", [5, "soon", b"2026", object(), True])
def test_what_is_no_time_is_refused_by_its_name(value: Any) -> None:
    with pytest.raises(TriggerError, match="since"):
        aware(value, "UTC", "since")


def test_the_kind_of_function_says_where_it_runs() -> None:
    assert build_policies({}, REGISTRY.resolve("building.plain")).executor == "thread"
    assert build_policies({}, REGISTRY.resolve("building.async")).executor == "loop"
    assert build_policies({"executor": "process"}, REGISTRY.resolve("building.plain")).executor == "process"
    assert build_policies({}, None).executor is None


def test_what_the_task_says_of_crashes_holds_unless_the_job_says_otherwise() -> None:
    definition = REGISTRY.resolve("building.plain")
    assert build_policies({}, definition).on_crash is OnCrash.FAIL
    assert build_policies({"on_crash": "resume"}, definition).on_crash is OnCrash.RESUME


def test_a_plain_function_is_not_put_on_the_event_loop() -> None:
    with pytest.raises(JobError, match="would block the event loop"):
        build_policies({"executor": "loop"}, REGISTRY.resolve("building.plain"))


def test_an_unknown_policy_is_told_with_those_that_there_are() -> None:
    with pytest.raises(JobError, match="unknown policy 'colour'; the policies are executor, overlap"):
        build_policies({"colour": "blue"}, None)


def test_a_task_that_cannot_be_imported_here_has_no_definition() -> None:
    assert known("nowhere.at_all:work") is None
    assert known("building.plain") is not None


def test_an_id_is_as_long_as_databases_can_index() -> None:
    assert checked_id("ü" * 200) == "ü" * 200
    with pytest.raises(JobError, match="a job's id has at most 400 bytes; this one begins 'üü"):
        checked_id("ü" * 201)


@pytest.mark.parametrize("value", ["\x00", "a\ud800", None, 5])
def test_text_is_what_databases_can_keep(value: Any) -> None:
    with pytest.raises(JobError, match="the colour"):
        checked_text(value, "the colour")


@pytest.mark.parametrize(
    ("func", "name", "expected"),
    [
        (plain, "building.plain", "plain"),
        ("package.module:work", "package.module:work", "work"),
        ("named", "named", "named"),
    ],
)
def test_a_job_is_named_after_its_function(func: Any, name: str, expected: str) -> None:
    assert default_name(func, name) == expected


def test_a_job_is_normalised_when_it_is_checked() -> None:
    job = checked_job(
        Job(
            id="job",
            task="building.plain",
            trigger=every(hours=1),
            args=[1],  # type: ignore[arg-type]
            timezone=ZoneInfo("Europe/Rome"),  # type: ignore[arg-type]
            next_run_time=NAIVE,
            paused=1,  # type: ignore[arg-type]
        )
    )
    assert (job.args, job.timezone, job.paused) == ((1,), "Europe/Rome", True)
    assert job.next_run_time == datetime(2026, 7, 1, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    "changes",
    [
        {"id": ""},
        {"task": " "},
        {"name": 5},
        {"trigger": "daily"},
        {"args": "text"},
        {"kwargs": [1]},
        {"policies": {}},
        {"timezone": "Nowhere/At_All"},
        {"origin": None},
        {"next_run_time": "soon"},
    ],
)
def test_a_job_that_no_plan_can_hold_is_refused(changes: dict[str, Any]) -> None:
    fields = {"id": "job", "task": "building.plain", "trigger": every(hours=1)} | changes
    with pytest.raises(HorariumError):
        checked_job(Job(**fields))
