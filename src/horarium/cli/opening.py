"""From the global options to the settings and the scheduler that they lead to.

What is slow to import (SQLAlchemy, pydantic) is imported when it is needed, so that `--help` of any command is quick.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from horarium.cli.session import Session
from horarium.errors import PlanUnavailable, SchemaError

if TYPE_CHECKING:
    from horarium.scheduler import Scheduler
    from horarium.settings import Settings
    from horarium.store.upgrade import BranchState

_WAY_OUT = (
    "`horarium run` and `horarium jobs add` make one; --database URL (or HORARIUM_DATABASE_URL, or database_url in "
    "horarium.yaml) names another"
)


def read_settings(session: Session) -> Settings:
    """The settings, those of the command line first. Raises ConfigurationError."""
    from horarium.settings import Settings  # noqa: PLC0415 - slow to import

    given: dict[str, Any] = {"database_url": session.database, "config": session.config}
    return Settings(**{name: value for name, value in given.items() if value is not None})


def open_plan(session: Session, *, create: bool = False) -> Scheduler:
    """The scheduler of the plan, not started. It is also what `horarium.get_scheduler()` answers in this process.

    Without `create` a plan that does not exist yet is not made by accident. Raises PlanUnavailable,
    ConfigurationError.
    """
    from horarium.scheduler import Scheduler  # noqa: PLC0415 - slow to import

    _set_up_logging(session)
    settings = read_settings(session)
    if not create:
        refuse_missing_plan(settings.database_url)
    return _opened(session, Scheduler(settings=settings))


def open_to_read(session: Session) -> Scheduler:
    """The scheduler of the plan, for a command that only reads: nothing is made, and nothing upgraded.

    Raises PlanUnavailable; SchemaError, with what to do, when the plan's tables are those of another release;
    ConfigurationError.
    """
    from horarium.scheduler import Scheduler  # noqa: PLC0415 - slow to import

    _set_up_logging(session)
    settings = read_settings(session)
    refuse_other_release(settings.database_url)
    # Without the applications, whose tables it would make when they were installed since.
    return _opened(session, Scheduler(settings=settings, apps=()))


def _opened(session: Session, scheduler: Scheduler) -> Scheduler:
    from horarium.scheduler import set_scheduler  # noqa: PLC0415 - slow to import

    set_scheduler(scheduler)
    session.opened = True
    session.closing.callback(set_scheduler, None)
    session.closing.callback(scheduler.shutdown, wait=False)
    return scheduler


def refuse_missing_plan(address: str) -> None:
    """Raise PlanUnavailable, with what to do, when the database or the plan's tables in it do not exist yet."""
    _look_at(address)


def refuse_other_release(address: str) -> None:
    """Raise PlanUnavailable when there is no plan yet, SchemaError when its tables are those of another release."""
    shown, core = _look_at(address)
    if not core.is_known:
        raise SchemaError(
            f"the plan in {shown} is at revision {core.current}, which this release does not know (its newest is "
            f"{core.head}): a newer release has upgraded it; use that release here, too"
        )
    if not core.up_to_date:
        raise SchemaError(
            f"the plan in {shown} is at revision {core.current}, and this release needs {core.head}; run "
            "`horarium db upgrade` (a scheduler that starts on an SQLite file does it by itself)"
        )


def _look_at(address: str) -> tuple[str, BranchState]:
    """The plan's address for people, and where its own tables stand."""
    from horarium.store.database import Database  # noqa: PLC0415 - slow to import
    from horarium.store.upgrade import CORE, status  # noqa: PLC0415 - slow to import

    database = Database(address)
    try:
        found = status(database, [CORE])
        if database.is_missing:
            raise PlanUnavailable(f"there is no file {database.path}, and so no plan yet; {_WAY_OUT}")
        if not found.exists:
            raise PlanUnavailable(f"{database.address} has no plan in it yet; {_WAY_OUT}")
        return database.address, found.branches[0]
    finally:
        database.close()


def _set_up_logging(session: Session) -> None:
    """Show everything with --verbose; leave the error stream to the error with --json. `run` has its own logging."""
    root, ours = logging.getLogger(), logging.getLogger("horarium")
    if root.handlers:
        return
    handler = logging.StreamHandler() if session.verbose else logging.NullHandler() if session.json else None
    if handler is None:
        return
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    root.addHandler(handler)
    session.closing.callback(root.removeHandler, handler)
    if session.verbose:
        session.closing.callback(ours.setLevel, ours.level)
        ours.setLevel(logging.DEBUG)
