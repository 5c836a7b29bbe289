"""The commands that installed applications bring, below the name that each gives them."""

from __future__ import annotations

from horarium.cli.groups import Entry
from horarium.plugins import App, installed_apps

PANEL = "Applications"


def application_commands() -> list[Entry]:
    """An entry for each installed application that has commands; none of them is imported."""
    return [_entry(app) for app in installed_apps() if app.cli is not None]


def _entry(app: App) -> Entry:
    return Entry(app.cli_name, app.help, str(app.cli), panel=PANEL)
