"""What the documents show is true: their programs run, their files can be read, their commands exist.

The Python of a page is one program: its blocks, in order, are a script in an empty folder. A comment right above a block
says what else it is:

    <!-- file: shop/jobs.py -->     a file beside the script
    <!-- printed -->                what the script prints, in these very lines, somewhere
    <!-- same as: examples/x.py --> the text of that file
    <!-- not run: why -->           only read: it must be valid

A script that has a `scheduler` is begun to be used at its end: every job must run, and succeed.
"""

import ast
import configparser
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from horarium.jobs_file import load_jobs
from horarium.settings import Settings

from .cli_calls import HORARIUM, PATIENCE, ended

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
OF_OTHER_TESTS = {"cli.md", "configuration.md", "benchmarks.md"}

LANGUAGES = {"python", "sh", "console", "yaml", "json", "toml", "ini", "dockerfile", "bat", "text", "mermaid"}

USE_EVERY_JOB = """

if __name__ == "__main__" and "scheduler" in globals():
    if not scheduler.running:
        scheduler.start()
    for job in scheduler.get_jobs():
        run = scheduler.wait_for_run(scheduler.run_now(job.id).id, timeout=30)
        assert run.state == "succeeded", f"{job.id}: {run.state}, {run.error}"
    scheduler.shutdown()
"""

_FENCE = re.compile(r"^(?:<!-- (?P<note>[^\n]*?) -->\n)?```(?P<language>\w*)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page. `kind` and `value` are what the comment above it says, empty if there is none."""

    page: Path
    line: int
    language: str
    kind: str
    value: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT).as_posix()}:{self.line}"


def blocks_of(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for found in _FENCE.finditer(text):
        kind, _, value = (found["note"] or "").partition(":")
        line = text.count("\n", 0, found.start()) + 1
        yield Block(page, line, found["language"], kind.strip(), value.strip(), found["text"])


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


BLOCKS = [block for page in PAGES if page.name not in OF_OTHER_TESTS for block in blocks_of(page)]
PROGRAMS = sorted({block.page for block in BLOCKS if block.language == "python" and not block.kind})


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: empty, and out of reach of the machine's own settings."""
    for name in [name for name in os.environ if name.startswith("HORARIUM_")] + ["DATABASE_URL", "SCHEDULER_BACKEND"]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.chdir(tmp_path)
    return tmp_path


# --- programs


@pytest.mark.parametrize("page", PROGRAMS, ids=name_of)
def test_the_program_of_a_page_runs_and_prints_what_the_page_says(page: Path, folder: Path) -> None:
    blocks = [block for block in BLOCKS if block.page == page]
    for block in blocks:
        if block.kind == "file":
            path = folder / block.value
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
    program = "\n\n".join(block.text for block in blocks if block.language == "python" and not block.kind)
    script = folder / "page.py"
    script.write_text(program + USE_EVERY_JOB, encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, timeout=2 * PATIENCE, cwd=folder, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stderr
    for block in blocks:
        if block.kind == "printed":
            assert block.text in ran.stdout, f"{block} is not what was printed:\n{ran.stdout}"


def test_pages_use_known_languages_and_notes() -> None:
    assert [str(block) for block in BLOCKS if block.language not in LANGUAGES] == []
    assert [str(block) for block in BLOCKS if block.kind not in {"", "file", "printed", "same as", "not run"}] == []
