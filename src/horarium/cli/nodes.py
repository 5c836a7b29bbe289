"""`horarium node list`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer
from rich.text import Text

from horarium.cli.as_json import node_json
from horarium.cli.opening import open_to_read
from horarium.cli.output import Rows, write, write_json
from horarium.cli.session import session_of
from horarium.cli.times import now, relative, short
from horarium.values import NodeInfo

_SHOWN = 12
"""How much of a node's id stands in a table: the end, which is drawn by chance. `--json` has the whole."""


def list_nodes(
    context: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Those that ended, too.")] = False,
) -> None:
    """List the nodes that live.

    A node is one start of a process that ticks and runs. One whose lease ran out is rescued by the others.
    """
    session = session_of(context)
    nodes = open_to_read(session).nodes(all=everything)
    present = now()
    if session.json:
        write_json([node_json(node, present) for node in nodes])
    elif nodes:
        write(nodes_table(nodes, present))
    else:
        typer.echo("No node lives; `horarium run` starts one.")


def nodes_table(nodes: list[NodeInfo], present: datetime) -> Rows:
    """Nodes, one a line."""
    made = Rows("NODE", "PROCESS", "STARTED", "HEARD FROM", "RUNS", "STATUS")
    for node in nodes:
        made.add(
            node.id[-_SHOWN:],
            f"{node.host}:{node.pid}",
            short(node.started_at, present),
            relative(node.heartbeat_at, present),
            str(node.running),
            node_status(node, present),
        )
    return made


def node_status(node: NodeInfo, present: datetime) -> Text:
    """Whether a node lives, and if not, why."""
    if node.alive_at(present):
        return Text("alive", style="green")
    if node.stopped_at is None:
        return Text("lease ran out", style="red")
    return Text(f"stopped: {node.stop_reason}" if node.stop_reason else "stopped", style="dim")
