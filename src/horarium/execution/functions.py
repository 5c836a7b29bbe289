"""Functions by name: what a function is called, of which kind it is, and how another process finds it again.

A function in a script that was started as such (`python script.py`) lives in the module `__main__`, which means another
file in every process. Its reference names the file instead, "script:function", when an import of that name finds this
very file; `python -m package.module` gives "package.module:function". In the script's own process both mean the module
that is running, which is not imported a second time. Elsewhere (a notebook, `python -c`) a function of `__main__` has
no reference, and needs a name by `@task("name")`, which other processes do not know.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from horarium.errors import JobError, TaskNotFound

MISSING = object()
"""What `found_in` answers when there is nothing of the name."""


def is_async(function: Callable[..., Any]) -> bool:
    """Whether calling `function` gives something to await: an `async def`, a partial of one, an object called so."""
    if inspect.iscoroutinefunction(function):
        return True
    return not inspect.isroutine(function) and inspect.iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004 - the method is looked at, not whether it is there


def check_function(function: object, what: str) -> None:
    """Raise JobError, naming `what` needs it, when no call would do its work: it is no function, or has a `yield`."""
    if not callable(function):
        raise JobError(f"{what} needs a function that can be called, not {function!r}")
    if any(map(_is_generator, (function, getattr(function, "__call__", None)))):  # noqa: B004 - as in is_async
        raise JobError(
            f"{what}: {name_of(function)} has a `yield`, so a call only makes a generator and runs nothing of it; "
            "return a list, or do the work in a loop"
        )


def _is_generator(function: object) -> bool:
    return inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)


def name_of(function: Callable[..., Any]) -> str:
    """What to call a function in messages and default names: its qualified name, that of what a partial wraps."""
    while isinstance(function, functools.partial):
        function = function.func
    return str(getattr(function, "__qualname__", type(function).__qualname__))


def reference_of(function: Callable[..., Any]) -> str:
    """The text by which any process finds `function` again: "package.module:function".

    Raises JobError, saying why and what to do, for what an import does not find: lambdas, functions inside functions,
    methods of instances, partials, functions of a script that no import finds.
    """
    what = name_of(function)
    owner = getattr(function, "__self__", None)
    qualname, module_name = getattr(function, "__qualname__", None), getattr(function, "__module__", None)
    if inspect.ismethod(function) and not inspect.isclass(owner):
        raise JobError(
            f"{what} is a method of an instance, which another process does not have; use a function of a module, and "
            "give it what it needs to make or find the instance"
        )
    if not qualname or not module_name:
        raise JobError(
            f"{function!r} is not a function of a module but an object (a partial, an instance with __call__); define "
            "a function that calls it, and give the job the arguments"
        )
    if "<lambda>" in qualname:
        raise JobError("a lambda has no name to be found by; define a function with `def` in a module")
    if "<locals>" in qualname:
        raise JobError(
            f"{what} is defined inside a function, where no other process finds it; move it to the top of its module "
            "(if it is there, the decorator around it lacks functools.wraps)"
        )
    if module_name == "__main__":
        module_name = _name_of_main(what)
    elif found_in(sys.modules.get(module_name), qualname) != function:
        raise JobError(
            f"an import of {module_name}:{qualname} finds something else; is it decorated by something other than "
            "@task further out, or was its name given to another function?"
        )
    return f"{module_name}:{qualname}"


def found_in(start: Any, qualname: str) -> Any:
    """What a dotted name leads to from a module, MISSING if to nothing."""
    for name in qualname.split("."):
        start = getattr(start, name, MISSING)
    return start


def module_of(task: str, module_name: str) -> ModuleType:
    """Import the module of a task's reference. Raises TaskNotFound, with why."""
    if module_name == "__main__":
        raise TaskNotFound(task, "__main__ is another file in every process; name the module or the script's file")
    main = running_as(module_name)
    if main is not None:
        return main
    try:
        return importlib.import_module(module_name)
    except (Exception, SystemExit) as error:
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        if missing and f"{module_name}.".startswith(f"{missing}."):
            why = f"there is no module {missing}; install it, or put its folder on sys.path"
        else:
            where = traceback.extract_tb(error.__traceback__)[-1]
            why = (
                f"module {module_name} raised {type(error).__name__} when imported: {error} "
                f"({where.filename}, line {where.lineno})"
            )
        raise TaskNotFound(task, why) from error


def running_as(module_name: str) -> ModuleType | None:
    """The module that is running as `__main__`, if `module_name` is its importable name."""
    main = sys.modules.get("__main__")
    spec, file = getattr(main, "__spec__", None), getattr(main, "__file__", None)
    if spec is not None:
        return main if spec.name == module_name else None
    return main if file and Path(file).stem == module_name and _finds(module_name, file) else None


def _name_of_main(what: str) -> str:
    """The name by which other processes import what is `__main__` here. Raises JobError when there is none."""
    main = sys.modules["__main__"]
    spec, file = getattr(main, "__spec__", None), getattr(main, "__file__", None)
    if spec is not None:
        return str(spec.name)
    if file and _finds(Path(file).stem, file):
        return Path(file).stem
    raise JobError(
        f"{what} belongs to __main__, and no import in another process finds that; move it to a module of its own"
    )


def _finds(module_name: str, file: str) -> bool:
    """Whether an import of `module_name` loads this very file. Imports nothing."""
    try:
        spec = importlib.util.find_spec(module_name)
        return spec is not None and spec.origin is not None and Path(spec.origin).samefile(file)
    except (ImportError, ValueError, OSError):
        return False
