"""Faults in the middle of APScheduler's loop: the next turn goes on, with nothing lost and nothing doubled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event
from sqlalchemy.exc import OperationalError

from horarium.engines.apscheduler import ticking
from horarium.engines.apscheduler.relay import Relay
from horarium.engines.apscheduler.ticking import LONGEST
from horarium.engines.ticker import Ticker
from horarium.states import JobStatus
from horarium.store.database import Database
from horarium.when import Once, every

from . import tasks
from .conftest import START, Plugged

MINUTE = timedelta(minutes=1)


def outage() -> Exception:
    lost = ConnectionError("the server closed the connection")
    return OperationalError("a statement", None, lost, connection_invalidated=True)


def mistake() -> Exception:
    return RuntimeError("nobody has thought of this")


class Faults:
    """Makes statements of a database fail: from the `first` on, `number` of them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.seen = 0

    @contextmanager
    def injected(self, first: int, number: float, make: Callable[[], Exception]) -> Iterator[None]:
        self.seen = 0
        dialect = self._database.engine.dialect
        commit = dialect.do_commit

        def fail(*_: Any) -> None:
            self.seen += 1
            if first <= self.seen < first + number:
                raise make()

        def fail_at_commit(connection: Any) -> None:
            try:
                fail()
            except Exception:
                dialect.do_rollback(connection)
                raise
            commit(connection)

        event.listen(self._database.engine, "before_cursor_execute", fail)
        dialect.do_commit = fail_at_commit  # type: ignore[method-assign]  # a commit that comes to nothing
        try:
            yield
        finally:
            event.remove(self._database.engine, "before_cursor_execute", fail)
            dialect.do_commit = commit  # type: ignore[method-assign]  # as before


def assert_all_ran_once(plugged: Plugged, minutes: int) -> None:
    expected = [START + n * MINUTE for n in range(1, minutes + 1)]
    assert plugged.times("first") == expected
    assert plugged.times("second") == expected
    assert plugged.jobs.get("first").next_run_time == START + (minutes + 1) * MINUTE
    assert plugged.jobs.get("first").status is JobStatus.SCHEDULED


@pytest.mark.parametrize("make", [outage, mistake])
@pytest.mark.parametrize("number", [1, float("inf")], ids=["one statement", "all statements from there on"])
def test_a_database_that_fails_at_any_statement_of_a_turn_loses_and_doubles_nothing(
    plugged: Plugged, make: Callable[[], Exception], number: float
) -> None:
    for job_id in ("first", "second"):
        plugged.add(job_id, every(minutes=1), policies={"max_instances": 1000})
    faults = Faults(plugged.database)
    minute = 0
    while True:
        minute += 1
        plugged.clock.set(START + minute * MINUTE)
        with faults.injected(first=minute, number=number, make=make):
            assert 0 <= plugged.turn() <= LONGEST
        if faults.seen < minute:
            break
        plugged.clock.advance(seconds=2)
        plugged.turn()
        assert_all_ran_once(plugged, minute)
    assert minute > 4  # it reads, thinks, begins, writes and commits
    assert_all_ran_once(plugged, minute)


def test_a_commit_whose_answer_is_lost_is_not_repeated(plugged: Plugged, monkeypatch: pytest.MonkeyPatch) -> None:
    plugged.add("first", every(minutes=1))
    plugged.add("once", Once(START + MINUTE))
    plugged.clock.set(START + MINUTE)
    commit = Connection.commit

    def committed_without_answer(self: Connection) -> None:
        commit(self)
        raise outage()

    with monkeypatch.context() as patch:
        patch.setattr(Connection, "commit", committed_without_answer)
        plugged.turn()
    plugged.clock.advance(seconds=2)
    plugged.turn()
    assert plugged.times("first") == [START + MINUTE]
    assert plugged.times("once") == [START + MINUTE]
    assert plugged.jobs.get("first").next_run_time == START + 2 * MINUTE


@pytest.mark.parametrize("kind", [RuntimeError, MemoryError])
@pytest.mark.parametrize(
    ("owner", "name"),
    [(Ticker, "due"), (Ticker, "write"), (Ticker, "next_time"), (ticking, "decide"), (Relay, "look")],
    ids=lambda one: one if isinstance(one, str) else one.__name__.rpartition(".")[2],
)
def test_whatever_raises_in_a_turn_the_next_one_goes_on(
    plugged: Plugged, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, kind: type[Exception]
) -> None:
    plugged.add("first", every(minutes=1))

    def broken(*_: Any, **__: Any) -> Any:
        raise kind("broken")

    plugged.clock.set(START + MINUTE)
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, broken)
        assert 0 <= plugged.turn() <= LONGEST
    if name == "decide":
        # It is the job's fault as far as can be seen; a new definition mends it.
        assert plugged.jobs.get("first").status is JobStatus.QUARANTINED
        plugged.jobs.modify("first", {"name": "mended"}, plugged.clock.now())
        plugged.node.announce()
    plugged.clock.advance(seconds=2)
    plugged.turn()
    assert plugged.times("first") == [START + MINUTE]


def test_pauses_grow_while_the_database_is_away_and_wakeups_do_not_shorten_them(plugged: Plugged) -> None:
    plugged.add("first", every(minutes=1))
    plugged.clock.set(START + MINUTE)
    faults = Faults(plugged.database)
    pauses = []
    with faults.injected(first=1, number=float("inf"), make=outage):
        for _ in range(6):
            pauses.append(plugged.turn())
            asked = faults.seen
            plugged.scheduler.turn()  # woken
            assert faults.seen == asked
            plugged.clock.advance(seconds=pauses[-1])
    assert pauses == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.0, 1.0], abs=0.05)


def test_what_is_wrong_is_told_and_forgotten_when_it_is_over(
    plugged: Plugged, caplog: pytest.LogCaptureFixture
) -> None:
    service = plugged.store.service
    assert service is not None
    with Faults(plugged.database).injected(first=1, number=float("inf"), make=outage):
        for _ in range(5):
            plugged.turn()
            plugged.clock.advance(seconds=2)
    assert "the server closed the connection" in str(service.ticking.last_error)
    assert len([record for record in caplog.records if "cannot tick" in record.message]) == 1
    plugged.turn()
    assert service.ticking.last_error is None


def test_a_job_that_cannot_be_written_is_set_aside_and_the_others_go_on(
    plugged: Plugged, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = plugged.add("first", every(minutes=1)), plugged.add("second", every(minutes=1))
    write = Ticker.write

    def choosy(self: Ticker, thoughts: Any, *rest: Any) -> Any:
        if any(thought.job.key == bad.key for thought in thoughts):
            raise OverflowError("out of range")
        return write(self, thoughts, *rest)

    monkeypatch.setattr(Ticker, "write", choosy)
    plugged.clock.set(START + MINUTE)
    plugged.turn()
    assert plugged.times(good.id) == [START + MINUTE]
    assert plugged.jobs.get(bad.id).status is JobStatus.QUARANTINED


def test_no_job_is_blamed_when_nothing_can_be_written(plugged: Plugged, monkeypatch: pytest.MonkeyPatch) -> None:
    for job_id in ("first", "second"):
        plugged.add(job_id, every(minutes=1))

    def broken(*_: Any) -> Any:
        raise mistake()

    plugged.clock.set(START + MINUTE)
    with monkeypatch.context() as patch:
        patch.setattr(Ticker, "write", broken)
        for _ in range(5):
            plugged.turn()
            plugged.clock.advance(seconds=2)
    assert {job.status for job in plugged.jobs.find()} == {JobStatus.SCHEDULED}
    plugged.turn()
    assert plugged.times("first") == [START + MINUTE]


def test_a_node_whose_lease_ran_out_ticks_no_more_until_it_has_a_new_one(
    tmp_path: Path, make_database: Callable[[str], Database]
) -> None:
    with closing(Plugged(make_database(f"sqlite:///{tmp_path}/plan.db"))) as plugged:
        plugged.add("once", Once(START + MINUTE))
        plugged.clock.advance(days=2000)
        assert not plugged.node.lease.holds
        plugged.turn()
        assert plugged.times("once") == []
        plugged.node.lease.beat()
        plugged.clock.advance(seconds=2)
        plugged.turn()
        assert plugged.times("once") == [START + MINUTE]


def test_a_user_is_told_of_an_outage(plugged: Plugged) -> None:
    from horarium.errors import PlanUnavailable

    with Faults(plugged.database).injected(first=1, number=float("inf"), make=outage):
        with pytest.raises(PlanUnavailable, match="server closed the connection"):
            plugged.scheduler.add_job(tasks.note, "interval", hours=1)
        with pytest.raises(PlanUnavailable):
            plugged.scheduler.get_jobs()
