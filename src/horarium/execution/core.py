"""The one core behind both faces of a run: whether it should stop, which keys were used, where progress goes."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from horarium.errors import JobError, RunStopped, StepKeyUsedTwice
from horarium.execution.link import RunLink
from horarium.values import Progress

KEY_BYTES = 1000
"""Longest key of a step, a batch or an item, in UTF-8, its prefix included: databases index no longer ones."""

Wait = Callable[[float], Awaitable[None]]


class Scope:
    """Where keys of steps and batches must differ: the run as a whole, or one item of a batch in it.

    A step in an item's function belongs to the item: each item has its own step "download".
    """

    def __init__(self, core: RunCore, report: Callable[[Progress], None]) -> None:
        self.core = core
        self.report = report
        self.prefix = ""
        self._used: set[tuple[str, str]] = set()

    def begin(self, prefix: str) -> None:
        """Stand for another item, or for another try of the same one, in which keys may be used anew."""
        self.prefix = prefix
        if self._used:
            self._used = set()

    @contextmanager
    def claim(self, kind: str, key: str) -> Iterator[str]:
        """Take a key for what happens inside; it is given back if that fails, since nothing was kept under it.

        Answers the key with the scope's prefix. Raises StepKeyUsedTwice when it was used in this attempt, JobError
        when it cannot be a key.
        """
        what = f"the key of a {kind}"
        name = checked_key(self.prefix + checked_key(key, what), what)
        used, mine = self._used, (kind, key)
        with self.core.claiming:
            if mine in used:
                raise StepKeyUsedTwice(name, kind)
            used.add(mine)
        try:
            yield name
        except BaseException:
            used.discard(mine)
            raise


class RunCore:
    """What `Run`, `SyncRun`, steps and batches share of one attempt of one run.

    `wait` sleeps for seconds, between tries of an item and in the pauses of a batch; tests give their own.
    """

    def __init__(self, link: RunLink, wait: Wait = asyncio.sleep) -> None:
        self.link = link
        self.wait = wait
        self.claiming = threading.Lock()
        self._root = Scope(self, link.report_progress)

    @property
    def scope(self) -> Scope:
        """The item whose function is being called here, else the run itself."""
        scope = _item_scope.get()
        return scope if scope is not None and scope.core is self else self._root

    def enter(self, scope: Scope) -> None:
        """Let everything that this asyncio task goes on to call happen in `scope`."""
        _item_scope.set(scope)

    def check(self) -> None:
        """Raise RunStopped when the run was told to stop."""
        reason = self.link.stop_reason()
        if reason is not None:
            raise RunStopped(reason)


_item_scope: contextvars.ContextVar[Scope | None] = contextvars.ContextVar("horarium_item_scope", default=None)


def checked_key(key: str, what: str) -> str:
    """`key`, if a database can keep it as one. Raises JobError, naming `what`."""
    if not isinstance(key, str) or not key:
        raise JobError(f"{what} must be text that is not empty, not {key!r}")
    if "\0" in key:
        raise JobError(f"{what} contains a NUL character, which databases cannot keep: {key!r}")
    try:
        length = len(key.encode())
    except UnicodeEncodeError:
        raise JobError(f"{what} contains half of a surrogate pair, which no database can keep: {key!r}") from None
    if length > KEY_BYTES:
        raise JobError(f"{what} is {length} bytes long, at most {KEY_BYTES} can be kept: {key[:80]!r}…")
    return key
