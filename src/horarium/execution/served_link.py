"""The parent's end of a child's link: answers the child's questions about steps and marks from the run's own link."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from typing import Any

from horarium.execution import protocol
from horarium.execution.core import checked_key
from horarium.execution.link import RunLink
from horarium.execution.protocol import Message

Reply = Callable[[Message], None]


class ServedLink:
    """Answers requests of one child. `prefix` is put before its keys; `reply` may be called from any thread."""

    def __init__(self, link: RunLink, prefix: str, reply: Reply) -> None:
        self._link = link
        self._prefix = prefix
        self._reply = reply

    def answer(self, request: Message) -> None:
        """Answer a request. Returns at once: what waits for the database does so in a thread."""
        if request["op"] == "save_marks":
            self._save_marks(request)
            return
        # The thread is not waited for: a database that does not answer must not keep a timeout from being kept.
        threading.Thread(
            target=copy_context().run,
            args=(self._look_up, request),
            name=f"horarium-{request['op']}",
            daemon=True,
        ).start()

    def _look_up(self, request: Message) -> None:
        try:
            value = self._value_of(request)
        except Exception as error:  # noqa: BLE001 - whatever the plan says, it is the child that asked
            self._refuse(request, error)
        else:
            self._reply({"op": "reply", "id": request["id"], "value": value})

    def _value_of(self, request: Message) -> Any:
        match request["op"]:
            case "load_step":
                return self._link.load_step(self._key(request["key"], "step"))
            case "save_step":
                return self._link.save_step(self._key(request["key"], "step"), request["result"])
            case "load_marks":
                marks = self._link.load_marks(self._key(request["batch"], "batch"))
                return {"done": sorted(marks.done), "skipped": sorted(marks.skipped)}
            case unknown:
                raise ValueError(f"a child process asked for {unknown!r}, which is not known here")

    def _key(self, key: str, kind: str) -> str:
        return checked_key(self._prefix + key, f"the key of a {kind}")

    def _save_marks(self, request: Message) -> None:
        # Not in a thread: the link groups commits by itself, and marks keep the order in which the child sent them.
        marks = [protocol.mark_from_json(one) for one in request["marks"]]
        try:
            committed = self._link.save_marks(self._prefix + request["batch"], marks)
        except Exception as error:  # noqa: BLE001 - whatever the plan says, it is the child that asked
            self._refuse(request, error)
            return

        def tell(future: Future[Any]) -> None:
            error = None if future.cancelled() else future.exception()
            if future.cancelled():
                error = RuntimeError("the commit was given up")
            if error is not None:
                self._refuse(request, error)
                return
            failures = [failure.to_json() for failure in future.result()]
            self._reply({"op": "reply", "id": request["id"], "value": failures})

        committed.add_done_callback(tell)

    def _refuse(self, request: Message, error: BaseException) -> None:
        self._reply({"op": "reply", "id": request["id"], "error": protocol.describe(error)})
