"""A scheduler in a process of its own: `chaos_node.py OPTIONS`, as JSON. Ends in order at SIGTERM."""

import json
import logging
import signal
import sys
import threading
from datetime import datetime, timedelta
from pathlib import Path

import chaos_tasks  # noqa: F401 - its tasks are known by being imported

from horarium import Scheduler
from horarium.clock import SystemClock
from horarium.settings import Settings


class WrongClock(SystemClock):
    """A machine's clock that is so many seconds ahead."""

    def __init__(self, ahead: float) -> None:
        self._ahead = timedelta(seconds=ahead)

    def now(self) -> datetime:
        return super().now() + self._ahead


def main() -> None:
    options = json.loads(sys.argv[1])
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(threadName)s %(levelname)s %(name)s: %(message)s")
    scheduler = Scheduler(
        options["url"],
        settings=Settings(config=None, **options["settings"]),
        apps=(),
        clock=WrongClock(options["clock_ahead"]),
    )
    told = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: told.set())
    scheduler.start()
    print("ready", scheduler.health()["node"]["id"], flush=True)
    while not told.wait(0.2):
        if options["health_to"]:
            _show(scheduler, options["health_to"])
    print("clean" if scheduler.shutdown(**options["shutdown"]) else "left behind", flush=True)


def _show(scheduler: Scheduler, path: str) -> None:
    new = Path(f"{path}.new")
    new.write_text(json.dumps(scheduler.health()))
    new.replace(path)  # whoever reads it sees all of it


main()
