"""Lines that a run writes through `logging`."""

import asyncio
import contextvars
import logging
import subprocess
import sys
import threading
from datetime import UTC, datetime

import pytest

from horarium.execution import capture
from horarium.execution.capture import RunLog, keeping
from horarium.execution.context import Run, SyncRun

logger = logging.getLogger("tests.capture")


@pytest.fixture(autouse=True)
def installed():
    before = logging.getLogRecordFactory()
    capture.install()
    yield
    capture.remove()
    assert logging.getLogRecordFactory() is before


@pytest.fixture
def lines():
    return []


@pytest.fixture
def log(lines):
    logger.setLevel(logging.INFO)
    yield RunLog(2, lines.append)
    logger.setLevel(logging.NOTSET)


def messages(lines):
    return [line.message for line in lines]


def test_a_line_is_kept_with_its_attempt_level_logger_and_time(log, lines):
    before = datetime.now(UTC)
    with keeping(log):
        logger.info("video %d", 7)
    (line,) = lines
    assert (line.attempt, line.level, line.logger, line.message) == (2, "INFO", "tests.capture", "video 7")
    assert before <= line.at <= datetime.now(UTC)


def test_lines_from_outside_a_run_are_not_kept(log, lines):
    with keeping(log):
        pass
    logger.warning("outside")
    assert lines == []


def test_two_runs_at_once_keep_their_own_lines(lines):
    async def run(number):
        kept = []
        with keeping(RunLog(1, kept.append)):
            for _ in range(3):
                await asyncio.sleep(0)
                logger.warning("run %d", number)
        return set(messages(kept))

    async def main():
        return await asyncio.gather(run(1), run(2))

    assert asyncio.run(main()) == [{"run 1"}, {"run 2"}]


def test_lines_of_steps_and_items_in_threads_are_kept(log, lines, link):
    async def later(run):
        await run.step("a", logger.info, "in a step")
        await run.each([1], lambda _: logger.info("in an item"))

    with keeping(log):
        asyncio.run(later(Run(link)))
        SyncRun(link).each([1], lambda _: logger.info("in a plain item"), batch="plain")
    assert messages(lines) == ["in a step", "in an item", "in a plain item"]


def test_a_thread_started_with_the_context_is_kept(log, lines):
    with keeping(log):
        thread = threading.Thread(target=contextvars.copy_context().run, args=(logger.info, "in a thread"))
        thread.start()
        thread.join()
    assert messages(lines) == ["in a thread"]


def test_an_exception_is_kept_with_its_traceback(log, lines):
    with keeping(log):
        try:
            1 / 0  # noqa: B018
        except ZeroDivisionError:
            logger.exception("it failed")
    assert lines[0].message.startswith("it failed\nTraceback")
    assert lines[0].message.endswith("ZeroDivisionError: division by zero")


def test_a_handler_still_formats_exceptions_its_own_way(log):
    class Short(logging.Formatter):
        def formatException(self, info):  # noqa: N802
            return "short"

    written = []
    handler = logging.Handler()
    handler.emit = lambda record: written.append(Short("%(message)s").format(record))
    logger.addHandler(handler)
    try:
        with keeping(log):
            logger.error("it failed", exc_info=ValueError("x"))
    finally:
        logger.removeHandler(handler)
    assert written == ["it failed\nshort"]


def test_an_event_of_structlog_is_kept_as_text(log, lines):
    with keeping(log):
        logger.info({"event": "synced", "posts": 3, "level": "info", "timestamp": "now"})
    assert messages(lines) == ["synced posts=3"]


def test_a_message_that_does_not_fit_its_arguments_is_kept_all_the_same(log, lines, monkeypatch):
    monkeypatch.setattr(logging, "raiseExceptions", False)
    with keeping(log):
        logger.info("%d videos", "seven")
    assert "'%d videos' cannot be formatted with ('seven',)" in lines[0].message


def test_too_many_lines_are_dropped_and_counted(lines):
    with keeping(RunLog(1, lines.append, max_lines=3)):
        for number in range(10):
            logger.warning("line %d", number)
    assert messages(lines)[:3] == ["line 0", "line 1", "line 2"]
    assert messages(lines)[3:] == ["7 more lines were written and not kept: the limit of an attempt was reached"]


def test_too_many_bytes_are_dropped_and_counted(lines):
    with keeping(RunLog(1, lines.append, max_bytes=10)):
        logger.warning("ééé")
        logger.warning("123456")
        logger.warning("1")
    assert messages(lines)[0] == "ééé"
    assert messages(lines)[1].startswith("2 more lines")


def test_a_very_long_line_is_cut(log, lines):
    with keeping(log):
        logger.info("é" * 5000)
    assert lines[0].message == "é" * 4096 + "… (1808 more bytes)"


def test_half_a_surrogate_pair_does_not_fail_who_logs_it(log, lines):
    with keeping(log):
        logger.info("file \ud800")
    assert messages(lines) == ["file \ud800"]


def test_lines_after_the_end_are_not_kept(log, lines):
    with keeping(log):
        context = contextvars.copy_context()
    context.run(logger.info, "late")
    assert lines == []


def test_a_line_written_while_a_line_is_kept_is_not_kept_itself():
    kept = []

    def append(line):
        kept.append(line)
        logger.warning("appended %s", line.message)

    with keeping(RunLog(1, append)):
        logger.warning("once")
    assert messages(kept) == ["once"]


def test_a_level_is_what_a_logger_lets_through(log, lines):
    logger.setLevel(logging.WARNING)
    with keeping(log):
        logger.info("quiet")
        logger.warning("loud")
    assert messages(lines) == ["loud"]


def test_the_run_s_own_logger_lets_info_through_without_any_set_up(lines, link):
    with keeping(RunLog(1, lines.append)):
        SyncRun(link).logger.info("from run.logger")
    assert messages(lines) == ["from run.logger"]


def test_after_the_last_remove_levels_are_as_they_were():
    capture.install()
    capture.remove()
    assert logging.getLogger("horarium.run").level == logging.INFO
    capture.remove()
    assert logging.getLogger("horarium.run").level == logging.NOTSET
    capture.install()


def test_a_logger_that_does_not_propagate_is_kept(log, lines):
    logger.propagate = False
    try:
        with keeping(log):
            logger.info("apart")
    finally:
        logger.propagate = True
    assert messages(lines) == ["apart"]


def test_a_record_made_in_another_process_is_kept_when_told(log, lines):
    record = {"name": "child", "levelname": "INFO", "levelno": 20, "msg": "frame %d", "args": (3,), "created": 0.0}
    with keeping(log):
        capture.keep(logging.makeLogRecord(record))
    assert [(line.logger, line.message) for line in lines] == [("child", "frame 3")]


def test_an_application_that_sets_a_record_factory_of_its_own_later_loses_no_lines(log, lines):
    ours = logging.getLogRecordFactory()

    def theirs(*args, **kwargs):
        return ours(*args, **kwargs)

    logging.setLogRecordFactory(theirs)
    try:
        with keeping(log):
            logger.info("once")
        assert messages(lines) == ["once"]
        assert logging.getLogRecordFactory().inner is theirs
    finally:
        logging.setLogRecordFactory(ours)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("logging.basicConfig(level='DEBUG', format='%(message)s'); logging.debug('seen')", "seen\n"),
        ("logging.warning('seen')", "WARNING:root:seen\n"),
        ("logging.getLogger('app').warning('seen')", "seen\n"),
    ],
)
def test_an_application_s_own_logging_is_as_it_would_be_without(code, expected):
    program = f"import logging; from horarium.execution import capture; capture.install(); {code}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr == expected
