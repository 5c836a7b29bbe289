"""Sample videos, rendered once a session, the real tools that read them, and plans on both databases."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from horarium import Scheduler
from horarium.scheduler import set_scheduler
from horarium.testing import Timetable
from horarium_apps import auto_analyze
from horarium_apps.auto_analyze.adapters.ffmpeg import Ffmpeg
from horarium_apps.auto_analyze.adapters.files import LocalFiles
from horarium_apps.auto_analyze.analysis import analyze_video
from horarium_apps.auto_analyze.domain.media import Analysis
from horarium_apps.auto_analyze.domain.stages import Progress
from horarium_apps.auto_analyze.samples import render_samples

from .ollama_server import Ollama, ollama_server
from .plans import Call, Library, Processes, call_application

Analyze = Callable[..., Analysis]
RunFfmpeg = Callable[..., Path]

CAPTURED = Path(__file__).parent / "captured"


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The six sample videos; tests that damage one copy it first."""
    return render_samples(tmp_path_factory.mktemp("samples"))


@pytest.fixture(scope="session")
def talking(samples: list[Path]) -> Path:
    """A sample with sound: 360x640, three scenes of a second, 90 frames."""
    return samples[1]


@pytest.fixture(scope="session")
def silent(samples: list[Path]) -> Path:
    """A sample without a sound track."""
    return samples[2]


@pytest.fixture(scope="session")
def media() -> Ffmpeg:
    """The ffmpeg of the Python package."""
    return Ffmpeg()


@pytest.fixture(scope="session")
def files() -> LocalFiles:
    """The file system."""
    return LocalFiles()


@pytest.fixture
def analyze(media: Ffmpeg, files: LocalFiles) -> Analyze:
    """Import one file and analyse it."""

    def imported_and_analyzed(
        path: Path, *, sheet_path: Path | None = None, progress: Progress | None = None
    ) -> Analysis:
        return analyze_video(files.identify(path), media=media, files=files, sheet_path=sheet_path, progress=progress)

    return imported_and_analyzed


@pytest.fixture
def make(media: Ffmpeg, tmp_path: Path) -> RunFfmpeg:
    """Make a file of a given name with ffmpeg's own arguments."""

    def made(name: str, *arguments: str | Path) -> Path:
        path = tmp_path / name
        command = [media.executable, "-nostdin", "-loglevel", "error", "-y", *map(str, arguments), f"file:{path}"]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, timeout=60)
        return path

    return made


@pytest.fixture
def captured() -> Callable[[str], list[str]]:
    """Lines of a log that a real ffmpeg wrote (9.0.2, or 7.0.2 where the name ends in _7)."""

    def lines(name: str) -> list[str]:
        return (CAPTURED / f"{name}.txt").read_text(encoding="utf-8").split("\n")

    return lines


@pytest.fixture
def ollama() -> Iterator[Ollama]:
    """A server of models that write summaries."""
    with ollama_server() as server:
        yield server


# --- plans


@pytest.fixture
def own_folder(tmp_path: Path, plan_url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory and an environment in which the settings are those of a fresh plan, and nothing else."""
    for name in list(os.environ):
        if name.startswith(("HORARIUM_", "AUTO_ANALYZE_")) or name in {"DATABASE_URL", "SCHEDULER_BACKEND", "PORT"}:
            monkeypatch.delenv(name)
    monkeypatch.setenv("HORARIUM_DATABASE_URL", plan_url)
    monkeypatch.setenv("AUTO_ANALYZE_SHEETS_FOLDER", str(tmp_path / "sheets"))
    # What takes seconds for each video has tests of its own.
    monkeypatch.setenv("AUTO_ANALYZE_SKIP_STAGES", '["speech", "screen_text"]')
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def call(own_folder: Path) -> Call:
    """Calls `horarium auto-analyze WORDS` in this process."""
    return call_application


@pytest.fixture
def table(plan_url: str, own_folder: Path) -> Iterator[Timetable]:
    """A scheduler in the test's own thread, with the application."""
    with Timetable(plan_url, apps=[auto_analyze.app]) as table:
        set_scheduler(table.scheduler)
        yield table
        set_scheduler(None)


@pytest.fixture
def library(table: Timetable) -> Library:
    """The users and videos of that scheduler's plan."""
    return Library(table.scheduler)


@pytest.fixture
def elsewhere(plan_url: str, own_folder: Path) -> Iterator[Library]:
    """The users and videos of a plan that other processes carry."""
    scheduler = Scheduler(plan_url, apps=[auto_analyze.app])
    yield Library(scheduler)
    scheduler.shutdown()


@pytest.fixture
def processes(own_folder: Path) -> Iterator[Processes]:
    """Processes that carry the plan."""
    processes = Processes(own_folder, dict(os.environ))
    yield processes
    processes.close()
