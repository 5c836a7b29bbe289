"""The ends of attempts, as a node writes them.

Each names the run, its attempt and its node; what does not match is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select, tuple_

from horarium.store import schema
from horarium.store.dialects import Dialect, Finish
from horarium.values import RunKey

attempts, runs = schema.attempts, schema.runs


def write_ends(
    connection: Connection,
    dialect: Dialect,
    node: str,
    ends: Sequence[Finish],
    failed: Sequence[tuple[Finish, datetime]],
) -> list[RunKey]:
    """Write the ends of attempts, and a row for each of the `failed` among them (with its start).

    Answers the runs whose ends were refused: those that are not the node's now, and those that were to be tried again
    although somebody asked them to stop.
    """
    if not ends:
        return []
    refused = [RunKey(*key) for key in dialect.finish(connection, ends, node=node)]
    if refused:
        refused = _not_written_before(connection, node, refused, ends)
    lost = set(refused)
    rows = [
        {
            "scheduled_at": end.scheduled_at,
            "job_key": end.job_key,
            "attempt": end.attempt,
            "outcome": end.state,
            "node": node,
            "started_at": started_at,
            "finished_at": end.ended_at,
            "error": end.error,
        }
        for end, started_at in failed
        if (end.scheduled_at, end.job_key) not in lost
    ]
    if rows:
        connection.execute(dialect.insert_new(attempts), rows)
    return refused


def _not_written_before(
    connection: Connection, node: str, refused: Sequence[RunKey], ends: Sequence[Finish]
) -> list[RunKey]:
    """Of refused ends, those that are not simply there already because a lost answer made us write them twice."""
    query = select(runs.c.scheduled_at, runs.c.job_key, runs.c.attempt, runs.c.state).where(
        tuple_(runs.c.scheduled_at, runs.c.job_key).in_([tuple(key) for key in refused]), runs.c.node == node
    )
    written = {(row.scheduled_at, row.job_key, row.attempt, row.state) for row in connection.execute(query)}
    ours = {
        (end.scheduled_at, end.job_key)
        for end in ends
        if (end.scheduled_at, end.job_key, end.attempt, end.state) in written
    }
    return [key for key in refused if tuple(key) not in ours]
