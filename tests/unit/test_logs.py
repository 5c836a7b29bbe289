"""Logging as `horarium run` sets it up: for people and as JSON, and never a password."""

import io
import json
import logging
import subprocess
import sys
import warnings
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
import structlog

from horarium.logs import setup_logging

ADDRESS = "postgresql://me:hush@host/plan"
NAMES = ("alembic", "apscheduler", "asyncio", "tzlocal")


@pytest.fixture(autouse=True)
def logging_as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The root logger without anybody's handlers, and everything as it was afterwards."""
    root = logging.getLogger()
    level, levels = root.level, {name: logging.getLogger(name).level for name in NAMES}
    monkeypatch.setattr(root, "handlers", [])
    yield
    root.setLevel(level)
    for name, was in levels.items():
        logging.getLogger(name).setLevel(was)
    logging.captureWarnings(False)
    structlog.reset_defaults()


@pytest.fixture
def output() -> io.StringIO:
    return io.StringIO()


def records(output: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.getvalue().splitlines()]


def fail(message: str) -> None:
    raise ValueError(message)


def log_in(_password: str) -> None:
    raise ValueError("failed")


def test_for_people_a_line_has_time_level_message_and_logger(output: io.StringIO) -> None:
    setup_logging("INFO", "console", output)
    logging.getLogger("shop.jobs").info("sold %d", 3)
    (line,) = output.getvalue().splitlines()
    assert datetime.fromisoformat(line.split()[0]).utcoffset() is not None
    assert line.split()[1:] == ["[info", "]", "sold", "3", "[shop.jobs]"]


def test_as_json_a_line_is_an_object(output: io.StringIO) -> None:
    setup_logging("INFO", "json", output)
    logging.getLogger("shop.jobs").warning("sold %d à %s", 3, "Zürich", extra={"shop": 7})
    (record,) = records(output)
    at = record.pop("timestamp")
    assert record == {"event": "sold 3 à Zürich", "level": "warning", "logger": "shop.jobs", "shop": 7}
    assert at.endswith("Z")


def test_the_time_is_the_one_at_which_the_record_was_made(output: io.StringIO) -> None:
    setup_logging("INFO", "json", output)
    record = logging.makeLogRecord(
        {"name": "shop", "levelno": 20, "levelname": "INFO", "msg": "sold", "created": 3600.5}
    )
    logging.getLogger().handle(record)
    assert records(output)[0]["timestamp"] == "1970-01-01T01:00:00.500Z"


def test_less_important_lines_than_asked_for_are_left_out(output: io.StringIO) -> None:
    setup_logging("WARNING", "json", output)
    logging.getLogger("shop").info("sold")
    assert records(output) == []


def test_chatter_of_libraries_is_left_out(output: io.StringIO) -> None:
    setup_logging("INFO", "json", output)
    logging.getLogger("apscheduler.scheduler").info("Added job")
    logging.getLogger("apscheduler.scheduler").warning("Late")
    assert [record["event"] for record in records(output)] == ["Late"]


def test_when_looking_for_faults_libraries_are_heard(output: io.StringIO) -> None:
    setup_logging("DEBUG", "json", output)
    logging.getLogger("apscheduler.scheduler").info("Added job")
    assert [record["event"] for record in records(output)] == ["Added job"]


@pytest.mark.parametrize("form", ["console", "json"])
def test_passwords_are_hidden_wherever_they_are_in_a_record(form: Any, output: io.StringIO) -> None:
    setup_logging("INFO", form, output)
    logger = logging.getLogger("shop")
    logger.info("opening %s", ADDRESS)
    logger.info("opening", extra={"address": ADDRESS})
    logger.info({"address": ADDRESS})
    try:
        fail(f"cannot open {ADDRESS}")
    except ValueError:
        logger.exception("failed")
    text = output.getvalue()
    assert text.count("postgresql://me:***@host/plan") == 4
    assert "hush" not in text


@pytest.mark.parametrize("form", ["console", "json"])
def test_a_traceback_shows_no_values_of_variables(form: Any, output: io.StringIO) -> None:
    setup_logging("INFO", form, output)
    try:
        log_in("".join(["hu", "sh"]))
    except ValueError:
        logging.getLogger("shop").exception("failed")
    assert "ValueError: failed" in output.getvalue()
    assert "hush" not in output.getvalue()


def test_what_uses_structlog_is_rendered_alike(output: io.StringIO) -> None:
    setup_logging("INFO", "json", output)
    structlog.get_logger("shop").info("sold", number=3)
    structlog.get_logger("shop").debug("counted")
    (record,) = records(output)
    assert (record["event"], record["number"], record["level"], record["logger"]) == ("sold", 3, "info", "shop")


def test_warnings_of_python_are_logged(output: io.StringIO) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        setup_logging("INFO", "json", output)
        warnings.warn("this goes away", DeprecationWarning, stacklevel=1)
        logging.captureWarnings(False)
    (record,) = records(output)
    assert record["logger"] == "py.warnings"
    assert "this goes away" in record["event"]


def test_setting_it_up_again_does_not_log_twice(output: io.StringIO) -> None:
    first = io.StringIO()
    setup_logging("INFO", "json", first)
    setup_logging("INFO", "json", output)
    logging.getLogger("shop").info("sold")
    assert (len(records(output)), first.getvalue()) == (1, "")


@pytest.mark.parametrize(("colours", "escapes"), [(True, True), (False, False), (None, False)])
def test_colours_are_for_terminals_unless_asked_for(colours: bool | None, escapes: bool, output: io.StringIO) -> None:
    setup_logging("INFO", "console", output, colours=colours)
    logging.getLogger("shop").info("sold")
    assert ("\x1b[" in output.getvalue()) is escapes


def test_importing_it_changes_no_logging() -> None:
    code = (
        "import logging, horarium.logs, horarium.settings, structlog;"
        "print(logging.getLogger().handlers, logging.getLogger().level, structlog.is_configured())"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output.split() == ["[]", "30", "False"]
