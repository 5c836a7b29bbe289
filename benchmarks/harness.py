"""Runs the figures: each repetition in a fresh process on a fresh database, the subjects in turn to share the noise."""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.figures import Figure, Size
from benchmarks.subjects import load, raw_sql
from benchmarks.subjects.base import BenchmarkError, Database, Sample, Subject, Workload
from horarium.testing.postgres import TemporaryPostgres

_CHILD_TIMEOUT_S = 1800
_YARDSTICK = 100
_REST_S = 1.5  # the job of a kept database that is due each second is due again


@dataclass
class Result:
    """The samples of one subject for one figure on one database."""

    figure: Figure
    database: Database | None
    subject: Subject
    size: dict[str, Any]
    samples: list[Sample] = field(default_factory=list)
    yardstick: list[float] = field(default_factory=list)
    """What a commit took just before each sample, in milliseconds: a busy disk shows here."""

    def median(self, metric: str) -> float:
        """The median of a metric over the repetitions."""
        return statistics.median(self.values(metric))

    def values(self, metric: str) -> list[float]:
        """All values of a metric, in the order in which they were measured."""
        return [sample.values[metric] for sample in self.samples]


class Harness:
    """Runs figures on the databases that it is given.

    :param postgres: a running server, or None when only SQLite is measured.
    :param folder: where the SQLite files are made.
    :param quick: less work and fewer repetitions.
    :param tell: is told what is being measured.
    """

    def __init__(
        self, postgres: TemporaryPostgres | None, folder: Path, *, quick: bool, tell: Callable[[str], None]
    ) -> None:
        self._postgres = postgres
        self._folder = folder
        self._quick = quick
        self._tell = tell
        self.notes: list[str] = []

    def measure(self, figure: Figure, database: Database | None, subjects: Iterable[str]) -> list[Result]:
        """Measure a figure for all subjects that can do it.

        A subject that fails is noted, and takes no further part in this figure.
        """
        size = figure.quick if self._quick else figure.full
        results = self._participants(figure, database, subjects, size)
        kept: dict[str, Workload] = {}
        for repetition in range(size.repetitions):
            for key, result in list(results.items()):
                self._tell(f"{figure.key} on {database or 'this machine'}: {result.subject.name} ({repetition + 1})")
                try:
                    work = kept.get(key) or self._prepare(key, result)
                    if figure.keep_database:
                        kept[key] = work
                        time.sleep(_REST_S)
                    result.yardstick += self._yardstick(figure, database)
                    result.samples.append(self._measure(key, figure, work))
                    if not figure.keep_database:
                        self._drop(work)
                except (BenchmarkError, subprocess.TimeoutExpired) as error:
                    self.notes.append(f"{figure.key}, {database}: {result.subject.name} left out: {error}")
                    del results[key]
        for work in kept.values():
            self._drop(work)
        return list(results.values())

    def _participants(
        self, figure: Figure, database: Database | None, subjects: Iterable[str], size: Size
    ) -> dict[str, Result]:
        found: dict[str, Result] = {}
        for key in subjects:
            try:
                subject = load(key)
            except ImportError as error:
                self.notes.append(f"{key} was not measured: {error}. Install it with: pip install {key}")
                continue
            here = database is None or database in subject.databases
            if here and figure.command in subject.configurations:
                found[key] = Result(figure, database, subject, dict(size.of(subject.kind)))
        return found

    def _prepare(self, key: str, result: Result) -> Workload:
        work = self._workload(result.figure, result.database, result.size)
        self._child(key, "prepare", [work])
        self._settle(work)
        return work

    def _measure(self, key: str, figure: Figure, work: Workload) -> Sample:
        works = [replace(work, spawned_at=time.time())]
        if figure.warm_up is not None:
            warm_up = self._workload(figure, work.database, dict(figure.warm_up))
            self._child(key, "prepare", [warm_up])
            works.insert(0, warm_up)
        answer = self._child(key, "measure", works)
        if figure.warm_up is not None:
            self._drop(works[0])
        return Sample(**answer)

    def _yardstick(self, figure: Figure, database: Database | None) -> list[float]:
        if database is None or figure.command == "commit":
            return []
        work = self._workload(figure, database, {"size": _YARDSTICK})
        raw_sql.subject.prepare(replace(work, figure="commit"))
        sample = raw_sql.subject.measure(replace(work, figure="commit"))
        self._drop(work)
        return [sample.values["p50_ms"]]

    def _workload(self, figure: Figure, database: Database | None, size: dict[str, Any]) -> Workload:
        if database is Database.POSTGRESQL:
            assert self._postgres is not None
            url = self._postgres.create_database(figure.command)
        else:
            url = f"sqlite:///{tempfile.mkdtemp(prefix=figure.command, dir=self._folder)}/plan.db"
        return Workload(figure.command, database or Database.SQLITE, url, **size)

    def _settle(self, work: Workload) -> None:
        """Let the filling of the database cost the measurement nothing."""
        if work.database is Database.POSTGRESQL:
            with psycopg.connect(work.url, autocommit=True) as connection:
                connection.execute("VACUUM ANALYZE")
                connection.execute("CHECKPOINT")

    def _drop(self, work: Workload) -> None:
        if work.database is Database.POSTGRESQL:
            assert self._postgres is not None
            self._postgres.drop_database(work.url)
        else:
            for path in work.sqlite_path.parent.iterdir():
                path.unlink()
            work.sqlite_path.parent.rmdir()

    def _child(self, subject: str, action: str, works: list[Workload]) -> dict[str, Any]:
        order = {"subject": subject, "action": action, "works": [work.to_json() for work in works]}
        with tempfile.NamedTemporaryFile(dir=self._folder, suffix=".json") as answer:
            done = subprocess.run(
                [sys.executable, "-m", "benchmarks.child", answer.name],
                input=json.dumps(order),
                capture_output=True,
                text=True,
                check=False,
                timeout=_CHILD_TIMEOUT_S,
            )
            if done.returncode:
                raise BenchmarkError(f"{action} ended with {done.returncode}:\n{done.stderr[-3000:].strip()}")
            found: dict[str, Any] = json.loads(Path(answer.name).read_text(encoding="utf-8"))
        return found
