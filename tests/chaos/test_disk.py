"""A disk that is full or cannot be written: nothing is lost, it is said, and all goes on when there is space."""

import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from horarium import Scheduler, every
from horarium.errors import PlanUnavailable
from horarium.settings import Settings
from horarium.states import FINAL, RunState

from .fleet import Ledger, NodeProcess, eventually, onlooker

Start = Callable[..., NodeProcess]

MEGABYTE = 1 << 20


@dataclass
class Disk:
    """A folder on a disk of its own, or any folder, and what a process may write is limited."""

    folder: Path
    mounted: bool

    @property
    def url(self) -> str:
        return f"sqlite:///{self.folder / 'plan.db'}"

    def fill(self, node: NodeProcess) -> None:
        """No more can be written."""
        if not self.mounted:
            _limit(node, 16_384)
            return
        with (self.folder / "filler").open("wb") as filler, pytest.raises(OSError, match="No space"):
            while True:
                os.write(filler.fileno(), bytes(4096))

    def free(self, node: NodeProcess) -> None:
        """There is space again."""
        if self.mounted:
            (self.folder / "filler").unlink()
        else:
            _limit(node, resource.RLIM_INFINITY)


def _limit(node: NodeProcess, size: int) -> None:
    resource.prlimit(node.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


@pytest.fixture(params=["of two megabytes", "of no more than is allowed"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    if request.param == "of no more than is allowed":
        yield Disk(folder, mounted=False)
        return
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("only root may mount a small disk; the limit on what a process writes stands for it")
    yield Disk(folder, mounted=True)
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_loses_nothing_and_all_goes_on_when_there_is_space(
    disk: Disk, nodes: Start, ledger: Ledger, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    plan = onlooker(disk.url)
    plan.add_job("chaos.hold", every(hours=1), id="hold", args=[str(ledger), str(gate)])
    plan.add_job("chaos.beat", every(seconds=0.2), id="beat", args=[str(ledger)], coalesce=False, catch_up=1000)
    node = nodes(disk.url, lease=60.0)
    run = plan.run_now("hold")
    eventually(lambda: ledger.lines("begin") and len(ledger.lines("beat")) > 3, "they run")
    disk.fill(node)
    eventually(lambda: "does not work" in node.log, "it is said that the plan cannot be written")
    gate.touch()
    eventually(lambda: ledger.lines("end"), "the run ends all the same")
    assert "free some space" in node.log or "disk I/O error" in node.log
    assert plan.get_run(run.id).state is RunState.RUNNING, "its end waits to be recorded"
    disk.free(node)
    ended = plan.wait_for_run(run.id, timeout=20)
    assert (ended.state, ended.attempt, ended.result) == (RunState.SUCCEEDED, 1, "held")
    seen = len(ledger.lines("beat"))
    eventually(lambda: len(ledger.lines("beat")) > seen + 5, "ticks go on")
    plan.pause_job("beat")
    eventually(lambda: not plan.runs(states=[state for state in RunState if state not in FINAL]), "all end")
    runs = plan.runs("beat", limit=None)
    assert ledger.counts("beat") == {f"beat@{run.scheduled_at.isoformat()} 1": 1 for run in runs}
    assert {run.state for run in runs} == {RunState.SUCCEEDED}
    assert node.alive
    assert node.tracebacks == []
    plan.shutdown()


def test_a_database_file_that_cannot_be_written_is_said_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "plan.db"
    before = onlooker(f"sqlite:///{path}")
    before.add_job("chaos.beat", every(hours=1), id="beat", args=["nowhere"])
    before.shutdown()
    engine = create_engine(f"sqlite:///file:{path}?mode=ro&uri=true")
    plan = Scheduler(engine, settings=Settings(config=None), apps=())
    try:
        assert [job.id for job in plan.get_jobs()] == ["beat"], "it can be read"
        with pytest.raises(PlanUnavailable, match="must be able to write the file and its folder"):
            plan.start()
    finally:
        plan.shutdown()
        engine.dispose()
