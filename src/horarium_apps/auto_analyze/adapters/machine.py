"""What processes and files take on this machine: processor, memory, disk."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

_SAMPLE = 0.1
"""Seconds over which the use of the processor is measured."""

_STARTED_EARLIER = 1.0
"""Seconds by which a process may have begun after it was noted: clocks are not that exact."""


def measure_processes(started: Iterable[tuple[int, float]]) -> dict[int, dict[str, Any] | None]:
    """Return what processes of this machine take, with the child processes in which they analyse; by their ids.

    Parameters:
        started: the id of each process, and when it is known to have run; seconds since 1970.

    Returns:
        `cpu_percent` (100 is one core, measured for a tenth of a second), `cpu_seconds` (since it began, without child
        processes that have ended), `memory` (bytes) and `children` (how many); None for what has ended meanwhile, for
        a later process with the same id, and for all where psutil is not installed.
    """
    known = dict(started)
    try:
        psutil = import_module("psutil")
    except ImportError:
        return dict.fromkeys(known)
    families = {pid: _family(psutil, pid, since) for pid, since in known.items()}
    before = {pid: _cpu_seconds(psutil, family) for pid, family in families.items()}
    began = time.monotonic()
    if any(families.values()):
        time.sleep(_SAMPLE)
    found: dict[int, dict[str, Any] | None] = {}
    for pid, family in families.items():
        after, elapsed = _cpu_seconds(psutil, family), max(time.monotonic() - began, 0.001)
        found[pid] = None
        if family:
            found[pid] = {
                # Less than before when a child has ended meanwhile.
                "cpu_percent": round(max(0.0, after - before[pid]) / elapsed * 100, 1),
                "cpu_seconds": round(after, 1),
                "memory": _memory(psutil, family),
                "children": len(family) - 1,
            }
    return found


def size_of_file(path: Path) -> int:
    """Return the bytes of an SQLite file and what belongs to it; 0 when it is not there."""
    size = 0
    for each in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
        with suppress(OSError):
            size += each.stat().st_size
    return size


def size_of_folder(folder: Path) -> int:
    """Return the bytes of the files that are in a folder, not below it; 0 when it is not there."""
    size = 0
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(OSError):
                if entry.is_file():
                    size += entry.stat().st_size
    return size


def free_space(path: Path) -> int | None:
    """Return the bytes that are free where a file or folder is, or would be; None when that cannot be told."""
    for each in (path.absolute(), *path.absolute().parents):
        if each.exists():
            try:
                return shutil.disk_usage(each).free
            except OSError:
                return None
    return None


def may_write(folder: Path) -> bool:
    """Tell whether files can be written into a folder, which may have to be made first."""
    for each in (folder.absolute(), *folder.absolute().parents):
        if each.exists():
            return each.is_dir() and os.access(each, os.W_OK | os.X_OK)
    return False


def _family(psutil: Any, pid: int, since: float) -> list[Any]:
    try:
        process = psutil.Process(pid)
        if process.create_time() > since + _STARTED_EARLIER:
            return []
        return [process, *process.children(recursive=True)]
    except psutil.Error:
        return []


def _cpu_seconds(psutil: Any, family: Iterable[Any]) -> float:
    total = 0.0
    for process in family:
        with suppress(psutil.Error):
            times = process.cpu_times()
            total += times.user + times.system
    return total


def _memory(psutil: Any, family: Iterable[Any]) -> int:
    total = 0
    for process in family:
        with suppress(psutil.Error):
            total += process.memory_info().rss
    return total
