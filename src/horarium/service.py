"""The running part of a scheduler: one node and one engine, started and stopped together, and how they are."""

from __future__ import annotations

import logging
import threading
from typing import Any

from horarium.engines.apscheduler.engine import ApschedulerEngine
from horarium.engines.base import Engine
from horarium.engines.inline import InlineEngine
from horarium.engines.node import Node, NodeOptions
from horarium.errors import ConfigurationError, HorariumError, PlanUnavailable
from horarium.events import EventBus
from horarium.plan import Plan

logger = logging.getLogger(__name__)

_START_AGAIN_AFTER = 10.0


class Service:
    """A node with its engine. Not started, it has neither."""

    def __init__(self, plan: Plan, engine_name: str, options: NodeOptions, events: EventBus) -> None:
        self._plan = plan
        self._engine_name = engine_name
        self._options = options
        self._events = events
        self._lock = threading.RLock()
        self._giving_up = threading.Event()
        self.node: Node | None = None
        self.engine: Engine | None = None
        self.start_error: str | None = None

    @property
    def running(self) -> bool:
        """Whether the engine ticks."""
        return self.engine is not None and self.engine.health().ticking

    def start(self) -> None:
        """Start; nothing happens when it is started already. Raises PlanUnavailable, SchemaError, ConfigurationError."""
        with self._lock:
            if self.engine is not None:
                return
            node = Node(self._plan.database, clock=self._plan.clock, events=self._events, options=self._options)
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
        """Stop ticking, then let runs end (see `Runner.stop`). Whether every run had ended."""
        self._giving_up.set()
        with self._lock:
            node, engine = self.node, self.engine
            self.node = self.engine = None
        if node is None or engine is None:
            return True
        engine.stop()
        return node.stop(wait=wait, grace=grace)

    def start_when_possible(self, start: Any) -> None:
        """Call `start` now and, while it fails, again every ten seconds in a thread; never raises what it raised."""
        self._giving_up.clear()
        if not self._try(start):
            threading.Thread(target=self._keep_trying, args=(start,), name="horarium-start", daemon=True).start()

    def announce(self) -> None:
        """Something changed in the plan or came into the queue: whoever can use it is woken."""
        node = self.node
        if node is not None and self._engine_name != InlineEngine.name:
            node.announce()

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
        told["node"] = {
            "id": node.id,
            "lease_holds": node.lease.holds,
            "running": len(node.runner.running()),
            "clock_offset": node.clock.offset.total_seconds(),
            "unknown_tasks": node.ticker.unknown_tasks,
        }
        well = state.ticking and state.error is None and (node.lease.holds or self._plan.clock.is_set_by_hand)
        if told["status"] == "ok" and not well:
            told["status"] = "degraded"
        return told

    def _build_engine(self, node: Node) -> Engine:
        if self._engine_name == InlineEngine.name:
            return InlineEngine(node)
        if self._engine_name == ApschedulerEngine.name:
            return ApschedulerEngine(node)
        raise ConfigurationError(
            f"engine {self._engine_name!r} is not installed; the engines are {ApschedulerEngine.name}, {InlineEngine.name}"
        )

    def _database_health(self) -> dict[str, Any]:
        database = self._plan.unprepared
        try:
            with database.read() as connection:
                connection.exec_driver_sql("SELECT 1")
        except PlanUnavailable as error:
            return {"address": database.address, "reachable": False, "error": str(error)}
        return {"address": database.address, "reachable": True, "error": None}

    def _try(self, start: Any) -> bool:
        try:
            start()
        except HorariumError as error:
            self.start_error = str(error)
            logger.error("the scheduler could not start and is tried again every %g s: %s", _START_AGAIN_AFTER, error)
            return False
        return True

    def _keep_trying(self, start: Any) -> None:
        while not self._giving_up.wait(_START_AGAIN_AFTER):
            if self._try(start):
                return
