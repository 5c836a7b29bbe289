"""A task as a person names it: what can never be right is refused, and what is not known here is said."""

from __future__ import annotations

import difflib
import re
from contextlib import suppress
from typing import TYPE_CHECKING

import typer

from horarium.cli.session import Session
from horarium.errors import TaskNotFound

if TYPE_CHECKING:
    from horarium.plugins import App

_LIKE = 'a task is a Python function, named like "package.module:function", or by the name that @task gave it'
_SPACE = re.compile(r"\s")


def checked_task(session: Session, task: str, *, param_hint: str) -> str:
    """The name of a task that a node may know; says so when it is not known here.

    Raises BadParameter for what no node can know: a name with spaces, a module that has no such function.
    """
    # Late, like all that asks the registry: it is slow to import, and the help page needs none of it.
    from horarium.execution.registry import REGISTRY  # noqa: PLC0415 - see above
    from horarium.plugins import installed_apps  # noqa: PLC0415 - see above

    module, colon, function = task.partition(":")
    if not colon:
        _import_tasks(installed_apps())
        if task not in REGISTRY.names():
            _not_registered(session, task, REGISTRY.names(), param_hint)
        return task
    if _SPACE.search(task) or not all(module.split(".")) or not all(function.split(".")):
        raise typer.BadParameter(f"{task!r} names no function; {_LIKE}", param_hint=param_hint)
    REGISTRY.forget_failures()
    try:
        REGISTRY.resolve(task)
    except TaskNotFound as error:
        if not _imports(task, module):
            session.note(f"Warning: {error}. The job is added all the same: it runs on a node that can import it.")
            return task
        raise typer.BadParameter(f"{error.why}; {_LIKE}", param_hint=param_hint) from error
    return task


def _not_registered(session: Session, task: str, names: tuple[str, ...], param_hint: str) -> None:
    if not task.strip() or _SPACE.search(task):
        raise typer.BadParameter(f"{task!r} is no task; {_LIKE}", param_hint=param_hint)
    close = difflib.get_close_matches(task, names, n=1)
    package, dot, last = task.rpartition(".")
    meant = f" Did you mean {close[0]!r}?" if close else f' Did you mean "{package}:{last}"?' if dot else ""
    session.note(
        f"Warning: no task named {task!r} is registered here.{meant} The job is added all the same: it runs on a node "
        "that knows the task."
    )


def _imports(task: str, module: str) -> bool:
    """Whether the module can be imported here, or can be imported nowhere because it is each process's own."""
    from horarium.execution.functions import module_of  # noqa: PLC0415 - slow to import

    if module == "__main__":
        return True
    try:
        module_of(task, module)
    except TaskNotFound:
        return False
    return True


def _import_tasks(apps: list[App]) -> None:
    for app in apps:
        with suppress(Exception):  # `horarium run` and `status` say what is wrong with an application
            app.import_tasks()
