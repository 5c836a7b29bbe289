"""The default engine: an APScheduler of our own, in a thread, whose store and executor are the plan's."""

from __future__ import annotations

import logging
import threading
import time
from datetime import UTC

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.schedulers.base import STATE_STOPPED

from horarium.engines.apscheduler.executor import PlanExecutor
from horarium.engines.apscheduler.jobstore import PlanJobStore
from horarium.engines.base import Engine, EngineHealth
from horarium.engines.node import Node
from horarium.engines.ticker import TICK_BATCH

logger = logging.getLogger(__name__)

WATCH_EVERY = 1.0
"""Seconds between looks at the thread."""

HUNG_AFTER = 60.0
"""Seconds without a look at the plan after which the thread is given up; it looks every second."""

_STOPPING = 30.0


class Shell(BackgroundScheduler):  # type: ignore[misc]  # APScheduler has no annotations
    """APScheduler as the engine uses it: for its loop, its sleep and its wake-ups.

    `died_of` is what ended its thread, if anything did.
    """

    def __init__(self, node: Node, batch: int) -> None:
        self.store = PlanJobStore(node=node, tick_batch=batch)
        self.executor = PlanExecutor()
        self.died_of: BaseException | None = None
        self.started_at = time.monotonic()
        super().__init__(
            timezone=UTC,
            daemon=True,
            jobstores={"default": self.store},
            executors={"default": self.executor},
        )

    @property
    def thread(self) -> threading.Thread | None:
        """The thread of its loop."""
        thread: threading.Thread | None = self._thread
        return thread

    @property
    def alive(self) -> bool:
        """Whether its thread lives."""
        return self.thread is not None and self.thread.is_alive()

    @property
    def quiet_for(self) -> float:
        """Seconds since it last looked at the plan."""
        service = self.store.service
        looked_at = None if service is None else service.ticking.looked_at
        return time.monotonic() - (looked_at or self.started_at)

    def retire(self) -> None:
        """Have the loop end by itself. `shutdown` would wait for a lock that a thread that hangs may hold for ever."""
        self.state = STATE_STOPPED
        self.executor.shutdown(wait=False)
        self.store.shutdown()
        self.wakeup()

    def _main_loop(self) -> None:
        try:
            super()._main_loop()
        except BaseException as error:
            self.died_of = error
            logger.exception("the thread that ticks died")


class ApschedulerEngine(Engine):
    """Ticks in an APScheduler's thread, and sees to it that there is always one that lives.

    The node is somebody else's to start, before, and to stop, after. `batch` is how many due jobs one tick decides.
    """

    name = "apscheduler"

    def __init__(self, node: Node, *, batch: int = TICK_BATCH) -> None:
        self._node = node
        self._batch = batch
        self._shell: Shell | None = None
        self._restarts = 0
        self._ending = threading.Event()
        self._watch: threading.Thread | None = None

    def start(self) -> None:
        """Begin to tick, and to watch over the thread that does."""
        self._ending.clear()
        self._begin()
        self._node.on_plan_changed = self.wake
        self._watch = threading.Thread(target=self._watch_on, name="horarium-engine", daemon=True)
        self._watch.start()

    def stop(self) -> None:
        """Tick no more; back when no tick is under way, or after half a minute in which one did not end."""
        self._node.on_plan_changed = lambda: None
        self._ending.set()
        watch, self._watch = self._watch, None
        if watch is not None and watch is not threading.current_thread():
            watch.join(_STOPPING)
        shell, self._shell = self._shell, None
        if shell is None:
            return
        thread = shell.thread
        shell.retire()
        if thread is not None and thread is not threading.current_thread():
            thread.join(_STOPPING)
            if thread.is_alive():
                logger.error("a tick did not end within %g s and is left behind", _STOPPING)

    def wake(self) -> None:
        """Look at the plan now. Wake-ups within ten milliseconds are one look."""
        self._node.ticker.lookahead.forget()
        shell = self._shell
        if shell is not None:
            shell.wakeup()

    def health(self) -> EngineHealth:
        """How the engine is, without asking the database. It is never paused itself; the plan may be."""
        shell = self._shell
        last_tick, error = self._node.ticker.last_tick, self._node.ticker.last_error
        if shell is None:
            return EngineHealth(ticking=False, paused=False, last_tick=last_tick, error=error)
        if not shell.alive:
            error = f"the thread that ticks died and is started again: {shell.died_of!r}"
        elif shell.quiet_for > HUNG_AFTER / 2:
            error = f"the plan was not looked at for {shell.quiet_for:.0f} s: a tick does not end"
        ticking = shell.alive and shell.quiet_for <= HUNG_AFTER / 2
        return EngineHealth(ticking, paused=False, last_tick=last_tick, error=error)

    def _begin(self) -> None:
        shell = Shell(self._node, self._batch)
        shell.start()
        self._shell = shell

    def _watch_on(self) -> None:
        while not self._ending.wait(WATCH_EVERY):
            try:
                self.watch()
            except Exception:
                logger.exception("the thread that ticks could not be started again; it is tried again")

    def watch(self) -> None:
        """Once: put a new thread in the place of one that died or hangs."""
        shell = self._shell
        if shell is None or (shell.alive and shell.quiet_for <= HUNG_AFTER):
            return
        self._restarts += 1
        what = "died" if not shell.alive else f"has not looked at the plan for {shell.quiet_for:.0f} s"
        logger.error("the thread that ticks %s; a new one takes its place (the %d.)", what, self._restarts)
        shell.retire()
        self._begin()
