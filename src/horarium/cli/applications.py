"""The commands that installed applications bring, below the name that each gives them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from typer.core import TyperGroup

from horarium.cli.groups import Entry
from horarium.cli.opening import open_plan
from horarium.cli.session import current_session
from horarium.plugins import App, installed_apps

if TYPE_CHECKING:
    from typer._click import Command as AnyCommand

PANEL = "Applications"


def application_commands() -> list[Entry]:
    """An entry for each installed application that has commands; none of them is imported."""
    return [_entry(app) for app in installed_apps() if app.cli is not None]


class ApplicationEntry(Entry):
    """A command of an application. It is given the plan that the global options name by `horarium.get_scheduler()`."""

    __slots__ = ()

    def load(self) -> AnyCommand:
        """The command itself. Raises ConfigurationError when its module cannot be imported."""
        return _with_plan(super().load())


def _entry(app: App) -> Entry:
    return ApplicationEntry(app.cli_name, app.help, str(app.cli), panel=PANEL)


def _with_plan(command: AnyCommand) -> AnyCommand:
    if command.callback is not None:
        command.callback = _opening(command.callback)
    if isinstance(command, TyperGroup):
        for below in command.commands.values():
            _with_plan(below)
    return command


def _opening(callback: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(callback)
    def opened(*args: Any, **kwargs: Any) -> Any:
        session = current_session()
        if not session.opened:
            open_plan(session, create=True)  # opening makes nothing yet: whether there is to be a plan is its affair
        return callback(*args, **kwargs)

    return opened
