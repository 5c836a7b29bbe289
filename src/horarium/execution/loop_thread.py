"""An event loop in a thread of its own, for the async functions of runs, and a watch that says when it is blocked."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
import traceback
from itertools import dropwhile
from pathlib import Path

logger = logging.getLogger(__name__)

LOOK_EVERY = 5.0
"""Seconds after which a loop that gives no sign counts as blocked."""

_NOT_THE_TASKS = (threading.__file__, str(Path(asyncio.__file__).parent), str(Path(__file__).parent))

_here = threading.local()


def is_loop_of_runs() -> bool:
    """Whether this thread's event loop is that of a node's runs, which stands still while anything waits here."""
    return getattr(_here, "is_loop_of_runs", False)


class LoopThread:
    """Owns an event loop; nobody else's loop is ever closed."""

    def __init__(self, look_every: float = LOOK_EVERY) -> None:
        self.loop = asyncio.new_event_loop()
        self._closing = threading.Event()
        self._look_every = look_every
        self._silent_since: float | None = None
        self._thread = threading.Thread(target=self._work, name="horarium-loop", daemon=True)
        self._watch = threading.Thread(target=self._watch_on, name="horarium-loop-watch", daemon=True)

    def start(self) -> None:
        """Begin to run the loop."""
        self._thread.start()
        self._watch.start()

    def close(self, timeout: float) -> bool:
        """Stop the loop, cancelling what is left; False when its thread did not end within `timeout` seconds."""
        self._closing.set()
        if not self._thread.is_alive():
            if not self.loop.is_closed():
                self.loop.close()
            return True
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(timeout)
        return not self._thread.is_alive()

    @property
    def blocked_for(self) -> float:
        """Seconds for which the loop has given no sign; 0 for one that is not blocked."""
        since = self._silent_since
        return 0.0 if since is None else time.monotonic() - since

    def _work(self) -> None:
        _here.is_loop_of_runs = True
        asyncio.set_event_loop(self.loop)
        try:
            while not self._closing.is_set():
                self.loop.run_forever()  # a task may have stopped it, which must not end the others
        finally:
            left = asyncio.all_tasks(self.loop)
            for task in left:
                task.cancel()
            if left:
                self.loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
            self.loop.close()

    def _watch_on(self) -> None:
        while not self._closing.wait(self._look_every):
            asked_at, sign = time.monotonic(), threading.Event()
            try:
                self.loop.call_soon_threadsafe(sign.set)
            except RuntimeError:  # it was closed just now
                return
            # Twice a half: a process that was stopped meanwhile finds one of them over, and the loop is well.
            if sign.wait(self._look_every / 2) or sign.wait(self._look_every / 2) or self._closing.is_set():
                continue
            self._silent_since = asked_at
            logger.warning(
                "the event loop of the runs has been blocked for %.0f s: an async function computes, or calls what "
                "waits, without await. No other async run goes on, and no timeout or cancel is heard. Make it a plain "
                "function, which has a thread, or call what waits by asyncio.to_thread. It is here:\n%s",
                self.blocked_for,
                self._where().rstrip(),
            )
            while not sign.wait(self._look_every):
                if self._closing.is_set():
                    return
            lasted, self._silent_since = self.blocked_for, None
            logger.warning("the event loop of the runs goes on; it was blocked for %.0f s", lasted)

    def _where(self) -> str:
        """What the loop is doing: the task's own part of its stack."""
        frame = sys._current_frames().get(self._thread.ident or 0)
        own = dropwhile(lambda one: one.filename.startswith(_NOT_THE_TASKS), traceback.extract_stack(frame))
        return "".join(traceback.format_list(list(own)) or ["(in asyncio itself)"])
