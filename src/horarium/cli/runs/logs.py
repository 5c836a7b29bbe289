"""`horarium runs logs`."""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from horarium.cli.as_json import line_json
from horarium.cli.counts import count
from horarium.cli.opening import open_to_read
from horarium.cli.output import write_json
from horarium.cli.patience import patiently
from horarium.cli.runs.naming import RunName, find_run
from horarium.cli.runs.outlook import note_obstacle
from horarium.cli.session import Session, session_of
from horarium.states import FINAL
from horarium.values import LogLine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from horarium.scheduler import Scheduler
    from horarium.values import RunInfo

_LOOK_EVERY = 0.5

Numbered = tuple[int, LogLine]
"""A line, after its number in its attempt."""


def logs(
    context: typer.Context,
    run: RunName,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until the run has ended; in JSON one line is one document.")
    ] = False,
    attempt: Annotated[int | None, typer.Option(metavar="N", parser=count(), help="Only this attempt.")] = None,
) -> None:
    """Show what a run logged.

    What its code wrote through `logging`, each line with its time in the terminal's zone, level and logger.
    """
    session = session_of(context)
    scheduler = open_to_read(session)
    found = find_run(scheduler, run)
    if follow:
        note_obstacle(session, scheduler, found)
    pieces = _pieces(session, scheduler, found) if follow else iter([scheduler.run_logs(found.id)])
    told_attempt, told = 0, False
    try:
        for piece in pieces:
            lines = [one for one in piece if attempt in (None, one[1].attempt)]
            if session.json:
                _write_json(lines, each=follow)
            else:
                told_attempt = _write(lines, told_attempt)
            told = told or bool(lines)
    except KeyboardInterrupt:
        return  # the way to end it
    if not told:
        session.note(f"Run {found.id} has logged nothing.")


def _pieces(session: Session, scheduler: Scheduler, run: RunInfo) -> Iterator[list[Numbered]]:
    """What is new in the log each time it is looked at, until the run has ended."""
    place = (0, 0)
    while True:
        ended = run.state in FINAL  # asked before reading, so that the last lines are not lost
        fresh = patiently(session, functools.partial(scheduler.run_logs, run.id, place))
        yield fresh
        if ended:
            return
        if fresh:
            number, line = fresh[-1]
            place = (line.attempt, number)
        time.sleep(_LOOK_EVERY)
        run = patiently(session, functools.partial(scheduler.get_run, run.id))


def _write_json(lines: Sequence[Numbered], *, each: bool) -> None:
    documents = [line_json(number, line) for number, line in lines]
    if not each:
        write_json(documents)
    for document in documents if each else ():
        write_json(document, lines=True)


def _write(lines: Sequence[Numbered], told_attempt: int) -> int:
    """Write lines, each further attempt under a heading; answers the attempt of the last one."""
    for _, line in lines:
        if line.attempt != told_attempt and line.attempt > 1:
            sys.stdout.write(f"-- attempt {line.attempt}\n")
        told_attempt = line.attempt
        moment = line.at.astimezone().strftime("%H:%M:%S.%f")[:-3]
        sys.stdout.write(f"{moment}  {line.level:<8}{line.logger}: {line.message}\n")
    sys.stdout.flush()
    return told_attempt
