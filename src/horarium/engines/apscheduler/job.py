"""Jobs of the plan as APScheduler's `Job` objects: what is not asked for is not worked out, the task least of all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from apscheduler.job import Job as NativeJob
from apscheduler.triggers.base import BaseTrigger

from horarium.engines.apscheduler.triggers import PlanTrigger, zone_of
from horarium.execution.registry import Registry
from horarium.job import Job
from horarium.store.settling import Thought

# Named, since type checkers do not see those of APScheduler's class, which has no annotations.
_SLOTS = ("gives_func", "plan", "registry")
_SLOTS_OF_DUE = ("_basket", "thought")


class PlanJob(NativeJob):  # type: ignore[misc]  # APScheduler has no annotations
    """A job of the plan, as APScheduler reads and changes it.

    `plan` is the job as the plan has it. Everything else is found when it is asked for; `func` is imported only then,
    and raises TaskNotFound where it cannot be. A paused job has no `next_run_time`, as APScheduler wants it.
    """

    __slots__ = _SLOTS

    id: str
    name: str
    executor: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    trigger: BaseTrigger
    next_run_time: datetime | None
    _scheduler: Any
    _jobstore_alias: str | None

    def __init__(self, plan: Job, registry: Registry, scheduler: Any, alias: str | None, executor: str) -> None:
        # Not NativeJob.__init__: it imports the function and checks what the plan has checked.
        self.plan = plan
        self.registry = registry
        self.gives_func = False
        self.id = plan.id
        self.executor = executor
        self._scheduler = scheduler
        self._jobstore_alias = alias

    def __getattr__(self, name: str) -> Any:
        # Reached when a slot is still empty.
        find = _FOUND_LATE.get(name)
        if find is None:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        value = find(self)
        setattr(self, name, value)
        return value

    def _modify(self, **changes: Any) -> None:
        """As APScheduler's, but arguments are checked without those that the runner adds, such as `run`."""
        self.gives_func = self.gives_func or "func" in changes
        if self.gives_func or not ("args" in changes or "kwargs" in changes):
            super()._modify(**changes)
            return
        args, kwargs = changes.pop("args", self.args), changes.pop("kwargs", self.kwargs)
        if isinstance(args, str) or not isinstance(args, Iterable):
            raise TypeError("args must be a non-string iterable")
        if not isinstance(kwargs, Mapping):
            raise TypeError("kwargs must be a dict-like object")
        args, kwargs = tuple(args), dict(kwargs)
        self.registry.resolve(self.plan.task).check_arguments(args, kwargs)
        super()._modify(**changes)
        self.args, self.kwargs = args, kwargs


class DueJob(PlanJob):
    """A due job in a tick. Whatever APScheduler's loop does with it only collects it; the tick's end decides."""

    __slots__ = _SLOTS_OF_DUE

    def __init__(
        self,
        thought: Thought,
        basket: list[Thought],
        registry: Registry,
        scheduler: Any,
        alias: str | None,
        executor: str,
    ) -> None:
        # As PlanJob.__init__, without its call: a tick makes a thousand of these.
        job = thought.job
        self.thought: Thought | None = thought
        self._basket = basket
        self.plan = job
        self.registry = registry
        self.gives_func = False
        self.id = job.id
        self.executor = executor
        self._scheduler = scheduler
        self._jobstore_alias = alias

    def collect(self) -> None:
        """Put the job among those that this tick decides; once."""
        thought = self.thought
        if thought is not None:
            self.thought = None
            self._basket.append(thought)

    def _get_run_times(self, now: datetime) -> list[datetime]:
        """Collect, and tell APScheduler that there is nothing to run: the end of the tick makes the runs.

        So it neither counts instances, nor steps the trigger, nor removes the job, nor tells listeners of a submission
        that a lost race or a database may still refuse.
        """
        self.collect()
        return []

    def _modify(self, **changes: Any) -> None:
        if changes.keys() != {"next_run_time"}:
            super()._modify(**changes)


class DueTrigger(PlanTrigger):
    """The trigger of a job in a tick. It never ends, so that APScheduler never removes a job whose schedule is over."""

    __slots__ = ()

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """The next occurrence; `now` when there is none, since nothing is done with the answer."""
        return super().get_next_fire_time(previous_fire_time, now) or now


def _name(job: PlanJob) -> str:
    return job.plan.name or job.plan.id


def _func(job: PlanJob) -> Callable[..., Any]:
    return job.registry.resolve(job.plan.task).function


def _func_ref(job: PlanJob) -> str | None:
    task = job.plan.task
    return task if ":" in task else job.registry.resolve(task).ref or None


def _trigger(job: PlanJob) -> PlanTrigger:
    return (DueTrigger if isinstance(job, DueJob) else PlanTrigger)(job.plan.trigger)


def _misfire_grace_time(job: PlanJob) -> float | None:
    grace = job.plan.policies.misfire_grace_time
    return int(grace) if grace is not None and grace.is_integer() else grace


def _next_run_time(job: PlanJob) -> datetime | None:
    time = None if job.plan.paused else job.plan.next_run_time
    if isinstance(job, DueJob) and job.thought is not None:
        time = job.thought.due_at
    return None if time is None else time.astimezone(zone_of(job.plan.trigger))


_FOUND_LATE: dict[str, Callable[[PlanJob], Any]] = {
    "name": _name,
    "func": _func,
    "func_ref": _func_ref,
    "args": lambda job: job.plan.args,
    "kwargs": lambda job: dict(job.plan.kwargs),
    "trigger": _trigger,
    "coalesce": lambda job: job.plan.policies.coalesce,
    "max_instances": lambda job: job.plan.policies.max_instances,
    "misfire_grace_time": _misfire_grace_time,
    "next_run_time": _next_run_time,
}
