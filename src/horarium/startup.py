"""What a scheduler adds to its plan when it starts: tasks to know, jobs of applications, of the file, and its own."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime

from horarium.building import checked_job
from horarium.errors import ConfigurationError, JobError
from horarium.job import Job
from horarium.jobs_file import file_origin, load_jobs
from horarium.plan import Plan
from horarium.plugins import App
from horarium.settings import Settings
from horarium.store.replanning import replan_for_new_zones
from horarium.store.upgrade import CORE, Branch
from horarium.upkeep.prune import prune_job

logger = logging.getLogger(__name__)


def branches_of(apps: Sequence[App]) -> list[Branch]:
    """The lines of migrations of the core and of applications that bring tables.

    An application whose tables cannot be found is left out and said, so that it does not stop the others.
    """
    branches = [CORE]
    for app in apps:
        try:
            folder = app.migrations_folder()
            if folder is not None:
                branches.append(Branch(app.name, app.load("metadata"), folder))
        except ConfigurationError as error:
            logger.error("%s", error)  # noqa: TRY400 - the sentence says all; a traceback would bury it
    return branches


def add_startup_jobs(plan: Plan, apps: Sequence[App], settings: Settings, now: datetime) -> None:
    """Know the applications' tasks, and bring the plan's jobs up to date with what brings them.

    What an origin does not name any more is removed, if that origin had added it. Raises ConfigurationError for a file
    that is wrong; an application that fails is said, and does not stop the others.
    """
    replan_for_new_zones(plan.database, now)
    _set(plan, "builtin", [prune_job(settings.keep_days, settings.keep_runs)], now)
    for app in apps:
        try:
            app.import_tasks()
            _set(plan, app.origin, app.load_jobs(settings.config), now)
        except Exception:
            logger.exception("the tasks and jobs of %s could not be added", app)
    if settings.config is not None:
        _set(plan, file_origin(settings.config), load_jobs(settings.config, settings.timezone), now)


def _set(plan: Plan, origin: str, jobs: Sequence[Job], now: datetime) -> None:
    """Have exactly these jobs of this origin. Raises JobError where an id belongs to another origin."""
    for job in plan.jobs.with_ids([job.id for job in jobs]):
        if job.origin != origin:
            raise JobError(
                f"job {job.id!r} of {origin} exists already and was added by {job.origin}; give one of them another id"
            )
    plan.jobs.add([checked_job(job) for job in jobs], now, replace_existing=True)
    removed = plan.jobs.remove_missing(origin, [job.id for job in jobs], now)
    if removed:
        logger.info("removed jobs that %s does not name any more: %s", origin, ", ".join(removed))
