"""Tasks and their names: what `@task` says about a function, and finding the function that a job names.

A job names its task by the name that `@task` gave it, or by a reference, "package.module:function". A name is known in
a process once the module that gives it was imported; a reference imports its module itself.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import re
import sys
import threading
import typing
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, TypeVar, overload

from horarium.errors import JobError, TaskNotFound
from horarium.execution.functions import (
    MISSING,
    check_function,
    found_in,
    is_async,
    module_of,
    name_of,
    reference_of,
    running_as,
)
from horarium.job import EXECUTORS, checked_length
from horarium.retry import Retry
from horarium.states import OnCrash

Function = TypeVar("Function", bound=Callable[..., Any])
Face = Literal["async", "sync"]

_OPTIONS = "__horarium_task__"
_FACES: Mapping[str, Face] = {"Run": "async", "SyncRun": "sync"}


@dataclass(frozen=True, slots=True)
class TaskDefinition:
    """A task: its function, how it is called, and the defaults that `@task` gave it (None: none given).

    `ref` is its reference, empty if it has none. `executor` is "loop", "thread" or "process"; `timeout` is seconds.
    `run_parameter` names the parameter that is given the run, `run_face` says which of its two faces, and `run_place`
    its place among the positional ones (None: by name only).
    """

    name: str
    function: Callable[..., Any]
    ref: str
    is_async: bool
    executor: str
    run_face: Face | None = None
    run_parameter: str | None = None
    run_place: int | None = None
    retry: Retry | None = None
    timeout: float | None = None
    on_crash: OnCrash | None = None

    def with_run(
        self, args: Sequence[Any], kwargs: Mapping[str, Any], run: Any
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments to call the function with: a job's own, and `run` in its place among them if it is wanted."""
        if self.run_parameter is None:
            return tuple(args), dict(kwargs)
        place = self.run_place
        if place is None or place > len(args):
            return tuple(args), {**kwargs, self.run_parameter: run}
        return (*args[:place], run, *args[place:]), dict(kwargs)

    def check_arguments(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        """Raise JobError when the function cannot be called with these arguments of a job (the run is not one)."""
        try:
            signature = inspect.signature(self.function)
        except (TypeError, ValueError):
            return  # a function written in C that does not tell
        given = self.with_run(args, kwargs, None)
        try:
            signature.bind(*given[0], **given[1])
        except TypeError as error:
            raise JobError(f"task {self.name!r} cannot be called with these arguments: {error}") from None


@dataclass(frozen=True, slots=True)
class _Options:
    """What `@task` was told, kept on the function, so that a reference finds it as well."""

    name: str | None
    retry: Retry | None
    timeout: float | timedelta | None
    executor: str | None
    on_crash: OnCrash | None


class Registry:
    """The tasks that this process knows. Safe to use from several threads."""

    def __init__(self) -> None:
        self._named: dict[str, TaskDefinition] = {}
        self._found: dict[str, TaskDefinition] = {}
        self._failed: dict[str, str] = {}
        self._lock = threading.Lock()

    def register(self, function: Callable[..., Any], options: _Options | None = None) -> TaskDefinition:
        """Know a function under its name. Raises JobError when the name is taken or the function cannot be a task."""
        definition = _define(function, options)
        with self._lock:
            known = self._named.get(definition.name)
            if known is not None and _origin(known.function) != _origin(function):
                raise JobError(
                    f"two tasks have the name {definition.name!r}: {_origin(known.function)}, and "
                    f"{_origin(function)}; give one of them another name"
                )
            self._named[definition.name] = definition
            self._found.clear()
            self._failed.pop(definition.name, None)
        return definition

    def names(self) -> tuple[str, ...]:
        """The names of all registered tasks, sorted."""
        with self._lock:
            return tuple(sorted(self._named))

    def known(self) -> tuple[str, ...]:
        """The names of all registered tasks, and the references that were found here: what this node can run."""
        with self._lock:
            return tuple(sorted(self._named.keys() | self._found.keys()))

    def resolve(self, task: str) -> TaskDefinition:
        """The task of this name or reference. Raises TaskNotFound, with why.

        What was found stays found. What was not is not looked for again before `forget_failures`, or until it is
        registered.
        """
        definition = self._found.get(task)
        if definition is None:
            why = self._failed.get(task)
            if why is not None:
                raise TaskNotFound(task, why)
            try:
                definition = self._look_for(task)
            except TaskNotFound as error:
                self._failed[task] = error.why
                raise
            self._found[task] = definition
        return definition

    def name_for(self, task: str | Callable[..., Any]) -> str:
        """What a job keeps to name `task`: a text as it is, a function by its `@task` name or its reference.

        Raises JobError for a function that could not be found again, or cannot be a task.
        """
        if isinstance(task, str):
            return task
        options = _options_of(task)
        if options is not None and options.name is not None:
            return options.name
        reference = reference_of(task)
        _define(task, options, ref=reference)
        return reference

    def forget_failures(self) -> None:
        """Look anew for tasks that were not found, since their code may have been installed meanwhile."""
        importlib.invalidate_caches()
        with self._lock:
            self._failed.clear()

    def _look_for(self, task: str) -> TaskDefinition:
        named = self._named.get(task)
        if named is not None:
            return _outermost(named)
        module_name, colon, qualname = task.partition(":")
        if not colon:
            raise TaskNotFound(task, self._not_registered(task))
        if not module_name or not qualname:
            raise TaskNotFound(task, 'a reference looks like "package.module:function"')
        module = module_of(task, module_name)
        function = found_in(module, qualname)
        if function is MISSING:
            raise TaskNotFound(task, f"module {module_name} has no {qualname}{_resembling(qualname, dir(module))}")
        if not callable(function):
            raise TaskNotFound(task, f"what it names is of type {type(function).__name__}, not a function")
        try:
            return _define(function, _options_of(function), ref=task)
        except JobError as error:
            raise TaskNotFound(task, str(error)) from None

    def _not_registered(self, task: str) -> str:
        return (
            "no task of this name is registered in this process; import the module that has it, or name it by "
            f'reference, "package.module:function"{_resembling(task, self._named)}'
        )


REGISTRY = Registry()
"""What `@task` registers with."""


@overload
def task(name: Function, /) -> Function: ...


@overload
def task(
    name: str | None = None,
    /,
    *,
    retry: Retry | None = None,
    timeout: float | timedelta | None = None,
    executor: str | None = None,
    on_crash: OnCrash | str | None = None,
) -> Callable[[Function], Function]: ...


def task(
    name: Any = None,
    /,
    *,
    retry: Retry | None = None,
    timeout: float | timedelta | None = None,
    executor: str | None = None,
    on_crash: OnCrash | str | None = None,
) -> Any:
    """Make a function a task: `@task`, `@task("name")`, `@task("name", timeout=300)`. It stays an ordinary function.

    - `name`: stays the same when the function is renamed or moved, so that its jobs go on; without one the task is
      known by its reference, "package.module:function". No colon in it.
    - `retry`: when and how often a failed run is tried again; not at all if left out.
    - `timeout`: seconds, or a timedelta, for each attempt; none if left out.
    - `executor`: "loop" (async functions, their default), "thread" (the default of plain ones), or "process", a child
      process that a timeout or a cancel really ends.
    - `on_crash`: "resume" (the default) or "fail": what to do with a run whose node died.

    A job can override each. The outermost decorator should be this one. Raises JobError.
    """
    if callable(name):
        return task()(name)
    options = _Options(name, retry, timeout, executor, None if on_crash is None else _on_crash(on_crash))

    def decorate(function: Function) -> Function:
        REGISTRY.register(function, options)
        try:
            setattr(function, _OPTIONS, options)
        except AttributeError:
            raise JobError(f"{function!r} cannot be made a task; define a function that calls it") from None
        return function

    return decorate


def _define(function: Callable[..., Any], options: _Options | None, ref: str | None = None) -> TaskDefinition:
    check_function(function, "a task")
    options = options or _options_of(function) or _Options(None, None, None, None, None)
    what, asynchronous = name_of(function), is_async(function)
    if options.name is not None and (not options.name or ":" in options.name or options.name != options.name.strip()):
        raise JobError(f"task name {options.name!r}: a name has no colon and no space around it, and is not empty")
    if ref is None:
        ref = _reference_while_defined(function, options.name)
    if options.executor is not None and options.executor not in EXECUTORS:
        raise JobError(f"task {what}: executor {options.executor!r} is not one of {', '.join(EXECUTORS)}")
    if options.executor == "loop" and not asynchronous:
        raise JobError(f"task {what} is a plain function, which would block the event loop; leave executor out")
    try:
        timeout = None if options.timeout is None else checked_length("timeout", options.timeout)
    except JobError as error:
        raise JobError(f"task {what}: {error}") from None
    face, parameter, place = _wanted_run(function, asynchronous)
    return TaskDefinition(
        name=options.name or ref,
        function=function,
        ref=ref,
        is_async=asynchronous,
        executor=options.executor or ("loop" if asynchronous else "thread"),
        run_face=face,
        run_parameter=parameter,
        run_place=place,
        retry=options.retry,
        timeout=timeout,
        on_crash=options.on_crash,
    )


def _reference_while_defined(function: Callable[..., Any], name: str | None) -> str:
    """The reference of a function that `@task` is just decorating, so that its module does not have it yet."""
    module, qualname = getattr(function, "__module__", ""), getattr(function, "__qualname__", "<none>")
    if module and module != "__main__" and "<" not in qualname:
        return f"{module}:{qualname}"
    try:
        return reference_of(function)
    except JobError as error:
        if name is not None:
            return ""  # this process knows it by its name
        raise JobError(f'{error}; or give it a name of its own, @task("name"), known to this process only') from None


def _wanted_run(function: Callable[..., Any], asynchronous: bool) -> tuple[Face | None, str | None, int | None]:
    """Which face of the run the function wants, by which parameter (annotated so, or a bare `run`), and its place."""
    for place, parameter in enumerate(_parameters(function)):
        if parameter.kind in {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}:
            continue
        face = _face_of(parameter.annotation)
        if face is None and parameter.name == "run" and parameter.annotation is inspect.Parameter.empty:
            face = "async" if asynchronous else "sync"
        if face == "sync" and asynchronous:
            raise JobError(f"task {name_of(function)} is async; annotate its {parameter.name!r} as Run, not SyncRun")
        if face == "async" and not asynchronous and not is_async(inspect.unwrap(function)):
            raise JobError(f"task {name_of(function)} is plain; annotate its {parameter.name!r} as SyncRun, not Run")
        if face is not None:
            by_name = parameter.kind is inspect.Parameter.KEYWORD_ONLY
            return face, parameter.name, None if by_name else place
    return None, None, None


def _parameters(function: Callable[..., Any]) -> Sequence[inspect.Parameter]:
    # Annotations are any code, and those that name what only type checkers import fail: they are read as text then.
    with suppress(Exception):
        return list(inspect.signature(function, eval_str=True).parameters.values())
    with suppress(TypeError, ValueError):
        return list(inspect.signature(function).parameters.values())
    return []  # a function written in C that does not tell


def _face_of(annotation: Any) -> Face | None:
    if isinstance(annotation, str):
        words = {word.rpartition(".")[2] for word in re.findall(r"[\w.]+", annotation)} - {"None", "Optional"}
        return _FACES.get(words.pop()) if len(words) == 1 else None
    for candidate in typing.get_args(annotation) or (annotation,):
        face: Face | None = getattr(candidate, "horarium_face", None)
        if face is not None:
            return face
    return None


def _options_of(function: Any) -> _Options | None:
    options = getattr(function, _OPTIONS, None)
    return options if isinstance(options, _Options) else None


def _on_crash(value: OnCrash | str) -> OnCrash:
    try:
        return OnCrash(value)
    except ValueError:
        raise JobError(f"on_crash {value!r} is not one of {', '.join(OnCrash)}") from None


def _origin(function: Callable[..., Any]) -> str:
    """Where a function was written: the same when its module is loaded twice, as a script and by import."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    place = code.co_filename if code is not None else getattr(function, "__module__", "?")
    return f"{name_of(function)} in {place}"


def _outermost(definition: TaskDefinition) -> TaskDefinition:
    """The definition with what its module has under its name now: decorators above `@task` belong to it."""
    module_name, _, qualname = definition.ref.partition(":")
    function: Any = found_in(running_as(module_name) or sys.modules.get(module_name), qualname) if qualname else MISSING
    if function is definition.function or _options_of(function) is None:
        return definition
    if _options_of(function) is not _options_of(definition.function):
        return definition
    return _define(function, None, ref=definition.ref)


def _resembling(name: str, names: Any) -> str:
    close = difflib.get_close_matches(name, list(names), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
