"""The plan that the global options name."""

from __future__ import annotations

from horarium import Scheduler, get_scheduler
from horarium_apps.auto_analyze.domain.errors import AutoAnalyzeError
from horarium_apps.auto_analyze.plan import is_missing


def existing_plan() -> Scheduler:
    """Return the scheduler of the plan. Raises AutoAnalyzeError when there is none yet."""
    scheduler = get_scheduler()
    if is_missing(scheduler):
        raise AutoAnalyzeError(
            f"there is no plan at {scheduler.database_url} yet; `horarium auto-analyze add-user NAME` makes one, "
            "--database URL (or HORARIUM_DATABASE_URL, or database_url in horarium.yaml) names another"
        )
    return scheduler
