"""Plans for the measurements: a few jobs added by `add_job`, and many copies of their rows.

Adding a million jobs through the facade takes minutes. So the first of each kind is added, and its rows are copied in
SQL, each with a key, an id, a name and an argument of its own. Then a sample is read back, and must be what `add_jobs`
would have answered.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine, create_engine, text

from benchmarks.subjects import horarium_tasks
from benchmarks.subjects.base import Database, Workload, verify
from horarium import Job, Scheduler, Settings, every

_SAMPLE = 25

_COPY_JOBS = """
INSERT INTO horarium_jobs ({columns})
WITH RECURSIVE numbers (n) AS (
    SELECT CAST(:first AS bigint) + 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :last
)
SELECT {values} FROM numbers CROSS JOIN horarium_jobs AS t WHERE t.key = :key ORDER BY n
"""

_COPY_CLOCKS = """
INSERT INTO horarium_job_clock ({columns})
SELECT {values} FROM horarium_jobs AS j CROSS JOIN horarium_job_clock AS t WHERE t.job_key = :key AND j.key > :newest
"""

_OWN_VALUES = {
    "id": "'job-' || n",
    "name": "'job-' || n",
    "args": "'[' || n || ']'",
}


def scheduler_for(work: Workload) -> Scheduler:
    """Horarium with its default settings."""
    return Scheduler(settings=Settings(config=None, database_url=work.url))


def fill(work: Workload) -> None:
    """Make a plan of `work.plan` jobs: `work.size` of them due since a second, the others in a day."""
    scheduler = scheduler_for(work)
    now = datetime.now(UTC)
    due = 0 if work.figure == "latency" else min(work.size, work.plan)
    if due:
        _add_alike(scheduler, work, 1, due, now - timedelta(seconds=1))
    if work.plan > due:
        _add_alike(scheduler, work, due + 1, work.plan, now + timedelta(days=1))
    scheduler.shutdown()


def _add_alike(scheduler: Scheduler, work: Workload, first: int, last: int, at: datetime) -> None:
    """Add the jobs from `first` to `last`, all due at `at`."""
    function: Callable[..., object] = horarium_tasks.wait if work.figure == "fire" else horarium_tasks.noop
    rhythm, args = every(hours=1), [first]
    if work.figure == "start" and first == 1:
        # The repetitions share a plan, in which this job has to be due each time.
        function, rhythm, args = horarium_tasks.note_lateness, every(seconds=1), [0]
    model = scheduler.add_job(function, rhythm, id=f"job-{first}", name=f"job-{first}", args=args, next_run_time=at)
    with scheduler.connection() as connection:
        _copy(connection, model.key, first, last)
    for number in range(first + 1, last + 1, max(1, (last - first) // _SAMPLE)):
        _check(scheduler, model, number)


def _copy(connection: Connection, key: int, first: int, last: int) -> None:
    newest = connection.execute(text("SELECT max(key) FROM horarium_jobs")).scalar_one()
    columns = _columns(connection, "horarium_jobs", "key")
    values = [_OWN_VALUES.get(column, f"t.{column}") for column in columns]
    statement = _COPY_JOBS.format(columns=_list(columns), values=", ".join(values))
    if last > first:
        connection.execute(text(statement), {"first": first, "last": last, "key": key})
    columns = _columns(connection, "horarium_job_clock", "job_key")
    values = [f"t.{column}" for column in columns]
    statement = _COPY_CLOCKS.format(columns=_list(["job_key", *columns]), values=", ".join(["j.key", *values]))
    connection.execute(text(statement), {"key": key, "newest": newest})


def _columns(connection: Connection, table: str, without: str) -> list[str]:
    names = connection.execute(text(f"SELECT * FROM {table} LIMIT 0")).keys()
    return [name for name in names if name != without]


def _list(columns: list[str]) -> str:
    return ", ".join(f'"{column}"' for column in columns)


def _check(scheduler: Scheduler, model: Job, number: int) -> None:
    found = scheduler.get_job(f"job-{number}")
    assert found is not None
    wanted = replace(model, id=f"job-{number}", name=f"job-{number}", args=(number,), key=found.key)
    verify(f"fields of {found} that differ from what add_job makes", int(found != wanted), 0)


class Observer:
    """Looks at the database beside the scheduler, through a connection of its own, as it would from elsewhere."""

    def __init__(self, work: Workload) -> None:
        self._engine: Engine = create_engine(work.sqlalchemy_url, isolation_level="AUTOCOMMIT")
        self._connection = self._engine.connect()
        self._is_postgresql = work.database is Database.POSTGRESQL

    def one(self, what: str, **values: object) -> object:
        """The single value that a query answers; None when there is none."""
        return self._connection.execute(text(what), values).scalar()

    def count(self, what: str) -> int:
        """How many rows there are: `what` follows FROM. Horarium's own jobs are not counted."""
        return int(str(self.one(f"SELECT count(*) FROM {what}")))

    def marks(self) -> int:
        """How many different items are marked as done."""
        rows = self._connection.execute(text("SELECT done FROM horarium_items")).scalars()
        return len({key for row in rows for key in json.loads(row)})

    def close(self) -> None:
        """Disconnect."""
        self._connection.close()
        self._engine.dispose()
