"""Runs that leave a node, or are about to, before their function has returned: handed back, or told to stop."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, tuple_, update

from horarium.states import Change, sources, target
from horarium.store import schema
from horarium.store.work import Holder, not_locked

runs = schema.runs

_AT_ONCE = 500


def hand_back(connection: Connection, holders: Sequence[Holder], now: datetime, *, keep_places: bool = True) -> None:
    """Leave runs to whichever node is next, at once. It is no failure and no crash.

    Without `keep_places` others of their jobs may go before them, for runs that may wait long. Those that somebody
    asked to stop have ended by that: they are cancelled. What is not the holder's now stays as is.
    """
    handed_back = {
        "state": target(Change.GIVE_BACK),
        "not_before": now,
        "node": None,
        "stop_reason": None,
        "timed_out": False,
    }
    if not keep_places:
        handed_back["slot"] = None
    for node in {holder.node for holder in holders}:
        tokens = [(*holder.key, holder.attempt) for holder in holders if holder.node == node]
        for first in range(0, len(tokens), _AT_ONCE):
            some = tokens[first : first + _AT_ONCE]
            ours = tuple_(runs.c.scheduled_at, runs.c.job_key, runs.c.attempt).in_(some) & (runs.c.node == node)
            connection.execute(
                update(runs)
                .where(ours, schema.asked_to_stop())
                .values(state=target(Change.CANCEL), slot=None, finished_at=now)
            )
            connection.execute(
                update(runs).where(ours, runs.c.state.in_(sources(Change.GIVE_BACK))).values(handed_back)
            )


def show_stopping(connection: Connection, holder: Holder, reason: str) -> None:
    """Show that a run was told to stop since its time is up, unless somebody asked it to stop before.

    Not while its row is locked: nobody waits for it.
    """
    connection.execute(
        update(runs)
        .where(not_locked(holder), runs.c.state.in_(sources(Change.TIME_OUT)))
        .values(state=target(Change.TIME_OUT), stop_reason=reason, timed_out=True)
    )
