"""A logger that writes to the terminal, for programs that use the application and set up no logging of their own."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from typing import TextIO


def setup_logger(name: str, level: int | str = logging.INFO) -> logging.Logger:
    """Return the logger of this name, which writes to stderr as `horarium run` does, with times in UTC.

    Called again, it changes the level and nothing else. Where logging is set up to write to the terminal already, by
    `logging.basicConfig()` or `horarium run`, that writes the lines, each once.

    Parameters:
        name: of the logger, such as `__name__`.
        level: the least that is written, such as `logging.DEBUG` or "DEBUG".

    Raises:
        ValueError: there is no such level.
    """
    logger = logging.getLogger(name)
    logger.setLevel(level.upper() if isinstance(level, str) else level)
    if not any(isinstance(handler, _Terminal) for handler in logger.handlers):
        handler = _Terminal(logger)
        handler.setFormatter(_Formatter())
        logger.addHandler(handler)
    return logger


class _Terminal(logging.Handler):
    """Writes to what stderr is now, unless another handler of the logger, or of one above it, writes to the terminal.

    Asked for each line, since logging may be set up at any time.
    """

    def __init__(self, logger: logging.Logger) -> None:
        super().__init__()
        self._logger = logger

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record."""
        stream: TextIO | None = sys.stderr
        if stream is None or self._somebody_else_writes():
            return
        try:
            stream.write(f"{self.format(record)}\n")
            stream.flush()
        except Exception:  # noqa: BLE001 - as every handler of `logging`: a line must not end the program
            self.handleError(record)

    def _somebody_else_writes(self) -> bool:
        logger: logging.Logger | None = self._logger
        while logger is not None:
            if any(handler is not self and _to_terminal(handler) for handler in logger.handlers):
                return True
            logger = logger.parent if logger.propagate else None
        return False


class _Formatter(logging.Formatter):
    """Writes a record as `horarium run` does: time, level, message, the logger's name."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name that `logging` calls
        """Return the line, without a traceback, which `format` adds."""
        made = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return f"{made} [{record.levelname.lower():<9}] {record.message:<30} [{record.name}]"


def _to_terminal(handler: logging.Handler) -> bool:
    return isinstance(handler, _Terminal) or getattr(handler, "stream", None) in {sys.stderr, sys.stdout}
