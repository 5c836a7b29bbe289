"""What a run writes through `logging`, kept with the run.

A run is known by a context variable, which asyncio tasks take along, and so do the threads that a run, a step or a
batch starts; a thread that a task starts by itself is not the run's unless it is started with
`contextvars.copy_context().run`.

Records are taken where `logging` makes them, by a record factory around the one that is set. A handler on the root
logger, the obvious place, would change what an application sees: `logging.basicConfig()` does nothing once the root
logger has a handler, warnings of an application that never set up logging would no longer reach stderr, and
`basicConfig(force=True)` or `dictConfig` would take the handler away. Lines of loggers that do not propagate are kept,
too. A record that was made in another process (`logging.makeLogRecord`) is kept by `keep`.

No logger's level is changed: what a logger does not let through is not kept. Without any set-up that is everything
below WARNING; an application says `logging.getLogger("myapp").setLevel("INFO")`. The exceptions are Horarium's own
loggers "horarium.run" (`run.logger`) and "horarium.child" (what child processes print), which let INFO through where
nobody gave them a level.
"""

from __future__ import annotations

import contextvars
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from horarium.values import LogLine

MAX_LINES = 1_000
"""Lines of an attempt that are kept."""

MAX_BYTES = 64 * 1024
"""UTF-8 bytes of an attempt's lines that are kept."""

MAX_LINE_BYTES = 8 * 1024
"""UTF-8 bytes that are kept of one line, a traceback included."""

RUN_LOGGER = "horarium.run"
CHILD_LOGGER = "horarium.child"

Append = Callable[[LogLine], None]


class RunLog:
    """The lines of one attempt, handed to `append` until there are too many. Safe to use from any thread."""

    def __init__(self, attempt: int, append: Append, *, max_lines: int = MAX_LINES, max_bytes: int = MAX_BYTES) -> None:
        self._attempt = attempt
        self._append = append
        self._lines_left = max_lines
        self._bytes_left = max_bytes
        self._dropped = 0
        self._closed = False
        self._lock = threading.Lock()

    def write(self, level: str, logger: str, message: str, at: datetime | None = None) -> None:
        """Keep a line, written `at` (now if left out). Lines that come after the end are not kept."""
        kept = _cut(message)
        size = len(kept.encode(errors="replace"))
        with self._lock:
            if self._closed:
                return
            if self._dropped or not self._lines_left or size > self._bytes_left:
                self._dropped += 1
                return
            self._lines_left -= 1
            self._bytes_left -= size
            self._append(LogLine(self._attempt, at or datetime.now(UTC), level, logger, kept))

    def close(self) -> None:
        """Keep no more lines, and say in a last one how many were dropped, if any were."""
        with self._lock:
            if not self._closed and self._dropped:
                words = f"{self._dropped} more lines were written and not kept: the limit of an attempt was reached"
                self._append(LogLine(self._attempt, datetime.now(UTC), "WARNING", RUN_LOGGER, words))
            self._closed = True


@contextmanager
def keeping(log: RunLog) -> Iterator[RunLog]:
    """Let what is logged inside, in this thread or asyncio task and those that it starts, be kept in `log`.

    `log` is closed at the end.
    """
    _ensure_factory()
    token = _current.set(log)
    try:
        yield log
    finally:
        _current.reset(token)
        log.close()


def install() -> None:
    """Begin to keep the lines of runs in this process. Every `install` is undone by one `remove`."""
    global _installs  # noqa: PLW0603 - the record factory and the loggers are the process's, too
    with _lock:
        _installs += 1
        for logger in map(logging.getLogger, (RUN_LOGGER, CHILD_LOGGER)):
            if logger.level == logging.NOTSET:
                logger.setLevel(logging.INFO)
                _given_a_level.append(logger)
    _ensure_factory()


def remove() -> None:
    """Undo one `install`; after the last, `logging` is as it was."""
    global _installs  # noqa: PLW0603 - see install
    with _lock:
        _installs = max(0, _installs - 1)
        if _installs:
            return
        while _given_a_level:
            _given_a_level.pop().setLevel(logging.NOTSET)
        factory = logging.getLogRecordFactory()
        if isinstance(factory, _KeepingFactory):
            logging.setLogRecordFactory(factory.inner)


def keep(record: logging.LogRecord) -> None:
    """Keep a record that another process made, if this is in a run."""
    log = _current.get()
    if log is not None:
        _write(log, record)


class _KeepingFactory:
    """Makes records as `inner` does, and hands each to the log of the run it was made in."""

    def __init__(self, inner: Callable[..., logging.LogRecord]) -> None:
        self.inner = inner

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        log = _current.get()
        if log is None:
            return self.inner(*args, **kwargs)
        # What is logged in here is no line of the run; and `inner` may hold a factory of ours, further in.
        token = _current.set(None)
        try:
            record = self.inner(*args, **kwargs)
            if record.name:
                _write(log, record)
        finally:
            _current.reset(token)
        return record


def _write(log: RunLog, record: logging.LogRecord) -> None:
    log.write(record.levelname, record.name, _text_of(record), datetime.fromtimestamp(record.created, UTC))


_current: contextvars.ContextVar[RunLog | None] = contextvars.ContextVar("horarium_run_log", default=None)
_lock = threading.Lock()
_installs = 0
_given_a_level: list[logging.Logger] = []
_plain = logging.Formatter("%(message)s")


def _ensure_factory() -> None:
    """Stand around the record factory, whoever has set another one since."""
    with _lock:
        factory = logging.getLogRecordFactory()
        if _installs and not isinstance(factory, _KeepingFactory):
            logging.setLogRecordFactory(_KeepingFactory(factory))


def _text_of(record: logging.LogRecord) -> str:
    """The message, with the traceback if there is one. structlog hands over a dict, to be rendered by a handler."""
    event = record.msg
    if isinstance(event, dict) and "event" in event:
        pairs = (f"{name}={value!r}" for name, value in event.items() if name not in _STRUCTLOG_OWN)
        return " ".join([str(event["event"]), *pairs])
    known = record.exc_text
    try:
        return _plain.format(record)
    except Exception as error:  # noqa: BLE001 - a message that does not fit its arguments must not fail who logs it
        return f"{event!r} cannot be formatted with {record.args!r}: {error}"
    finally:
        # What formatting left on the record would be shown by handlers once more.
        record.exc_text = known
        record.__dict__.pop("message", None)


_STRUCTLOG_OWN = frozenset({"event", "level", "timestamp", "logger", "logger_name"})


def _cut(message: str) -> str:
    data = message.encode(errors="replace")
    if len(data) <= MAX_LINE_BYTES:
        return message
    return f"{data[:MAX_LINE_BYTES].decode(errors='ignore')}… ({len(data) - MAX_LINE_BYTES} more bytes)"
