"""What APScheduler's `Job` objects say, as jobs of the plan."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from apscheduler.job import Job as NativeJob
from apscheduler.util import obj_to_ref

from horarium.engines.apscheduler.job import PlanJob
from horarium.engines.apscheduler.triggers import convert_trigger
from horarium.errors import JobError, TaskNotFound, TriggerError
from horarium.execution.functions import MISSING, found_in, is_async
from horarium.execution.registry import Registry
from horarium.job import EXECUTORS, POLICY_NAMES, Job, Policies
from horarium.when import Interval, Trigger
from horarium.when.zones import zone_name

DEFAULT = "default"
"""APScheduler's alias for the executor of jobs that name none."""

_FIELDS = ("task", "trigger", "name", "args", "kwargs")
_WORKED_OUT_BEFORE = timedelta(seconds=1)
"""How long ago at most APScheduler asked a trigger that counts from the present for the time that a new job brings."""


def plan_job(native: NativeJob, kinds: Mapping[str, str | None], registry: Registry, base: Job | None = None) -> Job:
    """The definition of APScheduler's job, without its next run time.

    - `kinds`: the executors of the scheduler, by alias: "loop", "thread", "process", or None (as the task says).
    - `base`: the job of this id that the plan has. What APScheduler cannot say (retry, timeout, ...) stays as there.

    Raises JobError, TriggerError, TaskNotFound.
    """
    known: Job | None = native.plan if isinstance(native, PlanJob) else None
    base = known or base
    task = task_of(native, registry) if known is None or native.gives_func else known.task
    policies = replace(
        Policies() if base is None else base.policies,
        executor=_executor(native, kinds, known, registry) or _own_executor(task, native, registry),
        max_instances=native.max_instances,
        misfire_grace_time=native.misfire_grace_time,
        coalesce=native.coalesce,
    )
    trigger = _trigger(native)
    timezone = _timezone(native, trigger) if known is None else known.timezone
    return Job(
        id=native.id,
        task=task,
        trigger=trigger.in_zone(timezone).seeded(native.id),
        name=native.name,
        args=tuple(native.args),
        kwargs=dict(native.kwargs),
        policies=policies,
        timezone=timezone,
        origin="code" if known is None else known.origin,
    )


def changed_fields(old: Job, new: Job) -> dict[str, Any]:
    """The fields of a job's definition, and its policies, in which `new` differs from `old`."""
    changed = {name: getattr(new, name) for name in _FIELDS if getattr(new, name) != getattr(old, name)}
    was, now = old.policies, new.policies
    return changed | {name: getattr(now, name) for name in POLICY_NAMES if getattr(now, name) != getattr(was, name)}


def given_time(native: NativeJob, trigger: Trigger, now: datetime) -> datetime | None:
    """The time at which the job was told to run next; None when that is just what its trigger says.

    APScheduler always fills in `next_run_time`. What its own trigger says is worked out anew by the plan, whose rule
    for changes of clocks and for jitter is another.
    """
    given: datetime | None = native.next_run_time
    if given is None:
        return None
    first = trigger.first(now)
    if not trigger.is_anchored and first is not None:
        is_own = timedelta() <= first - given <= _WORKED_OUT_BEFORE
    elif trigger.jitter:
        nominal = replace(trigger, jitter=0.0).first(now)  # type: ignore[type-var]  # every trigger is a dataclass
        is_own = nominal is not None and nominal <= given <= nominal + timedelta(seconds=trigger.jitter)
    else:
        is_own = given == native.trigger.get_next_fire_time(None, now)
    return None if is_own else given.astimezone(UTC)


def with_rhythm(trigger: Trigger, time: datetime | None) -> Trigger:
    """The trigger for a job that is told to run at `time`: an interval without a start of its own counts from there."""
    if time is None or not isinstance(trigger, Interval) or trigger.start is not None:
        return trigger
    return replace(trigger, anchor=time)


def task_of(native: NativeJob, registry: Registry) -> str:
    """How the plan names the job's function, so that any process finds it. Raises JobError, with why, if none does."""
    function, reference = native.func, native.func_ref
    own: str | None = None
    with suppress(ValueError, TypeError, AttributeError):
        own = obj_to_ref(function)
    if own is not None and _is_being_defined(function, own):
        return own
    # A reference that somebody wrote is kept as it is; it may lead to what cannot be named otherwise.
    task = str(reference) if reference and reference != own else registry.name_for(function)
    try:
        registry.resolve(task)
    except TaskNotFound:
        registry.forget_failures()  # it was missing earlier, and is here now
        registry.resolve(task)
    return task


def _is_being_defined(function: Callable[..., Any], reference: str) -> bool:
    """Whether `@scheduler.scheduled_job(...)` is just decorating the function, so that its module lacks it yet."""
    module_name, _, qualname = reference.partition(":")
    module = sys.modules.get(module_name)
    is_plain = inspect.isfunction(function) and module is not None and module_name != "__main__"
    return is_plain and found_in(module, qualname) is MISSING


def alias_for(job: Job, kinds: Mapping[str, str | None], registry: Registry) -> str:
    """The alias under which a job's executor is shown; that of the task's own is the one for all."""
    kind = job.policies.executor
    with suppress(TaskNotFound):
        kind = None if kind == registry.resolve(job.task).executor else kind
    return next((alias for alias, known in kinds.items() if known == kind), kind or DEFAULT)


def _executor(native: NativeJob, kinds: Mapping[str, str | None], known: Job | None, registry: Registry) -> str | None:
    alias = native.executor
    if known is not None and alias == alias_for(known, kinds, registry) and not native.gives_func:
        return known.policies.executor
    if alias in kinds:
        return kinds[alias]
    if alias == DEFAULT:
        return None
    if alias in EXECUTORS:
        return str(alias)
    aliases = ", ".join(map(repr, kinds)) or "none"
    raise JobError(
        f"job {native.id!r}: {alias!r} is no PlanExecutor of this scheduler (it has {aliases}) and none of "
        f"{', '.join(EXECUTORS)}; add PlanExecutor() under this alias, or name another"
    )


def _own_executor(task: str, native: NativeJob, registry: Registry) -> str:
    """Where the task itself says that it runs. Kept with the job, so that a node claims only what it has room for."""
    try:
        return registry.resolve(task).executor
    except TaskNotFound:
        registry.forget_failures()  # it is being defined, and there in a moment
        return "loop" if is_async(native.func) else "thread"


def _trigger(native: NativeJob) -> Trigger:
    try:
        return convert_trigger(native.trigger)
    except TriggerError as error:
        raise TriggerError(f"job {native.id!r}: {error}") from None


def _timezone(native: NativeJob, trigger: Trigger) -> str:
    if trigger.timezone is not None:
        return trigger.timezone
    try:
        return zone_name(native._scheduler.timezone) or "UTC"
    except (TriggerError, AttributeError):
        return "UTC"
