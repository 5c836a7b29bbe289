"""How long a command takes from its start to its end."""

import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.subjects.base import BenchmarkError, Sample

_TIMES = 7


def time_help(program: str) -> Sample:
    """Start ``PROGRAM --help`` seven times, after one time that is not counted; the median of the wall times.

    :param program: the name of a program in this virtual environment.
    """
    command = [str(Path(sys.executable).with_name(program)), "--help"]
    durations = []
    for attempt in range(_TIMES + 1):
        began = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        elapsed = time.perf_counter() - began
        if done.returncode or not done.stdout.strip():
            raise BenchmarkError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-500:]}")
        if attempt:
            durations.append(elapsed)
    return Sample({"seconds": statistics.median(durations)}, done=len(durations))
