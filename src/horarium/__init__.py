"""Durable schedules for Python applications.

Write a plain function, say when; it runs on time, one run for each occurrence across the whole fleet, goes on where it
stopped after a crash, is tried again, and shows what it did and why.

    from horarium import Scheduler, daily, task

Names are imported when they are first used, so that `import horarium` costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from horarium.__about__ import __version__

if TYPE_CHECKING:
    from horarium.errors import HorariumError as HorariumError
    from horarium.errors import PermanentError as PermanentError
    from horarium.errors import PlanUnavailable as PlanUnavailable
    from horarium.errors import RunFailed as RunFailed
    from horarium.errors import RunStopped as RunStopped
    from horarium.errors import Skip as Skip
    from horarium.execution.context import Run as Run
    from horarium.execution.context import SyncRun as SyncRun
    from horarium.execution.registry import task as task
    from horarium.job import Job as Job
    from horarium.job import Policies as Policies
    from horarium.logs import setup_logging as setup_logging
    from horarium.plugins import App as App
    from horarium.retry import Retry as Retry
    from horarium.scheduler import Scheduler as Scheduler
    from horarium.scheduler import get_scheduler as get_scheduler
    from horarium.settings import AppSettings as AppSettings
    from horarium.settings import Settings as Settings
    from horarium.settings import setting as setting
    from horarium.states import JobStatus as JobStatus
    from horarium.states import RunState as RunState
    from horarium.store.schema import Instant as Instant
    from horarium.values import NodeInfo as NodeInfo
    from horarium.values import RunInfo as RunInfo
    from horarium.values import Tally as Tally
    from horarium.when import all_of as all_of
    from horarium.when import any_of as any_of
    from horarium.when import at as at
    from horarium.when import cron as cron
    from horarium.when import daily as daily
    from horarium.when import every as every
    from horarium.when import monthly as monthly
    from horarium.when import weekly as weekly

_HOMES = {
    "App": "horarium.plugins",
    "AppSettings": "horarium.settings",
    "HorariumError": "horarium.errors",
    "Instant": "horarium.store.schema",
    "Job": "horarium.job",
    "JobStatus": "horarium.states",
    "NodeInfo": "horarium.values",
    "PermanentError": "horarium.errors",
    "PlanUnavailable": "horarium.errors",
    "Policies": "horarium.job",
    "Retry": "horarium.retry",
    "Run": "horarium.execution.context",
    "RunFailed": "horarium.errors",
    "RunInfo": "horarium.values",
    "RunState": "horarium.states",
    "RunStopped": "horarium.errors",
    "Scheduler": "horarium.scheduler",
    "Settings": "horarium.settings",
    "Skip": "horarium.errors",
    "SyncRun": "horarium.execution.context",
    "Tally": "horarium.values",
    "all_of": "horarium.when",
    "any_of": "horarium.when",
    "at": "horarium.when",
    "cron": "horarium.when",
    "daily": "horarium.when",
    "every": "horarium.when",
    "get_scheduler": "horarium.scheduler",
    "monthly": "horarium.when",
    "setting": "horarium.settings",
    "setup_logging": "horarium.logs",
    "task": "horarium.execution.registry",
    "weekly": "horarium.when",
}

__all__ = [  # noqa: PLE0604 - the names of _HOMES, and the version
    "__version__",
    *_HOMES,
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'horarium' has no attribute {name!r}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
