"""Rescue: what becomes of the runs of a node that died."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, func, select, update

from horarium.states import Change, OnCrash, RunState, sources, target
from horarium.store import schema
from horarium.store.dialects import Dialect
from horarium.store.rows import error_text
from horarium.values import ErrorInfo

attempts, jobs, nodes, runs = schema.attempts, schema.jobs, schema.nodes, schema.runs

CRASHES_ALLOWED = 3
"""A run whose node died this many times, and that committed no step or item between, is stopped: it may kill them."""

CRASHES_IN_ALL = 10
"""A run whose node died this many times is stopped though it advanced: a batch can crawl on round what kills."""

SHUT_DOWN = "it was shut down"
DATABASE_AWAY = "the database was away for longer than its lease"

_NODE_DIED = "horarium.NodeDied"
_NO_CRASH = {SHUT_DOWN: "was shut down", DATABASE_AWAY: "lost the database for longer than its lease"}
"""Why a node ended when its runs are not suspected of it, and how that is told of them.

The reasons stand in plans, where nodes of other releases read them: they are never reworded.
"""


def _rows_of(table: Table) -> Any:
    of_run = (table.c.scheduled_at == runs.c.scheduled_at) & (table.c.job_key == runs.c.job_key)
    return select(func.count()).select_from(table).where(of_run).scalar_subquery()


# Each attempt begins new rows of items, so that rows tell whether it has committed any.
_MARKS = _rows_of(schema.steps) + _rows_of(schema.items)


def rescue_from(connection: Connection, dialect: Dialect, node: str, now: datetime) -> int:
    """Take the runs of a node that has ended from it: back to the queue, or ended; answers how many there were.

    Nothing is taken from a node whose row does not say that it has ended; why it ended says if that was a crash.
    """
    query = (
        select(
            runs.c.scheduled_at,
            runs.c.job_key,
            runs.c.attempt,
            runs.c.started_at,
            runs.c.crashes,
            runs.c.crashes_in_all,
            runs.c.marks_at_crash,
            _MARKS.label("marks"),
            runs.c.state,
            runs.c.stop_reason,
            runs.c.timed_out,
            jobs.c.on_crash,
            nodes.c.stop_reason.label("why_node_ended"),
        )
        .join(jobs, jobs.c.key == runs.c.job_key)
        .join(nodes, nodes.c.id == runs.c.node)
        .where(runs.c.node == node, nodes.c.stopped_at.is_not(None), schema.state_in(sources(Change.RESCUE)))
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
    """What a run that was on such a node becomes: cancelled if it was asked to stop, failed, or queued again."""
    values: dict[str, Any] = {}
    crashes, in_all = row.crashes, row.crashes_in_all
    if row.why_node_ended not in _NO_CRASH:
        # What was committed meanwhile is not done again: the run is that much nearer to its end.
        crashes, in_all = (1 if row.marks > row.marks_at_crash else crashes + 1), in_all + 1
        values = {"crashes": crashes, "crashes_in_all": in_all, "marks_at_crash": row.marks}
    ended = {"slot": None, "finished_at": now}
    if row.state == RunState.STOPPING and not row.timed_out:
        return values | ended | {"state": target(Change.CANCEL)}
    if row.on_crash == OnCrash.FAIL:
        why = f'node {node} {_what_happened(row)} while the run was on it (on_crash: "fail")'
    elif crashes >= CRASHES_ALLOWED:
        why = f"{crashes} nodes died while the run was on them, the last was {node}"
    elif in_all >= CRASHES_IN_ALL:
        why = f"{in_all} nodes died while the run was on them, though it advanced between; the last was {node}"
    else:
        begins_anew = {"node": None, "stop_reason": None, "timed_out": False}
        return values | begins_anew | {"state": target(Change.RESCUE), "not_before": now}
    return values | ended | {"state": target(Change.FAIL), "error": error_text(ErrorInfo(_NODE_DIED, why))}


def _what_happened(row: Any) -> str:
    return _NO_CRASH.get(row.why_node_ended, "died")


def _lost_attempt(row: Any, node: str, now: datetime) -> dict[str, Any]:
    why = f"node {node} {_what_happened(row)}"
    if row.timed_out:
        why = f"{why}; the attempt had not ended although {row.stop_reason}"
    return {
        "scheduled_at": row.scheduled_at,
        "job_key": row.job_key,
        "attempt": row.attempt,
        "outcome": "crashed",
        "node": node,
        "started_at": row.started_at,
        "finished_at": now,
        "error": error_text(ErrorInfo(_NODE_DIED, why)),
    }
