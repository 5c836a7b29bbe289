"""The subjects by name. A new one is a module here with an object named `subject`, and a line in `MODULES`."""

import importlib
from functools import cache

from benchmarks.subjects.base import Subject

MODULES = {
    "horarium": "benchmarks.subjects.horarium_subject",
    "apscheduler": "benchmarks.subjects.apscheduler_sqlalchemy",
    "procrastinate": "benchmarks.subjects.procrastinate_peer",
    "dbos": "benchmarks.subjects.dbos_peer",
    "raw": "benchmarks.subjects.raw_sql",
}


@cache
def load(key: str) -> Subject:
    """Import a subject. Raises ImportError when the peer's package is not installed."""
    subject: Subject = importlib.import_module(MODULES[key]).subject
    return subject
