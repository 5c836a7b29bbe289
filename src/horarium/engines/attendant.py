"""The attendant of a node: the thread that looks at the queue, claims what waits, and tells runs to stop."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable

from horarium.engines.ticker import Ticker
from horarium.errors import PlanUnavailable
from horarium.execution.runner import Runner
from horarium.store.claims import Claims
from horarium.store.plan_clock import PlanClock

logger = logging.getLogger(__name__)

_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0


class Attendant:
    """Looks when it is woken, and every `every` seconds."""

    def __init__(self, runner: Runner, claims: Claims, ticker: Ticker, clock: PlanClock, *, every: float) -> None:
        self._runner = runner
        self._claims = claims
        self._ticker = ticker
        self._clock = clock
        self._every = every
        self._searches = Searches()
        self._woken = threading.Event()
        self._ending = threading.Event()
        self._look_at_ours = True
        self._look_again_at = 0.0
        self._try_imports = False
        self._no_imports_before = 0.0
        self._more_waits = False
        self._thread = threading.Thread(target=self._work, name="horarium-attendant", daemon=True)

    @property
    def alive(self) -> bool:
        """Whether its thread lives."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Look from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._ending.set()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join(_LONGEST_PAUSE)

    def wake(self) -> None:
        """Look now: something was put in the queue or changed in the plan."""
        self._look_at_ours = True
        self._woken.set()

    def try_imports(self) -> None:
        """Look once more for tasks that were not found. Not in the caller's thread: to import can take long."""
        self._try_imports = True
        self._woken.set()

    def queued(self, kinds: Iterable[str]) -> None:
        """A tick has put runs in the queue that need these executors."""
        self._more_waits = True
        if not self._runner.places.free().keys().isdisjoint(kinds):
            self._woken.set()

    def place_is_free(self) -> None:
        """A run of this node has ended, whose place another can have."""
        if self._more_waits:
            self._woken.set()

    def attend(self) -> None:
        """Once: tell runs that were asked to stop, and claim what waits. Raises PlanUnavailable."""
        self._ticker.ask_again()
        self._runner.attend()
        self._claim()

    def _claim(self) -> None:
        # In this order: what is queued while this looks stays noted, and so does a place that comes free meanwhile.
        self._more_waits = False
        if not self._claims.anything_waits(self._clock.now()):
            return
        self._more_waits = True
        for kind in self._searches.allowed(self._runner.places.free(), self._clock.elapsed()):
            began = self._clock.elapsed()
            found = self._runner.claim(self._clock.now(), self._ticker.unknown_tasks, kinds=[kind])
            self._searches.ended(kind, began, self._clock.elapsed(), found)

    def _work(self) -> None:
        pause = _FIRST_PAUSE
        while not self._ending.is_set():
            if not self._woken.wait(self._searches.rest(self._every, self._clock.elapsed())):
                self._look_at_ours = True
            self._woken.clear()
            if self._ending.is_set():
                return
            try:
                self._look()
                pause = _FIRST_PAUSE
            except PlanUnavailable as error:
                logger.warning("the queue cannot be looked at: %s", error)
                self._ending.wait(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
            except Exception:
                logger.exception("looking at the queue failed")
                self._ending.wait(_LONGEST_PAUSE)

    def _look(self) -> None:
        if self._try_imports and self._clock.elapsed() >= self._no_imports_before:
            self._try_imports = False
            began = self._clock.elapsed()
            self._ticker.look_again()
            # A module that takes long to fail must not keep this thread from the queue.
            ended = self._clock.elapsed()
            self._no_imports_before = ended + 10 * (ended - began)
        now = self._clock.elapsed()
        if self._look_at_ours or now >= self._look_again_at:  # who is woken all the time never waits in vain
            self._look_at_ours, self._look_again_at = False, now + self._every
            self._ticker.ask_again()
        self._runner.attend()
        self._claim()


class Searches:
    """How long ago the queue was searched in vain. To find nothing for an executor, all that waits has to be read.

    With a hundred thousand runs waiting for one executor, those of another would be looked for at the cost of the
    first. So a long search in vain is not repeated for ten times as long as it took, or `_LONGEST` seconds.
    """

    _LONG = 0.005
    _LONGEST = 1.0

    def __init__(self) -> None:
        self._resting: dict[str, float] = {}

    def allowed(self, kinds: Iterable[str], now: float) -> list[str]:
        """Those of these executors that may be searched for."""
        return [kind for kind in kinds if self._resting.get(kind, now) <= now]

    def ended(self, kind: str, began: float, now: float, found: int) -> None:
        """Note a search."""
        took = now - began
        if not found and took > self._LONG:
            self._resting[kind] = now + min(10 * took, self._LONGEST)

    def rest(self, longest: float, now: float) -> float:
        """Seconds until something may be searched for again, at most `longest`. Each is announced only once."""
        rest = min((max(until - now, 0.0) for until in self._resting.values()), default=longest)
        self._resting = {kind: until for kind, until in self._resting.items() if until > now}
        return min(rest, longest)
