"""An event loop in a thread of its own, for the async functions of runs."""

from __future__ import annotations

import asyncio
import threading

_here = threading.local()


def is_loop_of_runs() -> bool:
    """Whether this thread's event loop is that of a node's runs, which stands still while anything waits here."""
    return getattr(_here, "is_loop_of_runs", False)


class LoopThread:
    """Owns an event loop; nobody else's loop is ever closed."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="horarium-loop", daemon=True)

    def start(self) -> None:
        """Begin to run the loop."""
        self._thread.start()

    def close(self, timeout: float) -> bool:
        """Stop the loop, cancelling what is left; False when its thread did not end within `timeout` seconds."""
        if not self._thread.is_alive():
            if not self.loop.is_closed():
                self.loop.close()
            return True
        self._closing = True
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _work(self) -> None:
        _here.is_loop_of_runs = True
        asyncio.set_event_loop(self.loop)
        try:
            while not self._closing:
                self.loop.run_forever()  # a task may have stopped it, which must not end the others
        finally:
            left = asyncio.all_tasks(self.loop)
            for task in left:
                task.cancel()
            if left:
                self.loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
            self.loop.close()
