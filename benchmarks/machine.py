"""Where the numbers were measured."""

import os
import platform
import sqlite3
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil
import psycopg

_SETTINGS = ("fsync", "synchronous_commit", "full_page_writes", "shared_buffers", "max_wal_size", "wal_sync_method")
_PACKAGES = ("horarium", "apscheduler", "procrastinate", "dbos", "sqlalchemy", "psycopg")


def describe(postgres_url: str | None, folder: Path) -> dict[str, str]:
    """Say what machine this is, and when.

    :param postgres_url: an address of the PostgreSQL that is measured; None when there is none.
    :param folder: where the SQLite files are.
    """
    found = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": f"{_processor()}, {psutil.cpu_count()} cores",
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "system": platform.platform(),
        "load average": ", ".join(f"{load:.2f}" for load in os.getloadavg()),
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "SQLite": f"{sqlite3.sqlite_version}, WAL, synchronous=FULL, on {_filesystem(folder)}",
    }
    if postgres_url is not None:
        found["PostgreSQL"] = _postgres(postgres_url)
    found["packages"] = ", ".join(f"{name} {_version(name)}" for name in _PACKAGES)
    return found


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _postgres(url: str) -> str:
    with psycopg.connect(url) as connection:
        settings = [(name, connection.execute(f"SHOW {name}").fetchone()) for name in ("server_version", *_SETTINGS)]
        values = {name: str(row[0]) for name, row in settings if row is not None}
        row = connection.execute("SHOW data_directory").fetchone()
    place = _filesystem(Path(str(row[0]))) if row else "an unknown place"
    return f"{values.pop('server_version')}, {', '.join(f'{k}={v}' for k, v in values.items())}, on {place}"


def _filesystem(folder: Path) -> str:
    """The file system and device under a folder: on tmpfs, fsync costs nothing."""
    if not folder.exists():
        return "another machine"
    inside = folder.resolve()
    mounts = [part for part in psutil.disk_partitions(all=True) if inside.is_relative_to(part.mountpoint)]
    if not mounts:
        return "an unknown file system"
    nearest = max(mounts, key=lambda part: len(part.mountpoint))
    return f"{nearest.fstype} ({nearest.device})"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
