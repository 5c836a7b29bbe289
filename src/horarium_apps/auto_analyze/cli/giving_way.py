"""When two processes begin to carry a plan at the same moment: the younger one ends."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from horarium import HorariumError, NodeInfo, Scheduler
from horarium_apps.auto_analyze.status import is_here

_LOOK_EVERY = 0.25
_LOOK_FOR = 10.0
"""Seconds after which nobody who began before us can still turn up: an entry is written at most that late."""


@dataclass
class Way:
    """Whether this process gave way: `older` is the one that carries the plan instead; None while there is none."""

    older: NodeInfo | None = None
    _over: threading.Event = field(default_factory=threading.Event)


@contextmanager
def giving_way(scheduler: Scheduler) -> Iterator[Way]:
    """While this process begins to carry the plan: end it gracefully (SIGTERM) when an older one does so as well.

    Two that start at the same moment do not see each other before both are in the plan. There each is older or younger
    than the other, by the database's clock and then by name, so that one stays.
    """
    way = Way()
    watch = threading.Thread(target=_watch, args=(scheduler, way), name="auto-analyze-giving-way", daemon=True)
    watch.start()
    try:
        yield way
    finally:
        way._over.set()
        watch.join()


def older_than_here(carriers: list[NodeInfo]) -> tuple[bool, NodeInfo | None]:
    """Return whether this process is among these, and the oldest one of the others that is older than it."""
    ours = [each for each in carriers if is_here(each)]
    if not ours:
        return False, None
    # A predecessor with our number, as in a container that was started again, is not us.
    own = max(ours, key=_age)
    older = [each for each in carriers if not is_here(each) and _age(each) < _age(own)]
    return True, min(older, key=_age, default=None)


def _watch(scheduler: Scheduler, way: Way) -> None:
    waited = 0.0
    while waited < _LOOK_FOR and not way._over.wait(_LOOK_EVERY):
        try:
            here, older = older_than_here(scheduler.live_nodes())
        except HorariumError:  # the database is away: the scheduler itself says so, and waits for it
            continue
        if older is not None:
            way.older = older
            os.kill(os.getpid(), signal.SIGTERM)
            return
        if here:
            waited += _LOOK_EVERY


def _age(carrier: NodeInfo) -> tuple[datetime, str]:
    return carrier.started_at, carrier.id
