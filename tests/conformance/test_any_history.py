"""Whatever people do with jobs, and however time passes: each occurrence is decided once."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule
from sqlalchemy import func, select

from horarium import Retry, cron, every
from horarium.errors import RunStateError
from horarium.states import ACTIVE, FINAL, HELD, Cause, JobStatus
from horarium.store import schema
from horarium.store.claims import Claimed
from horarium.store.database import Database
from horarium.testing import Timetable
from horarium.values import Decision
from horarium.when import Trigger

from . import tasks
from .days import START
from .othernode import OtherNode

TRIGGERS: list[Trigger] = [
    every(minutes=7),
    every(hours=1),
    every(minutes=90, start=START - timedelta(hours=2)),
    every(minutes=30, end=START + timedelta(hours=30)),
    cron("*/20 * * * *", timezone="UTC"),
    cron("0 6,18 * * *", timezone="Europe/Rome"),
    cron("30 2 * * mon", timezone="Africa/Lome"),
]
POLICIES: list[dict[str, Any]] = [
    {},
    {"coalesce": False},
    {"coalesce": False, "catch_up": 3},
    {"misfire_grace_time": 600},
    {"misfire_grace_time": 1_800, "coalesce": False, "overlap": "queue"},
    {"overlap": "queue"},
    {"overlap": "cancel_running"},
    {"overlap": "allow"},
    {"max_instances": 3},
    {"retry": Retry.fixed(900, max_attempts=2)},
]
MINUTES = st.integers(1, 400)


@dataclass
class Known:
    """What the model knows of a job: the occurrences that came by so far, as its triggers said."""

    trigger: Trigger
    rescheduled: bool = False
    most_at_once: float = 1
    next_time: datetime | None = None
    due: list[datetime] = field(default_factory=list)

    def live_until(self, now: datetime) -> None:
        """Note what has come due by `now`."""
        while self.next_time is not None and self.next_time <= now:
            self.due.append(self.next_time)
            self.next_time = self.trigger.next_after(self.next_time)


class AnyHistory(RuleBasedStateMachine):
    """A scheduler, the same steps on a simple model, and what must hold of both."""

    jobs = Bundle("jobs")

    def __init__(self) -> None:
        super().__init__()
        tasks.forget()
        self.folder = tempfile.TemporaryDirectory()
        self.table = Timetable(f"sqlite:///{Path(self.folder.name)}/plan.db", start=START)
        self.table.__enter__()
        self.scheduler = self.table.scheduler
        self.database = Database(f"sqlite:///{Path(self.folder.name)}/plan.db", synchronous="OFF")
        self.other = OtherNode(self.database, START)
        self.held: list[Claimed] = []
        self.known: dict[str, Known] = {}
        self.gone: dict[str, Known] = {}
        self.number = 0

    def teardown(self) -> None:
        self.database.close()
        self.table.__exit__(None, None, None)
        self.folder.cleanup()

    @property
    def now(self) -> datetime:
        return self.table.clock.now()

    # --- what people do

    @initialize(target=jobs)
    def begin(self) -> str:
        return self.added(TRIGGERS[0], {}, False)

    @rule(target=jobs, trigger=st.sampled_from(TRIGGERS), policies=st.sampled_from(POLICIES), failing=st.booleans())
    def add(self, trigger: Trigger, policies: dict[str, Any], failing: bool) -> str:
        return self.added(trigger, policies, failing)

    def added(self, trigger: Trigger, policies: dict[str, Any], failing: bool) -> str:
        self.number += 1
        job = self.scheduler.add_job(
            tasks.fail if failing else tasks.unnamed, trigger, id=f"job-{self.number}", **policies
        )
        self.known[job.id] = Known(job.trigger, next_time=job.next_run_time, most_at_once=most_at_once(policies))
        return job.id

    @rule(job=jobs)
    def add_again_unchanged(self, job: str) -> None:
        before = self.scheduler.get_job(job)
        assert before is not None
        after = self.scheduler.add_jobs([before], replace_existing=True)[0]
        assert (after.next_run_time, after.status) == (before.next_run_time, before.status)

    @rule(job=jobs, policies=st.sampled_from(POLICIES))
    def modify(self, job: str, policies: dict[str, Any]) -> None:
        self.scheduler.modify_job(job, name="Another", **policies)
        known = self.known[job]
        known.most_at_once = max(known.most_at_once, most_at_once(policies))

    @rule(job=jobs, trigger=st.sampled_from(TRIGGERS))
    def reschedule(self, job: str, trigger: Trigger) -> None:
        known = self.known[job]
        known.live_until(self.now)
        found = self.scheduler.reschedule_job(job, trigger)
        known.rescheduled = True
        known.trigger, known.next_time = found.trigger, found.next_run_time
        # At this very instant the new trigger may say again what the old one has said.
        if known.next_time in known.due:
            known.due.remove(known.next_time)

    @rule(job=jobs)
    def pause(self, job: str) -> None:
        self.scheduler.pause_job(job, by="anna")

    @rule(job=jobs)
    def resume(self, job: str) -> None:
        self.scheduler.resume_job(job)

    @rule(job=consumes(jobs))
    def remove(self, job: str) -> None:
        known = self.gone[job] = self.known.pop(job)
        known.live_until(self.now)
        known.next_time = None
        self.scheduler.remove_job(job)

    @rule(job=jobs)
    def run_now(self, job: str) -> None:
        self.scheduler.run_now(job)

    @rule(newest=st.integers(0, 5))
    def cancel(self, newest: int) -> None:
        for run in self.scheduler.runs(limit=1, offset=newest):
            try:
                self.scheduler.cancel_run(run.id)
            except RunStateError:
                assert run.state not in ACTIVE

    @rule(newest=st.integers(0, 5))
    def retry(self, newest: int) -> None:
        for run in self.scheduler.runs(limit=1, offset=newest):
            try:
                self.scheduler.retry_run(run.id)
            except RunStateError:
                assert run.state in ACTIVE

    @rule(job=jobs, minutes=MINUTES)
    def backfill(self, job: str, minutes: int) -> None:
        known = self.known[job]
        known.live_until(self.now)
        for run in self.scheduler.backfill(job, self.now - timedelta(minutes=minutes), self.now, limit=5):
            assert run.cause is Cause.BACKFILL

    @rule()
    def pause_plan(self) -> None:
        self.scheduler.pause()

    @rule()
    def resume_plan(self) -> None:
        self.scheduler.resume()

    # --- what another node does

    @rule(limit=st.integers(1, 4))
    def other_takes(self, limit: int) -> None:
        self.held += self.other.take(self.now, limit)

    @rule(failed=st.booleans())
    def other_ends_one(self, failed: bool) -> None:
        if self.held:
            claimed = self.held.pop(0)
            assert self.other.finish(claimed, self.now, ValueError("no") if failed else None)

    @rule()
    def other_stops_one(self) -> None:
        if self.held:
            assert self.other.finish_stopped(self.held.pop(), self.now)

    @rule()
    def other_dies(self) -> None:
        held, self.held = self.held, []
        assert self.other.die(self.now) == len(held)
        assert not [one for one in held if self.other.finish(one, self.now)]
        self.number += 1
        self.other = OtherNode(self.database, self.now, f"other-{self.number}")

    # --- what time does

    @rule(minutes=MINUTES)
    def live(self, minutes: int) -> None:
        self.table.advance(minutes=minutes)

    @rule(minutes=MINUTES)
    def sleep(self, minutes: int) -> None:
        self.table.sleep_through(minutes=minutes)

    @rule(minutes=MINUTES)
    def tick_only(self, minutes: int) -> None:
        self.table.clock.advance(minutes=minutes)
        self.scheduler.inline_engine().tick()

    # --- what must hold

    @invariant()
    def every_occurrence_is_decided_once(self) -> None:
        self.scheduler.inline_engine().tick()
        if self.scheduler.statistics()["paused"]:
            return
        self.check_next_times()
        for job_id, known in [*self.known.items(), *self.gone.items()]:
            known.live_until(self.now)
            self.check_decisions(job_id, set(known.due), known.rescheduled)
        self.check_places()

    def check_next_times(self) -> None:
        for job in self.scheduler.get_jobs():
            if job.status is JobStatus.SCHEDULED:
                assert job.next_run_time is not None
                assert job.next_run_time > self.now
            elif job.status is JobStatus.FINISHED:
                assert job.next_run_time is None

    def check_decisions(self, job_id: str, due: set[datetime], rescheduled: bool) -> None:
        told = [one for one in self.scheduler.why(job_id, limit=100_000) if cause_of(one) is not Cause.MANUAL]
        backfilled = {one.first_at for one in told if cause_of(one) is Cause.BACKFILL}
        # A backfill may reach back before the job was added, and to what an earlier trigger never said; a summary of
        # that trigger's time keeps what it counted.
        number = sum(one.count for one in told) - len(backfilled - due)
        assert number == len(due) or (rescheduled and len(due) < number <= len(due) + len(backfilled)), (job_id, told)
        assert not [at for at in due if not any(one.first_at <= at <= one.last_at for one in told)], (job_id, told)

    def check_places(self) -> None:
        with self.scheduler.connection() as connection:
            held = connection.execute(
                select(schema.jobs.c.id, func.count())
                .join(schema.runs, schema.runs.c.job_key == schema.jobs.c.key)
                .where(schema.runs.c.state.in_(HELD))
                .group_by(schema.jobs.c.id)
            ).all()
            ended = select(schema.runs.c.state).where(schema.runs.c.state.in_(FINAL), schema.runs.c.slot.is_not(None))
            assert connection.execute(ended).all() == []
        for job_id, number in held:
            known = self.known.get(job_id) or self.gone[job_id]
            assert number <= known.most_at_once, job_id


def most_at_once(policies: dict[str, Any]) -> float:
    """How many runs of a job with these policies may be active."""
    limit: float = policies.get("max_instances", 1)
    return float("inf") if policies.get("overlap") == "allow" else limit


def cause_of(decision: Decision) -> Cause | None:
    """Why the run of a decision exists; None when it has no run."""
    return None if decision.run is None else decision.run.cause


TestAnyHistory = AnyHistory.TestCase
TestAnyHistory.settings = settings(
    max_examples=20,
    stateful_step_count=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    print_blob=False,
)
