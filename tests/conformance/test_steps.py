"""Steps and batches on the plan's own database: what was committed is never computed again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import nullcontext, suppress
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select, text

from horarium import PermanentError, Retry, Run, RunState, Scheduler, Skip, SyncRun, at, task
from horarium.errors import ArgumentsNotJSON, JobError, RunLost, RunNotFound, StepKeyUsedTwice
from horarium.store import schema
from horarium.store.database import Database
from horarium.store.work import Holder, Work, fence, insert_step
from horarium.testing import Timetable
from horarium.values import RunInfo

from . import tasks
from .days import START
from .othernode import OtherNode
from .tasks import do, note


@pytest.fixture
def other(database: Database) -> OtherNode:
    return OtherNode(database, START)


@pytest.fixture
def orders(database: Database) -> Any:
    """A table of an application's own."""
    with database.write() as connection:
        connection.execute(text("CREATE TABLE IF NOT EXISTS orders (id TEXT PRIMARY KEY, note TEXT)"))
        connection.execute(text("DELETE FROM orders"))
    yield lambda: _ids(database)
    with database.write() as connection:
        connection.execute(text("DROP TABLE orders"))


def _ids(database: Database) -> list[str]:
    with database.read() as connection:
        return [row.id for row in connection.execute(text("SELECT id FROM orders ORDER BY id"))]


def insert(connection: Connection, order: str) -> str:
    connection.execute(text("INSERT INTO orders (id) VALUES (:id)"), {"id": order})
    return order


def run_plans(table: Timetable, *plans: Callable[[SyncRun], Any], attempts: int = 1) -> RunInfo:
    """Do these, an attempt each, a minute apart; the run."""
    tasks.plans[:] = plans
    table.scheduler.add_job(do, at(START), id="job", retry=Retry.fixed(60, max_attempts=max(attempts, len(plans))))
    table.advance(hours=1)
    (run,) = table.scheduler.runs("job")
    return run


def counted(result: Any = None) -> Any:
    tasks.calls.append("computed")
    return result


def fall(_: Any = None) -> None:
    raise OSError("fell")


# --- steps


def test_a_committed_step_is_not_computed_again(table: Timetable) -> None:
    def first(run: SyncRun) -> None:
        run.step("list", counted, [1, 2])
        fall()

    run = run_plans(table, first, lambda run: run.step("list", counted, "never"))
    assert (run.state, run.result) == (RunState.SUCCEEDED, [1, 2])
    assert tasks.calls.count("computed") == 1


def test_a_step_that_failed_is_computed_again(table: Timetable) -> None:
    run = run_plans(table, lambda run: run.step("list", fall), lambda run: run.step("list", counted, 5))
    assert run.result == 5


def test_the_result_of_a_step_is_what_json_reads_back_the_first_time_already(table: Timetable) -> None:
    run = run_plans(table, lambda run: run.step("pair", counted, (1, (2,))))
    assert run.result == [1, [2]]


def test_a_step_whose_result_is_not_json_fails_and_keeps_nothing(table: Timetable) -> None:
    def first(run: SyncRun) -> None:
        with pytest.raises(ArgumentsNotJSON, match="the result of step 'odd'"):
            run.step("odd", counted, {1, 2})
        fall()

    assert run_plans(table, first, lambda run: run.step("odd", counted, "even")).result == "even"


def test_a_step_key_used_twice_is_an_error(table: Timetable) -> None:
    def twice(run: SyncRun) -> None:
        run.step("same", counted)
        with pytest.raises(StepKeyUsedTwice):
            run.step("same", counted)

    assert run_plans(table, twice).state is RunState.SUCCEEDED


def test_steps_of_one_run_are_not_those_of_another(table: Timetable) -> None:
    tasks.plans.append(lambda run: run.step("list", counted, 1))
    table.scheduler.add_job(do, at(START), id="job")
    table.scheduler.run_now("job")
    table.run_due()
    assert tasks.calls.count("computed") == 2


def test_what_the_steps_of_a_run_returned_can_be_read(table: Timetable) -> None:
    def steps(run: SyncRun) -> None:
        run.step("first", counted, [1])
        run.each(["a"], lambda item: run.step("size", counted, item), batch="items")
        fall()

    run = run_plans(table, steps)
    assert table.scheduler.run_steps(run.id) == {"first": [1], "items[a].size": "a"}
    assert table.scheduler.run_steps(run.id, "items[a].") == {"items[a].size": "a"}
    assert table.scheduler.run_steps(run.id, "items_a") == {}


def test_a_run_tells_the_time_of_the_plan(table: Timetable) -> None:
    run = run_plans(table, lambda run: run.now().isoformat())
    assert run.result == START.isoformat()


def test_the_steps_of_a_run_that_there_is_not_are_not_found(table: Timetable) -> None:
    with pytest.raises(RunNotFound):
        table.scheduler.run_steps("0000000000000000000000000")


def test_steps_of_an_async_run_are_kept_too(table: Timetable) -> None:
    @task("conformance.async_steps", retry=Retry.fixed(60, max_attempts=2))
    async def async_steps(run: Run) -> Any:
        async def listed() -> list[int]:
            return counted([1])

        items = await run.step("list", listed)
        plain = await run.step("plain", counted, 2)
        if run.attempt == 1:
            fall()
        return [items, plain]

    table.scheduler.add_job("conformance.async_steps", at(START), id="job")
    table.advance(hours=1)
    (run,) = table.scheduler.runs("job")
    assert run.result == [[1], 2]
    assert tasks.calls.count("computed") == 2


def test_a_transactional_step_commits_with_the_applications_own_table(table: Timetable, orders: Any) -> None:
    run = run_plans(table, lambda run: run.step("order", insert, "o-1", transactional=True))
    assert (run.result, orders()) == ("o-1", ["o-1"])


def test_a_transactional_step_has_its_effect_once_however_often_the_run_is_tried(table: Timetable, orders: Any) -> None:
    def order(run: SyncRun) -> None:
        run.step("order", insert, "o-1", transactional=True)
        if run.attempt < 3:
            fall()

    assert run_plans(table, order, attempts=3).state is RunState.SUCCEEDED
    assert orders() == ["o-1"]


def test_a_transactional_step_that_raises_leaves_neither_its_effect_nor_its_mark(table: Timetable, orders: Any) -> None:
    def order(connection: Connection, then: Callable[[], None]) -> str:
        insert(connection, "o-1")
        then()
        return "kept"

    run = run_plans(
        table,
        lambda run: run.step("order", order, fall, transactional=True),
        lambda run: run.step("order", order, lambda: None, transactional=True),
    )
    assert (run.result, orders()) == ("kept", ["o-1"])


def test_a_transactional_step_whose_result_is_not_json_is_undone(table: Timetable, orders: Any) -> None:
    def order(connection: Connection) -> Any:
        insert(connection, "o-1")
        return {1, 2}

    assert run_plans(table, lambda run: run.step("order", order, transactional=True)).state is RunState.FAILED
    assert orders() == []


def test_a_transaction_of_a_run_commits_at_the_end_of_its_block(table: Timetable, orders: Any) -> None:
    def order(run: SyncRun) -> None:
        with run.transaction() as connection:
            insert(connection, "o-1")
        with pytest.raises(OSError, match="fell"), run.transaction() as connection:
            insert(connection, "o-2")
            fall()

    assert run_plans(table, order).state is RunState.SUCCEEDED
    assert orders() == ["o-1"]


@pytest.mark.parametrize(
    ("end", "says"),
    [
        (lambda connection: connection.commit(), "not the block's to end: it is committed after the block"),
        (lambda connection: connection.get_transaction().commit(), "not the block's to end"),
        (lambda connection: connection.rollback(), "the block that was given this transaction has ended it"),
        (lambda connection: connection.execute(text("COMMIT")), "not the block's to end"),
        (lambda connection: connection.exec_driver_sql("/* now */ rollback"), "not the block's to end"),
        (lambda connection: connection.exec_driver_sql("-- now\nEnd"), "not the block's to end"),
    ],
)
def test_whoever_is_given_a_transaction_may_not_end_it(
    table: Timetable, orders: Any, end: Callable[[Connection], None], says: str
) -> None:
    def order(connection: Connection) -> None:
        insert(connection, "o-1")
        end(connection)

    run = run_plans(table, lambda run: run.step("order", order, transactional=True))
    assert run.error is not None
    assert (run.error.type, orders()) == ("horarium.errors.JobError", [])
    assert says in run.error.message
    assert "connection.begin_nested()" in run.error.message


def test_a_savepoint_in_sql_is_the_blocks_own(table: Timetable, orders: Any) -> None:
    def order(connection: Connection) -> None:
        insert(connection, "o-1")
        connection.execute(text("SAVEPOINT part"))
        insert(connection, "o-2")
        connection.execute(text("ROLLBACK TRANSACTION TO SAVEPOINT part"))
        connection.execute(text("RELEASE part"))

    run = run_plans(table, lambda run: run.step("order", order, transactional=True))
    assert (run.state, orders()) == (RunState.SUCCEEDED, ["o-1"])


def test_a_commit_that_was_refused_is_no_way_on(table: Timetable, orders: Any) -> None:
    def order(run: SyncRun) -> None:
        with run.transaction() as connection:
            insert(connection, "o-1")
            with suppress(JobError):
                connection.commit()

    run = run_plans(table, order)
    assert run.error is not None
    assert "has ended it" in run.error.message
    assert orders() == []


@pytest.mark.parametrize(
    "end",
    [
        lambda connection: connection.commit(),
        lambda connection: connection.rollback(),
        lambda connection: connection.get_transaction().commit(),
    ],
)
@pytest.mark.parametrize("is_swallowed", [False, True])
def test_an_items_own_write_may_not_end_the_transaction_of_the_others(
    table: Timetable, orders: Any, end: Callable[[Connection], None], is_swallowed: bool
) -> None:
    def order(connection: Connection, item: str, _result: str) -> None:
        insert(connection, item)
        with suppress(JobError) if is_swallowed else nullcontext():
            end(connection)

    run = run_plans(table, lambda run: run.each(["o-1", "o-2"], str, on_done=order))
    assert run.error is not None
    assert (run.error.type, orders()) == ("horarium.errors.JobError", [])
    assert "connection.begin_nested()" in run.error.message


def test_a_part_of_a_transaction_may_be_undone(table: Timetable, orders: Any) -> None:
    def order(run: SyncRun) -> None:
        with run.transaction() as connection:
            insert(connection, "o-1")
            with connection.begin_nested() as part:
                insert(connection, "o-2")
                part.rollback()
            with connection.begin_nested():
                insert(connection, "o-3")

    assert run_plans(table, order).state is RunState.SUCCEEDED
    assert orders() == ["o-1", "o-3"]


def lose(table: Timetable) -> None:
    """Take the run away from the node of `table`, as a rescue does."""
    (node,) = (node.id for node in table.scheduler.nodes())
    plan, now = table.scheduler._plan, table.clock.now()
    plan.nodes.stop(node, now, "it died")
    assert plan.claims.rescue(node, now) == 1


def test_a_run_that_was_rescued_meanwhile_can_write_nothing_more(table: Timetable, orders: Any) -> None:
    seen: list[str] = []

    def ousted(run: SyncRun) -> None:
        lose(table)
        for write in (
            lambda: run.step("plain", counted, 1),
            lambda: run.step("order", insert, "o-1", transactional=True),
            lambda: run.transaction().__enter__(),
            lambda: run.each([1], note),
        ):
            with pytest.raises(RunLost):
                write()
            seen.append("refused")

    tasks.plans[:] = [ousted, lambda run: run.step("plain", counted, 2)]
    table.scheduler.add_job(do, at(START), id="job")
    table.run_due()
    table.run_due()
    (run,) = table.scheduler.runs("job")
    assert seen == ["refused"] * 4
    assert orders() == []
    assert (run.state, run.result, run.attempt) == (RunState.SUCCEEDED, 2, 2)


# --- batches


def sizes_of_marks(database: Database) -> list[int]:
    """How many done items each row of marks holds."""
    with database.read() as connection:
        return [len(json.loads(done)) for done in connection.scalars(select(schema.items.c.done))]


def failing_on(*bad: int) -> Callable[[int], int]:
    def work(item: int) -> int:
        tasks.calls.append(item)
        if item in bad:
            raise ValueError(f"item {item} is bad")
        return item

    work.__qualname__ = "work"
    return work


def test_one_failing_item_does_not_stop_the_others(table: Timetable) -> None:
    run = run_plans(table, lambda run: run.each(range(5), failing_on(2)))
    assert run.state is RunState.SUCCEEDED
    assert {name: run.result[name] for name in ("total", "done", "skipped", "failed")} == {
        "total": 5,
        "done": 4,
        "skipped": 0,
        "failed": 1,
    }
    assert run.result["errors"] == [{"key": "2", "type": "ValueError", "message": "item 2 is bad"}]


def test_trying_a_run_again_does_exactly_the_items_that_failed(table: Timetable) -> None:
    run = run_plans(
        table,
        lambda run: run.each(range(10), failing_on(3, 7)),
        lambda run: run.each(range(10), failing_on()),
    )
    table.scheduler.retry_run(run.id)
    tasks.calls.clear()
    table.run_due()
    assert sorted(one for one in tasks.calls[1:]) == [3, 7]
    again = table.scheduler.get_run(run.id)
    assert (again.result["total"], again.result["done"], again.result["failed"]) == (10, 10, 0)


def test_items_of_a_run_that_fell_in_the_middle_are_not_done_again(table: Timetable) -> None:
    def first(run: SyncRun) -> None:
        run.each(range(4), failing_on())
        fall()

    run_plans(table, first, lambda run: run.each(range(6), failing_on()))
    assert [one for one in tasks.calls if isinstance(one, int)][1:] == [0, 1, 2, 3, 2, 4, 5]  # 2: the second attempt


def test_marks_of_many_items_are_kept_in_a_few_rows(table: Timetable, database: Database) -> None:
    run = run_plans(table, lambda run: run.each(range(1_000), failing_on(), concurrency=20))
    assert run.result["done"] == 1_000
    sizes = sizes_of_marks(database)
    assert sum(sizes) == 1_000
    assert len(sizes) <= 4


def test_a_batch_of_many_items_goes_on_after_the_last_mark(table: Timetable) -> None:
    def first(run: SyncRun) -> None:
        run.each(range(700), failing_on(), concurrency=10)
        fall()

    run = run_plans(table, first, lambda run: run.each(range(1_000), failing_on(), concurrency=10))
    assert run.result["done"] == 1_000
    assert len(tasks.calls) == 2 + 1_000


def test_skipped_items_are_marked_and_not_asked_again(table: Timetable) -> None:
    def work(item: int) -> None:
        tasks.calls.append(f"item {item}")
        raise Skip("nothing new")

    def first(run: SyncRun) -> None:
        run.each([1, 2], work)
        fall()

    run = run_plans(table, first, lambda run: run.each([1, 2], work))
    assert (run.result["skipped"], run.result["done"]) == (2, 0)
    assert tasks.calls.count("item 1") == 1


def test_an_item_is_tried_again_as_its_own_policy_says(table: Timetable) -> None:
    tries: list[int] = []

    def work(_: int) -> None:
        tries.append(1)
        if len(tries) < 3:
            raise OSError("not yet")

    run = run_plans(table, lambda run: run.each([1], work, retry=Retry.fixed(0, max_attempts=5)))
    assert (run.result["done"], len(tries)) == (1, 3)


def test_a_permanent_error_of_an_item_is_not_tried_again(table: Timetable) -> None:
    tries: list[int] = []

    def work(_: int) -> None:
        tries.append(1)
        raise PermanentError("gone")

    run = run_plans(table, lambda run: run.each([1], work, retry=Retry.fixed(0, max_attempts=5)))
    assert (run.result["failed"], len(tries)) == (1, 1)


def test_odd_keys_and_messages_of_items_are_kept(table: Timetable) -> None:
    def work(item: str) -> None:
        raise ValueError(f"{item} \x00 \ud800")

    run = run_plans(table, lambda run: run.each(["ü/ñ", "🙂", "a'b\"c"], work))
    assert (run.state, run.result["failed"]) == (RunState.SUCCEEDED, 3)


def test_what_is_done_with_an_items_result_is_committed_with_its_mark(table: Timetable, orders: Any) -> None:
    run = run_plans(
        table,
        lambda run: run.each(
            range(3), failing_on(), on_done=lambda connection, item, result: insert(connection, f"o-{result}")
        ),
    )
    assert (run.result["done"], orders()) == (3, ["o-0", "o-1", "o-2"])


def test_a_write_for_an_item_that_raises_undoes_its_own_and_fails_that_item_only(table: Timetable, orders: Any) -> None:
    def save(connection: Connection, item: int, _: Any) -> None:
        insert(connection, f"o-{item}")
        if item == 1:
            fall()

    run = run_plans(table, lambda run: run.each(range(3), failing_on(), on_done=save, concurrency=3))
    assert (run.result["done"], run.result["failed"]) == (2, 1)
    assert orders() == ["o-0", "o-2"]


def test_a_write_that_the_database_refuses_fails_that_item_only(table: Timetable, orders: Any) -> None:
    run = run_plans(
        table,
        lambda run: run.each(
            ["a", "b"], note, on_done=lambda connection, item, result: insert(connection, "the same"), concurrency=2
        ),
    )
    assert (run.result["done"], run.result["failed"]) == (1, 1)
    assert orders() == ["the same"]


def test_what_is_written_for_a_failed_item_is_committed_with_its_failure(table: Timetable, orders: Any) -> None:
    def tell(connection: Connection, item: int, error: Any) -> None:
        insert(connection, f"{item}: {error.message}")

    run = run_plans(table, lambda run: run.each(range(2), failing_on(1), on_failed=tell))
    assert (run.result["failed"], orders()) == (1, ["1: item 1 is bad"])


def test_an_async_batch_is_marked_alike(table: Timetable) -> None:
    @task("conformance.async_batch")
    async def async_batch(run: Run) -> Any:
        async def work(item: int) -> None:
            await asyncio.sleep(0)
            if item == 3:
                raise ValueError("three")

        return await run.each(range(50), work, concurrency=10)

    table.scheduler.add_job("conformance.async_batch", at(START), id="job")
    table.run_due()
    (run,) = table.scheduler.runs("job")
    assert (run.result["done"], run.result["failed"]) == (49, 1)


def test_progress_tells_how_many_items_are_finished(table: Timetable) -> None:
    progress = run_plans(table, lambda run: run.each(range(7), failing_on(2))).progress
    assert progress is not None
    assert (progress.done, progress.total, progress.message) == (7, 7, "1 failed")


# --- the store's own fences


def test_only_the_holder_of_a_run_gets_its_fence(
    table: Timetable, scheduler: Scheduler, other: OtherNode, database: Database
) -> None:
    scheduler.add_job(note, at(START), id="job")
    scheduler.inline_engine().tick()
    (claimed,) = other.take(START)
    holder = other.holder(claimed)
    with Work(database).fenced(holder):
        pass
    other.die(START)
    with pytest.raises(RunLost), Work(database).fenced(holder):
        pytest.fail("entered")
    table.run_due()


@pytest.fixture
def held(table: Timetable, other: OtherNode) -> Holder:
    """A run of another node's, as its writes name it."""
    table.scheduler.add_job(note, at(START), id="job")
    table.scheduler.inline_engine().tick()
    (claimed,) = other.take(START)
    return other.holder(claimed)


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)  # SQLite has one writer at a time by itself
def test_a_rescue_waits_for_a_fenced_write_that_is_about_to_commit(held: Holder, database: Database) -> None:
    with database.write() as connection, database.engine.connect() as second:
        fence(connection, held)
        second.execute(text("SET lock_timeout = '50ms'"))
        with pytest.raises(Exception, match="lock timeout"):
            second.execute(schema.runs.update().values(state="queued"))


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_what_a_run_wrote_in_a_transaction_is_undone_when_it_was_taken_up_elsewhere_meanwhile(
    held: Holder, table: Timetable, other: OtherNode, database: Database
) -> None:
    with pytest.raises(RunLost), Work(database).fenced(held) as connection:
        insert_step(connection, other.dialect, held, "step", "1", START)
        assert other.die(START) == 1
    assert table.scheduler.run_steps(str(held.key)) == {}
    table.run_due()
    assert table.scheduler.get_run(str(held.key)).state is RunState.SUCCEEDED


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_nobody_waits_for_the_transaction_of_a_run(
    held: Holder, table: Timetable, other: OtherNode, database: Database
) -> None:
    with Work(database).fenced(held) as connection:
        insert_step(connection, other.dialect, held, "step", "1", START)
        assert table.scheduler.cancel_run(str(held.key)).state is RunState.STOPPING
        assert table.scheduler.add_job(note, at(START), id="job", args=[2], replace_existing=True).args == (2,)
    assert table.scheduler.run_steps(str(held.key)) == {"step": 1}, "who was asked to stop has its work still"


def test_a_retry_by_hand_gives_the_run_a_higher_token(table: Timetable) -> None:
    tokens: list[int] = []
    tasks.plans.append(lambda run: tokens.append(run.fencing_token))
    table.scheduler.add_job(do, at(START), id="job")
    table.run_due()
    table.scheduler.retry_run(table.scheduler.runs("job")[0].id)
    table.advance_to(START + timedelta(minutes=1))
    assert tokens == [1, 2]
