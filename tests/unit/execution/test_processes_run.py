"""Runs in child processes: their steps, batches and progress go to the plan through the parent's link."""

import logging
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parent))  # children find the functions here, by this process's sys.path

from kept_link import KeptLink

from horarium.errors import JobError, PlanUnavailable, RunLost
from horarium.execution.context import SyncRun
from horarium.execution.processes import RemoteError, call_in_child
from horarium.values import Progress


@pytest.fixture
def link() -> KeptLink:
    return KeptLink()


def call(link: KeptLink | None, function: str, *args: Any, **options: Any) -> Any:
    return call_in_child(f"process_tasks:{function}", args, link=link, **options)


def test_a_function_in_a_child_is_told_which_run_it_is(link: KeptLink) -> None:
    assert call(link, "facts") == {
        "id": link.facts.id,
        "job_id": link.facts.job_id,
        "scheduled_at": link.facts.scheduled_at.isoformat(),
        "attempt": link.facts.attempt,
        "fencing_token": link.facts.fencing_token,
    }


def test_a_function_that_wants_a_run_cannot_be_called_outside_of_any() -> None:
    with pytest.raises(JobError, match="process_tasks:facts wants its run"):
        call(None, "facts")


def test_steps_in_a_child_are_committed_by_the_parent(link: KeptLink, tmp_path: Path) -> None:
    assert call(link, "two_steps", str(tmp_path / "log")) == [1, [2, 3]]
    assert link.steps == {"first": 1, "second": [2, 3]}


def test_a_committed_step_is_not_computed_again_in_a_child(link: KeptLink, tmp_path: Path) -> None:
    link.steps["first"] = "from an earlier attempt"
    assert call(link, "two_steps", str(tmp_path / "log")) == ["from an earlier attempt", [2, 3]]
    assert (tmp_path / "log").read_text() == "(2, 3)\n"


def test_steps_at_the_same_time_get_their_own_answers(link: KeptLink) -> None:
    assert call(link, "many_steps", 30) == list(range(30))


def test_the_prefix_of_an_item_is_put_before_its_keys(link: KeptLink) -> None:
    call(link, "item_with_steps", "a", prefix="videos[a].")
    assert list(link.steps) == ["videos[a].half"]


def test_a_prefix_that_makes_a_key_too_long_is_told_in_the_child(link: KeptLink) -> None:
    with pytest.raises(JobError, match="at most 1000"):
        call(link, "item_with_steps", "a", prefix="x" * 1000)


@pytest.mark.parametrize("error", [RunLost("1j8k2m4p6rs-17"), PlanUnavailable("the disk is full")])
def test_what_the_plan_refuses_is_raised_in_the_child_and_comes_back_as_itself(
    link: KeptLink, error: Exception
) -> None:
    link.error = error
    with pytest.raises(type(error)) as caught:
        call(link, "facts_after_a_step")
    assert (str(caught.value), vars(caught.value).get("run_id")) == (str(error), vars(error).get("run_id"))


def test_an_unknown_error_of_the_link_comes_back_as_its_description(link: KeptLink) -> None:
    link.error = KeyError("a bug")
    with pytest.raises(RemoteError) as caught:
        call(link, "facts_after_a_step")
    assert caught.value.info.type == "KeyError"


def test_a_transactional_step_in_a_child_is_refused(link: KeptLink) -> None:
    with pytest.raises(JobError, match="'write' is transactional"):
        call(link, "step_that_writes")


@pytest.mark.parametrize("function", ["batch", "batch_async"])
def test_marks_of_a_batch_in_a_child_are_committed_by_the_parent(link: KeptLink, function: str) -> None:
    link.done_before["batch_item"] = {"before"}
    tally = call(link, function, ["before", "good", "bad", "old"])
    assert link.outcomes("batch_item") == {"good": "done", "bad": "failed", "old": "skipped"}
    assert {name: tally[name] for name in ("total", "done", "skipped", "failed")} == {
        "total": 4,
        "done": 2,
        "skipped": 1,
        "failed": 1,
    }


def test_a_batch_in_a_child_that_writes_to_the_applications_tables_is_refused(link: KeptLink) -> None:
    with pytest.raises(JobError, match="executor='process'"):
        call(link, "batch_that_writes")


def test_the_progress_of_a_child_is_the_runs(link: KeptLink) -> None:
    call(link, "report")
    assert link.progress == [Progress(3, 10, "third")]


def test_the_progress_of_an_item_goes_where_its_batch_wants_it(link: KeptLink) -> None:
    heard: list[Progress] = []
    call(link, "item_with_steps", "a", on_progress=heard.append)
    assert heard == [Progress(1, 2, "half of a")]
    assert link.progress == []


def test_a_batch_can_have_its_items_done_in_children(link: KeptLink) -> None:
    written: list[tuple[Any, ...]] = []
    tally = SyncRun(link).each(
        ["a", "b"],
        import_module("process_tasks").item_with_steps,
        concurrency=2,
        executor="process",
        on_done=lambda *what: written.append(what),
    )
    assert (tally.done, tally.failed) == (2, 0)
    assert sorted(written) == [("a connection", "a", "A!"), ("a connection", "b", "B!")]
    assert sorted(link.steps.values()) == ["A", "B"]


def test_a_process_that_the_function_forked_cannot_disturb_its_talk_with_the_parent(
    link: KeptLink, caplog: pytest.LogCaptureFixture
) -> None:
    (error,) = call(link, "fork_and_log")
    assert "not in one that it forked" in error
    assert ("horarium.child.stderr", logging.WARNING, "from the fork") in caplog.record_tuples
