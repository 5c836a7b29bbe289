"""Sample videos, rendered once a session, and the real tools that read them."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from horarium_apps.auto_analyze.adapters.ffmpeg import Ffmpeg
from horarium_apps.auto_analyze.adapters.files import LocalFiles
from horarium_apps.auto_analyze.analysis import analyze_video
from horarium_apps.auto_analyze.domain.media import Analysis
from horarium_apps.auto_analyze.domain.stages import Progress
from horarium_apps.auto_analyze.samples import render_samples

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
