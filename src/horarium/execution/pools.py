"""Threads for work that may never end: daemons, so that a function that hangs does not keep its process from ending."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class DaemonPool(Executor):
    """At most `size` threads, made when they are needed. Unlike Python's own pool, Python does not wait for them."""

    def __init__(self, size: int, name: str) -> None:
        self._size = size
        self._name = name
        self._calls: deque[tuple[Future[object], Callable[[], object]]] = deque()
        self._news = threading.Condition()
        self._idle = 0
        self._threads: list[threading.Thread] = []
        self._closed = False

    def submit(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Call `function` in a thread. Raises RuntimeError after `shutdown`."""
        future: Future[T] = Future()
        with self._news:
            if self._closed:
                raise RuntimeError(f"{self._name}: no more calls after shutdown")
            self._calls.append((future, lambda: function(*args, **kwargs)))  # type: ignore[arg-type]
            if len(self._calls) <= self._idle:
                self._news.notify()
            elif len(self._threads) < self._size:
                number = len(self._threads)
                thread = threading.Thread(target=self._work, name=f"{self._name}_{number}", daemon=True)
                self._threads.append(thread)
                thread.start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls; `wait`: back when the last has ended; `cancel_futures`: those not begun are dropped."""
        with self._news:
            self._closed = True
            dropped = list(self._calls) if cancel_futures else []
            if cancel_futures:
                self._calls.clear()
            self._news.notify_all()
        for future, _ in dropped:
            future.cancel()
        if wait:
            for thread in self._threads:
                if thread is not threading.current_thread():
                    thread.join()

    def _work(self) -> None:
        while True:
            with self._news:
                self._idle += 1
                while not self._calls and not self._closed:
                    self._news.wait()
                self._idle -= 1
                if not self._calls:
                    return
                future, call = self._calls.popleft()
            if future.set_running_or_notify_cancel():
                _answer(future, call)
            del future, call  # while this thread waits it must not keep alive what the call held


def _answer(future: Future[object], call: Callable[[], object]) -> None:
    try:
        result = call()
    except BaseException as error:  # noqa: BLE001 - carried over to whoever asks the future
        future.set_exception(error)
    else:
        future.set_result(result)
