"""A user's own APScheduler over the plan: the methods that people know, in real threads."""

from __future__ import annotations

import io
import queue
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from apscheduler import events
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.base import ConflictingIdError, JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler

from horarium.engines.apscheduler import PlanExecutor, PlanJobStore
from horarium.errors import ArgumentsNotJSON, ConfigurationError, JobError, PlanUnavailable, TriggerError
from horarium.execution.context import SyncRun
from horarium.retry import Retry
from horarium.states import JobStatus, RunState
from horarium.store.database import Database
from horarium.store.jobs import Jobs
from horarium.store.nodes import Nodes
from horarium.store.runs import Runs

from . import tasks
from .test_triggers import OwnTrigger

SOON = 20.0
"""Seconds within which what must happen has happened; only a failure waits so long."""


def takes_run(run: SyncRun, value: int) -> int:
    return value


class Own:
    """A BackgroundScheduler as a user makes it, and a look at its plan."""

    def __init__(self, url: str, **options: Any) -> None:
        self.url = url
        keep = {name: options.pop(name) for name in ("keep_days", "keep_runs") if name in options}
        self.store = PlanJobStore(url, **keep)
        options.setdefault("executors", {"default": PlanExecutor()})
        self.scheduler = BackgroundScheduler(timezone=UTC, jobstores={"default": self.store}, **options)
        self.heard: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.jobs, self.runs = Jobs(self.store.database), Runs(self.store.database)

    def listen(self, mask: int = events.EVENT_ALL) -> None:
        self.scheduler.add_listener(self.heard.put, mask)

    def next_event(self, code: int) -> Any:
        while True:
            event = self.heard.get(timeout=SOON)
            if event.code == code:
                return event


@pytest.fixture
def make_own(tmp_path: Path) -> Iterator[Callable[..., Own]]:
    made: list[Own] = []

    def make(url: str | None = None, **options: Any) -> Own:
        made.append(Own(url or f"sqlite:///{tmp_path}/plan.db", **options))
        return made[-1]

    yield make
    for own in made:
        tasks.gate.set()
        if own.scheduler.running:
            own.scheduler.shutdown()
        own.store.database.close()


@pytest.fixture
def own(make_own: Callable[..., Own]) -> Own:
    own = make_own()
    own.scheduler.start()
    return own


# --- life


def test_a_job_runs_on_time_and_is_recorded(make_own: Callable[..., Own], plan_url: str) -> None:
    own = make_own(plan_url)
    own.listen()
    own.scheduler.add_job(tasks.note, "interval", seconds=0.1, args=[1], kwargs={"b": 2}, id="often")
    own.scheduler.start()
    event = own.next_event(events.EVENT_JOB_EXECUTED)
    assert (event.job_id, event.jobstore, event.retval) == ("often", "default", {"args": [1], "kwargs": {"b": 2}})
    own.scheduler.shutdown()
    runs = own.runs.find(job_id="often")
    assert {run.state for run in runs} == {RunState.SUCCEEDED}
    assert event.scheduled_run_time in {run.scheduled_at for run in runs}


def test_an_async_function_runs_too(own: Own) -> None:
    own.listen(events.EVENT_JOB_EXECUTED)
    own.scheduler.add_job(tasks.note_async, args=["here"])
    assert own.next_event(events.EVENT_JOB_EXECUTED).retval == "here"


def test_without_our_executor_it_does_not_start_and_says_why(make_own: Callable[..., Own]) -> None:
    own = make_own(executors={"default": ThreadPoolExecutor()})
    with pytest.raises(ConfigurationError, match=r"needs a PlanExecutor.*executors="):
        own.scheduler.start()
    assert own.store.service is None


def test_a_shutdown_waits_for_what_runs(own: Own) -> None:
    own.listen(events.EVENT_JOB_SUBMITTED)
    own.scheduler.add_job(tasks.wait_at_gate, id="slow")
    own.next_event(events.EVENT_JOB_SUBMITTED)
    opener = threading.Timer(0.2, tasks.gate.set)
    opener.start()
    own.scheduler.shutdown(wait=True)
    opener.join()
    assert [run.state for run in own.runs.find()] == [RunState.SUCCEEDED]


def test_a_shutdown_ends_the_node_and_the_database(own: Own) -> None:
    own.scheduler.shutdown()
    reader = Database(own.url)
    assert Nodes(reader).find() == []
    reader.close()
    assert own.store.service is None


def test_a_scheduler_may_be_started_again(own: Own) -> None:
    own.scheduler.shutdown()
    own.scheduler.start()
    own.listen(events.EVENT_JOB_EXECUTED)
    own.scheduler.add_job(tasks.note)
    assert own.next_event(events.EVENT_JOB_EXECUTED)


def test_a_store_and_an_executor_may_join_a_running_scheduler(tmp_path: Path) -> None:
    scheduler = BackgroundScheduler(timezone=UTC)
    scheduler.start()
    store = PlanJobStore(f"sqlite:///{tmp_path}/plan.db")
    with pytest.raises(ConfigurationError):
        scheduler.add_jobstore(store, "plan")
    scheduler.remove_jobstore("plan")
    scheduler.add_executor(PlanExecutor(), "plan")
    scheduler.add_jobstore(store, "plan")
    done = threading.Event()
    scheduler.add_listener(lambda _: done.set(), events.EVENT_JOB_EXECUTED)
    scheduler.add_job(tasks.note, jobstore="plan", executor="plan")
    assert done.wait(SOON)
    scheduler.shutdown()


def test_a_database_that_is_not_there_is_said_at_the_start(make_own: Callable[..., Own]) -> None:
    own = make_own("postgresql://nobody@127.0.0.1:1/nothing")
    with pytest.raises(PlanUnavailable, match="is the server running"):
        own.scheduler.start()


def test_its_store_may_be_named_in_a_configuration(tmp_path: Path) -> None:
    scheduler = BackgroundScheduler(
        {
            "apscheduler.jobstores.default": {
                "class": "horarium.engines.apscheduler:PlanJobStore",
                "url": f"sqlite:///{tmp_path}/plan.db",
            },
            "apscheduler.executors.default": {"class": "horarium.engines.apscheduler:PlanExecutor", "threads": 3},
            "apscheduler.timezone": "UTC",
        }
    )
    scheduler.start()
    scheduler.add_job(tasks.note, "interval", hours=1, id="a")
    assert [job.id for job in scheduler.get_jobs()] == ["a"]
    scheduler.shutdown()


def test_a_start_that_failed_may_be_tried_again(make_own: Callable[..., Own]) -> None:
    own = make_own()
    own.scheduler.start()
    own.scheduler.add_job(tasks.note, "interval", hours=1, id="taken")
    own.scheduler.shutdown()
    own.scheduler.add_job(tasks.note, "interval", hours=1, id="taken")
    with pytest.raises(ConflictingIdError):
        own.scheduler.start()
    own.scheduler.remove_job("taken")
    own.scheduler.start()
    assert len(Nodes(own.store.database).find()) == 1
    own.listen(events.EVENT_JOB_EXECUTED)
    own.scheduler.add_job(tasks.note)
    assert own.next_event(events.EVENT_JOB_EXECUTED)


def test_old_history_is_forgotten_by_a_job_that_only_the_plan_shows(make_own: Callable[..., Own]) -> None:
    own = make_own()
    own.scheduler.start()
    (prune,) = own.jobs.with_ids(["horarium.prune"])
    assert prune.kwargs == {"days": 90.0, "keep": 1000}
    assert own.scheduler.get_jobs() == []
    assert own.scheduler.get_job(prune.id) is None
    with pytest.raises(JobLookupError):
        own.scheduler.remove_job(prune.id)


def test_how_long_history_is_kept_is_changed_by_who_says_so(make_own: Callable[..., Own]) -> None:
    for given, kept in (({"keep_days": 5.0}, 5.0), ({}, 5.0), ({"keep_days": 7.0}, 7.0)):
        own = make_own(**given)
        own.scheduler.start()
        assert own.jobs.with_ids(["horarium.prune"])[0].kwargs["days"] == kept
        own.scheduler.shutdown()


# --- the methods


def test_the_same_id_twice_is_refused(own: Own) -> None:
    own.scheduler.add_job(tasks.note, "interval", hours=1, id="a")
    with pytest.raises(ConflictingIdError):
        own.scheduler.add_job(tasks.note, "interval", hours=1, id="a")


def test_a_job_added_at_every_boot_keeps_its_next_time(own: Own) -> None:
    first = own.scheduler.add_job(tasks.note, "interval", hours=24, id="a")
    for args in ([1], [2]):
        own.scheduler.add_job(tasks.note, "interval", hours=24, id="a", args=args, replace_existing=True)
    job = own.scheduler.get_job("a")
    assert job.next_run_time == first.next_run_time
    assert job.args == (2,)


def test_a_job_added_at_every_boot_with_a_time_of_its_own_takes_it(own: Own) -> None:
    own.scheduler.add_job(tasks.note, "interval", hours=24, id="a")
    given = datetime.now(UTC) + timedelta(hours=1)
    own.scheduler.add_job(tasks.note, "interval", hours=24, id="a", next_run_time=given, replace_existing=True)
    assert own.scheduler.get_job("a").next_run_time == given


def test_a_job_added_at_a_boot_with_another_trigger_takes_its_first_time(own: Own) -> None:
    own.scheduler.add_job(tasks.note, "interval", hours=24, id="a")
    own.scheduler.add_job(tasks.note, "cron", hour=6, id="a", replace_existing=True)
    job = own.scheduler.get_job("a")
    assert (job.next_run_time.hour, job.next_run_time.minute, str(job.trigger)) == (6, 0, "cron[hour='6']")


def test_a_pause_survives_a_boot(own: Own) -> None:
    own.scheduler.add_job(tasks.note, "interval", hours=24, id="a")
    own.scheduler.pause_job("a")
    own.scheduler.add_job(tasks.note, "interval", hours=24, id="a", replace_existing=True)
    assert own.scheduler.get_job("a").next_run_time is None
    assert own.jobs.get("a").status is JobStatus.PAUSED


def test_a_job_may_be_added_paused(own: Own) -> None:
    own.scheduler.add_job(tasks.note, "interval", hours=1, id="a", next_run_time=None)
    assert own.scheduler.get_job("a").next_run_time is None
    resumed = own.scheduler.resume_job("a")
    assert own.scheduler.get_job("a").next_run_time == resumed.next_run_time is not None


def test_pause_and_resume(own: Own) -> None:
    job = own.scheduler.add_job(tasks.note, "interval", hours=1, id="a")
    job.pause()
    assert own.jobs.get("a").paused
    job.resume()
    found = own.scheduler.get_job("a")
    assert found.next_run_time == job.next_run_time
    assert not own.jobs.get("a").paused


def test_modify(own: Own) -> None:
    job = own.scheduler.add_job(tasks.note, "interval", hours=1, id="a")
    own.scheduler.modify_job("a", args=[3], name="renamed", max_instances=4, misfire_grace_time=60, coalesce=False)
    found = own.scheduler.get_job("a")
    assert (found.args, found.name, found.max_instances) == ((3,), "renamed", 4)
    assert (found.misfire_grace_time, found.coalesce) == (60, False)
    assert found.next_run_time == job.next_run_time


def test_modify_to_another_function(own: Own) -> None:
    own.scheduler.add_job(tasks.note, "interval", hours=1, id="a")
    own.scheduler.modify_job("a", func=tasks.note_async, args=[1])
    assert own.scheduler.get_job("a").func is tasks.note_async
    assert own.jobs.get("a").policies.executor == "loop"


def test_modify_keeps_what_apscheduler_cannot_say(own: Own) -> None:
    own.scheduler.add_job(tasks.note, "interval", hours=1, id="a")
    own.jobs.modify("a", {"timeout": 9.0, "retry": Retry.fixed(1, max_attempts=2)}, datetime.now(UTC))
    own.scheduler.modify_job("a", max_instances=2)
    own.scheduler.add_job(tasks.note, "interval", hours=1, id="a", replace_existing=True)
    kept = own.jobs.get("a").policies
    assert (kept.timeout, kept.retry, kept.max_instances) == (9.0, Retry.fixed(1, max_attempts=2), 1)


def test_a_next_run_time_that_was_given_moves_the_rhythm_of_an_interval(own: Own) -> None:
    own.scheduler.add_job(tasks.note, "interval", hours=1, id="a")
    given = datetime.now(UTC) + timedelta(minutes=7)
    own.scheduler.modify_job("a", next_run_time=given)
    job = own.scheduler.get_job("a")
    assert job.next_run_time == given
    assert job.trigger.get_next_fire_time(given, given) == given + timedelta(hours=1)


def test_reschedule(own: Own) -> None:
    own.scheduler.add_job(tasks.note, "interval", hours=1, id="a")
    own.scheduler.reschedule_job("a", trigger="cron", hour=6, minute=30)
    job = own.scheduler.get_job("a")
    assert str(job.trigger) == "cron[hour='6', minute='30']"
    assert (job.next_run_time.hour, job.next_run_time.minute) == (6, 30)


def test_reschedule_to_the_same_interval_starts_it_anew(own: Own) -> None:
    own.scheduler.add_job(
        tasks.note, "interval", hours=1, id="a", next_run_time=datetime.now(UTC) + timedelta(minutes=1)
    )
    before = datetime.now(UTC)
    own.scheduler.reschedule_job("a", trigger="interval", hours=1)
    assert own.scheduler.get_job("a").next_run_time >= before + timedelta(hours=1)


def test_another_trigger_by_modify_takes_effect_after_the_next_run(own: Own) -> None:
    job = own.scheduler.add_job(tasks.note, "interval", hours=1, id="a")
    other = own.scheduler._create_trigger("interval", {"hours": 5})
    own.scheduler.modify_job("a", trigger=other)
    found = own.scheduler.get_job("a")
    assert (found.next_run_time, str(found.trigger)) == (job.next_run_time, "interval[5:00:00]")


def test_remove(own: Own) -> None:
    own.scheduler.add_job(tasks.note, "interval", hours=1, id="a")
    own.scheduler.remove_job("a")
    assert own.scheduler.get_job("a") is None
    with pytest.raises(JobLookupError):
        own.scheduler.remove_job("a")
    own.scheduler.add_job(tasks.note, "interval", hours=1, id="b")
    own.scheduler.remove_all_jobs()
    assert own.scheduler.get_jobs() == []


def test_print_export_and_import(own: Own, tmp_path: Path) -> None:
    own.scheduler.add_job(tasks.note, "cron", hour=6, id="a", args=[1], name="the job")
    out = io.StringIO()
    own.scheduler.print_jobs(out=out)
    assert "the job (trigger: cron[hour='6'], next run at:" in out.getvalue()
    own.scheduler.export_jobs(str(tmp_path / "jobs.json"))
    before = own.scheduler.get_job("a")
    own.scheduler.remove_all_jobs()
    own.scheduler.import_jobs(str(tmp_path / "jobs.json"))
    after = own.scheduler.get_job("a")
    assert (str(after), after.args) == (str(before), before.args)


def test_a_function_may_be_added_while_it_is_being_decorated(own: Own, monkeypatch: pytest.MonkeyPatch) -> None:
    def decorated() -> str:
        return "decorated"

    decorated.__qualname__ = "decorated"
    own.listen(events.EVENT_JOB_EXECUTED)
    own.scheduler.scheduled_job("interval", seconds=0.3, id="a")(decorated)
    monkeypatch.setattr(f"{__name__}.decorated", decorated, raising=False)
    assert own.next_event(events.EVENT_JOB_EXECUTED).retval == "decorated"


def test_run_at_once_by_giving_the_present_as_the_next_time(own: Own) -> None:
    own.listen(events.EVENT_JOB_EXECUTED)
    own.scheduler.add_job(tasks.note, "interval", hours=1, id="a")
    own.scheduler.modify_job("a", next_run_time=datetime.now(UTC))
    assert own.next_event(events.EVENT_JOB_EXECUTED).job_id == "a"
    assert own.scheduler.get_job("a").next_run_time > datetime.now(UTC) + timedelta(minutes=50)


# --- what is refused


def test_arguments_that_are_not_json_are_refused(own: Own) -> None:
    with pytest.raises(ArgumentsNotJSON, match="args of job 'a'"):
        own.scheduler.add_job(tasks.note, "interval", hours=1, id="a", args=[datetime.now(UTC)])
    assert own.scheduler.get_jobs() == []


def test_an_executor_that_is_not_there_is_refused_and_named(own: Own) -> None:
    with pytest.raises(JobError, match=r"'heavy' is no PlanExecutor of this scheduler \(it has 'default'\)"):
        own.scheduler.add_job(tasks.note, "interval", hours=1, executor="heavy")


def test_a_trigger_of_ones_own_is_refused(own: Own) -> None:
    with pytest.raises(TriggerError, match=r"job 'a': .*a trigger class of your own"):
        own.scheduler.add_job(tasks.note, OwnTrigger(), id="a")


def test_an_executor_of_ours_runs_no_others_jobs(caplog: pytest.LogCaptureFixture) -> None:
    scheduler = BackgroundScheduler(timezone=UTC, executors={"default": PlanExecutor()})
    scheduler.start()
    submitted = threading.Event()
    scheduler.add_listener(lambda _: submitted.set(), events.EVENT_JOB_REMOVED)
    scheduler.add_job(tasks.note)  # in APScheduler's memory
    assert submitted.wait(SOON)
    scheduler.shutdown()
    assert "PlanExecutor runs no other jobs" in caplog.text
    assert tasks.calls == []


# --- executors


def test_executors_are_named_by_their_aliases(make_own: Callable[..., Own]) -> None:
    own = make_own(executors={"default": PlanExecutor(), "heavy": PlanExecutor("process")})
    own.scheduler.start()
    for job_id, alias in {"a": "default", "b": "heavy", "c": "process"}.items():
        own.scheduler.add_job(tasks.note, "interval", hours=1, id=job_id, executor=alias)
    kinds = {job.id: job.policies.executor for job in own.jobs.find()}
    assert kinds == {"a": "thread", "b": "process", "c": "process"}
    assert {job.id: job.executor for job in own.scheduler.get_jobs()} == {"a": "default", "b": "heavy", "c": "heavy"}
    own.scheduler.modify_job("b", max_instances=2)
    assert own.jobs.get("b").policies.executor == "process"


def test_an_executor_of_no_known_kind_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="'fiber'"):
        PlanExecutor("fiber")


def test_a_job_runs_in_a_child_process(make_own: Callable[..., Own]) -> None:
    own = make_own(executors={"default": PlanExecutor(), "heavy": PlanExecutor("process")})
    own.listen(events.EVENT_JOB_EXECUTED)
    own.scheduler.start()
    own.scheduler.add_job("os:getpid", executor="heavy")
    import os

    assert own.next_event(events.EVENT_JOB_EXECUTED).retval not in (None, os.getpid())


# --- listeners


def test_listeners_hear_an_error_with_its_exception(own: Own) -> None:
    own.listen(events.EVENT_JOB_SUBMITTED | events.EVENT_JOB_ERROR)
    own.scheduler.add_job(tasks.fail, args=["no luck"], id="bad")
    assert own.next_event(events.EVENT_JOB_SUBMITTED).job_id == "bad"
    event = own.next_event(events.EVENT_JOB_ERROR)
    assert isinstance(event.exception, ValueError)
    assert str(event.exception) == "no luck"
    assert "in fail" in event.traceback


def test_listeners_hear_what_was_missed(own: Own) -> None:
    own.listen(events.EVENT_JOB_MISSED)
    past = datetime.now(UTC) - timedelta(hours=1)
    own.scheduler.add_job(tasks.note, run_date=past, id="late", misfire_grace_time=5)
    event = own.next_event(events.EVENT_JOB_MISSED)
    assert (event.job_id, event.scheduled_run_time) == ("late", past)


def test_listeners_hear_that_all_instances_are_running(own: Own) -> None:
    own.listen(events.EVENT_JOB_MAX_INSTANCES)
    own.scheduler.add_job(tasks.wait_at_gate, "interval", seconds=0.1, id="slow")
    assert own.next_event(events.EVENT_JOB_MAX_INSTANCES).job_id == "slow"
    own.scheduler.remove_job("slow")


def test_a_listener_that_hangs_holds_up_no_run(own: Own) -> None:
    own.scheduler.add_listener(lambda _: tasks.gate.wait(SOON), events.EVENT_JOB_SUBMITTED)
    own.scheduler.add_job(tasks.note, "interval", seconds=0.05, id="often")
    deadline = datetime.now(UTC) + timedelta(seconds=SOON)
    while len(tasks.calls) < 3:
        assert datetime.now(UTC) < deadline
        threading.Event().wait(0.02)
    tasks.gate.set()


# --- tasks that want their run


def test_a_task_that_takes_its_run_may_be_given_other_arguments(own: Own) -> None:
    from horarium.job import Job, Policies
    from horarium.when import every

    job = Job(
        id="a", task=f"{__name__}:takes_run", trigger=every(hours=1), args=(1,), policies=Policies(executor="thread")
    )
    own.jobs.add([job], datetime.now(UTC))
    own.scheduler.modify_job("a", args=[2])
    assert own.scheduler.get_job("a").args == (2,)
    with pytest.raises(JobError, match="cannot be called"):
        own.scheduler.modify_job("a", args=[1, 2, 3])
    with pytest.raises(TypeError, match="non-string iterable"):
        own.scheduler.modify_job("a", args="text")
