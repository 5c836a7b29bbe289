"""A node's life: its name, its lease, the difference between the clocks, and the rescue of nodes that died.

Heartbeats have a thread of their own, so that no task can hold them up. What the node may believe is counted from
before each request was sent, on a clock that goes on while the machine sleeps.

Where there is one writer at a time (SQLite), a transaction of this process that lasts longer than the lease holds up
the heartbeat. Nobody else can write meanwhile, so nobody can take the node for dead: its runs stay its own, and the
first heartbeat afterwards renews the lease, unless another process was quicker and has taken the runs.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Callable, Collection
from pathlib import Path

from uuid_utils import uuid7

from horarium.__about__ import __version__
from horarium.errors import PlanUnavailable
from horarium.events import EventBus, NodeChanged
from horarium.store.claims import Claims
from horarium.store.database import Database, Held
from horarium.store.nodes import Identity, Nodes, renew_lease
from horarium.store.plan_clock import PlanClock
from horarium.store.rescue import DATABASE_AWAY
from horarium.values import NodeInfo
from horarium.wording import counted

logger = logging.getLogger(__name__)

LEASE = 30.0
"""Seconds that a node's runs stay its own without a heartbeat."""

HEARTBEAT = 5.0
"""Seconds between heartbeats."""

_RETRY = 1.0
_SAY_AGAIN_EVERY = 60
"""Failed heartbeats in a row until the next warning."""

_LONGEST_GOODBYE = 5.0
_DEAD = "ZX"
"""States in /proc of processes that have ended and were not buried by their parents."""


class Lease:
    """The lease of this process on its runs. `on_lost` is called when it ran out; a new one follows by itself."""

    def __init__(
        self,
        database: Database,
        clock: PlanClock,
        events: EventBus,
        *,
        on_lost: Callable[[str], None],
        on_beat: Callable[[], None],
        known_tasks: Callable[[], Collection[str]],
        seconds: float = LEASE,
        heartbeat: float = HEARTBEAT,
    ) -> None:
        self._database = database
        self._nodes = Nodes(database)
        self._claims = Claims(database)
        self._clock = clock
        self._events = events
        self._on_lost = on_lost
        self._on_beat = on_beat
        self._known_tasks = known_tasks
        self._seconds = seconds
        self._heartbeat = min(heartbeat, seconds / 3)
        self._valid_until = 0.0
        self._away = False
        self._back_at = float("-inf")
        self._ending = threading.Event()
        self._beats = threading.Thread(target=self._beat_on, name="horarium-heartbeat", daemon=True)
        self._watch = threading.Thread(target=self._watch_on, name="horarium-lease", daemon=True)
        self.node = ""

    @property
    def holds(self) -> bool:
        """Whether this node may believe that its runs are its own."""
        if not self.node:
            return False
        held = self._database.held
        # As long as others cannot write they cannot take the runs, however late it is.
        return self._clock.elapsed() < self._valid_until or (held is not None and held.since < self._valid_until)

    def begin(self) -> None:
        """Register the node and rescue what dead ones left, its own predecessors' on this host at once.

        Raises PlanUnavailable.
        """
        self._clock.measure()
        self._register()
        self._renew()
        self._note_return()
        self._rescue_predecessors()
        self._rescue_expired()

    def keep(self) -> None:
        """Keep the lease alive from now on, in threads."""
        self._beats.start()
        self._watch.start()

    def end(self, *, reason: str, gracefully: bool) -> None:
        """Stop the heartbeats, and say why. `gracefully`: no run is left, so the node has ended."""
        self._ending.set()
        for thread in (self._beats, self._watch):
            if thread.is_alive() and thread is not threading.current_thread():
                thread.join(_LONGEST_GOODBYE)
        if not self.node:
            return
        if not gracefully:
            # In a thread: a run that is left may be the only writer, for as long as it likes.
            goodbye = threading.Thread(target=self._say, args=(self._nodes.leave, reason), daemon=True)
            goodbye.start()
            goodbye.join(_LONGEST_GOODBYE)
            return
        self._say(lambda node, why: self._nodes.stop(node, self._clock.now(), why), reason)
        self._valid_until = 0.0
        self._events.emit(NodeChanged(self.node, "stopped", self._clock.now()))

    def _say(self, goodbye: Callable[[str, str], object], reason: str) -> None:
        try:
            goodbye(self.node, reason)
        except PlanUnavailable as error:
            logger.warning("node %s could not say goodbye: %s", self.node, error)

    def beat(self) -> None:
        """One heartbeat: the clock, the lease, the dead. Raises PlanUnavailable."""
        self._clock.measure()
        if not self._renew():
            self._replace()
        self._note_return()
        self._rescue_expired()
        self._on_beat()

    def _renew(self) -> bool:
        asked_at, offset, tasks = self._clock.elapsed(), self._clock.offset.total_seconds(), self._known_tasks()
        with self._database.write() as connection:
            sent_at, now = self._clock.elapsed(), self._clock.now()
            self._note_wait(asked_at, sent_at)
            late = self._valid_until <= sent_at and self._is_held_up()
            if not renew_lease(connection, self.node, now, self._seconds, offset, tasks, even_expired=late):
                return False
        if late:
            logger.warning("node %s keeps its runs: it renews its lease after a transaction of its process", self.node)
        self._valid_until = sent_at + self._seconds
        return True

    def _note_wait(self, asked_at: float, got_at: float) -> None:
        """Others who waited as long for the only writer had no chance either to say that they live."""
        if self._database.dialect.one_writer and got_at - asked_at > self._heartbeat:
            self._away = True

    def _note_return(self) -> None:
        if self._away:
            self._away, self._back_at = False, self._clock.elapsed()

    def _is_held_up(self) -> bool:
        """Whether the lease ran out because of a transaction of this process, which lasts or has ended just now."""
        until = self._database.held_until(self._valid_until)
        return until is not None and self._clock.elapsed() - until < self._heartbeat

    def _replace(self) -> None:
        """Go on as a new node. If it was the database that was away, the runs of the old one are not suspected."""
        old = self.node
        self._lose("its lease ran out before it could be renewed")
        if self._ending.is_set():
            return
        self._register()
        self._renew()
        if self._away:
            self._nodes.stop(old, self._clock.now(), DATABASE_AWAY)
            self._rescue(old, "lost its lease")

    def _beat_on(self) -> None:
        pause, failures = self._heartbeat, 0
        while not self._ending.wait(pause):
            pause = self._heartbeat
            try:
                self.beat()
                if failures:
                    logger.info("the database answers again, after %s", counted(failures, "failed heartbeat"))
                    failures = 0
            except PlanUnavailable as error:
                pause = min(_RETRY, self._heartbeat)
                self._away = True
                if failures % _SAY_AGAIN_EVERY == 0:
                    logger.warning("node %s could not renew its lease and tries again: %s", self.node, error)
                failures += 1
            except Exception:
                logger.exception("a heartbeat of node %s failed", self.node)

    def _watch_on(self) -> None:
        """Notice a lease that ran out while a heartbeat hung, or while the whole process was stopped."""
        told: Held | None = None
        while not self._ending.wait(min(_RETRY, self._heartbeat)):
            told = self._tell_of_long_transaction(told)
            if self._valid_until and self._clock.elapsed() >= self._valid_until and not self._is_held_up():
                self._lose(f"it could not renew its lease for {self._seconds:g} s")

    def _tell_of_long_transaction(self, told: Held | None) -> Held | None:
        """Say who holds up everybody that wants to write, once for each transaction; answers whom it told of last."""
        held = self._database.held
        if held is None or held == told or self._clock.elapsed() - held.since < self._heartbeat:
            return told
        logger.warning(
            "thread %s has had a transaction open for %.0f s: nobody else can write to the plan, no run begins or ends",
            held.thread,
            self._clock.elapsed() - held.since,
        )
        return held

    def _lose(self, why: str) -> None:
        if not self._valid_until:
            return
        self._valid_until = 0.0
        logger.error("node %s gives up its runs: %s", self.node, why)
        self._on_lost(why)
        self._events.emit(NodeChanged(self.node, "lost", self._clock.now()))

    def _register(self) -> None:
        identity = Identity(str(uuid7()), socket.gethostname(), os.getpid(), process_mark(os.getpid()), __version__)
        sent_at = self._clock.elapsed()
        self._nodes.register(identity, self._clock.now(), self._seconds)
        self._note_wait(sent_at, self._clock.elapsed())
        self.node = identity.id
        self._valid_until = sent_at + self._seconds
        self._events.emit(NodeChanged(self.node, "started", self._clock.now()))

    def _rescue_predecessors(self) -> None:
        for other in self._nodes.on_host(socket.gethostname()):
            if other.id != self.node and not process_lives(other.pid, other.process):
                self._bury(other.id, "its process is gone")

    def _rescue_expired(self) -> None:
        if self._clock.elapsed() - self._back_at < 2 * self._heartbeat + _RETRY:
            return  # the database was away: those who live had no chance yet to say so
        for other in self._nodes.expired(self._clock.now()):
            if other != self.node:
                self._nodes.stop(other, self._clock.now(), "its lease ran out", only_if_expired=True)
                self._rescue(other)

    def _bury(self, node: str, reason: str) -> None:
        self._nodes.stop(node, self._clock.now(), reason)
        self._rescue(node)

    def _rescue(self, node: str, what: str = "has ended") -> None:
        number = self._claims.rescue(node, self._clock.now())
        if number:
            logger.warning("rescued %s of node %s, which %s", counted(number, "run"), node, what)


def process_mark(pid: int) -> str:
    """What tells this process from any other that has or had its pid: boot, pid namespace and start time.

    Linux tells; elsewhere the mark is empty and only the lease finds out that a process died.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        namespace = Path("/proc/self/ns/pid").readlink()
        facts = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        state, started = facts[0], facts[19]
    except (OSError, IndexError):
        return ""
    return "" if state in _DEAD else f"{boot}/{namespace}/{started}"


def process_lives(pid: int, mark: str) -> bool:
    """Whether the process with this pid and `process_mark` still runs on this host, as far as can be told here."""
    ours = process_mark(os.getpid())
    if not ours or not mark:
        return True
    if ours.rpartition("/")[0] != mark.rpartition("/")[0]:
        return True  # another machine or container of the same name, or an earlier boot: only its lease can tell
    return process_mark(pid) == mark


def process_is_gone(node: NodeInfo) -> bool:
    """Whether the process of a node that may live is known to have ended, for which its lease would take a while."""
    return node.host == socket.gethostname() and not process_lives(node.pid, node.process)
