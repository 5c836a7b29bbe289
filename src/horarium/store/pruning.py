"""Forgetting: ended runs and decisions by age and by count, nodes and jobs that nothing speaks of any more."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Table, delete, func, or_, select, tuple_

from horarium.states import ACTIVE
from horarium.store import schema

decisions, jobs, nodes, runs = schema.decisions, schema.jobs, schema.nodes, schema.runs

Transaction = Callable[[], AbstractContextManager[Connection]]

_AT_ONCE = 1_000
_ENDED = runs.c.state.not_in(ACTIVE)


@dataclass(frozen=True, slots=True)
class Pruned:
    """How much was deleted."""

    runs: int
    decisions: int
    jobs: int
    nodes: int


def prune(transaction: Transaction, now: datetime, *, days: float | None, keep: int | None) -> Pruned:
    """Delete ended runs older than `days`, and beyond the newest `keep` of each job; a job's own limits go first.

    The same for decisions, of which each job keeps as many as it may keep runs. A run is as old as its occurrence, or
    as its end if that is later (a backfill's is). None is no limit. Active runs stay whatever their age. Works in many
    short transactions, each opened by `transaction()`, so that ticks hardly wait.
    """
    gone = 0
    if days is not None:
        gone += _delete_runs(transaction, _old_runs(now - timedelta(days=days)))
    with transaction() as connection:
        special = connection.execute(_jobs_over_a_limit(keep, runs)).all()
    for row in special:
        for query in _beyond_own_limits(transaction, row, now, keep):
            gone += _delete_runs(transaction, query)
    told = 0
    for query in _decisions_to_go(transaction, now, days, keep):
        told += _delete_decisions(transaction, query)
    if days is None:
        return Pruned(gone, told, 0, 0)
    limit = now - timedelta(days=days)
    with transaction() as connection:
        left = select(runs.c.job_key).where(runs.c.job_key == jobs.c.key).exists()
        removed = connection.execute(delete(jobs).where(jobs.c.removed_at < limit, ~left)).rowcount
        dead = connection.execute(delete(nodes).where(nodes.c.stopped_at < limit)).rowcount
    return Pruned(gone, told, removed, dead)


def _decisions_to_go(transaction: Transaction, now: datetime, days: float | None, keep: int | None) -> Iterator[Any]:
    """Queries of the decisions that are too old, or too many."""
    told = select(decisions.c.key)
    if days is not None:
        with_own = select(jobs.c.key).where(jobs.c.keep_days.is_not(None))
        yield told.where(decisions.c.last_at < now - timedelta(days=days), decisions.c.job_key.not_in(with_own))
    with transaction() as connection:
        special = connection.execute(_jobs_over_a_limit(keep, decisions)).all()
    for job in special:
        of_job = told.where(decisions.c.job_key == job.key)
        if job.keep_days is not None:
            yield of_job.where(decisions.c.last_at < now - timedelta(days=job.keep_days))
        most = job.keep_runs or keep
        if most is not None:
            with transaction() as connection:
                newest = of_job.order_by(decisions.c.key.desc()).offset(most).limit(1)
                newest_to_go = connection.scalar(newest)
            if newest_to_go is not None:
                yield of_job.where(decisions.c.key <= newest_to_go)


def _delete_decisions(transaction: Transaction, query: Any) -> int:
    """Delete some decisions; answers how many."""
    some = query.order_by(decisions.c.key).limit(_AT_ONCE)
    gone = 0
    while True:
        with transaction() as connection:
            number = connection.execute(delete(decisions).where(decisions.c.key.in_(some))).rowcount
        gone += number
        if number < _AT_ONCE:
            return gone


def _old_runs(limit: datetime) -> Any:
    return (
        select(runs.c.scheduled_at, runs.c.job_key)
        .join(jobs, jobs.c.key == runs.c.job_key)
        .where(runs.c.scheduled_at < limit, runs.c.finished_at < limit, _ENDED, jobs.c.keep_days.is_(None))
    )


def _jobs_over_a_limit(keep: int | None, table: Table) -> Any:
    """Jobs with an age limit of their own, and those with more rows in a table than they may keep."""
    counted = select(table.c.job_key, func.count().label("number")).group_by(table.c.job_key).subquery()
    return (
        select(jobs.c.key, jobs.c.keep_runs, jobs.c.keep_days)
        .join(counted, counted.c.job_key == jobs.c.key)
        .where(or_(jobs.c.keep_days.is_not(None), counted.c.number > func.coalesce(jobs.c.keep_runs, keep)))
    )


def _beyond_own_limits(transaction: Transaction, job: Any, now: datetime, keep: int | None) -> Iterator[Any]:
    of_job = select(runs.c.scheduled_at, runs.c.job_key).where(runs.c.job_key == job.key, _ENDED)
    if job.keep_days is not None:
        limit = now - timedelta(days=job.keep_days)
        yield of_job.where(runs.c.scheduled_at < limit, runs.c.finished_at < limit)
    most = job.keep_runs or keep
    if most is None:
        return
    with transaction() as connection:
        newest_to_go = connection.scalar(
            select(runs.c.scheduled_at)
            .where(runs.c.job_key == job.key)
            .order_by(runs.c.scheduled_at.desc())
            .offset(most)
            .limit(1)
        )
    if newest_to_go is not None:
        yield of_job.where(runs.c.scheduled_at <= newest_to_go)


def _delete_runs(transaction: Transaction, query: Any) -> int:
    gone = 0
    while True:
        with transaction() as connection:
            # Held, so that nobody has one of them tried again meanwhile.
            held = query.limit(_AT_ONCE).with_for_update(of=runs, skip_locked=True)
            keys = [tuple(row) for row in connection.execute(held)]
            _delete(connection, keys)
        gone += len(keys)
        if len(keys) < _AT_ONCE:
            return gone


def _delete(connection: Connection, keys: Sequence[tuple[Any, ...]]) -> None:
    if not keys:
        return
    for table in (*schema.RUN_TABLES, runs):
        connection.execute(delete(table).where(tuple_(table.c.scheduled_at, table.c.job_key).in_(keys)))
