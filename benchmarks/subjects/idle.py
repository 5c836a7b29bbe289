"""Watching a process that should have nothing to do."""

import contextlib
import gc
import time
from collections.abc import Callable

import psutil

from benchmarks.subjects.base import Sample


def watch(seconds: float, wait: Callable[[float], None], server_pids: list[int]) -> Sample:
    """Measure this process, and the database's processes that serve it, while it waits.

    :param seconds: how long.
    :param wait: keeps this process's own loop going for so many seconds.
    :param server_pids: process ids of the database's backends; empty when they are not on this machine.
    """
    gc.collect()
    process = psutil.Process()
    servers = _processes(server_pids)
    wait(min(2.0, seconds / 4))  # whatever the start left behind is not idling
    started, cpu, server_cpu = time.monotonic(), _cpu(process), sum(_cpu(each) for each in servers)
    wait(seconds)
    elapsed = time.monotonic() - started
    return Sample(
        values={
            "cpu_percent": (_cpu(process) - cpu) / elapsed * 100,
            "rss_mb": process.memory_info().rss / 1e6,
            "server_cpu_percent": (sum(_cpu(each) for each in servers) - server_cpu) / elapsed * 100,
        },
    )


def _processes(pids: list[int]) -> list[psutil.Process]:
    found = []
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            found.append(psutil.Process(pid))
    return found


def _cpu(process: psutil.Process) -> float:
    """The seconds of processor time that a process has used."""
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    used: float = times.user + times.system
    return used
