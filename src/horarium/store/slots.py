"""Slots: the places of a job's active runs among its `max_instances`.

The unique index over (job, slot) is the overlap lock of the fleet: two nodes that choose the same free number cannot
both have it. The number alone does not say how many are active, since a job may have been allowed more before.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, select, update

from horarium.states import ACTIVE, HELD
from horarium.store import schema

runs = schema.runs


def used_slots(connection: Connection, keys: Collection[int]) -> dict[int, set[int]]:
    """The slots that runs of these jobs have now, by job key."""
    used: dict[int, set[int]] = {key: set() for key in keys}
    if used:
        query = select(runs.c.job_key, runs.c.slot).where(runs.c.job_key.in_(used), runs.c.slot.is_not(None))
        for key, slot in connection.execute(query):
            used[key].add(slot)
    return used


def free_slot(used: Collection[int], max_instances: int) -> int | None:
    """The lowest free slot; None while as many runs are active as `max_instances` allows, whatever their numbers."""
    if len(used) >= max_instances:
        return None
    return next(number for number in range(1, max_instances + 1) if number not in used)


def give_slots(connection: Connection, key: int) -> None:
    """Give each run of a job that is being executed without a slot one, so that it counts: overlaps were allowed.

    Called after the job's clock was written: no tick is between reading the job as it was and making a run of it.
    """
    # Those that wait are locked along: one that is being claimed is seen when that is decided.
    rows = connection.execute(
        select(runs.c.scheduled_at, runs.c.state, runs.c.slot)
        .where(runs.c.job_key == key, runs.c.state.in_(ACTIVE))
        .order_by(runs.c.scheduled_at)
        .with_for_update()
    ).all()
    used = {row.slot for row in rows if row.slot is not None}
    for row in rows:
        if row.slot is None and row.state in HELD:
            number = free_slot(used, len(used) + 1)
            used.add(number)
            connection.execute(
                update(runs).where(runs.c.job_key == key, runs.c.scheduled_at == row.scheduled_at).values(slot=number)
            )
