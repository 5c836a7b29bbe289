"""Starting and stopping the scheduled analysis, and looking at it: what the document of the application promises.

All of it goes through the plan: it is seen by, and works from, any process that has the same database.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import asdict, is_dataclass
from typing import Any
from weakref import WeakSet

import horarium
from horarium import HorariumError, Job, RunState, Scheduler, every
from horarium_apps.auto_analyze import queries
from horarium_apps.auto_analyze.domain.errors import AutoAnalyzeError, UserNotFoundError
from horarium_apps.auto_analyze.domain.ids import is_id
from horarium_apps.auto_analyze.domain.messages import START_FAILED, scheduler_started
from horarium_apps.auto_analyze.jobs import analyze_videos, job_id
from horarium_apps.auto_analyze.monitoring import no_figures, read_figures
from horarium_apps.auto_analyze.plan import is_missing
from horarium_apps.auto_analyze.status import find_jobs, nothing, read_status

logger = logging.getLogger(__name__)

_FROM_A_FILE = "file:"
_COMES_BACK = "%s stands in the configuration file, and is back at the next start unless it is removed there"
_STOPPED = "the automatic analysis was stopped"
_ACTIVE = (RunState.QUEUED, RunState.RUNNING, RunState.STOPPING, RunState.RETRYING)

LONGEST_INTERVAL = 100 * 365 * 24 * 60
"""The most minutes from one analysis to the next: a hundred years."""

# Of the scheduler and not of who asks for it: there may be many `AutoAnalyzeScheduler`, and each may stop it.
_lock = threading.RLock()
_started: WeakSet[Scheduler] = WeakSet()
_told: WeakSet[Scheduler] = WeakSet()


class AutoAnalyzeScheduler:
    """The scheduled analysis of saved videos.

    However many of these there are, each process has one scheduler: `horarium.get_scheduler()`. What one of them
    starts or stops has started or stopped for all.

    Parameters:
        scheduler: another one to work with, whose life stays the caller's.
    """

    def __init__(self, scheduler: Scheduler | None = None) -> None:
        self._given = scheduler

    @property
    def scheduler(self) -> Scheduler:
        """The scheduler that carries the jobs. Raises horarium's ConfigurationError when its settings are wrong."""
        return self._given or horarium.get_scheduler()

    def start_auto_analyzer(self, user_id: int = 1, interval_minutes: int = 60) -> bool:
        """Have a user's new videos analysed every so many minutes, by this process for as long as it lives.

        May be called again, with another interval or for another user, and inside a running event loop. The first
        analysis is one interval from now; a schedule that was there, and is not changed, keeps its next time.

        Returns:
            True when the job is in the plan and the scheduler runs; False, after logging why, when that failed: what is
            no id of a user (a whole number from 1 on) or no interval (whole minutes) starts nothing.
        """
        try:
            trigger = _trigger(user_id, interval_minutes)
            with _lock:
                scheduler = self.scheduler
                _tell_details(scheduler)
                if not scheduler.running:
                    scheduler.start()
                    if self._given is None:
                        _started.add(scheduler)
                self._add(user_id, trigger)
        except Exception as error:  # noqa: BLE001 - whatever it is, a caller is told False, and the log says why
            log_failed_start(user_id, error)
            return False
        logger.info("%s", scheduler_started(user_id, interval_minutes))
        return True

    def schedule(self, user_id: int = 1, interval_minutes: int = 60) -> Job:
        """Have a user's new videos analysed every so many minutes, by whatever process carries the plan.

        Raises:
            UserNotFoundError: nobody can have this id.
            AutoAnalyzeError: this is no id, or no interval.
            HorariumError: it cannot be scheduled.
        """
        return self._add(user_id, _trigger(user_id, interval_minutes))

    def stop(self, user_id: int | None = None) -> list[str]:
        """Stop the analysis of one user's videos, or of everybody's, wherever it runs.

        The jobs leave the plan, and a batch under way ends: what was analysed stays, the rest waits as new. One that
        horarium.yaml brought is brought again at the next start, which is logged as a warning.

        Returns:
            The ids of the jobs that there were.

        Raises:
            HorariumError: it cannot be stopped.
        """
        jobs = [] if is_missing(self.scheduler) else find_jobs(self.scheduler, user_id)
        for job in jobs:
            self.scheduler.remove_job(job.id)
            self._cancel_runs(job)
            if job.origin.startswith(_FROM_A_FILE):
                logger.warning(_COMES_BACK, job.id)
        return [job.id for job in jobs]

    def stop_auto_analyzer(self, user_id: int | None = None) -> bool:
        """Stop the analysis of one user's videos, or of everybody's; see `stop`.

        The scheduler of this process ends when nobody's videos are to be analysed any more, if `start_auto_analyzer`
        started it; one that somebody else started goes on.

        Returns:
            Whether there was anything to stop; False, after logging why, when that failed.
        """
        try:
            with _lock:
                scheduler = self.scheduler
                stopped = bool(self.stop(user_id))
                if scheduler in _started and (user_id is None or not find_jobs(scheduler)):
                    scheduler.shutdown(grace=scheduler.settings.shutdown_grace)
                    _started.discard(scheduler)
                    stopped = True
        except HorariumError as error:
            _log_failed_stop(error)
            return False
        return stopped

    def stop_scheduler(self) -> bool:
        """Stop the analysis of everybody's videos; see `stop_auto_analyzer`."""
        return self.stop_auto_analyzer()

    def get_status(self, user_id: int | None = None) -> dict[str, Any]:
        """Return how it stands, also when it runs in another process; see `status.read_status` for what is told.

        When the plan cannot be read, `is_running` is False and `error` says why. Where there is no plan none is made.
        """
        try:
            return nothing() if is_missing(self.scheduler) else read_status(self.scheduler, user_id)
        except HorariumError as error:
            return {**nothing(), "error": str(error)}

    def get_monitoring(self, user_id: int | None = None) -> dict[str, Any]:
        """Return the figures to watch: frequency, duration, success, processor, memory, disk.

        See `monitoring.read_figures` for what is told. It measures the processor, which takes a tenth of a second.

        Raises:
            HorariumError: the plan cannot be read, or the settings are wrong.
        """
        scheduler = self.scheduler
        return no_figures(scheduler) if is_missing(scheduler) else read_figures(scheduler, user_id)

    def _add(self, user_id: int, trigger: Any) -> Job:
        scheduler, name = self.scheduler, job_id(user_id)
        existing = scheduler.get_job(name)
        with scheduler.connection() as connection:
            known = queries.find_user(connection, user_id) is not None
        if not known:
            logger.warning(
                "There is no user %s yet, so nothing is analysed; `horarium auto-analyze add-user NAME` adds one",
                user_id,
            )
        return scheduler.add_job(
            analyze_videos,
            trigger,
            args=[user_id],
            id=name,
            name=f"Analyse the videos of user {user_id}",
            replace_existing=True,
            # A job that horarium.yaml brought stays the file's: at the next start it is again as the file says.
            origin="code" if existing is None else existing.origin,
        )

    def _cancel_runs(self, job: Job) -> None:
        for run in self.scheduler.runs(job.id, states=list(_ACTIVE), limit=None):
            try:
                self.scheduler.cancel_run(run.id, _STOPPED)
            except HorariumError as error:  # it has ended by itself meanwhile
                logger.debug("Run %s was not cancelled: %s", run.id, error)


def log_failed_start(user_id: int, error: Exception) -> None:
    """Log that an analysis could not be started, and why; where that happened, at DEBUG."""
    logger.error(START_FAILED)
    logger.error("The analysis of the videos of user %s could not be started: %s", user_id, error)
    logger.debug("Where that happened:", exc_info=error)


def _log_event(event: object) -> None:
    if logger.isEnabledFor(logging.DEBUG):
        facts = asdict(event) if is_dataclass(event) and not isinstance(event, type) else {"event": event}
        told = ", ".join(f"{name}={value}" for name, value in facts.items() if value is not None)
        logger.debug("%s: %s", type(event).__name__, told)


def _log_failed_stop(error: Exception) -> None:
    logger.error("The automatic analysis could not be stopped: %s", error)
    logger.debug("Where that happened:", exc_info=error)


def _tell_details(scheduler: Scheduler) -> None:
    """Log what becomes of each occurrence and each run, at DEBUG."""
    if scheduler not in _told:
        scheduler.subscribe(_log_event)
        _told.add(scheduler)


def _trigger(user_id: object, minutes: Any) -> Any:
    """Return when to analyse. Raises AutoAnalyzeError for what is no id of a user, or no interval."""
    if not isinstance(user_id, int) or isinstance(user_id, bool):
        raise AutoAnalyzeError(f"the id of a user is a whole number, not {user_id!r}; `add-user` tells it")
    if not is_id(user_id):
        raise UserNotFoundError(user_id)
    if not isinstance(minutes, int) or isinstance(minutes, bool) or not 1 <= minutes <= LONGEST_INTERVAL:
        raise AutoAnalyzeError(f"an interval is 1 to {LONGEST_INTERVAL} whole minutes, not {minutes!r}")
    return every(minutes=minutes)


_one = AutoAnalyzeScheduler()


def get_scheduler() -> AutoAnalyzeScheduler:
    """Return the one of this process."""
    return _one


def start_auto_analyzer(user_id: int = 1, interval_minutes: int = 60) -> bool:
    """Have a user's new videos analysed every so many minutes; see `AutoAnalyzeScheduler.start_auto_analyzer`."""
    return _one.start_auto_analyzer(user_id, interval_minutes)


def stop_auto_analyzer(user_id: int | None = None) -> bool:
    """Stop the analysis of one user's videos, or of everybody's; see `AutoAnalyzeScheduler.stop_auto_analyzer`."""
    return _one.stop_auto_analyzer(user_id)


def get_auto_analyzer_status(user_id: int | None = None) -> dict[str, Any]:
    """Return how it stands, of one user or of all; see `AutoAnalyzeScheduler.get_status`."""
    return _one.get_status(user_id)


def get_auto_analyzer_monitoring(user_id: int | None = None) -> dict[str, Any]:
    """Return the figures to watch, of one user or of all; see `AutoAnalyzeScheduler.get_monitoring`."""
    return _one.get_monitoring(user_id)
