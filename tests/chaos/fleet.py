"""Nodes in processes of their own, which tests start, freeze and kill, and what they left behind."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from horarium import Scheduler
from horarium.settings import Settings

PROGRAM = Path(__file__).with_name("program")
PATIENCE = 30.0
QUICK = {"lease": 3.0, "heartbeat": 0.5}

T = TypeVar("T")


def eventually(condition: Callable[[], T], what: str, patience: float = PATIENCE) -> T:
    """Wait until `condition()` is true and answer it. Fails, naming `what`, when that takes too long."""
    deadline = time.monotonic() + patience
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited in vain for {patience:g} s: {what}"
        time.sleep(0.02)
    return found


class Ledger:
    """The file to which tasks append what they do."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __str__(self) -> str:
        return str(self.path)

    def lines(self, beginning: str = "") -> list[str]:
        """Its lines that begin so."""
        if not self.path.exists():
            return []
        return [line for line in self.path.read_text().splitlines() if line.startswith(beginning)]

    def counts(self, beginning: str = "") -> Counter[str]:
        """How often each of these lines is there."""
        return Counter(self.lines(beginning))


class NodeProcess:
    """A node in a process. `with` starts it, waits until it is registered, and kills it at the end."""

    def __init__(
        self,
        url: str,
        folder: Path,
        *,
        clock_ahead: float = 0.0,
        shutdown: dict[str, Any] | None = None,
        health_to: Path | None = None,
        **settings: Any,
    ) -> None:
        self._options = {
            "url": url,
            "settings": {**QUICK, **settings},
            "clock_ahead": clock_ahead,
            "shutdown": shutdown or {},
            "health_to": None if health_to is None else str(health_to),
        }
        self._folder = folder
        self._process: subprocess.Popen[str]
        self.id = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        if error is not None:
            print(f"--- what node {self.id} logged:\n{self.log[-6000:]}")

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def log(self) -> str:
        """What it logged."""
        return self._log_path.read_text()

    @property
    def tracebacks(self) -> list[str]:
        """What its log has of errors that nobody foresaw."""
        return re.findall(r"^Traceback .*?(?=^\d{4}-|\Z)", self.log, re.MULTILINE | re.DOTALL)

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def begin(self) -> None:
        """Start it, and do not wait."""
        number = sum(1 for _ in self._folder.glob("node-*.log"))
        self._log_path = self._folder / f"node-{number}-{os.urandom(2).hex()}.log"
        environment = {**os.environ, "PYTHONPATH": str(PROGRAM)}
        with self._log_path.open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, str(PROGRAM / "chaos_node.py"), json.dumps(self._options)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=environment,
            )

    def ready(self) -> Self:
        """Wait until it is registered."""
        assert self._process.stdout is not None
        word, _, self.id = self._process.stdout.readline().strip().partition(" ")
        assert word == "ready", f"the node did not start: {self.log[-3000:]}"
        return self

    def start(self) -> Self:
        self.begin()
        return self.ready()

    def signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    def freeze(self) -> None:
        self.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.signal(signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL, and bury it."""
        self.signal(signal.SIGKILL)
        self.buried()

    def end(self, patience: float = PATIENCE) -> str:
        """SIGTERM; answers the last word that it printed ("clean" or "left behind")."""
        self.signal(signal.SIGTERM)
        out, _ = self._process.communicate(timeout=patience)
        return out.strip().rpartition("\n")[2]

    def died(self, patience: float = PATIENCE) -> int:
        """Wait until it is dead by itself; answers its exit code."""
        code = self._process.wait(patience)
        self.buried()
        return code

    def buried(self) -> None:
        self._process.wait(PATIENCE)
        if self._process.stdout is not None:
            self._process.stdout.close()


def onlooker(url: str) -> Scheduler:
    """A scheduler of the test's own process that is not started: it adds jobs and looks at runs."""
    return Scheduler(url, settings=Settings(config=None), apps=())
