"""The names that the application's document promises, used as it shows them."""

import asyncio
import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import horarium
from horarium.scheduler import set_scheduler
from horarium_apps.auto_analyze import (
    AutoAnalyzeScheduler,
    get_auto_analyzer_status,
    get_scheduler,
    start_auto_analyzer,
    stop_auto_analyzer,
)
from horarium_apps.auto_analyze.domain.video import VideoStatus

from .plans import Library, Processes, eventually, linked

STARTED = "[OK] [TokIntel Scheduler] Avviato per user_id=1 - intervallo: 60 min"


@pytest.fixture(autouse=True)
def _process_scheduler(own_folder: Path) -> Iterator[None]:
    """The scheduler of this process is one of the test's own, and is ended."""
    set_scheduler(None)
    yield
    stop_auto_analyzer()
    horarium.get_scheduler().shutdown()
    set_scheduler(None)


def test_a_started_scheduler_runs_with_the_job(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        assert start_auto_analyzer(user_id=1, interval_minutes=60) is True
    status = get_auto_analyzer_status()
    assert STARTED in caplog.messages
    assert (status["is_running"], [job["interval_minutes"] for job in status["jobs"]]) == (True, [60])


def test_the_defaults_are_the_documented_ones() -> None:
    assert start_auto_analyzer() is True
    (job,) = get_auto_analyzer_status()["jobs"]
    assert (job["user_id"], job["interval_minutes"]) == (1, 60)


def test_a_status_is_json() -> None:
    start_auto_analyzer()
    assert json.loads(json.dumps(get_auto_analyzer_status())) == get_auto_analyzer_status()


def test_a_status_before_any_start_says_that_nothing_runs() -> None:
    assert get_auto_analyzer_status()["is_running"] is False


def test_a_second_start_changes_the_interval_and_is_fine() -> None:
    assert [start_auto_analyzer(1, 60), start_auto_analyzer(1, 30)] == [True, True]
    assert [job["interval_minutes"] for job in get_auto_analyzer_status()["jobs"]] == [30]


def test_a_start_that_changes_nothing_keeps_the_next_time() -> None:
    start_auto_analyzer(1, 60)
    before = get_auto_analyzer_status()["jobs"]
    start_auto_analyzer(1, 60)
    assert get_auto_analyzer_status()["jobs"] == before


def test_it_starts_inside_a_running_event_loop() -> None:
    async def page() -> bool:
        return start_auto_analyzer(user_id=1, interval_minutes=60)

    assert asyncio.run(page()) is True
    assert get_auto_analyzer_status()["is_running"] is True


@pytest.mark.parametrize("interval", [0, -5, "often", None, 1.5, True, 10**30])
def test_a_failed_start_is_logged_and_answers_false(interval: Any, caplog: pytest.LogCaptureFixture) -> None:
    assert start_auto_analyzer(user_id=1, interval_minutes=interval) is False
    assert "[ERROR] Errore nell'avvio dello scheduler" in caplog.messages
    assert get_auto_analyzer_status()["jobs"] == []


@pytest.mark.parametrize("user_id", [None, 1.5, -1, 0, True, "1", 10**30])
def test_a_start_for_what_is_no_user_is_a_failed_one_that_leaves_nothing(
    user_id: Any, caplog: pytest.LogCaptureFixture
) -> None:
    assert start_auto_analyzer(user_id=user_id) is False
    assert "[ERROR] Errore nell'avvio dello scheduler" in caplog.messages
    assert (horarium.get_scheduler().running, horarium.get_scheduler().get_jobs()) == (False, [])


def test_asking_makes_no_plan() -> None:
    assert get_auto_analyzer_status()["is_running"] is False
    assert AutoAnalyzeScheduler().get_status(1)["jobs"] == []
    assert get_scheduler().get_monitoring()["frequency"] == []
    assert stop_auto_analyzer() is False
    assert horarium.get_scheduler().plan_status().exists is False


STOPS: dict[str, Callable[[], bool]] = {
    "the function": stop_auto_analyzer,
    "another instance": lambda: AutoAnalyzeScheduler().stop_scheduler(),
    "the one of the process": lambda: get_scheduler().stop_scheduler(),
    "one that was given the scheduler": lambda: AutoAnalyzeScheduler(horarium.get_scheduler()).stop_scheduler(),
}


@pytest.mark.parametrize("by", STOPS)
def test_whoever_stops_it_has_stopped_it_for_all(by: str) -> None:
    started = AutoAnalyzeScheduler()
    started.start_auto_analyzer()
    assert STOPS[by]() is True
    statuses = [started.get_status(), get_scheduler().get_status(), get_auto_analyzer_status()]
    assert [(status["is_running"], status["nodes"]) for status in statuses] == [(False, [])] * 3
    assert started.scheduler.running is horarium.get_scheduler().running is False


def test_what_the_function_started_is_stopped_by_any_instance() -> None:
    start_auto_analyzer()
    assert AutoAnalyzeScheduler().stop_scheduler() is True
    assert horarium.get_scheduler().running is False
    assert stop_auto_analyzer() is False


def test_a_start_without_a_reachable_plan_answers_false(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as changed:
        changed.setenv("HORARIUM_DATABASE_URL", f"sqlite:///{tmp_path}/no/such/folder/plan.db")
        assert start_auto_analyzer() is False
        status = get_auto_analyzer_status()
    assert "[ERROR] Errore nell'avvio dello scheduler" in caplog.messages
    assert (status["is_running"], "no/such/folder" in status["error"]) == (False, True)


def test_stopping_ends_everybodys_analysis_and_the_scheduler() -> None:
    start_auto_analyzer(user_id=1)
    start_auto_analyzer(user_id=2)
    assert stop_auto_analyzer() is True
    status = get_auto_analyzer_status()
    assert (status["is_running"], status["jobs"], status["nodes"]) == (False, [], [])


def test_stopping_one_user_leaves_the_others() -> None:
    start_auto_analyzer(user_id=1)
    start_auto_analyzer(user_id=2)
    assert stop_auto_analyzer(user_id=1) is True
    assert (get_auto_analyzer_status(1)["is_running"], get_auto_analyzer_status(2)["is_running"]) == (False, True)


def test_a_paused_plan_is_not_running() -> None:
    start_auto_analyzer()
    horarium.get_scheduler().pause()
    status = get_auto_analyzer_status()
    assert (status["is_running"], status["paused"]) == (False, True)


def test_it_can_be_started_again_after_a_stop() -> None:
    start_auto_analyzer()
    stop_auto_analyzer()
    assert start_auto_analyzer() is True
    assert get_auto_analyzer_status()["is_running"] is True


def test_stopping_what_was_not_started_answers_false() -> None:
    assert stop_auto_analyzer() is False


def test_there_is_one_scheduler_a_process() -> None:
    assert get_scheduler() is get_scheduler()
    assert AutoAnalyzeScheduler().scheduler is get_scheduler().scheduler


def test_the_class_is_used_as_documented() -> None:
    scheduler = AutoAnalyzeScheduler()
    assert scheduler.start_auto_analyzer(user_id=1, interval_minutes=60) is True
    assert scheduler.get_status()["is_running"] is True
    assert scheduler.stop_scheduler() is True
    assert scheduler.get_status()["is_running"] is False


def test_a_scheduler_that_somebody_else_started_goes_on_after_a_stop() -> None:
    horarium.get_scheduler().start()
    start_auto_analyzer()
    stop_auto_analyzer()
    assert horarium.get_scheduler().running is True


def test_the_status_is_the_same_from_another_process(processes: Processes) -> None:
    start_auto_analyzer(user_id=1, interval_minutes=15)
    code = "import json; from horarium_apps.auto_analyze import *; print(json.dumps(get_auto_analyzer_status()))"
    told = json.loads(processes.call(sys.executable, "-c", code).stdout)
    mine = get_auto_analyzer_status()
    assert [node.pop("here") for node in told["nodes"] + mine["nodes"]] == [False, True]
    assert told == mine


def test_a_stop_ends_a_batch_of_another_process(
    processes: Processes, samples: list[Path], elsewhere: Library, tmp_path: Path
) -> None:
    user_id = elsewhere.add_user()
    elsewhere.add(linked(samples, tmp_path / "videos"), user_id)
    processes.start("run", AUTO_ANALYZE_CONCURRENCY="1")
    eventually(lambda: get_auto_analyzer_status()["nodes"], "the node")
    get_scheduler().schedule(user_id, 60)
    elsewhere.scheduler.run_now(f"auto-analyze-{user_id}")
    eventually(lambda: elsewhere.with_status(VideoStatus.ANALYSED), "an analysed video")
    assert stop_auto_analyzer() is True
    eventually(lambda: not get_auto_analyzer_status()["current_runs"], "the end of the batch")
    assert elsewhere.with_status(VideoStatus.NEW)
    assert not elsewhere.with_status(VideoStatus.ANALYSING)


def test_a_user_who_does_not_exist_yet_is_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    assert start_auto_analyzer(user_id=999, interval_minutes=1) is True
    assert any("no user 999 yet" in message for message in caplog.messages)


def test_finding_the_application_imports_none_of_its_parts() -> None:
    code = (
        "import sys, horarium_apps.auto_analyze as found; found.app; "
        "print([name for name in sys.modules if name.startswith(('horarium_apps.auto_analyze.', 'sqlalchemy'))])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
