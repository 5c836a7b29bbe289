"""What every node asks every second must not read the whole plan, however large it is."""

import pytest
from sqlalchemy import event, text

from horarium import every, task
from horarium.testing import Timetable


@task("indexed")
def indexed():
    pass


@pytest.fixture
def asked(tmp_path):
    """The statements of a tick, a claim and a look at the queue on SQLite, with their plans."""
    with Timetable(f"sqlite:///{tmp_path / 'plan.db'}") as table:
        table.scheduler.add_job(indexed, every(hours=1), id="indexed")
        database = table.scheduler._plan.database
        statements = set()

        def note(_connection, _cursor, statement, parameters, _context, _many):
            statements.add((statement, tuple(parameters)))

        event.listen(database.engine, "before_cursor_execute", note)
        table.advance(hours=2)
        node = table.scheduler._service.node
        node.attend()
        node.ticker.next_time()
        event.remove(database.engine, "before_cursor_execute", note)
        plans = {}
        with database.read() as connection:
            for statement, parameters in statements:
                if statement.lstrip().upper().startswith(("SELECT", "UPDATE", "WITH")):
                    rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
                    plans[statement] = [row[3] for row in rows]
            assert connection.execute(text("SELECT count(*) FROM horarium_runs")).scalar() >= 2
        yield plans


def test_no_statement_of_a_tick_or_a_claim_scans_jobs_or_runs(asked):
    scans = {
        statement: plan
        for statement, plan in asked.items()
        if any(step.startswith("SCAN horarium_") and "USING" not in step for step in plan)
        and "horarium_nodes" not in statement
    }
    assert asked
    assert scans == {}
