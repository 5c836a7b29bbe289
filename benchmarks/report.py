"""The results as a table to read and as JSON to pipe."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.figures import BEST_PEER, Figure, Metric
from benchmarks.harness import Result
from benchmarks.subjects.base import Database, Kind


@dataclass(frozen=True)
class Verdict:
    """Whether Horarium reached a target. `found` is a ratio, or the number itself."""

    figure: str
    what: str
    found: float | None
    wanted: str
    reached: bool | None


def verdicts(results: Sequence[Result]) -> list[Verdict]:
    """Judge the targets of the figures that were measured. They are stated for PostgreSQL, or for no database."""
    judged = []
    for figure in dict.fromkeys(result.figure for result in results):
        there = [r for r in results if r.figure is figure and r.database is not Database.SQLITE]
        if not there:
            continue
        ours = next((r for r in there if r.subject.kind is Kind.OURS), None)
        judged += [_ratio(figure, there, ours, target.against, target.at_least) for target in figure.targets]
        judged += [_limit(figure, ours, metric, metric.limit) for metric in figure.metrics if metric.limit is not None]
    return judged


def _ratio(figure: Figure, there: list[Result], ours: Result | None, against: str, at_least: float) -> Verdict:
    metric = figure.metrics[0].key
    if against == BEST_PEER:
        others = [result for result in there if result.subject.kind is Kind.PEER]
    else:
        others = [result for result in there if result.subject.name == against]
    wanted = f"at least {at_least:g} times"
    if not others:
        return Verdict(figure.key, f"to {against}", None, wanted, None)
    other = max(others, key=lambda result: result.median(metric))
    name = f"to {against}, {other.subject.name}" if against == BEST_PEER else f"to {against}"
    if ours is None:
        return Verdict(figure.key, name, None, wanted, None)
    ratio = ours.median(metric) / other.median(metric)
    return Verdict(figure.key, name, ratio, wanted, ratio >= at_least)


def _limit(figure: Figure, ours: Result | None, metric: Metric, limit: float) -> Verdict:
    word = "at least" if metric.higher_is_better else "at most"
    wanted = f"{word} {limit:,g} {metric.unit}"
    if ours is None:
        return Verdict(figure.key, metric.label, None, wanted, None)
    found = ours.median(metric.key)
    return Verdict(
        figure.key, metric.label, found, wanted, found >= limit if metric.higher_is_better else found <= limit
    )


def print_tables(console: Console, machine: dict[str, str], results: Sequence[Result], notes: Sequence[str]) -> None:
    """Print the machine, a table for each figure and database, how each subject was set up, and the targets."""
    for name, value in machine.items():
        console.print(f"[bold]{name}[/bold]: {value}", highlight=False)
    for figure, database in dict.fromkeys((result.figure, result.database) for result in results):
        group = [r for r in results if r.figure is figure and r.database is database]
        console.print(_table(figure, database, group))
        for result in group:
            console.print(
                f"  {result.subject.name}: {result.subject.configurations[figure.command]} "
                f"[dim]({_size(result)}, {len(result.samples)} times)[/dim]",
                highlight=False,
            )
    judged = verdicts(results)
    if judged:
        console.print(_targets(judged))
    for note in notes:
        console.print(f"Note: {note}", highlight=False, markup=False)


def _table(figure: Figure, database: Database | None, group: Sequence[Result]) -> Table:
    place = f" ({database})" if database else ""
    table = Table(title=f"{figure.key}{place}: {figure.title}", title_justify="left", title_style="bold")
    commits = [duration for result in group for duration in result.yardstick]
    if commits:
        table.caption_justify = "left"
        table.caption = (
            f"one commit took {_number(statistics.median(commits))} ms meanwhile "
            f"({_number(min(commits))} to {_number(max(commits))})"
        )
    table.add_column("subject")
    for metric in figure.metrics:
        table.add_column(f"{metric.label}, {metric.unit}", justify="right")
    table.add_column("Horarium is", justify="right")
    table.add_column("raw SQL is", justify="right")
    first = figure.metrics[0]
    ours = next((r for r in group if r.subject.kind is Kind.OURS), None)
    raw = next((r for r in group if r.subject.kind is Kind.BASELINE), None)
    for result in group:
        cells = [result.subject.name]
        for metric in figure.metrics:
            values = result.values(metric.key)
            spread = f"\n[dim]{_number(min(values))} to {_number(max(values))}[/dim]" if len(values) > 1 else ""
            cells.append(_number(result.median(metric.key)) + spread)
        table.add_row(*cells, _times(ours, result, first), _times(raw, result, first))
    return table


def _times(one: Result | None, other: Result, metric: Metric) -> str:
    """How many times faster `one` is than `other`, by the first metric."""
    if one is None or one is other:
        return ""
    mine, theirs = one.median(metric.key), other.median(metric.key)
    if not mine or not theirs:
        return ""
    ratio = mine / theirs if metric.higher_is_better else theirs / mine
    return f"{ratio:.3g} times"


def _targets(judged: Sequence[Verdict]) -> Table:
    table = Table(title="Targets", title_justify="left", title_style="bold")
    for column in ("figure", "what", "found", "wanted", ""):
        table.add_column(column)
    for verdict in judged:
        found = "not measured" if verdict.found is None else _number(verdict.found)
        state = {None: "", True: "reached", False: "[red]missed[/red]"}[verdict.reached]
        table.add_row(verdict.figure, verdict.what, found, verdict.wanted, state)
    return table


def _number(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _size(result: Result) -> str:
    return ", ".join(f"{name} {value:,g}" for name, value in result.size.items()) or "as it is"


def to_json(machine: dict[str, str], results: Sequence[Result], notes: Sequence[str]) -> str:
    """All of it as JSON."""
    rows: list[dict[str, Any]] = [
        {
            "figure": result.figure.key,
            "database": result.database,
            "subject": result.subject.name,
            "kind": result.subject.kind,
            "configuration": result.subject.configurations[result.figure.command],
            "size": result.size,
            "metric": metric.key,
            "unit": metric.unit,
            "median": result.median(metric.key),
            "least": min(result.values(metric.key)),
            "most": max(result.values(metric.key)),
            "values": result.values(metric.key),
            "commit_ms": result.yardstick,
        }
        for result in results
        for metric in result.figure.metrics
    ]
    judged = [vars(verdict) for verdict in verdicts(results)]
    return json.dumps({"machine": machine, "results": rows, "targets": judged, "notes": list(notes)}, indent=2)
