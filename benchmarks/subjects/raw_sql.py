"""The floor: the same work as the shortest SQL that a person would write, with nothing round it."""

from collections.abc import Mapping

from benchmarks.subjects import raw_postgresql, raw_sqlite
from benchmarks.subjects.base import Database, Kind, Sample, Workload


class RawSql:
    """Dispatches to one module for each database."""

    name = "raw SQL"
    kind = Kind.BASELINE
    databases = frozenset(Database)
    configurations: Mapping[str, str] = {
        "fire": "1,000 due jobs a transaction: moves a narrow clock row by compare-and-set, checks overlap, "
        "inserts the run, hands its task and arguments back; a decision row for what was missed or skipped",
        "run": "as fire, then awaits the function of each run and records the 1,000 ends in one transaction",
        "latency": "sleeps until the next due time, then one tick as in fire",
        "idle": "asks once a second for the next due time",
        "start": "imports the driver, connects, one tick as in fire",
        "each": "one row with the keys of as many items as may run at once, and a commit, again and again",
        "commit": "one row inserted and committed",
    }

    def prepare(self, work: Workload) -> None:
        """Make the tables and the jobs."""
        _module(work).prepare(work)

    def measure(self, work: Workload) -> Sample:
        """Do the work."""
        return _module(work).MEASURES[work.figure](work)


def _module(work: Workload) -> "raw_postgresql.Module":
    return raw_postgresql if work.database is Database.POSTGRESQL else raw_sqlite


subject = RawSql()
