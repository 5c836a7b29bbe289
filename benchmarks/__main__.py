"""``python -m benchmarks [fire|run|latency|idle|start|each|help|commit|all] [--json] [--database …] [--quick]``."""

import argparse
import contextlib
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console

from benchmarks import machine, report
from benchmarks.figures import COMMANDS, FIGURES, Figure
from benchmarks.harness import Harness, Result
from benchmarks.subjects import MODULES
from benchmarks.subjects.base import Database
from horarium.testing.postgres import TemporaryPostgres

# Room enough that no checkpoint falls into a measurement; all subjects have the same server.
_SERVER = {"shared_buffers": "512MB", "max_wal_size": "8GB", "checkpoint_timeout": "30min"}


def main() -> int:
    """Measure what was asked for and print it."""
    arguments = _arguments()
    databases = tuple(Database) if arguments.database == "both" else (Database(arguments.database),)
    figures = [f for f in FIGURES if "all" in arguments.figure or f.command in arguments.figure]
    progress = Console(stderr=True)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="horarium-benchmarks-")))
        wants_server = Database.POSTGRESQL in databases and any(Database.POSTGRESQL in f.databases for f in figures)
        postgres = stack.enter_context(TemporaryPostgres(settings=_SERVER)) if wants_server else None
        where = machine.describe(postgres.url if postgres else None, folder)
        status = stack.enter_context(progress.status("starting"))
        harness = Harness(postgres, folder, quick=arguments.quick, tell=status.update)
        results: list[Result] = []
        for figure, database in _places(figures, databases):
            results += harness.measure(figure, database, arguments.only)
    if arguments.json:
        sys.stdout.write(report.to_json(where, results, harness.notes) + "\n")
    else:
        report.print_tables(Console(), where, results, harness.notes)
    return 0 if results else 1


def _places(figures: Sequence[Figure], databases: Sequence[Database]) -> Iterator[tuple[Figure, Database | None]]:
    for figure in figures:
        for database in (None, *databases):
            if database in figure.databases:
                yield figure, database


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure Horarium, its peers and raw SQL in one run, and print the ratios.",
    )
    parser.add_argument(
        "figure",
        nargs="*",
        metavar="FIGURE",
        help=f"one or more of {', '.join(COMMANDS)}; all (default)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--database", choices=[*Database, "both"], default="both", help="default: both")
    parser.add_argument("--quick", action="store_true", help="less work and fewer repetitions: to try, not to cite")
    parser.add_argument(
        "--only",
        nargs="+",
        choices=[*MODULES],
        default=[*MODULES],
        metavar="SUBJECT",
        help=f"one or more of {', '.join(MODULES)}; all by default",
    )
    arguments = parser.parse_args()
    arguments.figure = arguments.figure or ["all"]
    if unknown := set(arguments.figure) - {*COMMANDS, "all"}:
        parser.error(f"no figure named {', '.join(sorted(unknown))}; there are {', '.join(COMMANDS)} and all")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
