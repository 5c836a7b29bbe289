"""Logging of the process that `horarium run` is. Nothing else calls this: an application's logging is its own.

Records of the standard `logging` are rendered by structlog, for people or as JSON, to stderr, with times in UTC. What
is rendered, tracebacks included, is rid of the passwords in URLs.
"""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from typing import Literal, TextIO

import structlog
from structlog.dev import plain_traceback
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict, Processor, WrappedLogger

from horarium.settings.secrets import without_secrets

Format = Literal["console", "json"]

_CHATTY = ("alembic", "apscheduler", "asyncio", "tzlocal")
"""Libraries that tell at INFO what is only of interest when looking for a fault."""


def setup_logging(
    level: str = "INFO", form: Format = "console", stream: TextIO | None = None, *, colours: bool | None = None
) -> logging.Handler:
    """Log everything from `level` on to `stream` (stderr), in place of what was set up before; answers the handler.

    Warnings of Python are logged, too, and so is what uses structlog itself. `colours` are for the form "console"
    (None: if the stream is a terminal).
    """
    target = stream or sys.stderr
    handler = logging.StreamHandler(target)
    handler.setFormatter(_Formatter(form, colours=target.isatty() if colours is None else colours))
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
    root.setLevel(level)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.NOTSET if root.level <= logging.DEBUG else logging.WARNING)
    logging.captureWarnings(True)
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *_SHARED, ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    return handler


configure = setup_logging


class _Formatter(ProcessorFormatter):
    """Renders a record, and hides the passwords in the outcome, wherever in the record they were."""

    def __init__(self, form: Format, *, colours: bool) -> None:
        as_json = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
        # rich's tracebacks, the default, would show the values of local variables.
        for_people = [structlog.dev.ConsoleRenderer(colors=colours, exception_formatter=plain_traceback)]
        super().__init__(
            processors=[
                _stamp,
                ProcessorFormatter.remove_processors_meta,
                *(as_json if form == "json" else for_people),
            ],
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *_SHARED],
        )

    def format(self, record: logging.LogRecord) -> str:
        """The line, or lines, without passwords."""
        return without_secrets(super().format(record))


def _stamp(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """When the record was made, which may be before it is written."""
    made = datetime.fromtimestamp(event["_record"].created, UTC)
    event["timestamp"] = made.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return event


_SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
]
