"""What the application logs for those who look for a fault, and the logger that it gives to programs."""

import io
import logging
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from horarium_apps.auto_analyze import setup_logger

LINE = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \[info     \] a line +\[somebody\]\n"


def written(program: str, folder: Path) -> str:
    """What a program writes to stderr."""
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=folder, timeout=60
    ).stderr


@pytest.fixture
def own_logger() -> Iterator[logging.Logger]:
    """A logger that nobody else has."""
    logger = setup_logger("tests.setup_logger")
    yield logger
    logger.handlers.clear()
    logger.setLevel(logging.NOTSET)


def test_a_logger_writes_to_the_terminal_as_horarium_run_does(tmp_path: Path) -> None:
    program = "from horarium_apps.auto_analyze import setup_logger; setup_logger('somebody').info('a %s', 'line')"
    assert re.fullmatch(LINE, written(program, tmp_path))


def test_the_format_is_that_of_the_core(tmp_path: Path) -> None:
    core = "import logging, horarium; horarium.setup_logging(); logging.getLogger('x').warning('it is so')"
    own = "from horarium_apps.auto_analyze import setup_logger; setup_logger('x').warning('it is so')"
    after_the_time = [written(program, tmp_path).split(" ", 1)[1] for program in (core, own)]
    assert after_the_time[0] == after_the_time[1]


def test_a_logger_that_is_set_up_twice_has_one_handler(own_logger: logging.Logger) -> None:
    assert setup_logger("tests.setup_logger", "debug") is own_logger
    assert (len(own_logger.handlers), own_logger.level) == (1, logging.DEBUG)


@pytest.mark.parametrize(
    "set_up",
    [
        "logging.basicConfig(level='INFO')",
        "__import__('horarium').setup_logging()",
        "setup_logger('a')",
    ],
)
def test_a_line_is_written_once_whoever_else_writes_to_the_terminal(set_up: str, tmp_path: Path) -> None:
    program = (
        "import logging; from horarium_apps.auto_analyze import setup_logger\n"
        f"logger = setup_logger('a.b'); {set_up}; logger.info('this line')"
    )
    assert written(program, tmp_path).count("this line") == 1


def test_a_log_file_of_others_does_not_silence_the_terminal(tmp_path: Path) -> None:
    program = (
        "import logging; from horarium_apps.auto_analyze import setup_logger\n"
        "logging.basicConfig(filename='all.log', level='INFO'); setup_logger('a').info('this line')"
    )
    assert "this line" in written(program, tmp_path)
    assert "this line" in (tmp_path / "all.log").read_text(encoding="utf-8")


def test_a_traceback_is_written(own_logger: logging.Logger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", stream := io.StringIO())
    try:
        raise ValueError("so it is")
    except ValueError:
        own_logger.exception("it failed")
    assert "it failed" in stream.getvalue()
    assert stream.getvalue().endswith("ValueError: so it is\n")


def test_a_level_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="LOUD"):
        setup_logger("tests.setup_logger.none", "loud")


def test_basic_config_at_debug_shows_what_is_decided(own_folder: Path) -> None:
    program = (
        "import logging; logging.basicConfig(level=logging.DEBUG)\n"
        "from horarium_apps.auto_analyze import *\n"
        "assert start_auto_analyzer(1, 60)\n"
        "scheduler = get_scheduler().scheduler\n"
        "scheduler.wait_for_run(scheduler.run_now('auto-analyze-1').id, timeout=50)\n"
        "stop_auto_analyzer()\n"
    )
    lines = [line for line in written(program, own_folder).splitlines() if "horarium_apps" in line]
    told = "\n".join(line for line in lines if line.startswith("DEBUG:horarium_apps.auto_analyze"))
    assert "RunChanged: " in told
    assert "state=running" in told
    assert "state=succeeded" in told
