"""What the application's README says, compared with the code."""

import re
from pathlib import Path

from horarium_apps import auto_analyze
from horarium_apps.auto_analyze.domain.document import to_document
from horarium_apps.auto_analyze.domain.stages import OPTIONAL
from horarium_apps.auto_analyze.settings import AutoAnalyzeSettings

from .conftest import Analyze

README = (Path(auto_analyze.__file__).parent / "README.md").read_text(encoding="utf-8")


def rows(heading: str) -> list[list[str]]:
    """The cells of the table below a heading, without its own heading."""
    part = README.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[1:]]


def test_the_settings_are_those_of_the_code() -> None:
    told = [(name.strip("` "), variable.strip("`")) for name, variable, *_ in rows("Settings")]
    names = [name for name in AutoAnalyzeSettings.model_fields if name != "config"]
    assert told == [(name, f"AUTO_ANALYZE_{name.upper()}") for name in names]


def test_the_defaults_of_the_settings_are_those_of_the_code() -> None:
    told = {name.strip("` "): default.strip("`") for name, _, default, _ in rows("Settings")}
    for name, field in AutoAnalyzeSettings.model_fields.items():
        if name != "config" and field.default is not None:
            assert told[name] == (str(field.default) if field.default != () else "[]")


def test_the_fields_of_the_document_are_those_of_the_code(analyze: Analyze, talking: Path) -> None:
    document = to_document(analyze(talking))
    assert [cells[0].strip("` ") for cells in rows("The document of a video")] == list(document)


def test_the_parts_of_streams_are_those_of_the_code(analyze: Analyze, talking: Path) -> None:
    document = to_document(analyze(talking))
    told = {cells[0].strip("` "): cells[1] for cells in rows("The document of a video")}
    for kind in ("video", "audio"):
        assert re.findall(r"`(\w+)`", told[kind]) == list(document[kind][0])


def test_the_stages_are_those_of_the_code() -> None:
    assert [cells[0].strip("` ") for cells in rows("The stages")] == [*OPTIONAL, "stages"]
