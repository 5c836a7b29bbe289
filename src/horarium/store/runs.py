"""Runs for people: reading them, asking for them, stopping them, trying them again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, func, select, tuple_, update

from horarium.errors import JobNotFound, RunNotFound, RunStateError
from horarium.jsontext import to_json_text
from horarium.states import FINAL, HELD, Cause, Change, DecisionKind, RunState, sources, target
from horarium.store import schema
from horarium.store.database import Database
from horarium.store.rows import read_attempt, read_run
from horarium.store.settling import enqueue, enqueue_by_hand
from horarium.values import AttemptInfo, Decision, LogLine, RunInfo, RunKey

decisions, jobs, run_logs, runs = (
    schema.decisions,
    schema.jobs,
    schema.run_logs,
    schema.runs,
)

_COLUMNS = (*runs.c, jobs.c.id, jobs.c.task, jobs.c.args, jobs.c.kwargs)


def _select_runs() -> Select[Any]:
    return select(*_COLUMNS).join(jobs, jobs.c.key == runs.c.job_key)


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
                chosen = {
                    "task": row.task,
                    "args": json.loads(row.args) if args is None else list(args),
                    "kwargs": json.loads(row.kwargs) if kwargs is None else kwargs,
                }
                payload = to_json_text(chosen, f"arguments for job {job_id!r}")
            at = enqueue_by_hand(connection, row.key, now, payload)
            return read_run(_one(connection, str(RunKey(at, row.key))))

    def backfill(self, job_id: str, occurrences: Sequence[datetime], now: datetime) -> list[RunInfo]:
        """Put runs of past occurrences in the queue, those that have none yet. Raises JobNotFound."""
        with self._database.write() as connection:
            key = _job_row(connection, job_id).key
            made = [at for at in occurrences if enqueue(connection, key, at, Cause.BACKFILL, now)]
            return [read_run(_one(connection, str(RunKey(at, key)))) for at in made]

    def cancel(self, run_id: str, now: datetime, reason: str) -> RunInfo:
        """Cancel a run that waits; ask one that runs to stop. Raises RunNotFound, RunStateError."""
        with self._database.write() as connection:
            row = _one(connection, run_id, lock=True)
            if RunState(row.state) in FINAL:
                raise RunStateError(f"run {run_id} is {row.state} already")
            if RunState(row.state) in HELD:
                change: dict[str, Any] = {"state": target(Change.ASK_TO_STOP), "stop_reason": reason}
                allowed = sources(Change.ASK_TO_STOP)
            else:
                change = {"state": target(Change.CANCEL), "stop_reason": reason, "finished_at": now, "slot": None}
                allowed = tuple(state for state in sources(Change.CANCEL) if state not in HELD)
            connection.execute(update(runs).where(_is(row), runs.c.state.in_(allowed)).values(change))
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
                    stop_reason=None,
                    finished_at=None,
                    error=None,
                    node=None,
                )
            )
            return read_run(_one(connection, run_id))

    def attempts(self, run_id: str) -> list[AttemptInfo]:
        """The attempts of a run that did not succeed, first to last."""
        at, key = RunKey.parse(run_id)
        table = schema.attempts
        query = select(table).where(table.c.scheduled_at == at, table.c.job_key == key).order_by(table.c.attempt)
        with self._database.read() as connection:
            return [read_attempt(row) for row in connection.execute(query)]

    def logs(self, run_id: str, after: tuple[int, int] = (0, 0)) -> list[tuple[int, LogLine]]:
        """The lines that a run logged, each with its number; those after (attempt, number) `after`."""
        at, key = RunKey.parse(run_id)
        query = (
            select(run_logs)
            .where(
                run_logs.c.scheduled_at == at,
                run_logs.c.job_key == key,
                tuple_(run_logs.c.attempt, run_logs.c.seq) > after,
            )
            .order_by(run_logs.c.attempt, run_logs.c.seq)
        )
        with self._database.read() as connection:
            return [
                (row.seq, LogLine(row.attempt, row.at, row.level, row.logger, row.message))
                for row in connection.execute(query)
            ]

    def why(self, job_id: str, at: datetime | None, limit: int = 20) -> list[Decision]:
        """What became of the occurrence at `at`, or of the last `limit`: runs and decisions, the newest first."""
        with self._database.read() as connection:
            key = _key_of(connection, job_id)
            of_runs = _select_runs().where(runs.c.job_key == key)
            of_decisions = select(decisions).where(decisions.c.job_key == key)
            if at is not None:
                of_runs = of_runs.where(runs.c.scheduled_at == at)
                of_decisions = of_decisions.where(decisions.c.first_at <= at, decisions.c.last_at >= at)
            told = [_run_decision(row) for row in connection.execute(of_runs.order_by(runs.c.scheduled_at.desc()).limit(limit))]
            told += [
                Decision(
                    DecisionKind(row.kind), row.first_at, row.last_at, row._mapping[decisions.c.count], row.reason, row.decided_at, bool(row.exact)
                )
                for row in connection.execute(of_decisions.order_by(decisions.c.last_at.desc()).limit(limit))
            ]
        return sorted(told, key=lambda one: (one.last_at, one.decided_at), reverse=True)[:limit]


def _run_decision(row: Row[Any]) -> Decision:
    run = read_run(row)
    reason = {
        Cause.SCHEDULE: "it was due",
        Cause.MANUAL: "a person asked for it",
        Cause.BACKFILL: "a person asked for this past occurrence",
    }[run.cause]
    kind = DecisionKind.MISSED if run.state is RunState.MISSED else DecisionKind.RUN
    if run.stop_reason:
        reason = f"{reason}; {run.stop_reason}"
    return Decision(kind, run.scheduled_at, run.scheduled_at, 1, reason, run.created_at, run=run)


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
