"""Rescue: what becomes of the runs of a node that died."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from horarium.states import Change, OnCrash, sources, target
from horarium.store import schema
from horarium.store.dialects import Dialect
from horarium.store.rows import error_text
from horarium.values import ErrorInfo

attempts, jobs, runs = schema.attempts, schema.jobs, schema.runs

CRASHES_ALLOWED = 3
"""A run whose node died this many times while it ran is stopped: it may be what kills them."""

_NODE_DIED = "horarium.NodeDied"


def rescue_from(connection: Connection, dialect: Dialect, node: str, now: datetime) -> int:
    """Take the runs of a dead node from it: back to the queue, or ended; answers how many there were."""
    query = (
        select(
            runs.c.scheduled_at,
            runs.c.job_key,
            runs.c.attempt,
            runs.c.started_at,
            runs.c.crashes,
            runs.c.stop_reason,
            jobs.c.on_crash,
        )
        .join(jobs, jobs.c.key == runs.c.job_key)
        .where(runs.c.node == node, runs.c.state.in_(sources(Change.RESCUE)))
        .with_for_update(of=runs)
    )
    rows = connection.execute(query).all()
    for row in rows:
        of_run = (runs.c.scheduled_at == row.scheduled_at) & (runs.c.job_key == row.job_key)
        connection.execute(
            update(runs).where(of_run, runs.c.attempt == row.attempt).values(_values_after(row, node, now))
        )
    if rows:
        connection.execute(dialect.insert_new(attempts), [_lost_attempt(row, node, now) for row in rows])
    return len(rows)


def _values_after(row: Any, node: str, now: datetime) -> dict[str, Any]:
    """What a run that was on a dead node becomes: cancelled if it was told to stop, failed, or queued again."""
    crashes = row.crashes + 1
    values: dict[str, Any] = {"crashes": crashes}
    ended = {"slot": None, "finished_at": now}
    if row.stop_reason is not None:
        return values | ended | {"state": target(Change.CANCEL)}
    if row.on_crash == OnCrash.FAIL:
        why = f'node {node} died while the run was on it (on_crash: "fail")'
    elif crashes >= CRASHES_ALLOWED:
        why = f"{crashes} nodes died while the run was on them, the last was {node}"
    else:
        return values | {"state": target(Change.RESCUE), "not_before": now, "node": None}
    return values | ended | {"state": target(Change.FAIL), "error": error_text(ErrorInfo(_NODE_DIED, why))}


def _lost_attempt(row: Any, node: str, now: datetime) -> dict[str, Any]:
    return {
        "scheduled_at": row.scheduled_at,
        "job_key": row.job_key,
        "attempt": row.attempt,
        "outcome": "crashed",
        "node": node,
        "started_at": row.started_at,
        "finished_at": now,
        "error": error_text(ErrorInfo(_NODE_DIED, f"node {node} died")),
    }
