"""Tasks, their names and references, and finding them again."""

import asyncio
import functools
import os
import subprocess
import sys
import textwrap
import time
from datetime import timedelta

import pytest

from horarium.errors import JobError, TaskNotFound
from horarium.execution.context import Run, SyncRun
from horarium.execution.functions import is_async, reference_of
from horarium.execution.registry import REGISTRY, Registry, task
from horarium.retry import Retry
from horarium.states import OnCrash


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Writes a module that can be imported, under a name of its own for each test."""
    monkeypatch.syspath_prepend(tmp_path)
    written = []

    def write(source, name=None):
        name = name or f"tasks_{abs(hash(tmp_path))}_{len(written)}"
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(source))
        written.append(name)
        return name

    yield write
    for name in written:
        sys.modules.pop(name, None)


def defined(function, **options):
    name = f"test.{function.__name__}.{time.monotonic_ns()}"
    task(name, **options)(function)
    return REGISTRY.resolve(name)


# --- what a definition says


def test_an_async_function_runs_on_the_loop_and_a_plain_one_in_a_thread():
    async def later(): ...

    def now(): ...

    assert (defined(later).is_async, defined(later).executor) == (True, "loop")
    assert (defined(now).is_async, defined(now).executor) == (False, "thread")


def test_the_options_of_a_task_are_its_defaults():
    retry = Retry.fixed(5)
    one = defined(lambda: None, retry=retry, timeout=30, executor="process", on_crash="fail")
    assert (one.retry, one.timeout, one.executor, one.on_crash) == (retry, 30, "process", OnCrash.FAIL)


def test_a_task_stays_an_ordinary_function():
    @task(f"test.{time.monotonic_ns()}")
    def add(a, b):
        return a + b

    assert add(1, 2) == 3


def test_a_parameter_annotated_with_a_face_of_the_run_is_given_it():
    async def later(a, context: Run): ...

    def now(a, *, context: SyncRun | None = None): ...

    assert (defined(later).run_face, defined(later).run_parameter) == ("async", "context")
    assert (defined(now).run_face, defined(now).run_parameter) == ("sync", "context")


def test_a_bare_parameter_named_run_is_given_the_run():
    async def later(run): ...

    def now(run): ...

    assert defined(later).run_face == "async"
    assert defined(now).run_face == "sync"


def test_a_parameter_named_run_that_is_something_else_is_left_alone():
    def now(run: int): ...

    assert defined(now).run_parameter is None


def test_an_annotation_that_only_type_checkers_can_read_is_understood(module):
    name = module(
        """
        from __future__ import annotations
        from typing import TYPE_CHECKING
        if TYPE_CHECKING:
            from horarium import Run
            from nowhere import Post
        async def sync(post: Post, context: Run | None) -> Post: ...
        """
    )
    assert REGISTRY.resolve(f"{name}:sync").run_parameter == "context"


def test_the_wrong_face_is_refused_with_the_right_one():
    async def later(context: SyncRun): ...

    def now(context: Run): ...

    with pytest.raises(JobError, match="as Run"):
        defined(later)
    with pytest.raises(JobError, match="as SyncRun"):
        defined(now)


@pytest.mark.parametrize(
    ("args", "kwargs", "expected"),
    [
        ((1, 2), {}, ((1, "run", 2), {})),
        ((1,), {"b": 2}, ((1, "run"), {"b": 2})),
        ((), {"a": 1}, ((), {"a": 1, "run": "run"})),
    ],
)
def test_the_run_is_put_in_its_place_among_the_arguments(args, kwargs, expected):
    def now(a, run, b=0): ...

    assert defined(now).with_run(args, kwargs, "run") == expected


def test_a_keyword_only_run_is_given_by_name():
    def now(*args, run): ...

    assert defined(now).with_run((1, 2), {}, "run") == ((1, 2), {"run": "run"})


def test_arguments_that_do_not_fit_are_refused_early():
    def now(run, a, b=0): ...

    one = defined(now)
    one.check_arguments([1], {"b": 2})
    with pytest.raises(JobError, match="missing a required argument: 'a'"):
        one.check_arguments([], {})
    with pytest.raises(JobError, match="too many positional"):
        one.check_arguments([1, 2, 3], {})


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"executor": "moon"}, "moon"),
        ({"executor": "loop"}, "block the event loop"),
        ({"timeout": 0}, "timeout"),
        ({"on_crash": "panic"}, "panic"),
    ],
)
def test_options_that_cannot_be_are_refused(options, words):
    with pytest.raises(JobError, match=words):
        defined(lambda: None, **options)


@pytest.mark.parametrize("name", ["", "a:b", " a"])
def test_names_that_cannot_be_are_refused(name):
    with pytest.raises(JobError, match="name"):
        task(name)(print)


def test_two_tasks_of_one_name_are_refused():
    name = f"test.{time.monotonic_ns()}"

    def first(): ...

    def second(): ...

    task(name)(first)
    with pytest.raises(JobError, match=r"first.*second"):
        task(name)(second)


def test_a_task_defined_again_replaces_the_first():
    name = f"test.{time.monotonic_ns()}"

    def make():
        @task(name)
        def same(): ...

        return same

    make()
    again = make()
    assert REGISTRY.resolve(name).function is again


# --- names and references


def test_a_job_names_a_task_by_its_given_name(module):
    name = module("from horarium.execution.registry import task\n@task('posts.sync')\ndef sync(): ...")
    function = REGISTRY.resolve(f"{name}:sync").function
    assert REGISTRY.name_for(function) == "posts.sync"
    assert REGISTRY.resolve("posts.sync").ref == f"{name}:sync"


def test_a_task_without_a_name_is_known_by_its_reference(module):
    name = module("from horarium.execution.registry import task\n@task\ndef sync(): ...\n@task()\ndef more(): ...")
    function = REGISTRY.resolve(f"{name}:sync").function
    assert REGISTRY.name_for(function) == f"{name}:sync"
    assert {f"{name}:sync", f"{name}:more"} <= set(REGISTRY.names())


def test_any_function_of_a_module_may_be_a_task():
    assert REGISTRY.name_for(os.path.basename) == "posixpath:basename"
    assert REGISTRY.resolve("posixpath:basename").function is os.path.basename
    assert REGISTRY.resolve("time:sleep").function is time.sleep


def test_a_text_names_itself():
    assert REGISTRY.name_for("any:thing") == "any:thing"


def test_class_and_static_methods_have_references(module):
    name = module("class A:\n  @classmethod\n  def make(cls): ...\n  @staticmethod\n  def help(): ...")
    a = REGISTRY.resolve(f"{name}:A.make").function.__self__
    assert reference_of(a.make) == f"{name}:A.make"
    assert reference_of(a.help) == f"{name}:A.help"


class Thing:
    def method(self): ...

    def __call__(self): ...


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda: None, "lambda"),
        (functools.partial(print, 1), "partial"),
        (Thing().method, "method of an instance"),
        (Thing(), "__call__"),
    ],
)
def test_what_no_import_finds_has_no_reference(function, words):
    with pytest.raises(JobError, match=words):
        reference_of(function)


def counting():
    yield 1


async def counting_later():
    yield 1


def with_the_wrong_face(run: Run): ...


@pytest.mark.parametrize("function", [counting, counting_later])
def test_a_generator_is_no_task_since_a_call_runs_nothing_of_it(function):
    with pytest.raises(JobError, match=r"has a `yield`.*return a list"):
        task("counting")(function)


@pytest.mark.parametrize(("function", "words"), [(counting, "`yield`"), (with_the_wrong_face, "as SyncRun")])
def test_a_job_of_a_function_that_cannot_be_a_task_is_refused_when_it_is_added(function, words):
    with pytest.raises(JobError, match=words):
        REGISTRY.name_for(function)


def test_a_function_inside_a_function_has_no_reference():
    def inner(): ...

    with pytest.raises(JobError, match="inside a function"):
        reference_of(inner)


def test_a_task_inside_a_function_needs_a_name():
    def inner(): ...

    with pytest.raises(JobError, match="give it a name"):
        task(inner)


def test_a_function_whose_name_means_another_one_by_now_has_no_reference(module):
    name = module("def work(): ...\nfirst = work\ndef work(): ...")
    first = REGISTRY.resolve(f"{name}:first").function
    with pytest.raises(JobError, match="finds something else"):
        reference_of(first)


def test_a_decorator_above_task_belongs_to_the_task(module):
    name = module(
        """
        import functools
        from horarium.execution.registry import task
        def doubled(function):
            @functools.wraps(function)
            def wrapper(): return 2 * function()
            return wrapper
        @doubled
        @task("doubled.one")
        def one(): return 1
        """
    )
    assert REGISTRY.resolve(f"{name}:one").function() == 2
    assert REGISTRY.resolve("doubled.one").function() == 2


# --- finding


@pytest.mark.parametrize(
    ("reference", "why"),
    [
        ("no_such_package.tasks:run", "there is no module no_such_package;"),
        ("horarium.no_such_module:run", "there is no module horarium.no_such_module;"),
        ("time:slep", "module time has no slep (did you mean 'sleep'?)"),
        ("time:timezone", "not a function"),
        ("time:", "looks like"),
        (":sleep", "looks like"),
        ("__main__:work", "another file in every process"),
        ("no such task", "no task of this name is registered"),
    ],
)
def test_a_task_that_cannot_be_found_says_why(reference, why):
    with pytest.raises(TaskNotFound) as caught:
        Registry().resolve(reference)
    assert why in caught.value.why


@pytest.mark.parametrize("line", ["import no_such_library", "1 / 0", "raise SystemExit(2)", "def ("])
def test_a_module_that_fails_when_imported_is_told_from_one_that_is_not_there(module, line):
    name = module(line)
    with pytest.raises(TaskNotFound, match=f"module {name} raised"):
        Registry().resolve(f"{name}:work")


def test_what_was_not_found_is_looked_for_again_only_when_failures_are_forgotten(module):
    registry = Registry()
    with pytest.raises(TaskNotFound):
        registry.resolve("comes_later:work")
    module("def work(): ...", name="comes_later")
    with pytest.raises(TaskNotFound):
        registry.resolve("comes_later:work")
    registry.forget_failures()
    assert registry.resolve("comes_later:work").name == "comes_later:work"


def test_a_name_that_is_registered_later_is_found_at_once():
    registry = Registry()
    with pytest.raises(TaskNotFound):
        registry.resolve("posixpath:basename ")
    name = f"test.{time.monotonic_ns()}"
    with pytest.raises(TaskNotFound):
        REGISTRY.resolve(name)
    task(name)(functools.wraps(print)(lambda: None))
    assert REGISTRY.resolve(name)


def test_a_name_nearly_right_is_suggested():
    task("posts.synchronise")(lambda: None)
    with pytest.raises(TaskNotFound, match=r"did you mean 'posts.synchronise'"):
        REGISTRY.resolve("posts.synchronize")


# --- scripts


def run_script(folder, *command, code=""):
    source = """
        import sys
        from horarium.execution.registry import REGISTRY, task
        def plain(): ...
        @task
        def bare(): ...
        @task("named")
        def named(): ...
        if __name__ == "__main__":
            for function in (plain, bare, named):
                name = REGISTRY.name_for(function)
                print(name, REGISTRY.resolve(name).function is function)
            print(sorted(name for name in sys.modules if name.endswith("my_script")))
    """
    (folder / "my_script.py").write_text(textwrap.dedent(source))
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, input=code, capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout.split("\n")[:-1]


@pytest.mark.parametrize("command", [("my_script.py",), ("-m", "my_script")])
def test_functions_of_a_script_are_named_by_its_file_and_not_imported_again(tmp_path, command):
    assert run_script(tmp_path, *command) == ["my_script:plain True", "my_script:bare True", "named True", "[]"]


def test_another_process_finds_the_functions_of_a_script(tmp_path):
    code = "from horarium.execution.registry import REGISTRY; print(REGISTRY.resolve('my_script:plain').ref)"
    assert run_script(tmp_path, "-c", code) == ["my_script:plain"]


def test_a_script_that_no_import_finds_needs_names(tmp_path):
    code = """
from horarium.errors import JobError
from horarium.execution.registry import REGISTRY, task
def plain(): ...
try: REGISTRY.name_for(plain)
except JobError as error: print(error)
@task("named")
def named(): ...
print(REGISTRY.name_for(named))
"""
    assert run_script(tmp_path, "-", code=code) == [
        "plain belongs to __main__, and no import in another process finds that; move it to a module of its own",
        "named",
    ]


def test_a_script_imported_by_its_name_as_well_defines_its_tasks_twice_without_harm(tmp_path):
    (tmp_path / "twice.py").write_text(
        "from horarium.execution.registry import task\n@task('twice')\ndef work(): ...\nimport twice\nprint('fine')\n"
    )
    done = subprocess.run([sys.executable, "twice.py"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "fine\nfine\n"


def test_looking_for_tasks_imports_neither_the_event_loop_nor_the_database():
    code = (
        "import sys, horarium.execution.registry;"
        "print({'asyncio', 'sqlalchemy', 'apscheduler', 'rich'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_a_partial_of_an_async_function_and_an_object_called_so_are_async():
    async def later(): ...

    class Later:
        async def __call__(self): ...

    assert defined(functools.wraps(later)(functools.partial(later))).is_async
    assert is_async(Later())
    assert not is_async(asyncio.Event)


def test_a_timeout_may_be_a_timedelta():
    @task("registry.patient", timeout=timedelta(minutes=5))
    def patient(): ...

    assert REGISTRY.resolve("registry.patient").timeout == 300


@pytest.mark.parametrize("timeout", [0, -1, "5m", True, timedelta()], ids=repr)
def test_a_timeout_that_is_no_length_of_time_is_refused_with_the_task(timeout):
    with pytest.raises(JobError, match=r"task .*: timeout must be a number of seconds, more than 0"):

        @task("registry.hasty", timeout=timeout)
        def hasty(): ...
