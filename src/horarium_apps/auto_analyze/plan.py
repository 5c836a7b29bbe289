"""Whether there is a plan, and which file it is: looking at what is not there must not make it."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

from horarium import Scheduler

_FILE = "sqlite"


def is_missing(scheduler: Scheduler) -> bool:
    """Tell whether there is no plan yet at the scheduler's address, without making one. Raises HorariumError."""
    return not scheduler.plan_status().exists


def plan_file(scheduler: Scheduler) -> Path | None:
    """Return the file that the plan is, or would be; None when it is a server's."""
    kind, _, rest = scheduler.database_url.partition(":///")
    return Path(unquote(rest.partition("?")[0])).absolute() if kind.partition("+")[0] == _FILE else None
