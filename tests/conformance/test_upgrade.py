"""The plan's tables and those of applications: made, upgraded, checked and never harmed, on both databases."""

import runpy
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Connection, Float, Index, MetaData, Table, Text, create_engine, inspect, text
from sqlalchemy.pool import NullPool

from horarium.errors import ConfigurationError, PlanUnavailable, SchemaError
from horarium.store.database import Database
from horarium.store.migrations.revise import make_revision
from horarium.store.schema import Instant, metadata
from horarium.store.upgrade import CORE, Branch, check, upgrade, upgrade_at_start

RELEASED = Path(__file__).with_name("released")
TOOL = runpy.run_path(str(RELEASED / "dump.py"))

FIRST = """
import sqlalchemy as sa
from alembic import op

revision = "shop_0001"
down_revision = None


def upgrade():
    op.create_table("shop_orders", sa.Column("id", sa.Text(), primary_key=True), sa.Column("cents", sa.Integer()))
"""
SECOND = """
import sqlalchemy as sa
from alembic import op

revision = "shop_0002"
down_revision = "shop_0001"


def upgrade():
    with op.batch_alter_table("shop_orders") as orders:
        orders.add_column(sa.Column("euros", sa.Float()))
    op.execute("UPDATE shop_orders SET euros = cents / 100.0")
    with op.batch_alter_table("shop_orders") as orders:
        orders.drop_column("cents")
"""
FAULTY = """
import sqlalchemy as sa
from alembic import op

revision = "shop_0002"
down_revision = "shop_0001"


def upgrade():
    op.add_column("shop_orders", sa.Column("euros", sa.Float()))
    op.execute("UPDATE shop_orders SET pounds = cents / 100.0")
"""

POSTGRESQL_CATALOGUE = (
    """
    SELECT table_name, column_name, data_type, is_nullable, column_default
    FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2
    """,
    "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1, 2",
    """
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2
    """,
)


@pytest.fixture
def database(plan_url: str) -> Iterator[Database]:
    with closing(Database(plan_url)) as opened:
        yield opened


@pytest.fixture
def sqlite_plan(tmp_path: Path) -> Iterator[Database]:
    with closing(Database(f"sqlite:///{tmp_path}/plan.db")) as opened:
        yield opened


@pytest.fixture
def server_plan(postgres_url: str) -> Iterator[Database]:
    with closing(Database(postgres_url)) as opened:
        yield opened


@pytest.fixture
def shop(tmp_path: Path) -> Branch:
    """An application's branch at its first release."""
    tables = MetaData()
    Table("shop_orders", tables, Column("id", Text, primary_key=True), Column("euros", Float))
    branch = Branch("shop", tables, tmp_path / "shop" / "migrations")
    release(branch, FIRST)
    return branch


def release(branch: Branch, *revisions: str) -> None:
    """Put revisions into the branch's folder, instead of those that are there."""
    folder = branch.location / "versions"
    folder.mkdir(parents=True, exist_ok=True)
    for number, revision in enumerate(revisions, start=1):
        (folder / f"shop_{number:04d}_step.py").write_text(revision)


def run(database: Database, statement: str) -> None:
    with database.write() as connection:
        connection.execute(text(statement))


def rows(database: Database, statement: str) -> list[tuple[Any, ...]]:
    with database.read() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


def tables_of(database: Database) -> set[str]:
    with database.read() as connection:
        return set(inspect(connection).get_table_names())


def catalogue(database: Database) -> dict[str, object]:
    """What the database itself says of every table and index, beyond what Alembic compares."""
    with database.read() as connection:
        found = _sqlite_catalogue(connection) if database.path else _postgresql_catalogue(connection)
    return {name: told for name, told in found.items() if "horarium_version" not in name}


def _sqlite_catalogue(connection: Connection) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, is_rowid_free in connection.exec_driver_sql(
        "SELECT name, wr FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sqlite%'"
    ).all():
        statement = connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE name = ?", (name,)).scalar_one()
        columns = connection.exec_driver_sql(
            'SELECT name, type, "notnull", dflt_value, pk FROM pragma_table_xinfo(?) ORDER BY name', (name,)
        )
        found[name] = (is_rowid_free, "AUTOINCREMENT" in statement, tuple(map(tuple, columns)))
    indexes = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
    return found | {name: " ".join(statement.split()) for name, statement in indexes}


def _postgresql_catalogue(connection: Connection) -> dict[str, object]:
    found: dict[str, list[tuple[object, ...]]] = {}
    for query in POSTGRESQL_CATALOGUE:
        for row in connection.exec_driver_sql(query):
            found.setdefault(row[0], []).append(tuple(row[1:]))
    return dict(found)


def test_an_empty_database_is_initialised(database: Database) -> None:
    [applied] = upgrade(database, [CORE])
    assert (applied.branch, applied.from_revision, applied.backup) == ("core", None, None)
    assert tables_of(database) == {*metadata.tables, "horarium_version_core"}


def test_a_second_upgrade_does_nothing(database: Database) -> None:
    upgrade(database, [CORE])
    assert upgrade(database, [CORE]) == []


def test_the_migrations_lead_to_the_definitions(database: Database) -> None:
    upgrade(database, [CORE])
    [state] = check(database, [CORE])
    assert state.up_to_date
    assert state.differences == ()


def test_the_migrations_make_what_the_definitions_make_in_every_detail(database: Database) -> None:
    upgrade(database, [CORE])
    migrated = catalogue(database)
    with database.write() as connection:
        metadata.drop_all(connection)
        metadata.create_all(connection)
    assert catalogue(database) == migrated


def test_checking_an_empty_database_writes_nothing(database: Database) -> None:
    [state] = check(database, [CORE])
    assert (state.current, state.up_to_date, state.is_known) == (None, False, True)
    assert tables_of(database) == set()


def test_checking_a_missing_sqlite_file_does_not_make_it(sqlite_plan: Database) -> None:
    [state] = check(sqlite_plan, [CORE])
    assert state.current is None
    assert sqlite_plan.path is not None
    assert not sqlite_plan.path.exists()


def test_a_difference_between_tables_and_definitions_is_told_in_words(database: Database) -> None:
    upgrade(database, [CORE])
    run(database, "DROP INDEX ix_horarium_runs_history")
    run(database, "ALTER TABLE horarium_facts ADD COLUMN extra TEXT")
    [state] = check(database, [CORE])
    assert set(state.differences) == {
        "index ix_horarium_runs_history is missing",
        "column horarium_facts.extra should not be there",
    }


def test_of_processes_that_start_at_once_one_upgrades_and_none_fails(plan_url: str) -> None:
    program = (
        "import sys; from horarium.store.database import Database; from horarium.store.upgrade import CORE, upgrade\n"
        "database = Database(sys.argv[1]); print('ready', flush=True); sys.stdin.readline()\n"
        "print(len(upgrade(database, [CORE]))); database.close()"
    )
    command = [sys.executable, "-W", "error", "-c", program, plan_url]
    processes = [
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
        )
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
    answers = [process.communicate() for process in processes]
    assert sorted(answers) == [("0\n", ""), ("0\n", ""), ("1\n", "")]


def test_of_threads_that_start_at_once_one_upgrades_and_none_fails(plan_url: str) -> None:
    def start() -> int:
        with closing(Database(plan_url)) as database:
            return len(upgrade(database, [CORE]))

    with ThreadPoolExecutor(4) as threads:
        futures = [threads.submit(start) for _ in range(4)]
    assert sorted(future.result() for future in futures) == [0, 0, 0, 1]


def test_threads_may_upgrade_different_databases_at_once(tmp_path: Path) -> None:
    def start(number: int) -> int:
        with closing(Database(f"sqlite:///{tmp_path}/plan-{number}.db")) as database:
            return len(upgrade(database, [CORE]))

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(start, range(4))) == [1, 1, 1, 1]


def test_a_newer_database_is_refused_with_the_way_out(database: Database) -> None:
    upgrade(database, [CORE])
    run(database, "UPDATE horarium_version_core SET version_num = 'core_9999'")
    with pytest.raises(SchemaError, match=r"'core' are at revision core_9999, .*install that release again"):
        upgrade(database, [CORE])


def test_checking_a_newer_database_says_that_its_revision_is_unknown(database: Database) -> None:
    upgrade(database, [CORE])
    run(database, "UPDATE horarium_version_core SET version_num = 'core_9999'")
    [state] = check(database, [CORE])
    assert (state.current, state.is_known, state.up_to_date) == ("core_9999", False, False)


def test_tables_of_others_with_our_names_are_refused_and_left_alone(database: Database) -> None:
    run(database, "CREATE TABLE horarium_facts (mine TEXT)")
    with pytest.raises(SchemaError, match="tables named horarium_facts that no migration of 'core' made"):
        upgrade(database, [CORE])
    assert tables_of(database) == {"horarium_facts"}


def test_other_tables_in_the_database_are_neither_touched_nor_reported(database: Database) -> None:
    run(database, "CREATE TABLE alembic_version (version_num TEXT)")
    run(database, "INSERT INTO alembic_version VALUES ('theirs')")
    upgrade(database, [CORE])
    [state] = check(database, [CORE])
    assert state.differences == ()
    assert rows(database, "SELECT * FROM alembic_version") == [("theirs",)]


def test_a_read_only_sqlite_file_is_said_to_be_so(tmp_path: Path) -> None:
    (tmp_path / "plan.db").touch()
    engine = create_engine(f"sqlite:///file:{tmp_path}/plan.db?mode=ro&uri=true", poolclass=NullPool)
    with pytest.raises(PlanUnavailable, match="readonly"):
        upgrade(Database(engine), [CORE])


def test_a_read_only_server_is_said_to_be_so(server_plan: Database) -> None:
    name = server_plan.engine.url.database
    run(server_plan, f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    server_plan.engine.dispose()
    with pytest.raises(PlanUnavailable, match="read-only"):
        upgrade(server_plan, [CORE])


def test_a_read_only_database_that_is_up_to_date_is_no_error(sqlite_plan: Database) -> None:
    upgrade(sqlite_plan, [CORE])
    engine = create_engine(f"sqlite:///file:{sqlite_plan.path}?mode=ro&uri=true", poolclass=NullPool)
    assert upgrade(Database(engine), [CORE]) == []


def test_an_application_is_upgraded_beside_the_core_and_later_on_its_data(database: Database, shop: Branch) -> None:
    first = upgrade(database, [CORE, shop])
    run(database, "INSERT INTO shop_orders (id, cents) VALUES ('a', 250)")
    release(shop, FIRST, SECOND)
    second = upgrade(database, [CORE, shop])
    assert [(entry.branch, entry.from_revision) for entry in first] == [("core", None), ("shop", None)]
    assert [(entry.branch, entry.from_revision, entry.to_revision) for entry in second] == [
        ("shop", "shop_0001", "shop_0002")
    ]
    assert rows(database, "SELECT id, euros FROM shop_orders") == [("a", 2.5)]
    assert [state.differences for state in check(database, [CORE, shop])] == [(), ()]


def test_an_application_that_is_no_longer_installed_harms_nobody(database: Database, shop: Branch) -> None:
    upgrade(database, [CORE, shop])
    assert upgrade(database, [CORE]) == []
    assert [state.up_to_date for state in check(database, [CORE])] == [True]


def test_a_migration_that_fails_leaves_every_branch_as_it_was(database: Database, shop: Branch) -> None:
    upgrade(database, [shop])
    run(database, "INSERT INTO shop_orders (id, cents) VALUES ('a', 250)")
    before = catalogue(database)
    release(shop, FIRST, FAULTY)
    with pytest.raises(SchemaError, match=r"'shop' could not be brought from shop_0001 to shop_0002: .*pounds"):
        upgrade(database, [CORE, shop])
    assert catalogue(database) == before
    assert rows(database, "SELECT id, cents FROM shop_orders") == [("a", 250)]


def test_an_sqlite_file_with_data_is_copied_before_its_upgrade(sqlite_plan: Database, shop: Branch) -> None:
    upgrade(sqlite_plan, [CORE, shop])
    run(sqlite_plan, "INSERT INTO shop_orders (id, cents) VALUES ('a', 250)")
    release(shop, FIRST, SECOND)
    [applied] = upgrade(sqlite_plan, [CORE, shop])
    assert sqlite_plan.path is not None
    assert applied.backup == Path(f"{sqlite_plan.path}.backup-shop_0001")
    with closing(sqlite3.connect(applied.backup)) as copy:
        assert copy.execute("SELECT id, cents FROM shop_orders").fetchall() == [("a", 250)]
        assert copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_the_copy_is_as_private_as_the_file(sqlite_plan: Database, shop: Branch) -> None:
    upgrade(sqlite_plan, [shop])
    assert sqlite_plan.path is not None
    sqlite_plan.path.chmod(0o640)
    release(shop, FIRST, SECOND)
    [applied] = upgrade(sqlite_plan, [shop])
    assert applied.backup is not None
    assert applied.backup.stat().st_mode & 0o777 == 0o640


def test_no_copy_is_made_when_there_is_nothing_to_do(sqlite_plan: Database, tmp_path: Path) -> None:
    upgrade(sqlite_plan, [CORE])
    upgrade(sqlite_plan, [CORE])
    assert list(tmp_path.glob("*backup*")) == []


def test_no_copy_is_made_of_a_file_without_tables_of_ours(sqlite_plan: Database, tmp_path: Path) -> None:
    run(sqlite_plan, "CREATE TABLE theirs (id INTEGER)")
    upgrade(sqlite_plan, [CORE])
    assert list(tmp_path.glob("*backup*")) == []


def test_without_a_copy_there_is_no_upgrade(sqlite_plan: Database, shop: Branch, tmp_path: Path) -> None:
    upgrade(sqlite_plan, [shop])
    (tmp_path / "plan.db.backup-shop_0001").mkdir()
    release(shop, FIRST, SECOND)
    with pytest.raises(PlanUnavailable, match="could not be copied"):
        upgrade(sqlite_plan, [shop])
    assert [state.current for state in check(sqlite_plan, [shop])] == ["shop_0001"]
    assert list(tmp_path.glob("*unfinished")) == []


def test_a_starting_scheduler_initialises_an_empty_database(database: Database, shop: Branch) -> None:
    assert [entry.branch for entry in upgrade_at_start(database, [CORE])] == ["core"]
    assert [entry.branch for entry in upgrade_at_start(database, [CORE, shop])] == ["shop"]


def test_a_starting_scheduler_upgrades_its_own_sqlite_file(sqlite_plan: Database, shop: Branch) -> None:
    upgrade(sqlite_plan, [shop])
    release(shop, FIRST, SECOND)
    assert [entry.to_revision for entry in upgrade_at_start(sqlite_plan, [shop])] == ["shop_0002"]


def test_a_starting_scheduler_leaves_the_tables_of_a_server_to_a_person(server_plan: Database, shop: Branch) -> None:
    upgrade(server_plan, [shop])
    release(shop, FIRST, SECOND)
    with pytest.raises(SchemaError, match=r"needs shop_0002; .*`horarium db upgrade`"):
        upgrade_at_start(server_plan, [CORE, shop])
    assert [state.current for state in check(server_plan, [CORE, shop])] == [None, "shop_0001"]


@pytest.mark.parametrize("name", ["", "Shop", "my-shop", "1st", "a" * 28])
def test_a_branch_needs_a_name_that_can_be_part_of_a_table_name(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot name a branch"):
        Branch(name, MetaData(), tmp_path)


def test_a_branch_without_its_folder_is_named(sqlite_plan: Database, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=f"migrations of 'shop' does not exist: {tmp_path}/nowhere"):
        upgrade(sqlite_plan, [Branch("shop", MetaData(), tmp_path / "nowhere")])


def test_a_branch_with_two_newest_revisions_is_named(sqlite_plan: Database, shop: Branch) -> None:
    release(shop, FIRST, SECOND, SECOND.replace("shop_0002", "shop_0003"))
    with pytest.raises(SchemaError, match=r"'shop' .* cannot be used: .*multiple heads"):
        upgrade(sqlite_plan, [shop])


def notes(*extra: Column[Any], title: bool) -> MetaData:
    """An application's tables as its developer writes them, in one version or the next."""
    tables = MetaData()
    Table(
        "notes",
        tables,
        Column("id", Text, primary_key=True),
        Column("at", Instant, nullable=False),
        Column("title", Text, nullable=not title),
        *extra,
        Index("ix_notes_untitled", "at", sqlite_where=text("title = ''"), postgresql_where=text("title = ''")),
        sqlite_with_rowid=False,
    )
    return tables


def test_a_revision_written_for_a_developer_makes_the_tables_on_both_databases(
    database: Database, tmp_path: Path
) -> None:
    branch = Branch("notes", notes(title=False), tmp_path)
    path = make_revision(branch, "first tables")
    upgrade(database, [branch])
    migrated = catalogue(database)
    with database.write() as connection:
        branch.metadata.drop_all(connection)
        branch.metadata.create_all(connection)
    assert path == tmp_path / "versions" / "notes_0001_first_tables.py"
    assert catalogue(database) == migrated


def test_a_revision_that_rebuilds_a_table_keeps_its_rows_and_its_kind(database: Database, tmp_path: Path) -> None:
    before = Branch("notes", notes(title=False), tmp_path)
    make_revision(before, "first tables")
    upgrade(database, [before])
    with database.write() as connection:
        connection.execute(before.metadata.tables["notes"].insert(), {"id": "1", "at": TOOL["FIRST"], "title": "a"})
    after = Branch("notes", notes(Column("seen", Instant), title=True), tmp_path)
    make_revision(after, "titles are needed")
    upgrade(database, [after])
    migrated = catalogue(database)
    with database.write() as connection:
        kept = connection.execute(after.metadata.tables["notes"].select()).all()
        after.metadata.drop_all(connection)
        after.metadata.create_all(connection)
    assert kept == [("1", TOOL["FIRST"], "a", None)]
    assert catalogue(database) == migrated


def all_rows(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    found = {}
    for name in sorted(tables_of(database)):
        if not name.startswith("horarium_version"):
            found[name] = sorted(rows(database, f"SELECT * FROM {name}"), key=repr)
    return found


def test_a_dump_of_a_populated_plan_loads_again(database: Database, tmp_path: Path) -> None:
    TOOL["populate"](database)
    populated = all_rows(database)
    dumped = TOOL["dump"](database, tmp_path)
    with database.write() as connection:
        metadata.drop_all(connection)
        connection.exec_driver_sql("DROP TABLE horarium_version_core")
    TOOL["load"](database, dumped)
    assert {len(found) for found in populated.values()} == {TOOL["ROWS"]}
    assert all_rows(database) == populated
    assert upgrade(database, [CORE]) == []


@pytest.mark.parametrize("name", [path.stem for path in sorted(RELEASED.glob("*.sql"))])
def test_the_plan_of_a_released_version_is_upgraded(name: str, request: pytest.FixtureRequest) -> None:
    database: Database = request.getfixturevalue("sqlite_plan" if name.endswith("sqlite") else "server_plan")
    TOOL["load"](database, RELEASED / f"{name}.sql")
    loaded = {table: len(found) for table, found in all_rows(database).items()}
    upgrade(database, [CORE])
    upgraded = catalogue(database)
    kept = {table: len(found) for table, found in all_rows(database).items()}
    with database.write() as connection:
        metadata.drop_all(connection)
        metadata.create_all(connection)
    assert {table: kept[table] for table in loaded} == loaded
    assert catalogue(database) == upgraded
