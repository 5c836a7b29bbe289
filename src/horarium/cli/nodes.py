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
from horarium.cli.standing import Seen, Standing, see_nodes
from horarium.cli.times import relative, short

_SHOWN = 12
"""How much of a node's id stands in a table: the end, which is drawn by chance. `--json` has the whole."""

_STYLES = {
    Standing.ALIVE: "green",
    Standing.SILENT: "yellow",
    Standing.DEAD: "red",
    Standing.EXPIRED: "red",
    Standing.STOPPED: "dim",
}


def list_nodes(
    context: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Those that ended, too.")] = False,
) -> None:
    """List the nodes that live.

    A node is one start of a process that ticks and runs. It is silent when it missed two heartbeats, and dead when
    its process, on this host, is gone; the next start here, or the others once its lease ran out, take its runs.
    """
    session = session_of(context)
    scheduler = open_to_read(session)
    nodes = see_nodes(scheduler, all_of_them=everything)
    if session.json:
        write_json([node_json(seen) for seen in nodes])
    elif nodes:
        write(nodes_table(nodes, scheduler.now()))
    else:
        typer.echo("No node lives; `horarium run` starts one.")


def nodes_table(nodes: list[Seen], present: datetime) -> Rows:
    """Nodes, one a line."""
    made = Rows("NODE", "PROCESS", "STARTED", "HEARD FROM", "RUNS", "STATUS")
    for seen in nodes:
        node = seen.node
        made.add(
            node.id[-_SHOWN:],
            f"{node.host}:{node.pid}",
            short(node.started_at, present),
            relative(node.heartbeat_at, present),
            str(node.running),
            Text(seen.words, style=_STYLES[seen.standing]),
        )
    return made
