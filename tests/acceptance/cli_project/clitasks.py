"""The tasks of a small project, for the tests of the command line."""

import logging
import sys
import time
from pathlib import Path

from horarium import SyncRun, task

log = logging.getLogger("project")


def cleanup(days: int = 3) -> dict[str, int]:
    log.info("cleaning after %s days", days)
    return {"days": days}


def fails() -> None:
    raise ValueError("no luck today")


@task("project.gated")
def gated(run: SyncRun, gate: str) -> str:
    """Go on until a file appears, or until told to stop."""
    run.progress(1, 4, "waiting at the gate")
    log.info("at the gate")
    while not Path(gate).exists():
        run.check()
        time.sleep(0.02)
    log.info("through the gate")
    return "through"


def stubborn(started: str) -> None:
    """Hear nothing, and end never."""
    Path(started).touch()
    while True:
        time.sleep(0.1)


if __name__ == "__main__":
    sys.exit("not a program")
