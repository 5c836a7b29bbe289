"""Nodes: starting, renewing the lease, ending; and finding those that died."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, func, insert, select, update

from horarium.states import HELD
from horarium.store import schema
from horarium.store.database import Database
from horarium.values import NodeInfo

nodes, runs = schema.nodes, schema.runs


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a node is. `process` tells two processes with the same pid on the same host apart."""

    id: str
    host: str
    pid: int
    process: str
    version: str


class Nodes:
    """The nodes of a plan."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def register(self, identity: Identity, now: datetime, lease: float) -> None:
        """Begin a node's life with a lease of `lease` seconds."""
        with self._database.write() as connection:
            connection.execute(
                insert(nodes).values(
                    id=identity.id,
                    host=identity.host,
                    pid=identity.pid,
                    process=identity.process,
                    version=identity.version,
                    started_at=now,
                    heartbeat_at=now,
                    lease_until=now + timedelta(seconds=lease),
                )
            )

    def stop(self, node: str, now: datetime, reason: str, *, only_if_expired: bool = False) -> bool:
        """End a node's life; False when it had ended before (or, if asked so, when its lease still holds).

        What the node itself gave as its reason, in `leave`, stays.
        """
        condition: ColumnElement[bool] = (nodes.c.id == node) & nodes.c.stopped_at.is_(None)
        if only_if_expired:
            condition &= nodes.c.lease_until <= now
        with self._database.write() as connection:
            ended = {"stopped_at": now, "stop_reason": func.coalesce(nodes.c.stop_reason, reason)}
            return connection.execute(update(nodes).where(condition).values(ended)).rowcount == 1

    def leave(self, node: str, reason: str) -> None:
        """Say why a node is about to end that still has runs: they are its own until its lease or its process ends."""
        with self._database.write() as connection:
            connection.execute(
                update(nodes).where(nodes.c.id == node, nodes.c.stopped_at.is_(None)).values(stop_reason=reason)
            )

    def expired(self, now: datetime) -> list[str]:
        """Ids of nodes that did not renew their lease, and of ended nodes that still have runs."""
        holding = select(runs.c.node).where(schema.state_in(HELD))
        query = select(nodes.c.id).where(
            (nodes.c.stopped_at.is_(None) & (nodes.c.lease_until <= now))
            | (nodes.c.stopped_at.is_not(None) & nodes.c.id.in_(holding))
        )
        with self._database.read() as connection:
            return list(connection.scalars(query))

    def on_host(self, host: str) -> list[Identity]:
        """The nodes of this host that have not ended."""
        query = select(nodes.c.id, nodes.c.host, nodes.c.pid, nodes.c.process, nodes.c.version).where(
            nodes.c.host == host, nodes.c.stopped_at.is_(None)
        )
        with self._database.read() as connection:
            return [Identity(*row) for row in connection.execute(query)]

    def tasks_of_live_nodes(self, now: datetime) -> set[str]:
        """The names of all tasks that any live node knows."""
        query = select(nodes.c.tasks).where(nodes.c.stopped_at.is_(None), nodes.c.lease_until > now)
        with self._database.read() as connection:
            return {name for text in connection.scalars(query) for name in json.loads(text)}

    def find(self, *, all_of_them: bool = False) -> list[NodeInfo]:
        """The nodes that have not ended (or all that are remembered), the newest first, with their running runs."""
        running = (
            select(func.count())
            .select_from(runs)
            .where(runs.c.node == nodes.c.id, schema.state_in(HELD))
            .scalar_subquery()
        )
        query = select(nodes, running.label("running")).order_by(nodes.c.started_at.desc())
        if not all_of_them:
            query = query.where(nodes.c.stopped_at.is_(None))
        with self._database.read() as connection:
            return [
                NodeInfo(
                    row.id,
                    row.host,
                    row.pid,
                    row.started_at,
                    row.heartbeat_at,
                    row.lease_until,
                    row.stopped_at,
                    row.stop_reason,
                    row.version,
                    row.clock_offset,
                    row.running,
                    row.process,
                )
                for row in connection.execute(query)
            ]


def renew_lease(
    connection: Connection,
    node: str,
    now: datetime,
    lease: float,
    clock_offset: float,
    tasks: Collection[str],
    *,
    even_expired: bool = False,
) -> bool:
    """Renew a node's lease; False when somebody has taken it away, or, unless `even_expired`, when it has run out."""
    lives = (nodes.c.id == node) & nodes.c.stopped_at.is_(None)
    if not even_expired:
        lives &= nodes.c.lease_until > now
    result = connection.execute(
        update(nodes)
        .where(lives)
        .values(
            heartbeat_at=now,
            lease_until=now + timedelta(seconds=lease),
            clock_offset=clock_offset,
            tasks=json.dumps(sorted(tasks)),
        )
    )
    return result.rowcount == 1
