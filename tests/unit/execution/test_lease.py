"""A node's lease: kept, lost, replaced, and what is taken from nodes that died."""

import itertools
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from horarium.errors import PlanUnavailable
from horarium.events import Event, EventBus, NodeChanged
from horarium.execution import lease as lease_module
from horarium.execution.lease import Lease, process_mark
from horarium.store.database import Connection, Database
from horarium.store.nodes import Identity, Nodes
from horarium.store.plan_clock import PlanClock
from horarium.store.upgrade import CORE, upgrade_at_start


class SteppedClock:
    """A machine's clock that is moved by tests; like a real one it is measured against the database's."""

    is_set_by_hand = False

    def __init__(self) -> None:
        self.seconds = 0.0
        self.wrong_by = 0.0

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.seconds + self.wrong_by)

    def elapsed(self) -> float:
        return self.seconds


@dataclass
class Kept:
    """A lease with everything round it."""

    database: Database
    clock: SteppedClock = field(default_factory=SteppedClock)
    lost: list[str] = field(default_factory=list)
    heard: list[Event] = field(default_factory=list)

    def lease(self, seconds: float = 30.0) -> Lease:
        events = EventBus()
        events.subscribe(self.heard.append)
        return Lease(
            self.database,
            PlanClock(self.database, self.clock),
            events,
            on_lost=self.lost.append,
            on_beat=lambda: None,
            known_tasks=lambda: ["known"],
            seconds=seconds,
            heartbeat=5.0,
        )

    @property
    def nodes(self) -> Nodes:
        return Nodes(self.database)

    def words(self) -> list[str]:
        return [event.what for event in self.heard if isinstance(event, NodeChanged)]


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    database = Database(f"sqlite:///{tmp_path / 'plan.db'}", synchronous="OFF")
    upgrade_at_start(database, [CORE])
    kept = Kept(database)
    database.clock = kept.clock
    yield kept
    database.close()


@pytest.fixture
def away(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Lets the database be away."""
    real = kept.database.write

    def refuse() -> None:
        raise PlanUnavailable("connection refused")

    return lambda gone: monkeypatch.setattr(kept.database, "write", refuse if gone else real)


def test_a_node_is_registered_with_its_tasks_and_its_clock_before_it_takes_anything(kept: Kept) -> None:
    lease = kept.lease()
    assert not lease.holds
    lease.begin()
    assert lease.holds
    assert kept.nodes.tasks_of_live_nodes(kept.clock.now()) == {"known"}
    (node,) = kept.nodes.find()
    assert (node.id, node.pid, node.host) == (lease.node, os.getpid(), socket.gethostname())


def test_a_heartbeat_renews_the_lease_counted_from_before_it_was_sent(kept: Kept) -> None:
    lease = kept.lease()
    lease.begin()
    kept.clock.seconds = 29
    lease.beat()
    kept.clock.seconds = 58
    assert lease.holds
    kept.clock.seconds = 59
    assert not lease.holds


def test_a_node_that_comes_too_late_loses_its_runs_and_goes_on_under_another_id(kept: Kept) -> None:
    lease = kept.lease()
    lease.begin()
    first = lease.node
    kept.clock.seconds = 31
    lease.beat()
    assert kept.lost == ["its lease ran out before it could be renewed"]
    assert lease.holds
    assert lease.node != first
    assert kept.words() == ["started", "lost", "started"]
    assert [node.id for node in kept.nodes.find()] == [lease.node]


def test_a_lease_that_runs_out_while_a_heartbeat_hangs_is_noticed(kept: Kept) -> None:
    lease = kept.lease(seconds=0.3)
    lease.begin()
    kept.clock.seconds = 1
    lease._beats = lease._watch  # no heartbeat comes
    lease._watch.start()
    lease._watch.join(1)
    lease.end(reason="test", gracefully=False)
    assert kept.lost == ["it could not renew its lease for 0.3 s"]


def test_an_outage_is_said_once_and_its_end_too(
    kept: Kept, away: Callable[[bool], None], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(lease_module, "_RETRY", 0.001)
    lease = kept.lease(seconds=0.003)
    lease.begin()
    beat, beats, was_back = lease.beat, itertools.count(), threading.Event()

    def ten_in_vain() -> None:
        number = next(beats)
        away(number < 10)
        if number > 10:
            was_back.set()
        beat()

    monkeypatch.setattr(lease, "beat", ten_in_vain)
    with caplog.at_level("INFO", logger=lease_module.__name__):
        lease._beats.start()
        assert was_back.wait(30)
        lease.end(reason="test", gracefully=False)
    said = [record.getMessage() for record in caplog.records]
    assert said == [
        f"node {lease.node} could not renew its lease and tries again: connection refused",
        "the database answers again, after 10 failed heartbeats",
    ]


def test_a_transaction_of_its_own_process_that_outlasts_the_lease_does_not_cost_a_node_its_runs(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = threading.Event()
    monkeypatch.setattr(lease_module.logger, "warning", lambda *_: told.set())
    lease = kept.lease(seconds=0.3)
    lease.begin()
    first = lease.node
    lease._beats = lease._watch  # no heartbeat comes meanwhile
    with kept.database.write():
        kept.clock.seconds = 60
        lease._watch.start()
        assert told.wait(30), "it is said who holds everybody up"
        assert lease.holds
        lease.end(reason="test", gracefully=False)
    assert not lease.holds, "until a heartbeat has found the node alive"
    lease.beat()
    assert lease.holds
    assert (kept.lost, lease.node) == ([], first)
    (node,) = kept.nodes.find()
    assert node.lease_until == kept.clock.now() + timedelta(seconds=0.3)


def test_a_node_that_was_held_up_and_buried_by_another_process_has_lost_its_runs(kept: Kept) -> None:
    lease = kept.lease()
    lease.begin()
    first = lease.node
    with kept.database.write():
        kept.clock.seconds = 60
    assert kept.nodes.stop(first, kept.clock.now(), "its lease ran out", only_if_expired=True)
    lease.beat()
    assert kept.lost == ["its lease ran out before it could be renewed"]
    assert lease.node != first


def test_a_transaction_that_ended_before_the_lease_did_is_no_excuse(kept: Kept) -> None:
    lease = kept.lease()
    lease.begin()
    with kept.database.write():
        kept.clock.seconds = 29
    kept.clock.seconds = 31
    lease.beat()
    assert kept.lost == ["its lease ran out before it could be renewed"]


def test_after_a_long_transaction_of_another_process_all_nodes_are_given_time_to_say_that_they_live(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = kept.lease()
    lease.begin()
    kept.nodes.register(Identity("other", "elsewhere", 1, "", "1"), kept.clock.now(), 30)
    real = kept.database.write

    def after_a_while() -> AbstractContextManager[Connection]:
        kept.clock.seconds = max(kept.clock.seconds, 31)
        return real()

    monkeypatch.setattr(kept.database, "write", after_a_while)
    lease.beat()
    assert {node.id for node in kept.nodes.find()} == {lease.node, "other"}
    kept.clock.seconds = 50
    lease.beat()
    assert [node.id for node in kept.nodes.find()] == [lease.node]


def test_a_beat_that_comes_back_after_the_end_makes_no_new_node(kept: Kept) -> None:
    lease = kept.lease()
    lease.begin()
    lease.end(reason="it was shut down", gracefully=True)
    lease.beat()
    assert not kept.nodes.find()
    (node,) = kept.nodes.find(all_of_them=True)
    assert node.stop_reason == "it was shut down"
    assert kept.words() == ["started", "stopped"]


def test_a_node_that_is_shut_down_with_runs_left_keeps_its_lease_and_says_why_it_will_end(kept: Kept) -> None:
    lease = kept.lease()
    lease.begin()
    lease.end(reason="it was shut down", gracefully=False)
    (node,) = kept.nodes.find()
    assert (node.stopped_at, node.stop_reason) == (None, "it was shut down")
    assert kept.nodes.stop(lease.node, kept.clock.now(), "its process is gone")
    (node,) = kept.nodes.find(all_of_them=True)
    assert (node.stopped_at, node.stop_reason) == (kept.clock.now(), "it was shut down")


def test_a_node_that_dies_is_rescued_when_its_lease_has_run_out_and_not_before(kept: Kept) -> None:
    lease = kept.lease()
    lease.begin()
    other = Identity("other", "elsewhere", 1, "", "1")
    kept.nodes.register(other, kept.clock.now(), 30)
    kept.clock.seconds = 20
    lease.beat()
    assert len(kept.nodes.find()) == 2
    kept.clock.seconds = 31
    lease.beat()
    kept.clock.seconds = 32
    lease.beat()
    dead = next(node for node in kept.nodes.find(all_of_them=True) if node.id == "other")
    assert dead.stop_reason == "its lease ran out"


def test_after_an_outage_others_get_time_to_say_that_they_live(kept: Kept, away: Callable[[bool], None]) -> None:
    lease = kept.lease()
    lease.begin()
    kept.nodes.register(Identity("other", "elsewhere", 1, "", "1"), kept.clock.now(), 30)
    kept.clock.seconds = 25
    away(True)
    with pytest.raises(PlanUnavailable):
        lease.beat()
    lease._away = True  # as its thread notes
    away(False)
    kept.clock.seconds = 29
    lease.beat()
    kept.clock.seconds = 33
    lease.beat()
    assert {node.id for node in kept.nodes.find()} == {lease.node, "other"}, "it may be just about to renew"
    kept.clock.seconds = 45
    lease.beat()
    assert {node.id for node in kept.nodes.find()} == {lease.node}


def test_what_a_dead_process_of_this_host_left_is_rescued_at_once(kept: Kept) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        mark = process_mark(process.pid)
        kept.nodes.register(Identity("killed", socket.gethostname(), process.pid, mark, "1"), kept.clock.now(), 3600)
        kept.nodes.register(
            Identity("me", socket.gethostname(), os.getpid(), process_mark(os.getpid()), "1"), kept.clock.now(), 3600
        )
        kept.lease().begin()
        assert {"killed", "me"} <= {node.id for node in kept.nodes.find()}, "both live"
        process.send_signal(signal.SIGKILL)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # dead, and not buried by its parent
        lease = kept.lease()
        lease.begin()
        living = {node.id for node in kept.nodes.find()}
        assert "killed" not in living
        assert "me" in living
        process.communicate()


@pytest.mark.parametrize("part", ["boot", "namespace"])
def test_a_node_of_another_machine_or_container_of_the_same_name_is_left_to_its_lease(
    kept: Kept, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    boot, namespace, started = process_mark(os.getpid()).split("/")
    elsewhere = {"boot": f"another/{namespace}/{started}", "namespace": f"{boot}/pid:[1]/{started}"}[part]
    kept.nodes.register(Identity("twin", socket.gethostname(), 999_999, elsewhere, "1"), kept.clock.now(), 3600)
    kept.lease().begin()
    assert "twin" in {node.id for node in kept.nodes.find()}


def test_a_pid_that_another_process_has_now_is_not_the_old_one(kept: Kept) -> None:
    mark = process_mark(os.getpid())
    older = f"{mark.rpartition('/')[0]}/1"
    kept.nodes.register(Identity("before", socket.gethostname(), os.getpid(), older, "1"), kept.clock.now(), 3600)
    kept.lease().begin()
    assert "before" not in {node.id for node in kept.nodes.find()}


def test_where_processes_cannot_be_told_apart_only_the_lease_counts(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease_module, "process_mark", lambda _pid: "")
    kept.nodes.register(Identity("other", socket.gethostname(), 999_999, "", "1"), kept.clock.now(), 3600)
    kept.lease().begin()
    assert "other" in {node.id for node in kept.nodes.find()}


def test_the_plans_clock_is_the_databases_and_goes_on_steadily_when_the_machines_is_set(postgres_url: str) -> None:
    database = Database(postgres_url)
    machine = SteppedClock()
    clock = PlanClock(database, machine)
    clock.measure()
    theirs = clock.now()
    assert abs((theirs - datetime.now(UTC)).total_seconds()) < 5
    assert abs(clock.offset.total_seconds() - (theirs - machine.now()).total_seconds()) < 5
    machine.seconds = 2.0
    machine.wrong_by = 3600.0
    assert (clock.now() - theirs).total_seconds() == pytest.approx(2.0)
    database.close()
