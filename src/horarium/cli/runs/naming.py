"""How a person names a run: by its id, or by its job, which means the job's latest run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from horarium.errors import JobNotFound, RunNotFound
from horarium.values import RunInfo

if TYPE_CHECKING:
    from horarium.scheduler import Scheduler

RunName = Annotated[
    str, typer.Argument(metavar="RUN", help="The run's id, or a job's id for the latest run of that job.")
]


def find_run(scheduler: Scheduler, name: str) -> RunInfo:
    """The run that a person means. Raises RunNotFound."""
    try:
        return scheduler.get_run(name)
    except RunNotFound:
        try:
            latest = scheduler.runs(name, limit=1)
        except JobNotFound:
            raise RunNotFound(name) from None
    if not latest:
        raise RunNotFound(name, f"no run of job {name!r} is kept; `horarium why {name}` tells what became of it")
    return latest[0]
