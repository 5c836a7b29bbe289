"""``python -m benchmarks.auto_analyze [clip|library|users|all] [--json] [--quick]``: the application's own figures.

Everything is done as its users do it: a plan on SQLite, the scheduled task, real files, child processes.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from benchmarks import machine
from benchmarks.subjects.base import verify
from horarium import RunState, Scheduler, Settings, every
from horarium.scheduler import set_scheduler
from horarium_apps import auto_analyze
from horarium_apps.auto_analyze import queries
from horarium_apps.auto_analyze.adapters.ffmpeg_process import find_ffmpeg
from horarium_apps.auto_analyze.adapters.files import LocalFiles
from horarium_apps.auto_analyze.importing import import_folder
from horarium_apps.auto_analyze.jobs import analyze_videos, job_id
from horarium_apps.auto_analyze.samples import render_samples

_SPEAKING = (0, 1, 3, 4)
_CLIP_SECONDS = 30


@dataclass(frozen=True)
class Finding:
    """One number, and what is to be reached at most."""

    figure: str
    what: str
    found: float
    unit: str
    at_most: float | None = None

    @property
    def reached(self) -> bool | None:
        """Whether it is as wanted; None when nothing was."""
        return None if self.at_most is None else self.found <= self.at_most


def main() -> int:
    """Measure what was asked for and print it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.auto_analyze", description=__doc__)
    parser.add_argument("figure", nargs="?", choices=[*_FIGURES, "all"], default="all")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--quick", action="store_true", help="less work: to try, not to cite")
    arguments = parser.parse_args()
    findings: list[Finding] = []
    os.environ["HF_HUB_OFFLINE"] = "1"
    with tempfile.TemporaryDirectory(prefix="horarium-benchmarks-") as folder:
        where = machine.describe(None, Path(folder))
        for name, measure in _FIGURES.items():
            if arguments.figure in {name, "all"}:
                (Path(folder) / name).mkdir()
                findings += measure(Path(folder) / name, arguments.quick)
    if arguments.json:
        sys.stdout.write(json.dumps({"machine": where, "findings": [asdict(one) for one in findings]}, indent=2) + "\n")
    else:
        _print(where, findings)
    return 0


def _clip(folder: Path, quick: bool) -> list[Finding]:
    """A clip of half a minute through every stage, in the scheduled task."""
    (folder / "videos").mkdir()
    _render_clip(folder)
    scheduler = _scheduler(folder)
    user_id = _import(scheduler, folder / "videos", "anna")
    job = scheduler.add_job(analyze_videos, every(hours=1), id=job_id(user_id), args=[user_id])
    found = []
    for _ in range(1 if quick else 3):
        began = time.perf_counter()
        run = scheduler.wait_for_run(scheduler.run_now(job.id).id, 600)
        found.append(time.perf_counter() - began)
        verify("videos analysed", run.result["analyzed"], 1)
        with scheduler.connection() as connection:
            document = queries.load_document(connection, 1) or {}
            queries.ask_again(connection, [1], afresh=True)
        states = {name: stage["state"] for name, stage in document["stages"].items()}
        verify("stages that are done", sum(state == "done" for state in states.values()), 5)
    _end(scheduler)
    stages = [Finding("clip", f"of which {name}", stage["seconds"], "s") for name, stage in document["stages"].items()]
    clip = Finding("clip", "30 s of 720x1280 through every stage", statistics.median(found), "s", 20)
    return [clip, *stages]


def _library(folder: Path, quick: bool) -> list[Finding]:
    """Many files imported, and listed."""
    size = 500 if quick else 10_000
    _many_files(folder / "videos", size)
    scheduler = _scheduler(folder, start=False)
    began = time.perf_counter()
    user_id = _import(scheduler, folder / "videos", "anna")
    imported = time.perf_counter() - began
    began = time.perf_counter()
    with scheduler.connection() as connection:
        verify("videos listed", len(queries.list_videos(connection, user_id=user_id)), size)
    listed = time.perf_counter() - began
    _end(scheduler)
    command = [str(Path(sys.executable).with_name("horarium")), "auto-analyze", "list", "--user-id", str(user_id)]
    environment = {**os.environ, "HORARIUM_DATABASE_URL": _url(folder)}
    took = {}
    for limit in (200, size):
        began = time.perf_counter()
        shown = subprocess.run(
            [*command, "--limit", str(limit)], check=True, capture_output=True, text=True, env=environment, cwd=folder
        )
        took[limit] = time.perf_counter() - began
        verify("lines shown", len(shown.stdout.splitlines()), limit + 1)
    return [
        Finding("library", f"{size:,} videos imported", imported, "s", 60),
        Finding("library", f"{size:,} videos listed", listed, "s", 0.2),
        Finding("library", "the command `list`, which shows 200 unless told, start included", took[200], "s"),
        Finding("library", "the same with all of them", took[size], "s"),
    ]


def _users(folder: Path, quick: bool) -> list[Finding]:
    """Many users with new videos, all due at once: how many children there are, and who waits for whom."""
    users, each = (5, 8) if quick else (50, 40)
    os.environ["AUTO_ANALYZE_SKIP_STAGES"] = '["speech", "screen_text"]'
    scheduler = _scheduler(folder)
    jobs = []
    for number in range(1, users + 1):
        _many_files(folder / f"videos-{number}", each, first=number * each)
        user_id = _import(scheduler, folder / f"videos-{number}", f"user {number}")
        jobs.append(scheduler.add_job(analyze_videos, every(minutes=15), id=job_id(user_id), args=[user_id]))
    watch = _Children()
    began = time.perf_counter()
    runs = [scheduler.run_now(job.id) for job in jobs]
    firsts: dict[int, float] = {}
    while len(firsts) < users:
        time.sleep(0.1)
        with scheduler.connection() as connection:
            for video in queries.list_videos(connection):
                if video.analysed_at is not None:
                    firsts.setdefault(video.user_id, time.perf_counter() - began)
    ended = [scheduler.wait_for_run(run.id, 3600) for run in runs]
    took = time.perf_counter() - began
    watch.end()
    last = max(firsts.values())
    del os.environ["AUTO_ANALYZE_SKIP_STAGES"]
    verify("runs that succeeded", sum(run.state is RunState.SUCCEEDED for run in ended), users)
    verify("videos analysed", sum(run.result["analyzed"] for run in ended), users * each)
    _end(scheduler)
    return [
        Finding("users", f"{users} users, {users * each:,} videos (without speech and screen text)", took, "s"),
        Finding("users", "children at once, at most", watch.most, "", os.cpu_count() or 1),
        Finding("users", "until every user had a first video, as a share of all", 100 * last / took, "%"),
    ]


_FIGURES: dict[str, Callable[[Path, bool], list[Finding]]] = {"clip": _clip, "library": _library, "users": _users}


class _Children:
    """Counts the child processes that analyse videos."""

    def __init__(self) -> None:
        self.most = 0
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def end(self) -> None:
        self._ending.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ending.wait(0.05):
            names = [_name(child) for child in psutil.Process().children()]
            self.most = max(self.most, sum("python" in name for name in names))


def _name(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.Error:
        return ""


def _scheduler(folder: Path, *, start: bool = True) -> Scheduler:
    os.environ["AUTO_ANALYZE_SHEETS_FOLDER"] = str(folder / "sheets")
    scheduler = Scheduler(settings=Settings(config=None, database_url=_url(folder)), apps=[auto_analyze.app])
    set_scheduler(scheduler)
    if start:
        scheduler.start()
    return scheduler


def _end(scheduler: Scheduler) -> None:
    scheduler.shutdown()
    set_scheduler(None)


def _url(folder: Path) -> str:
    return f"sqlite:///{folder / 'plan.db'}"


def _import(scheduler: Scheduler, folder: Path, name: str) -> int:
    with scheduler.connection() as connection:
        user_id = queries.add_user(connection, name, datetime.now(UTC)).id
    import_folder(folder, user_id, files=LocalFiles(), transaction=scheduler.connection)
    return user_id


def _render_clip(folder: Path) -> None:
    samples = render_samples(folder / "samples")
    # Every sample that speaks, again and again: half a minute with a voice, text and cuts.
    parts = [samples[number] for number in _SPEAKING] * 3
    joined = "".join(f"[{place}:v][{place}:a]" for place in range(len(parts)))
    command = [find_ffmpeg(), "-loglevel", "error", *(word for part in parts for word in ("-i", str(part)))]
    command += ["-filter_complex", f"{joined}concat=n={len(parts)}:v=1:a=1[v][a];[v]scale=720:1280[w]"]
    command += ["-map", "[w]", "-map", "[a]", "-t", str(_CLIP_SECONDS), str(folder / "videos" / "clip.mp4")]
    subprocess.run(command, check=True, timeout=300)


def _many_files(folder: Path, count: int, first: int = 0) -> None:
    """Make videos that differ in a box at their end, which players leave out."""
    samples = folder.parent / "samples"
    content = render_samples(samples, 3)[2].read_bytes()
    folder.mkdir()
    for number in range(first, first + count):
        own = f"{number:08}".encode()
        (folder / f"{number}.mp4").write_bytes(content + (8 + len(own)).to_bytes(4, "big") + b"free" + own)


def _print(where: dict[str, str], findings: list[Finding]) -> None:
    console = Console()
    for name, value in where.items():
        console.print(f"{name}: {value}", highlight=False, soft_wrap=True)
    table = Table("figure", "what", "found", "wanted", "")
    for one in findings:
        wanted = "" if one.at_most is None else f"at most {one.at_most:g} {one.unit}".rstrip()
        verdict = {None: "", True: "reached", False: "missed"}[one.reached]
        table.add_row(one.figure, one.what, f"{one.found:.3g} {one.unit}".rstrip(), wanted, verdict)
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
