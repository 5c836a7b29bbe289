"""Rules of the house that no linter knows: the shape of the code, and documents that say what is there."""

import ast
import re
import shlex
import tomllib
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pytest
import typer
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from typer.core import TyperGroup
from typer.main import get_command

from horarium.__about__ import __version__

ROOT = Path(__file__).parents[2]
PROJECT = ROOT / "pyproject.toml"
SOURCES = sorted((ROOT / "src").rglob("*.py"))
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "src").rglob("*.md")])

MODULE_LINES = 400
FUNCTION_LINES = 60

LATE_IMPORTS = {
    "src/horarium/__init__.py": "the public face imports on first use, so that `import horarium` stays quick",
    "src/horarium/cli/": "each command imports what it needs, so that `horarium --help` answers at once",
}
"""Where imports inside functions are allowed, and why."""

ENVIRONMENT_READERS: dict[str, str] = {}
"""Who may touch `os.environ` beside settings classes, and why."""

EMOJI = re.compile("[\u2600-\u27bf\ufe0f\U0001f000-\U0001faff]")


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def prose(path: Path) -> str:
    """A document without its code blocks."""
    return re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


# --- the code


def test_every_module_says_what_it_is() -> None:
    assert [name_of(path) for path in SOURCES if not ast.get_docstring(parse(path))] == []


def test_every_module_can_be_read_in_one_sitting() -> None:
    lines = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES}
    assert {name: count for name, count in lines.items() if count > MODULE_LINES} == {}


def test_every_function_fits_on_a_screen() -> None:
    # A migration is a list of tables, written once and never changed.
    sources = [path for path in SOURCES if path.parent.name != "versions"]
    long = {
        f"{name_of(path)}:{function.lineno} {function.name}": lines
        for path in sources
        for function in functions(parse(path))
        if (lines := (function.end_lineno or 0) - function.lineno + 1) > FUNCTION_LINES
    }
    assert long == {}


def test_imports_stand_at_the_top_but_where_starting_up_must_be_quick() -> None:
    late = {
        f"{name_of(path)}:{node.lineno}"
        for path in SOURCES
        if not name_of(path).startswith(tuple(LATE_IMPORTS))
        for function in functions(parse(path))
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert late == set()


def test_the_environment_is_read_by_settings_classes_only() -> None:
    readers = {
        f"{name_of(path)}:{node.lineno}"
        for path in SOURCES
        if not name_of(path).startswith(tuple(ENVIRONMENT_READERS))
        for node in ast.walk(parse(path))
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "environb", "getenv"}
    }
    assert readers == set()


def test_nothing_catches_everything_and_passes() -> None:
    silent = [
        f"{name_of(path)}:{node.lineno}"
        for path in SOURCES
        for node in ast.walk(parse(path))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) in {"Exception", "BaseException"})
        and all(isinstance(statement, ast.Pass) for statement in node.body)
    ]
    assert silent == []


def test_each_silenced_rule_has_its_reason_beside_it() -> None:
    bare = [
        f"{name_of(path)}:{number}"
        for path in SOURCES
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if "# noqa" in line and not re.search(r"# noqa: [A-Z]+\d+(, [A-Z]+\d+)* +- \S", line)
    ]
    assert bare == []


def test_there_is_no_emoji_in_code_and_logs() -> None:
    found = [name_of(path) for path in SOURCES if EMOJI.search(path.read_text(encoding="utf-8"))]
    assert found == []


# --- the project's own data


def wanted_by_developers() -> Iterator[Requirement]:
    """Every library that pyproject.toml names, but those of the benchmarks."""
    data = tomllib.loads(PROJECT.read_text(encoding="utf-8"))
    texts = [
        *data["project"]["dependencies"],
        *(text for extra in data["project"]["optional-dependencies"].values() for text in extra),
        *data["dependency-groups"]["dev"],
    ]
    return (needed for needed in map(Requirement, texts) if needed.name != "horarium")


def locked(file: str) -> dict[str, str]:
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    pins = (line.split(";")[0].split("==") for line in lines if "==" in line)
    return {canonicalize_name(name): pin.strip() for name, pin in pins}


@pytest.mark.parametrize("file", ["requirements-dev.lock", "requirements-bench.lock"])
def test_the_lock_has_what_the_project_wants(file: str) -> None:
    pins = locked(file)
    unmet = [
        str(needed)
        for needed in wanted_by_developers()
        if not needed.specifier.contains(pins.get(canonicalize_name(needed.name), "0"))
    ]
    assert unmet == [], "run `make lock`"


def test_the_locks_name_no_index_and_no_place_on_a_disk() -> None:
    lines = (ROOT / "requirements-dev.lock").read_text(encoding="utf-8").splitlines()
    lines += (ROOT / "requirements-bench.lock").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if "/" in line or line.startswith("-")] == []


def test_the_installed_version_is_the_written_one() -> None:
    assert version("horarium") == __version__


def test_the_changelog_begins_with_this_version() -> None:
    headings = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings[0] == __version__


# --- the documents


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_relative_links_resolve(document: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", prose(document))
    broken = [link for link in links if not link_resolves(document, link)]
    assert broken == []


def link_resolves(document: Path, link: str) -> bool:
    if re.match(r"[a-z]+:", link):
        return True
    path, _, anchor = link.partition("#")
    target = (document.parent / path) if path else document
    return target.exists() and (not anchor or anchor in anchors(target))


def anchors(document: Path) -> set[str]:
    """The anchors that GitHub gives to a document's headings."""
    headings = re.findall(r"^#+ (.+)$", prose(document), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_files_that_the_contributing_page_names_exist() -> None:
    text = prose(ROOT / "CONTRIBUTING.md")
    named = re.findall(r"`((?:src/[\w/.-]+)|(?:\w+/)*[\w-]+\.(?:py|md|toml|lock))`", text)
    paths = [path for path in named if "/" in path and "NAME" not in path]
    assert [path for path in paths if not (ROOT / path).exists()] == []


def command_lines(document: Path) -> list[str]:
    """What follows `horarium` in a document's shell blocks and in its inline code."""
    text = document.read_text(encoding="utf-8")
    blocks = re.findall(r"^```(?:sh|bash|console)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    in_blocks = re.findall(r"^(?:\$ )?(?:\.venv/bin/)?horarium\b(.*)$", "\n".join(blocks), re.MULTILINE)
    return in_blocks + re.findall(r"`horarium( [^`]+)`", prose(document))


def first_unknown_word(app: typer.Typer, line: str) -> str | None:
    """The first word of a command line that the command line has no command or option for."""
    command = get_command(app)
    context = typer.Context(command)
    words = iter(shlex.split(line, comments=True))
    for word in words:
        if word in {"|", "&", "&&", ";", ">", "2>"}:
            break
        if word.startswith("-"):
            name, equals, _ = word.partition("=")
            known = [option for option in command.get_params(context) if name in (*option.opts, *option.secondary_opts)]
            if not known:
                return word
            if not equals and not getattr(known[0], "is_flag", True):
                next(words, None)
        elif isinstance(command, TyperGroup):
            found = command.get_command(context, word)
            if found is None:
                return word
            command, context = found, typer.Context(found, parent=context)
    return None


@pytest.mark.skipif(not find_spec("horarium.cli.main"), reason="the command line is not there yet")
@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_commands_that_documents_name_exist(document: Path) -> None:
    app = import_module("horarium.cli.main").app
    unknown = {line: word for line in command_lines(document) if (word := first_unknown_word(app, line))}
    assert unknown == {}


def test_tests_that_the_promises_name_exist() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", prose(ROOT / "docs" / "promises.md"))
    missing = [
        f"{file}::{test}"
        for file, test in named
        if not (ROOT / file).exists() or test not in {function.name for function in functions(parse(ROOT / file))}
    ]
    assert missing == []


def test_the_floors_on_the_page_are_those_of_the_import_contracts() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| F\d \| ([^|]+) \|", page, re.MULTILINE)
    contracts = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["id"] == "floors")
    assert len(rows) == len(layers)
    for row, layer in zip(rows, layers, strict=True):
        on_the_page = set(re.findall(r"`(\w+)`", row))
        in_the_contract = set(re.findall(r"\w+", layer))
        there = {module for module in in_the_contract if find_spec(f"horarium.{module}")}
        assert there <= on_the_page <= in_the_contract
