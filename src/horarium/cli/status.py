"""`horarium status`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import typer
from rich.console import RenderableType
from rich.text import Text

from horarium.cli.as_json import node_json, time_json
from horarium.cli.exit_codes import ExitCode
from horarium.cli.nodes import nodes_table
from horarium.cli.opening import open_to_read
from horarium.cli.output import Details, write, write_json
from horarium.cli.session import session_of
from horarium.cli.standing import Seen, Standing, see_nodes
from horarium.cli.times import told
from horarium.job import Job
from horarium.states import ACTIVE, JobStatus

if TYPE_CHECKING:
    from horarium.scheduler import Scheduler

OK, PAUSED, SILENT, STOPPED = "ok", "paused", "silent", "stopped"
_PAUSED = "nothing comes due until `horarium jobs resume --all`"
_WORDS = {
    OK: Text("ok", style="green"),
    PAUSED: Text(f"paused: {_PAUSED}", style="yellow"),
    SILENT: Text("silent: no scheduler has been heard from for two heartbeats", style="yellow"),
    STOPPED: Text("stopped: no scheduler is running; `horarium run` starts one", style="red"),
}
_DAYS = 7
_TOTAL = "total"


@dataclass(frozen=True)
class Facts:
    """What is told. Numbers of runs are those of the last seven days."""

    state: str
    paused: bool
    database: str
    config: str | None
    nodes: list[Seen]
    jobs: dict[str, int]
    runs: dict[str, int]
    since: str
    following: Job | None


def status(context: typer.Context) -> None:
    """How the scheduler is, and what is in the plan.

    Exits with 1 when no scheduler is running, in this or any other process.
    """
    session = session_of(context)
    scheduler = open_to_read(session)
    facts = _look(scheduler)
    if session.json:
        write_json(_json(facts))
    else:
        write(*_page(facts, scheduler.now()))
    if facts.state == STOPPED:
        raise typer.Exit(ExitCode.FAILED)


def numbers(counts: dict[str, int]) -> str:
    """Counts in a line: "12 (10 scheduled, 2 paused)"."""
    parts = [f"{number} {name}" for name, number in counts.items() if name != _TOTAL and number]
    return f"{counts[_TOTAL]} ({', '.join(parts)})" if parts else str(counts[_TOTAL])


def _look(scheduler: Scheduler) -> Facts:
    counted = scheduler.statistics(days=_DAYS)
    nodes = see_nodes(scheduler)
    due = scheduler.get_jobs(status=JobStatus.SCHEDULED, limit=1)
    config = scheduler.settings.config
    return Facts(
        state=_state(nodes, paused=counted["paused"]),
        paused=counted["paused"],
        database=scheduler.database_url,
        config=None if config is None else str(config),
        nodes=nodes,
        jobs=counted["jobs"],
        runs=counted["runs"],
        since=counted["since"],
        following=due[0] if due else None,
    )


def _state(nodes: list[Seen], *, paused: bool) -> str:
    """How the scheduler is, by its nodes: one that is well is enough."""
    alive = {seen.standing for seen in nodes if seen.may_run}
    if not alive:
        return STOPPED
    if Standing.ALIVE not in alive:
        return SILENT
    return PAUSED if paused else OK


def _json(facts: Facts) -> dict[str, Any]:
    following = facts.following
    return {
        "status": facts.state,
        "paused": facts.paused,
        "database": facts.database,
        "config": facts.config,
        "nodes": [node_json(seen) for seen in facts.nodes],
        "jobs": facts.jobs,
        "runs": facts.runs,
        "runs_since": facts.since,
        "next": None if following is None else {"job": following.id, "at": time_json(following.next_run_time)},
    }


def _page(facts: Facts, present: datetime) -> list[RenderableType]:
    following = facts.following
    active = {state.value: facts.runs.get(state.value, 0) for state in sorted(ACTIVE)}
    details = Details(
        [
            ("Status", _WORDS[facts.state]),
            ("Paused", _PAUSED if facts.paused and facts.state != PAUSED else None),
            ("Plan", facts.database),
            ("File", facts.config),
            ("Jobs", numbers(facts.jobs)),
            ("Active runs", numbers({_TOTAL: sum(active.values()), **active})),
            (f"Runs, {_DAYS} days", numbers(facts.runs)),
            ("Next", "nothing" if following is None else f"{following.id}, {told(following.next_run_time, present)}"),
        ]
    )
    return [details, Text(), nodes_table(facts.nodes, present)] if facts.nodes else [details]
