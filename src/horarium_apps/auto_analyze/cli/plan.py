"""The plan that the global options name."""

from __future__ import annotations

from pathlib import Path

from horarium import Scheduler, get_scheduler
from horarium_apps.auto_analyze.domain.errors import AutoAnalyzeError

_SQLITE = "sqlite:///"


def is_missing(scheduler: Scheduler) -> bool:
    """Tell whether the plan is an SQLite file that does not exist, which merely reading would make."""
    address = scheduler.database_url.partition("?")[0]
    return address.startswith(_SQLITE) and not Path(address.removeprefix(_SQLITE)).exists()


def existing_plan() -> Scheduler:
    """Return the scheduler of the plan. Raises AutoAnalyzeError when there is none yet."""
    scheduler = get_scheduler()
    if is_missing(scheduler):
        raise AutoAnalyzeError(
            f"there is no plan at {scheduler.database_url} yet; `horarium auto-analyze add-user NAME` makes one, "
            "--database URL (or HORARIUM_DATABASE_URL, or database_url in horarium.yaml) names another"
        )
    return scheduler
