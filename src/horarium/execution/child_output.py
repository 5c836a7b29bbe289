"""What a child process logs and prints, passed on to this process's `logging`.

Records keep their logger's name, level, time and place. Each line printed to stdout is logged by the logger
`horarium.child.stdout` at INFO, each line on stderr by `horarium.child.stderr` at WARNING.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Mapping
from typing import Any

from horarium.execution.capture import keep
from horarium.execution.protocol import Lines

STDOUT = logging.getLogger("horarium.child.stdout")
STDERR = logging.getLogger("horarium.child.stderr")

LINE_LIMIT = 8_192
"""Bytes after which a line that does not end is passed on in pieces."""

_TAIL = 12


class Printed:
    """One printed stream of a child: passes its lines on and remembers the last few."""

    def __init__(self, logger: logging.Logger, level: int) -> None:
        self._logger = logger
        self._level = level
        self._lines = Lines()
        self._tail: deque[str] = deque(maxlen=_TAIL)

    @property
    def tail(self) -> str:
        """The last lines, as one text."""
        return "\n".join(self._tail)

    def feed(self, chunk: bytes) -> None:
        """Take in what was printed."""
        for line in self._lines.feed(chunk):
            self._pass_on(line)
        if len(self._lines) >= LINE_LIMIT:
            self.finish()

    def finish(self) -> None:
        """Pass on a last line that has no newline."""
        self._pass_on(self._lines.take_unfinished())

    def _pass_on(self, line: bytes) -> None:
        # A progress bar overwrites its line with carriage returns: only what would be left to see is passed on.
        text = line.decode(errors="replace").rstrip().rpartition("\r")[2]
        if text:
            self._tail.append(text)
            self._logger.log(self._level, "%s", text)


def levels() -> dict[str, int]:
    """The level of each logger here that has one, so that the child sends no record that nobody would see."""
    known = {
        name: logger.level
        for name, logger in list(logging.root.manager.loggerDict.items())
        if isinstance(logger, logging.Logger) and logger.level
    }
    return {"": logging.root.level, **known}


def replay(record: Mapping[str, Any]) -> None:
    """Log here what the child logged, and keep it with the run."""
    logger = logging.getLogger(record["name"])
    if logger.isEnabledFor(record["levelno"]):
        line = logging.makeLogRecord(dict(record))
        keep(line)
        logger.handle(line)
