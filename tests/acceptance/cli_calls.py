"""The command line of a small project: called in this process, and in processes of its own."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from horarium.cli.main import app

PROJECT = Path(__file__).with_name("cli_project")
HORARIUM = str(Path(sys.executable).with_name("horarium"))
PATIENCE = 30.0


@dataclass(frozen=True)
class Answer:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> dict[str, str]:
        """The error; `run` logs to the same stream before it."""
        error: dict[str, str] = json.loads(self.err.splitlines()[-1])["error"]
        return error


@dataclass
class Cli:
    """The command line of the project, on one plan."""

    url: str
    environment: dict[str, str]
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __call__(self, *words: object, json: bool = False) -> Answer:
        """Call it in this process."""
        outcome = CliRunner().invoke(app, [*map(str, words), *(["--json"] if json else [])])
        return Answer(outcome.exit_code, outcome.stdout, outcome.stderr)

    def process(self, *words: object, **options: Any) -> Answer:
        """Call it in a process of its own."""
        command = [HORARIUM, *map(str, words)]
        process = subprocess.run(
            command,
            capture_output=True,
            text=True,
            cwd=PROJECT,
            env=self.environment | options,
            check=False,
            timeout=PATIENCE,
        )
        return Answer(process.returncode, process.stdout, process.stderr)

    def start(self, *words: object) -> subprocess.Popen[bytes]:
        """Start it in a process of its own and go on; it is killed at the end of the test."""
        process = subprocess.Popen(
            [HORARIUM, *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,  # so that `select` sees all that was not read
            cwd=PROJECT,
            env=self.environment,
        )
        self.started.append(process)
        return process

    def run(self, *words: object) -> subprocess.Popen[bytes]:
        """Start a scheduler, and wait until it says so."""
        process = self.start("run", "--json", *words)
        line = line_of(process)
        assert line, ended(process)
        assert json.loads(line)["started"] is True
        return process

    def close(self) -> None:
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.communicate()


def line_of(process: subprocess.Popen[bytes], *, error: bool = False) -> str:
    """The next line that a process writes."""
    stream = process.stderr if error else process.stdout
    assert stream is not None
    readable, _, _ = select.select([stream], [], [], PATIENCE)
    assert readable, "it wrote nothing"
    return stream.readline().decode()


def eventually(holds: Callable[[], Any], what: str = "it") -> Any:
    """What `holds` answers as soon as it is true."""
    deadline = time.monotonic() + PATIENCE
    while not (answer := holds()):
        assert time.monotonic() < deadline, f"{what} did not come to be"
        time.sleep(0.05)
    return answer


def stop(process: subprocess.Popen[bytes], number: int = signal.SIGTERM) -> tuple[int, str, str]:
    """Send a signal, and wait for the end: exit code and what it wrote."""
    process.send_signal(number)
    if number == signal.SIGINT:
        # Python drops one that comes within a callback of its garbage collector; people press the keys again.
        with suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE / 3)
        if process.poll() is None:
            process.send_signal(number)
    return ended(process)


def ended(process: subprocess.Popen[bytes]) -> tuple[int, str, str]:
    """Wait for the end: exit code and what it wrote."""
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, out.decode(), err.decode()


def of_project(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cli]:
    """The command line in the project's folder, on this plan; the terminal is in Rome."""
    for name in [name for name in os.environ if name.startswith("HORARIUM_")] + ["DATABASE_URL", "COLUMNS"]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HORARIUM_DATABASE_URL", url)
    monkeypatch.setenv("TZ", "Europe/Rome")
    monkeypatch.chdir(PROJECT)
    monkeypatch.syspath_prepend(str(PROJECT))
    time.tzset()
    cli = Cli(url, dict(os.environ))
    yield cli
    cli.close()
    monkeypatch.undo()
    time.tzset()
