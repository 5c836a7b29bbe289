"""What the documents show is true: their programs run, their files can be read, their commands work.

The Python of a page is one program: its blocks, in order, are a script in an empty folder. A comment right above a
block says what else it is:

    <!-- file: shop/jobs.py -->     a file beside the script; tests among them are run
    <!-- printed -->                what the script prints, in these very lines
    <!-- same as: examples/x.py --> the text of that file
    <!-- sample: NAME -->           what a test below finds, but for numbers and names
    <!-- commands -->               commands that a test below calls

A script that has a `scheduler` goes on at its end: each of its jobs is run, and must succeed.
"""

import ast
import configparser
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from horarium.jobs_file import load_jobs
from horarium.settings import Settings

from .cli_calls import HORARIUM, PATIENCE

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
WITH_TESTS_OF_THEIR_OWN = {"api.md", "cli.md", "configuration.md", "benchmarks.md"}
NOTES = {"", "file", "printed", "same as", "sample", "commands"}
SHELL = {"export", "horarium", "kill", "make", "pip", "python"}

USE_EVERY_JOB = """

if __name__ == "__main__" and "scheduler" in globals():
    if not scheduler.running:
        scheduler.start()
    for job in scheduler.get_jobs():
        run = scheduler.wait_for_run(scheduler.run_now(job.id).id, timeout=30)
        assert run.state == "succeeded", f"{job.id}: {run.state}, {run.error}"
    scheduler.shutdown()
"""

_FENCE = re.compile(r"^(?:<!-- ([^\n]*?) -->\n)?```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


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
        return f"{name_of(self.page)}:{self.line}"


def blocks_of(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for found in _FENCE.finditer(text):
        kind, _, value = (found[1] or "").partition(":")
        line = text.count("\n", 0, found.start()) + 1
        yield Block(page, line, found[2], kind.strip(), value.strip(), found[3])


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def read_unit(text: str) -> configparser.ConfigParser:
    unit = configparser.ConfigParser(interpolation=None)
    unit.read_string(text)
    return unit


READERS: dict[str, Callable[[str], Any]] = {
    "python": ast.parse,
    "yaml": yaml.safe_load,
    "toml": tomllib.loads,
    "json": json.loads,
    "ini": read_unit,
}
UNREAD = {"sh", "text", "console", "mermaid", "dockerfile", "bat"}

BLOCKS = [block for page in PAGES if page.name not in WITH_TESTS_OF_THEIR_OWN for block in blocks_of(page)]
PROGRAMS = sorted({block.page for block in BLOCKS if block.language == "python" and not block.kind})
TESTED = sorted({block.page for block in BLOCKS if block.kind == "file" and Path(block.value).name.startswith("test_")})


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: empty, and out of reach of the machine's own settings."""
    for name in [name for name in os.environ if name.startswith("HORARIUM_")] + ["DATABASE_URL", "SCHEDULER_BACKEND"]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that are killed at the end of the test."""
    processes: list[subprocess.Popen[str]] = []
    yield processes
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


def write_files(page: Path, folder: Path) -> None:
    """Write the files that a page shows."""
    for block in BLOCKS:
        if block.page == page and block.kind == "file":
            path = folder / block.value
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")


def run(*command: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=2 * PATIENCE, check=False)


# --- programs, tests and other files


@pytest.mark.parametrize("page", PROGRAMS, ids=name_of)
def test_the_program_of_a_page_runs_and_prints_what_the_page_says(page: Path, folder: Path) -> None:
    write_files(page, folder)
    blocks = [block for block in BLOCKS if block.page == page]
    program = "\n\n".join(block.text for block in blocks if block.language == "python" and not block.kind)
    script = folder / "page.py"
    script.write_text(program + USE_EVERY_JOB, encoding="utf-8")
    ran = run(sys.executable, script)
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stderr
    for block in blocks:
        if block.kind == "printed":
            assert block.text in ran.stdout, f"{block} is not what was printed:\n{ran.stdout}"


@pytest.mark.parametrize("page", TESTED, ids=name_of)
def test_tests_that_a_page_shows_pass(page: Path, folder: Path) -> None:
    write_files(page, folder)
    ran = run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", folder)
    assert ran.returncode == 0, ran.stdout


def test_pages_use_known_languages_and_notes() -> None:
    assert [str(block) for block in BLOCKS if block.language not in READERS.keys() | UNREAD] == []
    assert [f"{block}: {block.kind}" for block in BLOCKS if block.kind not in NOTES] == []


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.language in READERS], ids=str)
def test_files_that_a_page_shows_can_be_read(block: Block) -> None:
    READERS[block.language](block.text)


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.kind == "same as"], ids=str)
def test_what_is_shown_of_a_file_is_that_file(block: Block) -> None:
    assert block.text == (ROOT / block.value).read_text(encoding="utf-8")


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.value == "horarium.yaml"], ids=str)
def test_jobs_that_a_page_shows_are_loaded(block: Block, folder: Path) -> None:
    (folder / block.value).write_text(block.text, encoding="utf-8")
    settings = Settings()
    assert settings.config is not None
    assert load_jobs(settings.config, settings.timezone)


def test_a_service_has_more_time_to_stop_than_its_runs() -> None:
    services = [read_unit(block.text)["Service"] for block in BLOCKS if block.language == "ini"]
    assert services
    for service in services:
        assert re.search(r"/horarium run$", service["ExecStart"])
        assert int(service["TimeoutStopSec"]) > Settings.model_fields["shutdown_grace"].default + 5


# --- commands and links


def test_shell_blocks_call_known_programs() -> None:
    """What `horarium` is told there, `tests/unit/test_house.py` checks."""
    programs = {
        Path(word).name: str(block)
        for block in BLOCKS
        if block.language == "sh"
        for line in block.text.splitlines()
        if (words := [word for word in shlex.split(line, comments=True) if not re.match(r"[A-Z_]+=", word)])
        for word in words[:1]
    }
    assert {program: place for program, place in programs.items() if program not in SHELL} == {}


def test_make_knows_the_targets_that_pages_name() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+)(?= |:)", makefile, re.MULTILINE))
    pages = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    named = set(re.findall(r"(?:^|`)make ([a-z]+)", pages, re.MULTILINE))
    assert {"run", "test"} <= named <= targets


def test_the_index_lists_every_page() -> None:
    index = ROOT / "docs" / "index.md"
    links = re.findall(r"\]\(([^)#]+)", index.read_text(encoding="utf-8"))
    listed = {(index.parent / link).resolve() for link in links} | {index}
    assert [name_of(page) for page in (ROOT / "docs").rglob("*.md") if page not in listed] == []


def test_each_promise_has_its_test_or_says_that_it_has_none_yet() -> None:
    page = (ROOT / "docs" / "promises.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| ")]
    heads = [number for number, row in enumerate(rows) if row.endswith("| shown by |")]
    promises = [row for number, row in enumerate(rows) if number not in heads]
    assert len(heads) == 2
    assert [row for row in promises if not re.search(r"`tests/|`make test |not yet", row.rsplit(" | ", 1)[1])] == []


# --- the README


def start(started: list[subprocess.Popen[str]], *words: str) -> subprocess.Popen[str]:
    """Start `horarium`; what it writes goes to one stream."""
    process = subprocess.Popen([HORARIUM, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    started.append(process)
    return process


def read_until(process: subprocess.Popen[str], words: str) -> str:
    """What a process writes up to a line with `words`."""
    assert process.stdout is not None
    read = ""
    for line in process.stdout:
        read += line
        if words in line:
            return read
    raise AssertionError(f"it ended without {words!r}:\n{read}")


def sample(name: str) -> str:
    (block,) = [block for block in BLOCKS if block.kind == "sample" and block.value == name]
    return block.text


def shapes(text: str) -> set[str]:
    """The lines of a text without what differs from one time to the next: numbers, ids, names, padding."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    plain = re.sub(r'"[^"]*"', '"*"', re.sub(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "ID", plain))
    return {re.sub(r"\d+", "#", " ".join(line.split())) for line in plain.splitlines()}


def test_the_commands_of_the_readme_work(folder: Path, started: list[subprocess.Popen[str]]) -> None:
    (commands,) = [block for block in BLOCKS if block.kind == "commands"]
    (folder / "shop.py").write_text("def restock(shelf: str) -> str:\n    return shelf\n", encoding="utf-8")
    endless = []
    for line in commands.text.splitlines():
        program, *words = shlex.split(line, comments=True)
        assert program == "horarium"
        process = start(started, *words)
        if words == ["run"]:
            read_until(process, "Ctrl+C stops it")
        if words[-1] in {"run", "watch"}:
            endless.append(process)
        else:
            written, _ = process.communicate(timeout=PATIENCE)
            assert process.returncode == 0, f"{line}\n{written}"
    assert [process.returncode for process in endless if process.poll() is not None] == []


def test_the_quickstart_prints_what_the_readme_shows(folder: Path) -> None:
    ran = run(sys.executable, ROOT / "examples" / "quickstart.py")
    assert shapes(sample("quickstart")) <= shapes(ran.stdout)


def test_the_walk_of_the_readme_shows_what_it_says(
    folder: Path, started: list[subprocess.Popen[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `make run` calls, with fewer videos, killed in the middle and started again."""
    monkeypatch.setenv("HORARIUM_DATABASE_URL", "sqlite:///.run/horarium.db")
    monkeypatch.setenv("AUTO_ANALYZE_CONCURRENCY", "1")
    monkeypatch.setenv("AUTO_ANALYZE_SHEETS_FOLDER", ".run/contact-sheets")
    (folder / ".run").mkdir()

    def walk(until: str, number: signal.Signals) -> str:
        demo = run(HORARIUM, "auto-analyze", "demo", "--folder", ".run/sample-videos", "--videos", 5)
        scheduler = start(started, "run")
        written = read_until(scheduler, until)
        scheduler.send_signal(number)
        return demo.stderr + demo.stdout + written + scheduler.communicate(timeout=PATIENCE)[0]

    first = walk("Video 2 analysed", signal.SIGKILL)
    second = walk("Completati", signal.SIGTERM)
    assert shapes(sample("first start")) <= shapes(first)
    assert shapes(sample("second start")) <= shapes(second)
    before, after = (set(re.findall(r"Video (\d) analysed", written)) for written in (first, second))
    assert before | after == set("12345")
    assert "1" not in after, "its result was recorded before the kill"


def test_the_public_names_are_those_of_the_code() -> None:
    """If not: `python scripts/api_reference.py > docs/api.md`."""
    command = [sys.executable, str(ROOT / "scripts" / "api_reference.py")]
    made = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert made.stdout == (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
