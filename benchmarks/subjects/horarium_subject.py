"""Horarium itself."""

from collections.abc import Mapping

from benchmarks.subjects.base import BenchmarkError, Database, Kind, Sample, Workload


class Horarium:
    """One node. It takes part in the figures that `configurations` names: none until its core is connected here."""

    name = "Horarium"
    kind = Kind.OURS
    databases = frozenset(Database)
    configurations: Mapping[str, str] = {}

    def prepare(self, work: Workload) -> None:
        """Fill the empty database."""
        raise BenchmarkError(f"Horarium's core is not connected to the benchmarks yet ({work.figure}).")

    def measure(self, work: Workload) -> Sample:
        """Do the work."""
        raise BenchmarkError(f"Horarium's core is not connected to the benchmarks yet ({work.figure}).")


subject = Horarium()
