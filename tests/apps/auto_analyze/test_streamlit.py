"""The Streamlit page of `examples/`, drawn by Streamlit itself against a real plan."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import horarium
from horarium.scheduler import set_scheduler
from horarium_apps.auto_analyze import get_auto_analyzer_status, stop_auto_analyzer
from horarium_apps.auto_analyze.domain.video import VideoStatus

from .plans import Library, eventually, linked

PAGE = Path(__file__).parents[3] / "examples" / "streamlit_app.py"


@pytest.fixture
def page(own_folder: Path) -> Iterator[AppTest]:
    """The page as it is when it is opened, in a process whose scheduler is the test's own."""
    set_scheduler(None)
    yield AppTest.from_file(str(PAGE), default_timeout=60).run()
    stop_auto_analyzer()
    horarium.get_scheduler().shutdown()
    set_scheduler(None)


def click(page: AppTest, label: str) -> AppTest:
    """Click the button of the sidebar with this label."""
    (button,) = [button for button in page.sidebar.button if button.label == label]
    return button.click().run()


def metrics(page: AppTest) -> dict[str, str]:
    """The numbers of the page, by their names."""
    return {metric.label: metric.value for metric in page.metric}


def test_the_page_has_the_documented_words_and_shows_that_nothing_runs(page: AppTest) -> None:
    assert not page.exception
    assert [header.value for header in page.sidebar.header] == ["[INFO] Auto-Analyze Scheduler"]
    assert [button.label for button in page.sidebar.button] == ["Avvia Scheduler", "Ferma Scheduler"]
    assert metrics(page)["Scheduler"] == "fermo"


def test_the_button_starts_the_scheduler_and_says_so(page: AppTest) -> None:
    click(page, "Avvia Scheduler")
    assert [message.value for message in page.success] == ["Scheduler avviato!"]
    assert metrics(page)["Scheduler"] == "attivo"
    (job,) = get_auto_analyzer_status()["jobs"]
    assert (job["user_id"], job["interval_minutes"]) == (1, 60)


def test_the_status_is_shown_as_json(page: AppTest) -> None:
    click(page, "Avvia Scheduler")
    shown = json.loads(page.json[0].value)
    assert (shown["is_running"], [job["id"] for job in shown["jobs"]]) == (True, ["auto-analyze-1"])


def test_a_page_that_is_drawn_again_starts_nothing_again(page: AppTest) -> None:
    click(page, "Avvia Scheduler")
    before = get_auto_analyzer_status()["jobs"]
    page.run()
    assert (get_auto_analyzer_status()["jobs"], list(page.success)) == (before, [])


def test_the_other_button_stops_it(page: AppTest) -> None:
    click(page, "Avvia Scheduler")
    click(page, "Ferma Scheduler")
    assert [message.value for message in page.success] == ["Scheduler fermato!"]
    assert get_auto_analyzer_status()["is_running"] is False


def test_the_last_result_is_shown(page: AppTest, elsewhere: Library, samples: list[Path], tmp_path: Path) -> None:
    user_id = elsewhere.add_user()
    elsewhere.add(linked([samples[0]], tmp_path / "videos"), user_id)
    click(page, "Avvia Scheduler")
    elsewhere.scheduler.run_now(f"auto-analyze-{user_id}")
    eventually(lambda: elsewhere.with_status(VideoStatus.ANALYSED), "an analysed video")
    eventually(lambda: get_auto_analyzer_status()["last_result"], "the end of the run")
    shown = metrics(page.run())
    assert (shown["analyzed"], shown["errors"], shown["total_videos"]) == ("1", "0", "1")


def test_a_start_that_fails_is_said_in_the_documented_words(
    own_folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    set_scheduler(None)
    monkeypatch.setenv("HORARIUM_DATABASE_URL", f"sqlite:///{tmp_path}/no/such/folder/plan.db")
    page = click(AppTest.from_file(str(PAGE), default_timeout=60).run(), "Avvia Scheduler")
    set_scheduler(None)
    assert not page.exception
    assert "Errore nell'avvio" in [message.value for message in page.error]
