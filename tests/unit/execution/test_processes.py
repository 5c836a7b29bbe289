"""Calling functions in child processes: arguments, results, errors, what is printed and logged, what is left."""

import gc
import json
import logging
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parent))  # children find the functions here, by this process's sys.path

from horarium.errors import (
    ArgumentsNotJSON,
    ChildProcessDied,
    JobError,
    PermanentError,
    Skip,
    TaskNotFound,
)
from horarium.execution.capture import RunLog, install, keeping, remove
from horarium.execution.faults import info_of
from horarium.execution.processes import RemoteError, call_in_child
from horarium.values import LogLine


def call(function: str, *args: Any, **kwargs: Any) -> Any:
    return call_in_child(f"process_tasks:{function}", args, kwargs)


def own_descriptors() -> int:
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir()))


def own_children() -> str:
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text()


# --- arguments and results


def test_a_function_gets_its_arguments_and_its_result_comes_back_as_json_reads_it() -> None:
    assert call("echo", 1, ("a", None), key={"b": [True]}) == {"args": [1, ["a", None]], "key": {"b": [True]}}


def test_an_async_function_is_awaited() -> None:
    assert call("echo_async", "value") == "value"


def test_large_arguments_and_results_cross_in_both_directions() -> None:
    text = "\u00e4\n" * 1_250_000
    assert call("echo", text) == [text]


def test_the_child_has_the_directory_and_path_of_its_parent_but_not_its_arguments_and_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend("/nowhere")
    assert call("where") == {"cwd": str(tmp_path), "path": sys.path, "argv": ["-c"], "stdin": ""}


def test_the_child_does_not_import_the_libraries_of_the_plan_and_the_engines() -> None:
    heavy = {"sqlalchemy", "apscheduler", "alembic", "rich", "typer", "pydantic"}
    assert heavy.isdisjoint(call("imported_modules"))


def test_a_result_that_is_not_json_is_an_error_that_names_the_task() -> None:
    with pytest.raises(ArgumentsNotJSON, match="process_tasks:answer_a_set"):
        call("answer_a_set")


def test_arguments_that_are_not_json_are_refused() -> None:
    with pytest.raises(ArgumentsNotJSON, match="the arguments of process_tasks:echo"):
        call("echo", {1, 2})


# --- errors


def test_an_error_comes_back_as_its_description() -> None:
    with pytest.raises(RemoteError, match="ValueError: three is too many") as caught:
        call("fail", "plain")
    info = caught.value.info
    assert (info.type, info.message, info.permanent) == ("ValueError", "three is too many", False)
    assert caught.value.names[:2] == ("builtins.ValueError", "builtins.Exception")


def test_the_traceback_of_an_error_begins_in_the_task() -> None:
    with pytest.raises(RemoteError) as caught:
        call("fail", "plain")
    places = [line for line in caught.value.info.traceback.splitlines() if line.startswith("  File")]
    assert len(places) == 1
    assert "process_tasks.py" in places[0]


def test_an_error_that_cannot_be_pickled_keeps_its_class_its_text_and_its_permanence() -> None:
    with pytest.raises(RemoteError, match="Unpicklable: cannot be pickled") as caught:
        call("fail", "unpicklable")
    assert caught.value.info.type == "process_tasks.Unpicklable"
    assert caught.value.permanent


def test_an_error_without_a_text_is_still_told() -> None:
    with pytest.raises(RemoteError, match=r"Unprintable.*RuntimeError"):
        call("fail", "unprintable")


@pytest.mark.parametrize(("which", "name"), [("exit", "SystemExit"), ("interrupt", "KeyboardInterrupt")])
def test_an_error_that_would_end_the_parent_comes_back_as_a_description(which: str, name: str) -> None:
    with pytest.raises(RemoteError) as caught:
        call("fail", which)
    assert caught.value.info.type == name


@pytest.mark.parametrize(("which", "kind"), [("skip", Skip), ("derived skip", Skip), ("permanent", PermanentError)])
def test_an_error_of_horarium_comes_back_as_itself(which: str, kind: type[Exception]) -> None:
    with pytest.raises(kind) as caught:
        call("fail", which)
    assert type(caught.value) is kind


def test_text_that_is_not_unicode_crosses_as_databases_can_keep_it() -> None:
    with pytest.raises(RemoteError) as caught:
        call("fail", "lone surrogate")
    assert caught.value.info.message == "\N{REPLACEMENT CHARACTER}" * 2


@pytest.mark.parametrize(
    ("task", "why"),
    [
        ("process_tasks:echoo", "process_tasks has no echoo"),
        ("no_such_module:echo", "no_such_module"),
    ],
)
def test_a_task_that_cannot_be_imported_is_not_found(task: str, why: str) -> None:
    with pytest.raises(TaskNotFound, match=why) as caught:
        call_in_child(task)
    assert caught.value.task == task


@pytest.mark.parametrize("task", ["__main__:function", "a name"])
def test_a_function_that_no_other_process_can_find_is_refused(task: str) -> None:
    with pytest.raises(JobError, match="module"):
        call_in_child(task)


def test_a_module_that_calls_children_while_it_is_imported_does_not_multiply(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "unguarded.py").write_text(
        "from horarium.execution.processes import call_in_child\n"
        "def work(): return 1\n"
        "call_in_child('unguarded:work')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(TaskNotFound, match='if __name__ == "__main__"'):
        call_in_child("unguarded:work")


# --- children that die


def test_a_child_that_exits_without_an_answer_has_died_with_its_code() -> None:
    with pytest.raises(ChildProcessDied, match="process_tasks:leave in a child process ended with exit code 3"):
        call("leave", 3)


def test_a_child_that_crashes_has_died_with_its_signal_and_the_place() -> None:
    with pytest.raises(ChildProcessDied, match=r"killed by SIGSEGV$") as caught:
        call("crash")
    assert "in crash" in info_of(caught.value).traceback


def test_a_child_that_is_killed_from_outside_may_have_used_too_much_memory() -> None:
    with pytest.raises(ChildProcessDied, match=r"killed by SIGKILL \(out of memory\?\)"):
        call("be_killed")


def test_an_interpreter_that_cannot_be_started_is_a_child_that_died(monkeypatch: pytest.MonkeyPatch) -> None:
    before = own_descriptors()
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with pytest.raises(ChildProcessDied, match="could not be started"):
        call("echo")
    assert own_descriptors() == before


# --- what is printed and logged


def test_a_megabyte_on_stdout_and_on_stderr_is_passed_on_line_by_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    call("chatter", 10_000)
    printed = [(record.name, record.levelno, record.getMessage().split()[:2]) for record in caplog.records]
    out = [words for name, level, words in printed if (name, level) == ("horarium.child.stdout", logging.INFO)]
    err = [words for name, level, words in printed if (name, level) == ("horarium.child.stderr", logging.WARNING)]
    assert out == [["out", str(number)] for number in range(10_000)]
    assert err == [["err", str(number)] for number in range(10_000)]


def test_of_an_overwritten_line_the_last_state_is_passed_on(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    call("overwrite")
    assert [record.getMessage() for record in caplog.records] == ["100%", "no newline at the end"]


def test_what_the_child_logs_is_logged_by_the_parent_at_the_parents_level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "tests.child")
    call("log_something")
    info, error = (record for record in caplog.records if record.name == "tests.child")
    assert (info.levelname, info.getMessage(), info.funcName) == ("INFO", "1 of 2", "log_something")
    assert info.process != os.getpid()
    assert "ValueError: three is too many" in logging.Formatter().format(error)


def test_what_a_child_logs_and_prints_is_kept_with_its_run() -> None:
    lines: list[LogLine] = []
    install()
    try:
        with keeping(RunLog(1, lines.append)):
            call("log_something")
            call("overwrite")
    finally:
        remove()
    kept = [(line.logger, line.level, line.message.splitlines()[0]) for line in lines]
    assert kept == [
        ("tests.child", "ERROR", "it failed"),
        ("horarium.child.stdout", "INFO", "100%"),
        ("horarium.child.stdout", "INFO", "no newline at the end"),
    ]
    assert lines[0].message.endswith("ValueError: three is too many")


# --- what is left


def test_fifty_children_leave_no_descriptor_and_no_process() -> None:
    call("echo")
    descriptors, children = own_descriptors(), own_children()
    for number in range(50):
        assert call("echo", number) == [number]
    assert own_descriptors() == descriptors
    assert own_children() == children


def test_ten_threads_call_children_at_the_same_time() -> None:
    children = own_children()
    with ThreadPoolExecutor(10) as pool:
        assert list(pool.map(lambda number: call("echo", number), range(20))) == [[n] for n in range(20)]
    assert own_children() == children


def test_a_thread_that_the_function_forgot_does_not_keep_the_result() -> None:
    assert call_in_child("process_tasks:leave_a_thread_behind", grace=0) == "done"


def test_the_script_that_was_started_is_not_imported_in_its_children(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import json, sys\n"
        "from horarium.execution.processes import call_in_child\n"
        f"sys.path.append({str(Path(__file__).parent)!r})\n"
        "print('started')\n"
        "print(json.dumps(call_in_child('process_tasks:echo', ['from a script'])))\n"
    )
    output = subprocess.run([sys.executable, script], check=True, capture_output=True, text=True).stdout
    assert [line if line == "started" else json.loads(line) for line in output.splitlines()] == [
        "started",
        ["from a script"],
    ]
