"""Whether a run can go on at all, and how long it is worth waiting for."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from horarium.cli.durations import duration_words
from horarium.cli.failures import StillWaiting
from horarium.cli.patience import PATIENCE
from horarium.cli.session import Session
from horarium.cli.standing import see_nodes
from horarium.states import FINAL, WAITING, JobStatus
from horarium.values import RunInfo

if TYPE_CHECKING:
    from horarium.scheduler import Scheduler

_LOOK_EVERY = 2.0
_SET_ASIDE = (JobStatus.BROKEN, JobStatus.QUARANTINED)


def obstacle(scheduler: Scheduler, run: RunInfo) -> str | None:
    """Why nobody takes this run as things stand, in a sentence; None when somebody could. Raises PlanUnavailable."""
    if run.state in FINAL:
        return None
    if not any(seen.may_run for seen in see_nodes(scheduler)):
        return "No scheduler is running: the run waits until one starts (`horarium run`)."
    job = scheduler.get_job(run.job_id) if run.state in WAITING else None
    if job is None or job.status not in _SET_ASIDE:
        return None
    return f"Job {job.id!r} is {job.status}: {job.fault or 'no reason is known'}. The run waits until that is mended."


def note_obstacle(session: Session, scheduler: Scheduler, run: RunInfo) -> None:
    """Say at once when nobody takes this run as things stand."""
    found = obstacle(scheduler, run)
    if found is not None:
        session.note(found)


class Outlook:
    """How long a run is waited for: `timeout` seconds, or, without one, as long as somebody could end it.

    Nobody can for a moment while a scheduler is started again, so that the waiting ends only after PATIENCE.
    """

    def __init__(
        self,
        session: Session,
        scheduler: Scheduler,
        timeout: float | None,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self._session = session
        self._scheduler = scheduler
        self._timeout = timeout
        self._elapsed = elapsed
        self._began = elapsed()
        self._looked_at: float | None = None
        self._found: str | None = None
        self._since = self._began

    @property
    def left(self) -> float:
        """Seconds until the timeout; infinite without one."""
        return float("inf") if self._timeout is None else self._began + self._timeout - self._elapsed()

    def check(self, run: RunInfo) -> None:
        """Say what is in the way of a run that has not ended. Raises StillWaiting when it is to be waited for no more.

        Raises PlanUnavailable.
        """
        present = self._elapsed()
        if self._timeout is not None and self.left <= 0:
            raise StillWaiting(f"{self._where(run)} after {duration_words(self._timeout)}{self._advice(run)}")
        if self._looked_at is not None and present - self._looked_at < _LOOK_EVERY:
            return
        self._looked_at = present
        found = obstacle(self._scheduler, run)
        if found != self._found:
            self._found, self._since = found, present
            if found is not None:
                self._session.note(found)
        if found is not None and self._timeout is None and present - self._since >= PATIENCE:
            raise StillWaiting(f"{self._where(run)}, and nobody took it for {PATIENCE:g} s{self._advice(run)}")

    def _where(self, run: RunInfo) -> str:
        return f"run {run.id} of {run.job_id} is {run.state}"

    def _advice(self, run: RunInfo) -> str:
        stays = "stays in the queue" if run.state in WAITING else "goes on"
        why = f". {self._found}" if self._found else "."
        return f"; it is waited for no longer, and {stays}{why} `horarium runs cancel {run.id}` stops it"
