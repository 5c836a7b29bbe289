"""One attempt of one run on this node: what it is, whether it was told to stop, and how its end is written."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from horarium.errors import ArgumentsNotJSON, ResultNotJSON, RunStopped, RunTimeout
from horarium.events import EventBus, RunChanged
from horarium.execution.faults import info_of, names_of
from horarium.execution.link import RunFacts
from horarium.execution.registry import TaskDefinition
from horarium.job import Job
from horarium.jsontext import to_json_text
from horarium.retry import Retry
from horarium.states import OnCrash, RunState
from horarium.store.dialects import Finish
from horarium.store.rows import error_text
from horarium.store.work import Holder
from horarium.values import ErrorInfo, RunKey

_NO_RETRY = Retry.none()


class Execution:
    """An attempt of a run that is this node's. Told to stop from any thread, once; the first reason stands."""

    __slots__ = (
        "_callbacks",
        "_lock",
        "args",
        "asyncio_task",
        "attempt",
        "definition",
        "failures",
        "going_down",
        "job",
        "key",
        "kind",
        "kwargs",
        "lost",
        "node",
        "started_at",
        "stop_reason",
        "suspect",
        "task_name",
        "timed_out",
    )

    def __init__(
        self,
        key: RunKey,
        job: Job,
        definition: TaskDefinition,
        *,
        node: str,
        attempt: int,
        failures: int,
        started_at: datetime,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        suspect: bool = False,
    ) -> None:
        self.key = key
        self.job = job
        self.definition = definition
        self.kind = executor_of(job, definition)
        self.node = node
        self.attempt = attempt
        self.failures = failures
        self.started_at = started_at
        self.task_name = definition.name
        self.args = args
        self.kwargs = kwargs
        self.stop_reason: str | None = None
        self.timed_out = False
        self.lost = False
        self.going_down = False
        self.suspect = suspect
        self.asyncio_task: asyncio.Task[None] | None = None
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[str], None]] = []

    @property
    def token(self) -> tuple[RunKey, int]:
        """What tells it from other attempts of the run, one of which may still be ending here."""
        return self.key, self.attempt

    @property
    def holder(self) -> Holder:
        """What every write of this attempt names."""
        return Holder(self.key, self.attempt, self.node)

    @property
    def timeout(self) -> float | None:
        """Seconds that the attempt may take."""
        return self.job.policies.timeout or self.definition.timeout

    @property
    def retry(self) -> Retry:
        """The job's retry policy, else its task's, else none."""
        return self.job.policies.retry or self.definition.retry or _NO_RETRY

    def facts(self) -> RunFacts:
        """What the function is told of its run."""
        return RunFacts(
            id=str(self.key),
            job_id=self.job.id,
            task=self.task_name,
            scheduled_at=self.key.scheduled_at,
            attempt=self.attempt,
            fencing_token=self.attempt,
            node=self.node,
            args=self.args,
            kwargs=self.kwargs,
        )

    def tell_to_stop(
        self, reason: str, *, lost: bool = False, timed_out: bool = False, going_down: bool = False
    ) -> None:
        """Say that the run should stop, and why.

        `lost`: it is not this node's any more, and its end is not written. `going_down`: it is for another node to go
        on with, unless it was told to stop before.
        """
        with self._lock:
            self.lost = self.lost or lost
            if self.stop_reason is not None:
                return
            self.stop_reason = reason
            self.timed_out = timed_out
            self.going_down = going_down
            callbacks = list(self._callbacks)
        for callback in callbacks:
            callback(reason)

    def on_stop(self, callback: Callable[[str], None]) -> Callable[[], None]:
        """Call `callback(reason)` when the run is told to stop, at once if it was. Answers what forgets it."""
        with self._lock:
            reason = self.stop_reason
            if reason is None:
                self._callbacks.append(callback)
        if reason is not None:
            callback(reason)
        return lambda: self._forget(callback)

    def _forget(self, callback: Callable[[str], None]) -> None:
        with self._lock:
            if callback in self._callbacks:
                self._callbacks.remove(callback)


def executor_of(job: Job, definition: TaskDefinition) -> str:
    """Where a run of the job is executed: as the job says, unless the function has become one of the other kind."""
    chosen = job.policies.executor
    if chosen == "process":
        return chosen
    if chosen is not None and (chosen == "loop") != definition.is_async:
        chosen = None
    return chosen or definition.executor


@dataclass(frozen=True, slots=True)
class End:
    """How an attempt ended: the row to write, the state for people, and whether the attempt itself gets a row."""

    finish: Finish
    state: RunState
    error: ErrorInfo | None
    note: str | None = None
    bare: bool = False

    @property
    def failed(self) -> bool:
        """Whether the attempt did not do its work."""
        return self.state is not RunState.SUCCEEDED

    def without_texts(self, refusal: Exception) -> End:
        """The same end without its result and without what the error said, which the database refused to take."""
        error = (
            None if self.error is None else ErrorInfo(self.error.type, f"(what it said could not be kept: {refusal})")
        )
        finish = self.finish._replace(result=None, error=error_text(error))
        return End(finish, self.state, error, f"its result or error was not kept: {refusal}", bare=True)


def returned(execution: Execution, result: Any, now: datetime) -> End:
    """The end of an attempt whose function returned."""
    text = None
    if result is not None:
        try:
            text = to_json_text(result.to_json() if hasattr(result, "to_json") else result, "the result")
        except ArgumentsNotJSON as error:
            return _without_result(execution, error, now)
    return End(_finish(execution, RunState.SUCCEEDED, now, result=text), RunState.SUCCEEDED, None)


def _without_result(execution: Execution, error: ArgumentsNotJSON, now: datetime) -> End:
    """The work is done, and doing it again would not mend the result: it is set aside, and said."""
    note = f"the result was not kept: {error}"
    return End(_finish(execution, RunState.SUCCEEDED, now), RunState.SUCCEEDED, None, note)


def raised(execution: Execution, error: BaseException, now: datetime) -> End:
    """The end of an attempt whose function raised: cancelled, to be tried again, or failed."""
    if isinstance(error, ResultNotJSON):
        return _without_result(execution, error, now)
    if execution.stop_reason is not None and not execution.timed_out:
        told = isinstance(error, (RunStopped, asyncio.CancelledError))
        if execution.going_down and execution.job.policies.on_crash is OnCrash.FAIL:
            why = ErrorInfo("horarium.NodeStopped", f'its node shut down while it ran (on_crash: "fail"): {error}')
            return End(_finish(execution, RunState.FAILED, now, error=why), RunState.FAILED, why)
        info = None if told else info_of(error)
        return End(_finish(execution, RunState.CANCELLED, now, error=info), RunState.CANCELLED, info)
    if execution.timed_out and isinstance(error, (RunStopped, asyncio.CancelledError)):
        error = RunTimeout(f"run {execution.key}", execution.timeout or 0)
    info = info_of(error)
    attempt_made = execution.failures + 1
    if execution.retry.wants_retry(attempt_made, names_of(error), info.permanent):
        not_before = now + timedelta(seconds=execution.retry.delay_before(attempt_made + 1))
        finish = _finish(execution, RunState.RETRYING, now, error=info, not_before=not_before)
        return End(finish, RunState.RETRYING, info)
    return End(_finish(execution, RunState.FAILED, now, error=info), RunState.FAILED, info)


def change_of(execution: Execution, state: RunState, end: End | None, now: datetime) -> RunChanged:
    """What listeners are told of a run that is in `state` now."""
    return RunChanged(
        run_id=str(execution.key),
        job_id=execution.job.id,
        state=state,
        at=now,
        attempt=execution.attempt,
        duration=None if end is None else (end.finish.ended_at - execution.started_at).total_seconds(),
        error=None if end is None or end.error is None else str(end.error),
    )


def tell_missed(events: EventBus, key: RunKey, job_id: str, at: datetime) -> None:
    """Tell listeners of a run that waited for longer than it was allowed to."""
    if events.listened_to:
        events.emit(RunChanged(str(key), job_id, RunState.MISSED, at, attempt=0))


def _finish(
    execution: Execution,
    state: RunState,
    now: datetime,
    *,
    result: str | None = None,
    error: ErrorInfo | None = None,
    not_before: datetime | None = None,
) -> Finish:
    return Finish(
        scheduled_at=execution.key.scheduled_at,
        job_key=execution.key.job_key,
        attempt=execution.attempt,
        state=state.value,
        failed=int(state in (RunState.RETRYING, RunState.FAILED)),
        keeps_slot=state is RunState.RETRYING,
        not_before=not_before,
        ended_at=now,
        result=result,
        error=error_text(error),
    )
