"""From what people write to a job: functions, trigger objects and spellings, arguments, policies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from uuid_utils import uuid4

from horarium.engines.apscheduler.triggers import convert_trigger
from horarium.errors import ArgumentsNotJSON, JobError, TaskNotFound
from horarium.execution.registry import REGISTRY, TaskDefinition
from horarium.job import POLICY_NAMES, Job, Policies
from horarium.when import Trigger
from horarium.when.moments import instant as resolve_instant
from horarium.when.moments import moment
from horarium.when.zones import zone_name

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
    task = build_task(func)
    definition = known(task)
    chosen_args, chosen_kwargs = checked_args(args), checked_kwargs(kwargs)
    if definition is not None and check_arguments:
        definition.check_arguments(chosen_args, chosen_kwargs)
    zone = zone_name(timezone) or "UTC"
    return checked_job(
        Job(
            id=uuid4().hex if id is None else id,
            task=task,
            name=default_name(func, task) if name in (None, "") else name,
            trigger=build_trigger(trigger, trigger_args, zone),
            args=chosen_args,
            kwargs=chosen_kwargs,
            policies=build_policies(policies, definition),
            timezone=zone,
            next_run_time=aware(next_run_time, zone, "next_run_time"),
            paused=paused,
            origin=origin,
        )
    )


def checked_job(job: Job) -> Job:
    """A job that anybody made, if a plan can hold it. Raises JobError, TriggerError, ArgumentsNotJSON."""
    if not isinstance(job, Job):
        raise JobError(f"a job is a horarium.Job, or made by add_job; not {job!r}")
    checked_id(job.id)
    if not isinstance(job.trigger, Trigger):
        raise JobError(
            f"the trigger of job {job.id!r} must be one of horarium's, such as every(hours=1), not {job.trigger!r}; "
            "add_job takes APScheduler's too"
        )
    if not isinstance(job.policies, Policies):
        raise JobError(f"the policies of job {job.id!r} must be horarium.Policies, not {job.policies!r}")
    for what in ("task", "name", "origin"):
        checked_text(getattr(job, what), f"the {what} of job {job.id!r}")
    if not job.task.strip():
        raise JobError(f"job {job.id!r} names no task; give a function, or its name")
    zone = zone_name(job.timezone) or "UTC"
    return replace(
        job,
        args=checked_args(job.args),
        kwargs=checked_kwargs(job.kwargs),
        timezone=zone,
        next_run_time=aware(job.next_run_time, zone, "next_run_time"),
        paused=bool(job.paused),
    )


def build_task(func: Callable[..., Any] | str) -> str:
    """What a job keeps to name its task. Raises JobError for a function that could not be found again."""
    if not isinstance(func, str) and not callable(func):
        raise JobError(f"a job needs a function, or the name of a task, not {func!r}")
    return checked_text(REGISTRY.name_for(func), "the name of a task")


def build_trigger(trigger: Any, trigger_args: Mapping[str, Any], timezone: str) -> Trigger:
    """A trigger from ours, from APScheduler's objects, or from its spellings. Raises TriggerError."""
    return convert_trigger(trigger, dict(trigger_args), timezone)


def build_policies(chosen: Mapping[str, Any], definition: TaskDefinition | None) -> Policies:
    """Policies from the arguments of `add_job`; what is None is as the task says. Raises JobError."""
    unknown = sorted(set(chosen) - set(POLICY_NAMES))
    if unknown:
        raise JobError(f"unknown policy {unknown[0]!r}; the policies are {', '.join(POLICY_NAMES)}")
    values = {name: value for name, value in chosen.items() if value is not None}
    if definition is not None:
        if definition.on_crash is not None:
            values.setdefault("on_crash", definition.on_crash)
        # Kept with the job, so that a node claims only runs that it has room for.
        values.setdefault("executor", definition.executor)
    policies = Policies(**values)
    if policies.executor == "loop" and definition is not None and not definition.is_async:
        raise JobError(
            f"task {definition.name!r} is a plain function, which would block the event loop; leave executor out"
        )
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
    if len(job_id.encode()) > _ID_BYTES:
        raise JobError(f"a job's id has at most {_ID_BYTES} bytes; this one begins {job_id[:40]!r}")
    return job_id


def checked_text(value: object, what: str) -> str:
    """Text that databases can keep. Raises JobError, naming `what`."""
    if not isinstance(value, str):
        raise JobError(f"{what} must be text, not {value!r}")
    if "\x00" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise JobError(f"{what} contains a character that databases cannot keep: {value!r}")
    return value


def checked_args(args: Sequence[Any] | None) -> tuple[Any, ...]:
    """Positional arguments. Raises ArgumentsNotJSON for text, whose characters nobody means, and what has no order."""
    if args is None:
        return ()
    if not isinstance(args, (list, tuple)):
        raise ArgumentsNotJSON(f"args must be a list or a tuple, not {args!r}; one argument is written args=[{args!r}]")
    return tuple(args)


def checked_kwargs(kwargs: Mapping[str, Any] | None) -> dict[str, Any]:
    """Arguments by name. Raises ArgumentsNotJSON."""
    if kwargs is None:
        return {}
    if not isinstance(kwargs, Mapping) or not all(isinstance(name, str) for name in kwargs):
        raise ArgumentsNotJSON(f"kwargs must be a dict of names and values, not {kwargs!r}")
    return dict(kwargs)


def default_name(func: Callable[..., Any] | str, task: str) -> str:
    """The name of a job that was given none: its function's."""
    return task.rpartition(":")[2] if isinstance(func, str) else getattr(func, "__name__", task)


def aware(value: datetime | date | str | None, timezone: str, what: str = "the time") -> datetime | None:
    """A time, aware and in UTC; a naive one is in `timezone`. None stays None. Raises TriggerError, naming `what`."""
    return None if value is None else resolve_instant(moment(value, what), timezone)
