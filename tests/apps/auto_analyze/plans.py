"""A plan with users and videos, and processes that carry it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from horarium import Scheduler
from horarium.cli.main import app
from horarium_apps.auto_analyze import queries
from horarium_apps.auto_analyze.adapters.files import LocalFiles
from horarium_apps.auto_analyze.domain.importing import ImportReport
from horarium_apps.auto_analyze.domain.video import Video, VideoStatus
from horarium_apps.auto_analyze.importing import import_folder

HORARIUM = str(Path(sys.executable).with_name("horarium"))
PATIENCE = 120.0


def eventually(holds: Callable[[], Any], what: str) -> Any:
    """What `holds` answers as soon as it is true."""
    deadline = time.monotonic() + PATIENCE
    while not (answer := holds()):
        assert time.monotonic() < deadline, f"{what} did not come to be"
        time.sleep(0.05)
    return answer


@dataclass(frozen=True)
class Answer:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Read as JSON."""
        return json.loads(self.out)


Call = Callable[..., Answer]


def call_application(*words: object) -> Answer:
    """Call `horarium auto-analyze WORDS` in this process."""
    outcome = CliRunner().invoke(app, ["auto-analyze", *map(str, words)])
    return Answer(outcome.exit_code, outcome.stdout, outcome.stderr)


@dataclass
class Library:
    """The users and videos of a plan."""

    scheduler: Scheduler

    def add_user(self, name: str = "anna") -> int:
        """Add a user; their id."""
        with self.scheduler.connection() as connection:
            return queries.add_user(connection, name, datetime.now(UTC)).id

    def add(self, folder: Path, user_id: int) -> ImportReport:
        """Import a folder."""
        return import_folder(folder, user_id, files=LocalFiles(), transaction=self.scheduler.connection)

    def videos(self, user_id: int | None = None) -> list[Video]:
        """All videos."""
        with self.scheduler.connection() as connection:
            return queries.list_videos(connection, user_id=user_id)

    def with_status(self, status: VideoStatus) -> list[Video]:
        """The videos that stand so."""
        return [video for video in self.videos() if video.status is status]

    def statuses(self) -> dict[str, str]:
        """How each file stands, by its name."""
        return {video.path.name: video.status.value for video in self.videos()}

    def named(self, name: str) -> Video:
        """The video whose file has this name."""
        (video,) = (video for video in self.videos() if video.path.name == name)
        return video

    def document(self, name: str) -> dict[str, Any]:
        """The document of the video whose file has this name."""
        video_id = self.named(name).id
        with self.scheduler.connection() as connection:
            document = queries.load_document(connection, video_id)
        assert document is not None
        return document


def linked(files: Sequence[Path], folder: Path) -> Path:
    """A folder with these files, as hard links: their own names, nothing copied."""
    folder.mkdir(exist_ok=True)
    for file in files:
        os.link(file, folder / file.name)
    return folder


@dataclass
class Processes:
    """Processes that carry one plan, each in the folder of the test; all are killed at the end."""

    folder: Path
    environment: dict[str, str]
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, *words: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start `horarium WORDS`; what it writes goes to a file that `log` reads."""
        number = len(self.started) + 1
        with self._log_file(number).open("wb") as log:
            process = subprocess.Popen(
                [HORARIUM, *words],
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                cwd=self.folder,
                env={**self.environment, **environment},
            )
        self.started.append(process)
        return process

    def log(self, process: subprocess.Popen[bytes]) -> str:
        """What a process has written so far."""
        return self._log_file(self.started.index(process) + 1).read_text(encoding="utf-8")

    def call(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            cwd=self.folder,
            env=self.environment,
            check=False,
            timeout=PATIENCE,
        )

    def stop(self, process: subprocess.Popen[bytes]) -> int:
        """Ask a process to end, and wait for it; its exit code."""
        process.send_signal(signal.SIGTERM)
        return process.wait(PATIENCE)

    def close(self) -> None:
        """Kill what is left."""
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.wait(PATIENCE)

    def _log_file(self, number: int) -> Path:
        return self.folder / f"process-{number}.log"
