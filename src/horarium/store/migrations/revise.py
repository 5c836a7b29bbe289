"""For developers: write the next revision of a branch from what its tables are to be.

    python -m horarium.store.migrations.revise "keep the host of each run"     (Horarium's own tables)
    horarium db revise --app shop -m "add prices"                              (those of an installed application)

Read what it wrote: Alembic sees no change of an index's WHERE, of WITHOUT ROWID or of AUTOINCREMENT, and knows nothing
about moving data. Before the first release, `--initial` writes the core's only revision anew.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, Literal

from alembic.autogenerate import produce_migrations, render_python_code
from alembic.script import ScriptDirectory
from sqlalchemy import DefaultClause
from sqlalchemy.sql.elements import False_, True_

from horarium.errors import ConfigurationError
from horarium.store.database import Database
from horarium.store.schema import Instant
from horarium.store.upgrade import CORE, Branch, upgrade


def make_revision(branch: Branch, message: str) -> Path:
    """Write the revision that leads from the branch's newest one to its metadata, found on a scratch database.

    Answers the new file, which is called `BRANCH_NUMBER_message.py`. Without a difference it is an empty one, for a
    migration of data (`does_nothing`). Raises ConfigurationError when the folder is not there or cannot be written,
    SchemaError when the revisions that there are cannot be used.
    """
    scripts = branch.scripts()
    try:
        (branch.location / "versions").mkdir(exist_ok=True)
        return _write_revision(branch, scripts, message)
    except OSError as error:
        raise ConfigurationError(
            f"the next revision of {branch.name!r} cannot be written to {branch.location / 'versions'}: {error}; "
            "is it the folder of the source, installed with `pip install -e`?"
        ) from error


def does_nothing(revision: Path) -> bool:
    """Whether a revision that was just written is an empty one: the tables are as the one before leaves them."""
    return revision.read_text(encoding="utf-8").rstrip().endswith("\n    pass")


def _write_revision(branch: Branch, scripts: ScriptDirectory, message: str) -> Path:
    number = len(list(scripts.walk_revisions())) + 1
    script = scripts.generate_revision(f"{branch.name}_{number:04d}", message, upgrades=_body(branch))
    if script is None:
        raise ConfigurationError(f"Alembic did not find the revision that it wrote in {branch.location}")
    path = Path(script.path)
    if find_spec("ruff") is not None:
        subprocess.run([sys.executable, "-m", "ruff", "format", "--quiet", path], check=True)  # noqa: S603 - our own file
    return path


def make_initial_revision() -> Path:
    """Write the core's only revision anew. Raises ConfigurationError when there are more: then one is released."""
    existing = [Path(script.path) for script in CORE.scripts().walk_revisions()]
    if len(existing) > 1:
        raise ConfigurationError(
            f"{CORE.location}/versions has {len(existing)} revisions: released ones stay as they are"
        )
    for path in existing:
        path.unlink()
    return make_revision(CORE, "initial")


def _body(branch: Branch) -> str:
    with tempfile.TemporaryDirectory() as folder, closing(Database(f"sqlite:///{folder}/scratch.db")) as database:
        upgrade(database, [branch])
        with database.read() as connection:
            # On a scratch database every table is the branch's: also one that its metadata no longer names.
            context = branch.context(connection, include_name=None)
            operations = produce_migrations(context, branch.metadata).upgrade_ops
            if operations is None:
                return "pass"
            code = render_python_code(operations, render_as_batch=True, render_item=_render, migration_context=context)
    return "\n".join(line for line in code.splitlines() if "# ###" not in line).strip() or "pass"


def _render(kind: str, item: Any, _context: object) -> str | Literal[False]:
    """What a revision must say in plain SQLAlchemy, so that it stays as it is when our own types change."""
    if kind == "type" and isinstance(item, Instant):
        return "INSTANT"  # which the template defines
    if kind == "server_default" and isinstance(item, DefaultClause) and isinstance(item.arg, (True_, False_)):
        return "sa.true()" if isinstance(item.arg, True_) else "sa.false()"  # each database spells it differently
    return False


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m horarium.store.migrations.revise", description=__doc__)
    parser.add_argument("message", nargs="?", help="what the revision does, in a few words")
    parser.add_argument("--branch", default="horarium.store.upgrade:CORE", help="module:name of the Branch")
    parser.add_argument("--initial", action="store_true", help="write the core's only revision anew")
    arguments = parser.parse_args()
    if not arguments.initial and not arguments.message:
        parser.error("say in a few words what the revision does")
    branch: Branch = resolve_name(arguments.branch)
    path = make_initial_revision() if arguments.initial else make_revision(branch, arguments.message)
    sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
