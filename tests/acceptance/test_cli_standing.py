"""How a node is shown, by what is known of it."""

import os
import socket
from datetime import UTC, datetime, timedelta

import pytest

from horarium.cli.standing import Standing, see
from horarium.execution.lease import process_is_gone
from horarium.values import NodeInfo

PRESENT = datetime(2025, 10, 13, 12, tzinfo=UTC)
HEARTBEAT = timedelta(seconds=5)
LEASE = timedelta(seconds=30)


def node(*, heard: float = 1, host: str | None = None, stopped: bool = False) -> NodeInfo:
    """A node that was heard from so many seconds ago."""
    heartbeat = PRESENT - timedelta(seconds=heard)
    return NodeInfo(
        id="0198",
        host=socket.gethostname() if host is None else host,
        pid=os.getpid(),
        started_at=PRESENT - timedelta(hours=1),
        heartbeat_at=heartbeat,
        lease_until=heartbeat + LEASE,
        stopped_at=PRESENT if stopped else None,
        stop_reason="it was shut down" if stopped else None,
        version="1.0",
        clock_offset=0.0,
    )


@pytest.mark.parametrize(
    ("one", "standing", "words"),
    [
        (node(), Standing.ALIVE, "alive"),
        (node(heard=10), Standing.ALIVE, "alive"),
        (node(heard=12), Standing.SILENT, "silent for 12 s"),
        (node(heard=30), Standing.EXPIRED, "lease ran out"),
        (node(stopped=True), Standing.STOPPED, "stopped: it was shut down"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_node_is_shown_by_when_it_was_heard_from(one: NodeInfo, standing: Standing, words: str) -> None:
    seen = see(one, PRESENT, HEARTBEAT, lambda _: False)
    assert (seen.standing, seen.words) == (standing, words)


def test_a_process_of_this_host_that_is_gone_is_a_dead_node() -> None:
    seen = see(node(), PRESENT, HEARTBEAT, lambda _: True)
    assert (seen.standing, seen.may_run) == (Standing.DEAD, False)


def test_of_a_process_of_another_host_only_the_heartbeats_are_known() -> None:
    seen = see(node(host="elsewhere"), PRESENT, HEARTBEAT, process_is_gone)
    assert seen.standing is Standing.ALIVE


def test_a_short_lease_means_that_heartbeats_follow_each_other_faster() -> None:
    seen = see(node(heard=12), PRESENT, timedelta(seconds=60), lambda _: False)
    assert seen.standing is Standing.ALIVE
    assert see(node(heard=21), PRESENT, timedelta(seconds=60), lambda _: False).standing is Standing.SILENT
