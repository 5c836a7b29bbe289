"""From what people write to a job: functions, trigger objects and spellings, policies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from uuid_utils import uuid4

from horarium.engines.apscheduler.triggers import convert_trigger
from horarium.errors import JobError, TaskNotFound
from horarium.execution.registry import REGISTRY, TaskDefinition
from horarium.job import POLICY_NAMES, Job, Policies
from horarium.states import OnCrash, Overlap
from horarium.when import Trigger
from horarium.when.moments import instant as resolve_instant

_ID_BYTES = 400


def build_job(
    func: Callable[..., Any] | str,
    trigger: Any,
    args: Sequence[Any] | None,
    kwargs: Mapping[str, Any] | None,
    *,
    id: str | None,  # noqa: A002 - APScheduler's name
    name: str | None,
    timezone: str,
    next_run_time: datetime | None,
    paused: bool,
    origin: str,
    policies: Mapping[str, Any],
    trigger_args: Mapping[str, Any],
    check_arguments: bool = True,
) -> Job:
    """A job from the arguments of `Scheduler.add_job`. Raises JobError, TriggerError, ArgumentsNotJSON."""
    task = REGISTRY.name_for(func)
    definition = known(task)
    if definition is not None and check_arguments:
        definition.check_arguments(tuple(args or ()), dict(kwargs or {}))
    return Job(
        id=checked_id(id if id is not None else uuid4().hex),
        task=task,
        name=name or default_name(func, task),
        trigger=build_trigger(trigger, trigger_args, timezone),
        args=tuple(args or ()),
        kwargs=dict(kwargs or {}),
        policies=build_policies(policies, definition),
        timezone=timezone,
        next_run_time=aware(next_run_time, timezone),
        paused=paused,
        origin=origin,
    )


def build_task(func: Callable[..., Any] | str) -> str:
    """What a job keeps to name its task. Raises JobError for a function that could not be found again."""
    return REGISTRY.name_for(func)


def build_trigger(trigger: Any, trigger_args: Mapping[str, Any], timezone: str) -> Trigger:
    """A trigger from ours, from APScheduler's objects, or from its spellings. Raises TriggerError."""
    return convert_trigger(trigger, dict(trigger_args), timezone)


def build_policies(chosen: Mapping[str, Any], definition: TaskDefinition | None) -> Policies:
    """Policies from the arguments of `add_job`; what is None is as the task says. Raises JobError."""
    unknown = sorted(set(chosen) - set(POLICY_NAMES))
    if unknown:
        raise JobError(f"unknown policy {unknown[0]!r}; the policies are {', '.join(POLICY_NAMES)}")
    values = {name: value for name, value in chosen.items() if value is not None}
    on_crash = values.get("on_crash") or (definition.on_crash if definition else None) or OnCrash.RESUME
    values["on_crash"] = _choice(OnCrash, on_crash, "on_crash")
    values["overlap"] = _choice(Overlap, values.get("overlap", Overlap.SKIP), "overlap")
    if definition is not None:
        # Kept with the job, so that a node claims only runs that it has room for.
        values.setdefault("executor", definition.executor)
    policies = Policies(**values)
    if policies.executor == "loop" and definition is not None and not definition.is_async:
        raise JobError(f"task {definition.name!r} is a plain function, which would block the event loop; leave executor out")
    return policies


def known(task: str) -> TaskDefinition | None:
    """The task's definition, if it can be imported here; a web process may add jobs that another one can run."""
    try:
        return REGISTRY.resolve(task)
    except TaskNotFound:
        return None


def checked_id(job_id: str) -> str:
    """A job's id, if databases and URLs can carry it. Raises JobError."""
    if not isinstance(job_id, str) or not job_id.strip() or not job_id.isprintable():
        raise JobError(f"a job's id is printable text that is not empty, not {job_id!r}")
    if len(job_id.encode("utf-8", "replace")) > _ID_BYTES:
        raise JobError(f"a job's id has at most {_ID_BYTES} bytes; this one begins {job_id[:40]!r}")
    return job_id


def default_name(func: Callable[..., Any] | str, task: str) -> str:
    """The name of a job that was given none: its function's."""
    return task.rpartition(":")[2] if isinstance(func, str) else getattr(func, "__name__", task)


def aware(instant: datetime | None, timezone: str) -> datetime | None:
    """A naive time as one of the job's zone."""
    if instant is None or instant.tzinfo is not None:
        return instant
    return resolve_instant(instant, timezone)


def _choice(kind: Any, value: Any, name: str) -> Any:
    try:
        return kind(value)
    except ValueError:
        raise JobError(f"{name} {value!r} is not one of {', '.join(kind)}") from None
