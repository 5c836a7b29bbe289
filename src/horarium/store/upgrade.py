"""Brings the plan's tables, and those of applications, to what the installed release needs. Built on Alembic.

There is no alembic.ini and no env.py: migrations run over a connection of the plan's `Database`, all branches in one
transaction, under a lock that makes other processes wait. There are no downgrades: the way back is the copy that is
made of an SQLite file, or a backup of the server.
"""

from __future__ import annotations

import logging
import re
import shutil
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.runtime.migration import MigrationStep
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, MetaData, inspect
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError

from horarium.errors import ConfigurationError, PlanUnavailable, SchemaError
from horarium.store.database import Database
from horarium.store.schema import metadata

_log = logging.getLogger(__name__)
_TEMPLATES = Path(__file__).with_name("migrations")
# The name becomes part of a table's name and of revision ids, for which Alembic keeps 32 characters.
_BRANCH_NAME = re.compile(r"[a-z][a-z0-9_]{0,26}")
# `alembic.op` is one object for the whole process, whatever the number of databases.
_one_at_a_time = threading.Lock()


_here = threading.local()


def _is_heard(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING or not getattr(_here, "is_quiet", False)


logging.getLogger("alembic.runtime.migration").addFilter(_is_heard)


@contextmanager
def _quiet() -> Iterator[None]:
    """Leave out what Alembic says of each of its steps, in this thread: one line of ours tells it. An application that
    uses Alembic itself goes on to hear it.
    """
    _here.is_quiet = True
    try:
        yield
    finally:
        _here.is_quiet = False


@dataclass(frozen=True)
class Branch:
    """A line of migrations: its name, the tables that it leads to, and the folder whose `versions/` holds them.

    Each branch keeps its revision in a table of its own, so that one whose application is no longer installed is just
    left as it is. Raises ConfigurationError for a name that is not a short lower-case identifier.
    """

    name: str
    metadata: MetaData
    location: Path

    def __post_init__(self) -> None:
        if not _BRANCH_NAME.fullmatch(self.name):
            raise ConfigurationError(
                f"{self.name!r} cannot name a branch of migrations; "
                "use up to 27 of a-z, 0-9 and _, beginning with a letter"
            )

    @property
    def version_table(self) -> str:
        """The table that holds this branch's current revision."""
        return f"horarium_version_{self.name}"

    def scripts(self) -> ScriptDirectory:
        """The revisions, read anew. Raises ConfigurationError when the folder is not there."""
        if not self.location.is_dir():
            raise ConfigurationError(
                f"the folder with the migrations of {self.name!r} does not exist: {self.location}; "
                "is it in the package?"
            )
        return ScriptDirectory(
            _TEMPLATES, version_locations=[self.location / "versions"], messaging_opts={"quiet": True}
        )

    def context(self, connection: Connection, **options: Any) -> MigrationContext:
        """Alembic's view of this branch through a connection, seeing only this branch's tables."""
        with _quiet():
            return MigrationContext.configure(
                connection,
                opts={
                    "version_table": self.version_table,
                    "include_name": self._owns,
                    "compare_server_default": True,
                    **options,
                },
            )

    def _owns(self, name: str | None, kind: str, _parents: object) -> bool:
        return kind != "table" or name in self.metadata.tables


CORE = Branch("core", metadata, _TEMPLATES)
"""The plan's own tables."""


@dataclass(frozen=True)
class BranchState:
    """Where a branch stands. `current` is the database's revision (None: no tables yet), `head` the release's newest.

    `is_known` is false when the release has no such revision: the database is newer. `differences` says, for a branch
    that is up to date, where its tables differ from the definitions all the same.
    """

    branch: str
    current: str | None
    head: str | None
    is_known: bool
    differences: tuple[str, ...] = ()

    @property
    def up_to_date(self) -> bool:
        """Whether there is nothing to upgrade."""
        return self.current == self.head


@dataclass(frozen=True)
class Applied:
    """A branch that was upgraded, and the copy that was made of the SQLite file before."""

    branch: str
    from_revision: str | None
    to_revision: str | None
    backup: Path | None = None


@dataclass(frozen=True)
class PlanStatus:
    """Whether a plan is there, and whether its tables are those of this release, with those of each application."""

    exists: bool
    branches: tuple[BranchState, ...]

    @property
    def current(self) -> bool:
        """Whether there is nothing to make and nothing to upgrade, and no newer release was here."""
        return self.exists and all(branch.up_to_date and branch.is_known for branch in self.branches)


def status(database: Database, branches: Sequence[Branch]) -> PlanStatus:
    """Whether the plan is there and current, without making or writing anything. Raises PlanUnavailable."""
    if database.is_missing:  # connecting would make the file
        return PlanStatus(False, tuple(check(database, branches)))
    with database.read() as connection:
        states = tuple(_state(connection, branch) for branch in branches)
    return PlanStatus(any(state.current is not None for state in states if state.branch == CORE.name), states)


def check(database: Database, branches: Sequence[Branch]) -> list[BranchState]:
    """Where each branch stands, without writing anything.

    Raises PlanUnavailable when the database does not answer, SchemaError when a branch has two newest revisions.
    """
    if database.is_missing:  # connecting would make the file
        return [BranchState(branch.name, None, _head(branch.scripts(), branch), True) for branch in branches]
    with database.read() as connection:
        return [_state(connection, branch, compare=True) for branch in branches]


def upgrade(database: Database, branches: Sequence[Branch]) -> list[Applied]:
    """Bring every branch to its newest revision, in one transaction; answers those that were behind.

    An SQLite file that holds tables of ours is copied first, to `NAME.backup-REVISION` beside it. Processes that start
    at once wait for each other, and all but the first find nothing to do.

    Raises SchemaError when the database is newer than this release, or has tables of ours that no migration made, or a
    migration fails; PlanUnavailable when it cannot be reached, written or copied. In each case nothing has changed.
    """
    with _one_at_a_time:
        with database.read() as connection:
            if all(state.up_to_date for state in _states(connection, branches)):
                return []
        with database.write() as connection:
            database.dialect.lock_migrations(connection)
            states = _states(connection, branches)  # again: who held the lock may have done it all
            behind = [pair for pair in zip(branches, states, strict=True) if not pair[1].up_to_date]
            if not behind:
                return []
            for branch, state in behind:
                _refuse_tables_of_others(connection, branch, state)
            backup = _copy_file(database, connection, states)
            applied = [_apply(connection, branch, state, backup) for branch, state in behind]
    for entry in applied:
        _log.info(
            "Brought the tables of %s from %s to %s", entry.branch, entry.from_revision or "nothing", entry.to_revision
        )
    return applied


def upgrade_at_start(database: Database, branches: Sequence[Branch]) -> list[Applied]:
    """What a starting scheduler does by itself: all of `upgrade` on an SQLite file; on a server, only new branches.

    Other nodes of an earlier release may be at work on a server, so that changing its tables is a person's decision.
    Raises as `upgrade` does, and SchemaError when tables on a server are behind.
    """
    if database.path is None:
        with database.read() as connection:
            states = _states(connection, branches)
        for state in states:
            if state.current is not None and not state.up_to_date:
                raise SchemaError(
                    f"the tables of {state.branch!r} in {database.address} are at revision {state.current}, "
                    f"and this release needs {state.head}; make a backup, then run `horarium db upgrade`"
                )
    return upgrade(database, branches)


def _states(connection: Connection, branches: Sequence[Branch]) -> list[BranchState]:
    """The state of each branch. Raises SchemaError for one that is newer than its release."""
    states = [_state(connection, branch) for branch in branches]
    for state in states:
        if not state.is_known:
            raise SchemaError(
                f"the tables of {state.branch!r} are at revision {state.current}, which the installed release does not "
                f"know (its newest is {state.head}): a newer release has upgraded this database; install that release "
                "again, or restore the copy that was made before its upgrade"
            )
    return states


def _state(connection: Connection, branch: Branch, *, compare: bool = False) -> BranchState:
    scripts = branch.scripts()
    head = _head(scripts, branch)
    context = branch.context(connection)
    current = context.get_current_revision()
    is_known = current is None or current in {script.revision for script in scripts.walk_revisions()}
    differences: tuple[str, ...] = ()
    if compare and current == head:
        differences = tuple(map(_in_words, _flat(compare_metadata(context, branch.metadata))))
    return BranchState(branch.name, current, head, is_known, differences)


def _head(scripts: ScriptDirectory, branch: Branch) -> str | None:
    try:
        return scripts.get_current_head()
    except CommandError as error:
        raise SchemaError(f"the migrations of {branch.name!r} in {branch.location} cannot be used: {error}") from error


def _refuse_tables_of_others(connection: Connection, branch: Branch, state: BranchState) -> None:
    """Tables of a branch that has no revision were made by somebody else, who may need them as they are."""
    if state.current is not None:
        return
    taken = sorted(set(inspect(connection).get_table_names()).intersection(branch.metadata.tables))
    if taken:
        raise SchemaError(
            f"the database has tables named {', '.join(taken)} that no migration of {branch.name!r} made; "
            "rename or remove them, or give another database"
        )


def _copy_file(database: Database, connection: Connection, states: Sequence[BranchState]) -> Path | None:
    """Copy an SQLite file that holds tables of ours. The writer's place is taken, so that no commit comes after it."""
    revisions = sorted((state.up_to_date, state.current) for state in states if state.current is not None)
    if database.path is None or not revisions:
        return None
    file = connection.exec_driver_sql("SELECT file FROM pragma_database_list WHERE name = 'main'").scalar_one()
    original = Path(file)
    backup = original.with_name(f"{original.name}.backup-{revisions[0][1]}")
    unfinished = backup.with_name(f"{backup.name}.unfinished")
    try:
        unfinished.unlink(missing_ok=True)
        unfinished.touch(mode=0o600)
        # This connection is writing, and SQLite copies only through one that is not.
        with closing(sqlite3.connect(original)) as source, closing(sqlite3.connect(unfinished)) as target:
            source.backup(target)
        shutil.copymode(original, unfinished)
        unfinished.replace(backup)
    except (OSError, sqlite3.Error) as error:
        unfinished.unlink(missing_ok=True)
        raise PlanUnavailable(
            f"{original} is to be upgraded and could not be copied to {backup} first: {error}; "
            "make room for the copy, or let this user write the folder"
        ) from error
    _log.info("Copied %s to %s before its upgrade", original, backup)
    return backup


def _apply(connection: Connection, branch: Branch, state: BranchState, backup: Path | None) -> Applied:
    scripts = branch.scripts()
    wanted = scripts.iterate_revisions(state.head, state.current, implicit_base=True)
    steps = [MigrationStep.upgrade_from_script(scripts.revision_map, script) for script in reversed(list(wanted))]
    context = branch.context(connection, script=scripts, fn=lambda _heads, _context: steps)
    try:
        with _quiet(), Operations.context(context):
            context.run_migrations()
    except DBAPIError as error:
        if not _is_fault(error):
            raise
        said = str(error.orig).strip().partition("\n")[0]
        raise SchemaError(
            f"the tables of {branch.name!r} could not be brought from {state.current or 'nothing'} to {state.head}: "
            f"{said}; nothing was changed"
        ) from error
    return Applied(branch.name, state.current, state.head, backup)


def _is_fault(error: DBAPIError) -> bool:
    """Whether the migration asked for what cannot be done; otherwise the database is away, full or read-only."""
    # SQLite reports a missing table as it does a full disk, but for the code.
    sqlite_code = getattr(error.orig, "sqlite_errorcode", None)
    return isinstance(error, (ProgrammingError, IntegrityError)) or sqlite_code == sqlite3.SQLITE_ERROR


def _flat(differences: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Alembic puts the changes of one column into a list of their own."""
    return [change for entry in differences for change in (entry if isinstance(entry, list) else [entry])]


def _in_words(difference: tuple[Any, ...]) -> str:
    action, _, what = difference[0].partition("_")
    if action == "modify":
        _, _, table, column, _, found, wanted = difference
        return f"{what} of {table}.{column} is {found!r}, and should be {wanted!r}"
    subject = difference[-1]
    name = f"{difference[2]}.{subject.name}" if what == "column" else subject.name
    return f"{what} {name} {'is missing' if action == 'add' else 'should not be there'}"
