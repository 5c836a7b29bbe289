"""The built-in job that forgets old history."""

from __future__ import annotations

from horarium.execution.context import SyncRun
from horarium.execution.registry import task
from horarium.job import Job
from horarium.store.pruning import prune
from horarium.when import daily

BUILT_IN = "builtin"
"""The origin of jobs that are Horarium's own: not listed among a user's, and not removed with them."""

_JITTER = 900.0


@task("horarium.prune")
def prune_history(run: SyncRun, days: float | None, keep: int | None) -> dict[str, int]:
    """Delete ended runs and decisions older than `days`, and beyond the newest `keep` runs of each job."""
    gone = prune(run.transaction, run.scheduled_at, days=days, keep=keep)
    return {"runs": gone.runs, "decisions": gone.decisions, "jobs": gone.jobs, "nodes": gone.nodes}


def prune_job(days: float | None, keep: int | None) -> Job:
    """The job that prunes every night, at a quarter past three in UTC or some minutes later."""
    return Job(
        id="horarium.prune",
        task="horarium.prune",
        name="Forget old history",
        trigger=daily(3, 15, timezone="UTC", jitter=_JITTER),
        kwargs={"days": days, "keep": keep},
        origin=BUILT_IN,
    )
