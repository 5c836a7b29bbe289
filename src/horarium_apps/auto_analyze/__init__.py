"""Saved videos are analysed on schedule.

    from horarium_apps.auto_analyze import start_auto_analyzer

    start_auto_analyzer(user_id=1, interval_minutes=60)

Names are imported when they are first used, so that finding the application costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from horarium import App

if TYPE_CHECKING:
    from horarium_apps.auto_analyze.loggers import setup_logger as setup_logger
    from horarium_apps.auto_analyze.service import AutoAnalyzeScheduler as AutoAnalyzeScheduler
    from horarium_apps.auto_analyze.service import get_auto_analyzer_monitoring as get_auto_analyzer_monitoring
    from horarium_apps.auto_analyze.service import get_auto_analyzer_status as get_auto_analyzer_status
    from horarium_apps.auto_analyze.service import get_scheduler as get_scheduler
    from horarium_apps.auto_analyze.service import start_auto_analyzer as start_auto_analyzer
    from horarium_apps.auto_analyze.service import stop_auto_analyzer as stop_auto_analyzer

app = App(
    name="auto_analyze",
    title="Auto-analyze",
    help="Saved videos are analysed on schedule.",
    tasks=("horarium_apps.auto_analyze.jobs",),
    metadata="horarium_apps.auto_analyze.tables:metadata",
    migrations="horarium_apps.auto_analyze.migrations",
    settings="horarium_apps.auto_analyze.settings:AutoAnalyzeSettings",
    cli="horarium_apps.auto_analyze.cli.main:app",
    cli_name="auto-analyze",
)

_HOMES = {
    "AutoAnalyzeScheduler": "service",
    "get_auto_analyzer_monitoring": "service",
    "get_auto_analyzer_status": "service",
    "get_scheduler": "service",
    "setup_logger": "loggers",
    "start_auto_analyzer": "service",
    "stop_auto_analyzer": "service",
}

__all__ = [  # noqa: PLE0604 - the names of _HOMES, and the manifest
    "app",
    *_HOMES,
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
