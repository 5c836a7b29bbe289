"""How a node stands, as far as it can be told from here: alive, silent, gone, or ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from horarium.cli.durations import duration_words
from horarium.values import NodeInfo

if TYPE_CHECKING:
    from collections.abc import Callable

    from horarium.scheduler import Scheduler

_HEARTBEATS = 2
"""After so many without a word a node is called silent."""

_BEATS_OF_A_LEASE = 3
"""A node's heart beats at least so often in a lease."""


class Standing(StrEnum):
    """How a node stands."""

    ALIVE = "alive"
    SILENT = "silent"
    """Its lease holds, and it was not heard from for longer than it should be."""
    DEAD = "dead"
    """Its lease holds, and its process, on this host, is gone."""
    EXPIRED = "lease ran out"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Seen:
    """A node as it was seen at one time. `silent_for` is seconds since its last heartbeat."""

    node: NodeInfo
    standing: Standing
    silent_for: float

    @property
    def may_run(self) -> bool:
        """Whether it could be running something, and take more."""
        return self.standing in (Standing.ALIVE, Standing.SILENT)

    @property
    def words(self) -> str:
        """The standing for people, and why."""
        if self.standing is Standing.SILENT:
            return f"silent for {duration_words(self.silent_for)}"
        if self.standing is Standing.DEAD:
            return f"dead: process {self.node.pid} is gone"
        if self.standing is Standing.STOPPED and self.node.stop_reason:
            return f"stopped: {self.node.stop_reason}"
        return str(self.standing)


def see_nodes(scheduler: Scheduler, *, all_of_them: bool = False) -> list[Seen]:
    """The nodes that have not ended (or all that are remembered), the newest first. Raises PlanUnavailable."""
    from horarium.execution.lease import process_is_gone  # noqa: PLC0415 - slow to import, and a help page needs it not

    heartbeat = timedelta(seconds=scheduler.settings.heartbeat)
    present = scheduler.now()
    return [see(node, present, heartbeat, process_is_gone) for node in scheduler.nodes(all=all_of_them)]


def see(node: NodeInfo, present: datetime, heartbeat: timedelta, process_is_gone: Callable[[NodeInfo], bool]) -> Seen:
    """A node at `present`, by the database's clock; `heartbeat` is the time between two as it is set here."""
    silent = present - node.heartbeat_at
    usual = min(heartbeat, (node.lease_until - node.heartbeat_at) / _BEATS_OF_A_LEASE)
    if node.stopped_at is not None:
        standing = Standing.STOPPED
    elif not node.alive_at(present):
        standing = Standing.EXPIRED
    elif process_is_gone(node):
        standing = Standing.DEAD
    else:
        standing = Standing.SILENT if silent > _HEARTBEATS * usual else Standing.ALIVE
    return Seen(node, standing, max(silent.total_seconds(), 0.0))
