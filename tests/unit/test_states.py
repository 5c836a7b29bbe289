"""The state machine is one table; the page that draws it must say the same."""

import re
from pathlib import Path

import pytest

from horarium.states import ACTIVE, FINAL, HELD, TRANSITIONS, Change, RunState, sources, target

PAGE = Path(__file__).parents[2] / "docs" / "state_machine.md"


def drawn_edges() -> list[tuple[str, str, str]]:
    """The diagram's edges as (from, to, label); the label is empty at the edges that end a run."""
    diagram = re.search(r"```mermaid\nstateDiagram-v2\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert diagram, f"{PAGE} has no state diagram"
    lines = [line.strip() for line in diagram[1].splitlines()]
    edges = [re.fullmatch(r"(\S+) --> (\S+)(?: : (.+))?", line) for line in lines]
    unread = [line for line, edge in zip(lines, edges, strict=True) if edge is None]
    assert not unread, f"lines of the diagram that are no edges: {unread}"
    return [(edge[1], edge[2], edge[3] or "") for edge in edges if edge]


def table_under(heading: str) -> list[tuple[str, ...]]:
    """The rows of the table under this heading, without its head."""
    section = PAGE.read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("|")]
    return [tuple(cell.strip() for cell in row.strip("|").split("|")) for row in rows[2:]]


def test_the_diagram_draws_exactly_the_transitions() -> None:
    expected = [
        (source, row.target.value, row.change.value) for row in TRANSITIONS for source in row.sources or ("[*]",)
    ]
    expected += [(state.value, "[*]", "") for state in FINAL]
    assert sorted(drawn_edges()) == sorted(expected)


def test_the_table_of_changes_says_exactly_the_transitions() -> None:
    expected = [
        (row.change.value, ", ".join(row.sources) or "new", row.target.value, row.meaning) for row in TRANSITIONS
    ]
    assert table_under("Changes") == expected


def test_the_table_of_states_says_which_count_and_which_are_held() -> None:
    expected = [
        (state.value, "yes" if state in ACTIVE else "no", "yes" if state in HELD else "no") for state in RunState
    ]
    assert [row[:3] for row in table_under("States")] == expected


@pytest.mark.parametrize("change", Change)
def test_every_change_has_one_row_and_one_target(change: Change) -> None:
    rows = [row for row in TRANSITIONS if row.change is change]
    assert len(rows) == 1
    assert target(change) is rows[0].target
    assert sources(change) == rows[0].sources


def test_every_state_can_be_reached_from_a_new_run() -> None:
    reached = {row.target for row in TRANSITIONS if not row.sources}
    while more := {row.target for row in TRANSITIONS if reached & set(row.sources)} - reached:
        reached |= more
    assert reached == set(RunState)


def test_a_run_that_counts_can_always_end() -> None:
    ends = set(FINAL)
    while more := {source for row in TRANSITIONS if row.target in ends for source in row.sources} - ends:
        ends |= more
    assert ends >= ACTIVE


def test_only_a_person_leads_a_run_out_of_a_final_state() -> None:
    assert {row.change for row in TRANSITIONS if set(row.sources) & FINAL} == {Change.RETRY_BY_HAND}


def test_a_held_run_counts() -> None:
    assert HELD <= ACTIVE
