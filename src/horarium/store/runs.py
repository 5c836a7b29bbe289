"""Runs for people: reading them, asking for them, stopping them, trying them again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, select, tuple_, update

from horarium.errors import JobNotFound, RunNotFound, RunStateError
from horarium.jsontext import clean, to_json_text
from horarium.states import FINAL, HELD, Cause, Change, JobStatus, RunState, sources, target
from horarium.store import schema
from horarium.store.database import Database
from horarium.store.decisions import RUN_COLUMNS, decisions_of, newest_first, take_out, undecided
from horarium.store.jobs import select_jobs, set_next
from horarium.store.nodes import Nodes
from horarium.store.rows import read_attempt, read_payload, read_run, show_job
from horarium.store.settling import enqueue, enqueue_by_hand, settle_before_change
from horarium.values import AttemptInfo, Decision, LogLine, RunInfo, RunKey

jobs, run_logs, runs, steps = schema.jobs, schema.run_logs, schema.runs, schema.steps

_WAITING = (RunState.QUEUED, RunState.RETRYING)
_A_WHILE = timedelta(seconds=15)
"""How long a run waits before its task is missed among those of the nodes, which tell them with their heartbeats."""


def _select_runs() -> Select[Any]:
    return select(*RUN_COLUMNS).join(jobs, jobs.c.key == runs.c.job_key)


class Runs:
    """The runs of a plan."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, run_id: str) -> RunInfo:
        """The run with this id. Raises RunNotFound."""
        with self._database.read() as connection:
            return read_run(_one(connection, run_id))

    def find(
        self,
        *,
        job_id: str | None = None,
        states: Sequence[RunState] = (),
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = 100,
        offset: int = 0,
    ) -> list[RunInfo]:
        """Runs, the newest occurrence first; those of removed jobs too. `job_id` means the newest job of that id."""
        query = _select_runs().order_by(runs.c.scheduled_at.desc(), runs.c.job_key.desc()).limit(limit).offset(offset)
        if states:
            query = query.where(runs.c.state.in_(states))
        if since is not None:
            query = query.where(runs.c.scheduled_at >= since)
        if until is not None:
            query = query.where(runs.c.scheduled_at <= until)
        with self._database.read() as connection:
            if job_id is not None:
                query = query.where(runs.c.job_key == _key_of(connection, job_id))
            return [read_run(row) for row in connection.execute(query)]

    def count(self, *, since: datetime | None = None) -> dict[RunState, int]:
        """How many runs there are in each state, of occurrences from `since` on."""
        query = select(runs.c.state, func.count()).group_by(runs.c.state)
        if since is not None:
            query = query.where(runs.c.scheduled_at >= since)
        with self._database.read() as connection:
            return {RunState(state): number for state, number in connection.execute(query)}

    def run_now(
        self, job_id: str, now: datetime, *, args: Sequence[Any] | None = None, kwargs: dict[str, Any] | None = None
    ) -> RunInfo:
        """Put one run of the job in the queue, beside its schedule. Raises JobNotFound, ArgumentsNotJSON."""
        with self._database.write() as connection:
            row = _job_row(connection, job_id)
            payload = None
            if args is not None or kwargs is not None:
                own = read_payload(row)
                chosen = {
                    "task": row.task,
                    "args": own["args"] if args is None else list(args),
                    "kwargs": own["kwargs"] if kwargs is None else kwargs,
                }
                payload = to_json_text(chosen, f"arguments for job {job_id!r}")
            at = enqueue_by_hand(connection, self._database.dialect, row.key, now, payload)
            return read_run(_one(connection, str(RunKey(at, row.key))))

    def backfill(self, job_id: str, occurrences: Sequence[datetime], now: datetime) -> list[RunInfo]:
        """Put runs of past occurrences in the queue, those that have none yet. Raises JobNotFound.

        What is due and was not decided yet, since nobody ticked or the job is paused, is decided first.
        """
        dialect = self._database.dialect
        with self._database.write() as connection:
            row = connection.execute(select_jobs().where(jobs.c.id == job_id).with_for_update()).first()
            if row is None:
                raise JobNotFound(job_id)
            job = show_job(row)
            if occurrences and job.next_run_time is not None and job.next_run_time <= max(occurrences):
                settle_before_change(connection, dialect, job, now)
                if job.status is not JobStatus.SCHEDULED:
                    set_next(connection, job.key, job.trigger.next_after(now))
            made = [at for at in occurrences if enqueue(connection, dialect, job.key, at, Cause.BACKFILL, now)]
            take_out(connection, job.key, job.trigger, made)
            return [read_run(_one(connection, str(RunKey(at, job.key)))) for at in made]

    def cancel(self, run_id: str, now: datetime, reason: str) -> RunInfo:
        """Cancel a run that waits; ask one that runs to stop. Raises RunNotFound, RunStateError."""
        with self._database.write() as connection:
            row = _one(connection, run_id, lock=True)
            if RunState(row.state) in FINAL:
                raise RunStateError(f"run {run_id} is {row.state} already")
            if RunState(row.state) in HELD:
                allowed: ColumnElement[bool] = ~schema.asked_to_stop() & runs.c.state.in_(sources(Change.ASK_TO_STOP))
                change: dict[str, Any] = {
                    "state": target(Change.ASK_TO_STOP),
                    "stop_reason": clean(reason),
                    "timed_out": False,
                }
            else:
                allowed = runs.c.state.in_([state for state in sources(Change.CANCEL) if state not in HELD])
                change = {
                    "state": target(Change.CANCEL),
                    "stop_reason": clean(reason),
                    "finished_at": now,
                    "slot": None,
                }
            connection.execute(update(runs).where(_is(row), allowed).values(change))
            return read_run(_one(connection, run_id))

    def retry(self, run_id: str, now: datetime) -> RunInfo:
        """Put a run that ended back in the queue; its done steps and items stay done. Raises RunStateError."""
        with self._database.write() as connection:
            row = _one(connection, run_id, lock=True)
            if RunState(row.state) not in sources(Change.RETRY_BY_HAND):
                raise RunStateError(f"run {run_id} is {row.state}; only a run that ended can be tried again")
            connection.execute(
                update(runs)
                .where(_is(row), runs.c.state.in_(sources(Change.RETRY_BY_HAND)))
                .values(
                    state=target(Change.RETRY_BY_HAND),
                    not_before=now,
                    start_deadline=None,
                    failures=0,
                    crashes=0,
                    crashes_in_all=0,
                    stop_reason=None,
                    finished_at=None,
                    error=None,
                    node=None,
                )
            )
            return read_run(_one(connection, run_id))

    def attempts(self, run_id: str) -> list[AttemptInfo]:
        """The attempts of a run that did not succeed, first to last. Raises RunNotFound."""
        table = schema.attempts
        with self._database.read() as connection:
            row = _one(connection, run_id)
            of_run = (table.c.scheduled_at == row.scheduled_at) & (table.c.job_key == row.job_key)
            return [
                read_attempt(one) for one in connection.execute(select(table).where(of_run).order_by(table.c.attempt))
            ]

    def logs(self, run_id: str, after: tuple[int, int] = (0, 0)) -> list[tuple[int, LogLine]]:
        """The lines that a run logged, numbered; those after (attempt, number) `after`. Raises RunNotFound."""
        with self._database.read() as connection:
            row = _one(connection, run_id)
            query = (
                select(run_logs)
                .where(
                    run_logs.c.scheduled_at == row.scheduled_at,
                    run_logs.c.job_key == row.job_key,
                    tuple_(run_logs.c.attempt, run_logs.c.seq) > after,
                )
                .order_by(run_logs.c.attempt, run_logs.c.seq)
            )
            return [
                (line.seq, LogLine(line.attempt, line.at, line.level, line.logger, line.message))
                for line in connection.execute(query)
            ]

    def steps(self, run_id: str, prefix: str = "") -> dict[str, Any]:
        """The results of a run's steps, by key, in the order of their commits. Raises RunNotFound."""
        with self._database.read() as connection:
            row = _one(connection, run_id)
            query = (
                select(steps.c.key, steps.c.result)
                .where(
                    steps.c.scheduled_at == row.scheduled_at,
                    steps.c.job_key == row.job_key,
                    steps.c.key.startswith(prefix, autoescape=True),
                )
                .order_by(steps.c.committed_at, steps.c.key)
            )
            return {step.key: json.loads(step.result) for step in connection.execute(query)}

    def why(self, job_id: str, at: datetime | None, now: datetime, limit: int = 20) -> list[Decision]:
        """What became of the occurrence at `at`, or of the last `limit`: runs and decisions, the newest first.

        Of a job that is paused or set aside, what it has left out so far too. Raises JobNotFound.
        """
        with self._database.read() as connection:
            key = _key_of(connection, job_id)
            told = decisions_of(connection, key, at, limit)
            row = connection.execute(select_jobs().where(jobs.c.key == key)).first()
            left_out = None if row is None else undecided(connection, show_job(row), at, now)
        if left_out is not None and (at is None or not told):
            told.append(left_out)
        return newest_first([self._with_obstacle(one, now) for one in told])[:limit]

    def _with_obstacle(self, one: Decision, now: datetime) -> Decision:
        """Of a run that waits and could have begun: that no live node knows its task, if that is so."""
        run = one.run
        if run is None or run.state not in _WAITING or run.not_before is None or now - run.not_before < _A_WHILE:
            return one
        if run.task in Nodes(self._database).tasks_of_live_nodes(now):
            return one
        return replace(one, reason=f"{one.reason}; it waits: no live node knows the task {run.task}")


def _one(connection: Connection, run_id: str, *, lock: bool = False) -> Row[Any]:
    at, key = RunKey.parse(run_id)
    query = _select_runs().where(runs.c.scheduled_at == at, runs.c.job_key == key)
    row = connection.execute(query.with_for_update(of=runs) if lock else query).first()
    if row is None:
        raise RunNotFound(run_id)
    return row


def _job_row(connection: Connection, job_id: str) -> Row[Any]:
    row = connection.execute(select(jobs).where(jobs.c.id == job_id, jobs.c.removed_at.is_(None))).first()
    if row is None:
        raise JobNotFound(job_id)
    return row


def _key_of(connection: Connection, job_id: str) -> int:
    """The key of the job with this id, or else of the last removed one that had it. Raises JobNotFound."""
    query = select(jobs.c.key).where(jobs.c.id == job_id).order_by(jobs.c.removed_at.is_not(None), jobs.c.key.desc())
    key: int | None = connection.scalars(query).first()
    if key is None:
        raise JobNotFound(job_id)
    return key


def _is(row: Row[Any]) -> Any:
    return and_(runs.c.scheduled_at == row.scheduled_at, runs.c.job_key == row.job_key)
