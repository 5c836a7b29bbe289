"""The recorder: one thread that commits what runs did, as much at once as came in during its last commit.

It never waits for more to come. While the database is away it keeps what it has and tries again, so that the result of
a run that ended during an outage is not lost with the outage.
"""

from __future__ import annotations

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from horarium.errors import PlanUnavailable
from horarium.store.database import Connection, Database
from horarium.wording import counted

logger = logging.getLogger(__name__)

_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 2.0
_SAY_AGAIN_AFTER = 60.0


class Record(ABC):
    """Something to commit. Writing it twice must be the same as once: the answer to a commit can be lost."""

    __slots__ = ()

    @abstractmethod
    def committed(self) -> None:
        """It is on disk."""

    @abstractmethod
    def refused(self, error: Exception) -> None:
        """It cannot be written, by itself or at all; the others were."""


class Recorder:
    """Commits records in the order in which they came."""

    def __init__(self, database: Database, write_together: Callable[[Connection, Sequence[Record]], None]) -> None:
        self._database = database
        self._write_together = write_together
        self._pending: list[Record] = []
        self._changed = threading.Condition()
        self._closing = False
        self._given_up = threading.Event()
        self._has_thread = False
        self._thread = threading.Thread(target=self._work, name="horarium-recorder", daemon=True)

    def start(self) -> None:
        """Begin to record in a thread. Before that, `put` commits by itself."""
        self._has_thread = True
        self._thread.start()

    def put(self, record: Record) -> None:
        """Have `record` committed. Returns at once; may be called from any thread. After the end it is refused."""
        if not self._has_thread:
            self._pending.append(record)
            # Within a transaction of this thread there can be no other on SQLite; then the next record takes it along.
            if not self._database.is_written_here:
                records, self._pending = self._pending, []
                self._commit(records)
            return
        with self._changed:
            if not self._closing:
                self._pending.append(record)
                if len(self._pending) == 1:
                    self._changed.notify()
                return
        self._refuse([record])

    def close(self, timeout: float | None = None) -> bool:
        """Commit what is there and end; False when the database did not let it within `timeout` seconds.

        What is not committed then is refused, so that nobody waits for it.
        """
        with self._changed:
            self._closing = True
            self._changed.notify()
        if not self._has_thread:
            return True
        if self._thread is not threading.current_thread():
            self._thread.join(timeout)
        if not self._thread.is_alive():
            return True
        self._given_up.set()
        self._thread.join(_FIRST_PAUSE)  # it may only have been between two attempts
        return False

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._pending and not self._closing:
                    self._changed.wait()
                records, self._pending = self._pending, []
            if not records:
                return
            self._commit(records)

    def _commit(self, records: Sequence[Record]) -> None:
        """Commit all of them, or all but those that cannot be written; not back before that is so."""
        pause, said_at = _FIRST_PAUSE, float("-inf")
        while not self._given_up.is_set():
            try:
                with self._database.write() as connection:
                    self._write_together(connection, records)
            except PlanUnavailable as error:
                if time.monotonic() - said_at > _SAY_AGAIN_AFTER:
                    said_at = time.monotonic()
                    logger.warning("waiting to be recorded: %s: %s", counted(len(records), "result"), error)
                self._given_up.wait(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
            except Exception as error:  # noqa: BLE001 - whatever it is, the other records must not suffer from it
                self._commit_apart(records, error)
                return
            else:
                if pause > _FIRST_PAUSE:
                    logger.info("recorded after a wait: %s", counted(len(records), "result"))
                for record in records:
                    _tell(record.committed)
                return
        self._refuse(records)

    def _commit_apart(self, records: Sequence[Record], error: Exception) -> None:
        """One of them cannot be written: find out which, and write the others."""
        if len(records) == 1:
            logger.error("a record cannot be written: %s", error, exc_info=error)
            _tell(records[0].refused, error)
            return
        for record in records:
            self._commit([record])

    def _refuse(self, records: Sequence[Record]) -> None:
        error = PlanUnavailable("the recorder has ended, and did not record this")
        for record in records:
            _tell(record.refused, error)


def _tell(callback: Callable[..., None], *args: Exception) -> None:
    """Call back whoever waits for a record; what goes wrong there must not end the recording."""
    try:
        callback(*args)
    except Exception:
        logger.exception("whoever waited for a record failed on its answer")
