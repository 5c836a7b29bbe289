"""What every node asks every second must not read the whole plan, however large it is."""

import pytest
from sqlalchemy import event, text

from horarium import every, task
from horarium.store.claims import Claims
from horarium.testing import Timetable

from .days import START


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


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_the_first_of_a_long_queue_are_found_without_reading_it(table, database):
    """Without statistics, as in a plan that is new or whose queue has just grown."""
    job = table.scheduler.add_job(indexed, every(hours=1), id="indexed", overlap="allow")
    with database.write() as connection:
        connection.execute(
            text(
                "INSERT INTO horarium_runs (scheduled_at, job_key, state, cause, created_at, not_before) "
                "SELECT CAST(:now AS timestamptz) - make_interval(secs => n), :key, 'queued', 'manual', :now, :now "
                "FROM generate_series(1, 2000) AS n"
            ),
            {"key": job.key, "now": START},
        )
    asked = []

    def note(_connection, _cursor, statement, parameters, _context, _many):
        asked.append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", note)
    assert len(Claims(database).claim("node", table.clock.now(), 5, executors=["thread"])) == 5
    event.remove(database.engine, "before_cursor_execute", note)
    plans = {}
    with database.write() as connection:
        database.dialect.walk_in_order(connection)
        for statement, parameters in asked:
            if statement.startswith(("SELECT horarium_runs", "UPDATE horarium_runs")):
                rows = connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)
                plans[statement[:6]] = "\n".join(row[0] for row in rows)
    assert "Index Scan using ix_horarium_runs_waiting" in plans["SELECT"]
    assert "Sort" not in plans["SELECT"]
    assert "ix_horarium_runs_waiting" not in plans["UPDATE"]  # the last of them takes what was found
