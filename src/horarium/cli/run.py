"""`horarium run`."""

from __future__ import annotations

import functools
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from queue import SimpleQueue
from types import FrameType
from typing import TYPE_CHECKING, Any

import typer

from horarium.__about__ import __version__
from horarium.cli.exit_codes import ExitCode
from horarium.cli.opening import open_plan, read_settings
from horarium.cli.output import Details, write, write_json
from horarium.cli.session import Session, session_of
from horarium.cli.status import numbers
from horarium.cli.times import now, told
from horarium.errors import ConfigurationError, JobError, PlanUnavailable, TaskNotFound, TriggerError
from horarium.jobs_file import load_jobs
from horarium.plugins import find_apps
from horarium.states import HELD, JobStatus

if TYPE_CHECKING:
    from horarium.scheduler import Scheduler

logger = logging.getLogger(__name__)

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_FROM_SIGNAL = 128
_LAST_WORDS = 2.0
"""Seconds that the second signal waits for what is said about it."""
_NAMED = 10


def run(context: typer.Context) -> None:
    """Tick and run: the scheduler in the foreground, until it is told to stop.

    SIGTERM or Ctrl+C: no new run starts, those at work may end within shutdown_grace seconds, what is left goes back
    to the queue. The signal again: at once; the log says which runs were at work, and they are taken up at the next
    start, or by another node when the lease has run out.
    """
    session = session_of(context)
    from horarium import logs  # noqa: PLC0415 - slow to import, and the help needs none of it

    settings = read_settings(session)
    logs.configure("DEBUG" if session.verbose else settings.log_level, "json" if session.json else settings.log_format)
    scheduler = open_plan(session, create=True)
    with _signals(functools.partial(_tell_what_is_left, scheduler)) as stop:
        _start(scheduler)
        try:
            _tell(session, scheduler)
        except PlanUnavailable as error:  # it runs, and waits for its database like at any other time
            logger.warning("the plan cannot be asked what is in it: %s", error)
        # In a thread: what is imported may take long, and a signal must not wait for it.
        threading.Thread(target=_warn_of_unknown_tasks, args=(scheduler,), name="horarium-tasks", daemon=True).start()
        stop.get()
        logger.info("Stopping: runs may end within %g s; the same signal again stops at once", settings.shutdown_grace)
        clean = scheduler.shutdown(grace=settings.shutdown_grace)
    if not clean:
        logger.warning("Some runs had not ended; they go on at the next start, or on another node")
        _end_now(ExitCode.OK)  # a thread that does not end must not keep the process
    logger.info("Stopped")


def _start(scheduler: Scheduler) -> None:
    try:
        scheduler.start()
    except (JobError, TriggerError) as error:  # of a job in the file, not of the command line
        raise ConfigurationError(str(error)) from error


def _tell(session: Session, scheduler: Scheduler) -> None:
    found = find_apps()
    jobs = scheduler.statistics()["jobs"]
    due = scheduler.get_jobs(status=JobStatus.SCHEDULED, limit=1)
    config = scheduler.settings.config
    if session.json:
        started: dict[str, Any] = {
            "started": True,
            "version": __version__,
            "database": scheduler.database_url,
            "config": None if config is None else str(config),
            "apps": [app.name for app in found.apps],
            "faults": {fault.name: fault.why for fault in found.faults},
            "jobs": jobs,
            "pid": os.getpid(),
        }
        write_json(started, lines=True)
        return
    apps = [app.name for app in found.apps] + [f"{fault.name} (cannot be used)" for fault in found.faults]
    typer.echo(f"Horarium {__version__}")
    write(
        Details(
            [
                ("Plan", scheduler.database_url),
                ("File", None if config is None else str(config)),
                ("Apps", ", ".join(apps) or "none installed"),
                ("Jobs", numbers(jobs)),
                ("Next", f"{due[0].id}, {told(due[0].next_run_time, now())}" if due else "nothing"),
            ]
        )
    )
    typer.echo("`horarium status` and `horarium runs watch` look at it from another terminal; Ctrl+C stops it.")
    sys.stdout.flush()


def _warn_of_unknown_tasks(scheduler: Scheduler) -> None:
    """Say now which jobs of the file this process cannot run: one that is due tomorrow would be found out tomorrow."""
    from horarium.execution.registry import REGISTRY  # noqa: PLC0415 - as above

    config = scheduler.settings.config
    if config is None:
        return
    try:
        jobs = load_jobs(config, scheduler.timezone)
    except ConfigurationError:  # it was changed since the start: the next one will say what is wrong
        return
    for job in jobs:
        try:
            REGISTRY.resolve(job.task)
        except TaskNotFound as error:
            logger.warning("job %s of %s cannot run here: %s", job.id, config, error)


@contextmanager
def _signals(last_words: Callable[[], None]) -> Iterator[SimpleQueue[int]]:
    """A queue that gets the first signal. The second ends the process, after `last_words` or two seconds of them."""
    # Queues of this kind may be filled in a signal handler, whatever the thread that it interrupts holds.
    first: SimpleQueue[int] = SimpleQueue()
    second: SimpleQueue[int] = SimpleQueue()
    queues = iter((first,))

    def on_signal(number: int, _frame: FrameType | None) -> None:
        next(queues, second).put(number)

    def await_second() -> None:
        number = second.get()
        if number:
            speaker = threading.Thread(target=last_words, name="horarium-last-words", daemon=True)
            speaker.start()
            speaker.join(_LAST_WORDS)
            _end_now(_FROM_SIGNAL + number)

    # A thread of its own: the one that is interrupted may hold locks that the last words need.
    threading.Thread(target=await_second, name="horarium-second-signal", daemon=True).start()
    before = {number: signal.signal(number, on_signal) for number in _SIGNALS}
    try:
        yield first
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        second.put(0)


def _tell_what_is_left(scheduler: Scheduler) -> None:
    """Log which runs this process leaves behind, and when they go on."""
    try:
        here = (socket.gethostname(), os.getpid())
        ours = {node.id for node in scheduler.nodes(all=True) if (node.host, node.pid) == here}
        left = [run for run in scheduler.runs(states=list(HELD), limit=None) if run.node in ours]
    except PlanUnavailable as error:
        logger.warning("Stopping at once; what was running cannot be asked for: %s", error)
        return
    if not left:
        logger.warning("Stopping at once; no run was left")
        return
    names = ", ".join(f"{run.id} of {run.job_id}" for run in left[:_NAMED])
    more = f", and {len(left) - _NAMED} more" if len(left) > _NAMED else ""
    logger.warning(
        "Stopping at once; left running: %s%s. They go on at the next start on this machine, or on another node when "
        "this one's lease of %g s has run out; until then `horarium node list` shows it as dead",
        names,
        more,
        scheduler.settings.lease,
    )


def _end_now(code: int) -> None:
    # Not sys.exit: it waits for threads. Child processes end with the pipe from this one.
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, RuntimeError):  # its reader is gone, or the signal came in the middle of a flush
            stream.flush()
    os._exit(code)
