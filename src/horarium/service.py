"""The running part of a scheduler: one node and one engine, started and stopped together, and how they are."""

from __future__ import annotations

import functools
import logging
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any
from weakref import WeakSet

from horarium.engines.apscheduler.engine import ApschedulerEngine
from horarium.engines.base import Engine
from horarium.engines.inline import InlineEngine
from horarium.engines.node import Node, NodeOptions
from horarium.engines.ticker import TICK_BATCH
from horarium.errors import ConfigurationError, HorariumError
from horarium.events import EventBus
from horarium.execution.owner import Owner
from horarium.plan import Plan
from horarium.store.database import Database
from horarium.store.wakeups import Wakeups

logger = logging.getLogger(__name__)

_START_AGAIN_AFTER = 5.0

_PATIENCE = 1.5
"""Seconds that `health` waits for a database."""

_FORKED = (
    "this process was forked from the one that runs the scheduler, and runs none itself: call start() after the fork "
    "if it should"
)
_NOT_WITH_SQLITE = (
    "and with SQLite a scheduler that was started before the fork cannot be used after it: make another Scheduler in "
    "the new process, or start only there (gunicorn: without --preload, or in the hook post_fork)"
)


_services: WeakSet[Service] = WeakSet()


_ENGINES = (ApschedulerEngine.name, InlineEngine.name)


class Service:
    """A node with its engine. Not started, it has neither."""

    def __init__(
        self,
        plan: Plan,
        engine_name: str,
        options: NodeOptions,
        events: EventBus,
        *,
        tick_batch: int = TICK_BATCH,
        owner: Callable[[], Owner | None] = lambda: None,
    ) -> None:
        if engine_name not in _ENGINES:
            raise ConfigurationError(f"engine {engine_name!r} is not installed; the engines are {', '.join(_ENGINES)}")
        self._plan = plan
        self._tick_batch = tick_batch
        self._owner = owner
        self._engine_name = engine_name
        self._options = options
        self._events = events
        self._wakeups = Wakeups(plan.unprepared)
        self._probe = Probe(functools.partial(_fault_of, plan.unprepared))
        self._lock = threading.RLock()
        self._giving_up = threading.Event()
        self._starter: threading.Thread | None = None
        self.node: Node | None = None
        self.engine: Engine | None = None
        self.start_error: str | None = None
        _services.add(self)

    @property
    def running(self) -> bool:
        """Whether the engine ticks."""
        return self.engine is not None and self.engine.health().ticking

    def start(self) -> None:
        """Start; nothing happens when it is started already.

        Raises PlanUnavailable, SchemaError, ConfigurationError.
        """
        with self._lock:
            if self.engine is not None:
                return
            node = Node(self._plan.database, clock=self._plan.clock, events=self._events, options=self._options)
            node.runner.owner = self._owner()
            engine = self._build_engine(node)
            try:
                if self._engine_name == InlineEngine.name:
                    node.begin()
                else:
                    node.start()
                engine.start()
            except BaseException:
                node.stop(wait=False)
                raise
            self.node, self.engine, self.start_error = node, engine, None

    def stop(self, *, wait: bool, grace: float | None) -> bool:
        """Stop ticking, then let runs end (see `Runner.stop`), and close the plan. Whether every run had ended."""
        self._giving_up.set()
        starter, self._starter = self._starter, None
        if starter is not None:
            starter.join(_START_AGAIN_AFTER)
        self.start_error = None
        self._wakeups.close()
        self._wakeups = Wakeups(self._plan.unprepared)
        with self._lock:
            node, engine = self.node, self.engine
            self.node = self.engine = None
        clean = True
        if node is not None and engine is not None:
            engine.stop()
            clean = node.stop(wait=wait, grace=grace)
        if starter is None or not starter.is_alive():  # else it stops what it has begun, and closes what it has open
            self._plan.close()
        return clean

    def forked(self) -> None:
        """In a new process: what runs is the parent's, whose threads are not here."""
        self._lock = threading.RLock()
        self._plan.forked()
        self._probe = Probe(functools.partial(_fault_of, self._plan.unprepared))
        if self.node is None:
            return
        self.node = self.engine = self._starter = None
        self.start_error = _FORKED
        if self._plan.unprepared.dialect.one_writer:
            # A thread of the parent may have been inside of SQLite, whose locks it takes along into the copy.
            self.start_error = f"{_FORKED}; {_NOT_WITH_SQLITE}"
            self._plan.unprepared.give_up(self.start_error)

    def start_when_possible(self, start: Any) -> None:
        """Call `start` now and, while it fails, again every few seconds in a thread; never raises what it raised."""
        self._giving_up.clear()
        if not self._try(start):
            self._starter = threading.Thread(
                target=self._keep_trying, args=(start,), name="horarium-start", daemon=True
            )
            self._starter.start()

    def announce(self) -> None:
        """Something changed in the plan or came into the queue: whoever can use it is woken."""
        node = self.node
        if self._engine_name == InlineEngine.name:
            return
        if node is not None:
            node.announce()
        else:
            self._wakeups.announce()

    def health(self) -> dict[str, Any]:
        """How node, engine and database are, as JSON. `status` is "ok", "degraded" (it will come back), or "down"."""
        node, engine = self.node, self.engine
        database = self._database_health()
        told: dict[str, Any] = {
            "status": "ok" if database["reachable"] else "down",
            "database": database,
            "engine": {"name": self._engine_name, "running": False, "error": self.start_error},
            "node": None,
        }
        if self.start_error is not None:
            told["status"] = "down"
        if node is None or engine is None:
            return told
        state = engine.health()
        told["engine"] |= {
            "running": state.ticking,
            "last_tick": None if state.last_tick is None else state.last_tick.isoformat(),
            "error": state.error,
        }
        blocked = node.runner.loop_thread.blocked_for
        told["node"] = {
            "id": node.id,
            "lease_holds": node.lease.holds,
            "running": len(node.runner.running()),
            "clock_offset": node.clock.offset.total_seconds(),
            "unknown_tasks": node.ticker.unknown_tasks,
            "error": f"an async function has blocked the event loop for {blocked:.0f} s" if blocked else None,
        }
        owns_its_runs = node.lease.holds or self._plan.clock.is_set_by_hand
        well = state.ticking and state.error is None and owns_its_runs and not blocked
        if told["status"] == "ok" and not well:
            told["status"] = "degraded"
        return told

    def _build_engine(self, node: Node) -> Engine:
        if self._engine_name == InlineEngine.name:
            return InlineEngine(node)
        return ApschedulerEngine(node, batch=self._tick_batch)

    def _database_health(self) -> dict[str, Any]:
        database = self._plan.unprepared
        error = self._probe.error() if not database.dialect.one_writer else _fault_of(database)
        return {"address": database.address, "reachable": error is None, "error": error}

    def _try(self, start: Any) -> bool:
        try:
            start()
        except Exception as error:  # whatever it is, the application must go on to serve
            self.start_error = str(error) or type(error).__name__
            unexpected = None if isinstance(error, HorariumError) else error
            logger.error(  # noqa: TRY400 - no traceback of what is expected
                "the scheduler could not start and is tried again every %g s: %s",
                _START_AGAIN_AFTER,
                self.start_error,
                exc_info=unexpected,
            )
            return False
        return True

    def _keep_trying(self, start: Any) -> None:
        while not self._giving_up.wait(_START_AGAIN_AFTER):
            if self._try(start) and not self._giving_up.is_set():
                return
        self.stop(wait=False, grace=0)  # who stopped it did not find what has begun since then


def _fault_of(database: Database) -> str | None:
    """What is wrong with a database that is asked for something small; None when it answers."""
    try:
        with database.read() as connection:
            connection.exec_driver_sql("SELECT 1")
    except HorariumError as error:
        return str(error)
    return None


class Probe:
    """Asks a server in a thread, since one whose host is gone lets who asks wait for long. One question at a time."""

    def __init__(self, ask: Callable[[], str | None], patience: float = _PATIENCE) -> None:
        self._ask = ask
        self._patience = patience
        self._pending: Future[str | None] | None = None
        self._lock = threading.Lock()

    def error(self) -> str | None:
        """What is wrong; None when it answers. Back within the patience, in seconds."""
        with self._lock:
            pending = self._pending
            if pending is None or pending.done():
                pending = self._pending = Future()
                threading.Thread(target=self._answer, args=(pending,), name="horarium-health", daemon=True).start()
        try:
            return pending.result(self._patience)
        except TimeoutError:
            return f"the plan's database has not answered for {self._patience:g} s"

    def _answer(self, pending: Future[str | None]) -> None:
        try:
            pending.set_result(self._ask())
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is the answer
            pending.set_result(f"{type(error).__name__}: {error}")


def _forked() -> None:
    for service in tuple(_services):
        service.forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
