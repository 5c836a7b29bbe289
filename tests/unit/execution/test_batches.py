"""`run.each`: items, their marks, and what may befall them."""

import asyncio
import contextvars
import logging
import threading
from uuid import UUID

import pytest

from horarium.errors import (
    JobError,
    PermanentError,
    PlanUnavailable,
    RunLost,
    RunStopped,
    Skip,
    StepKeyUsedTwice,
)
from horarium.execution.context import Run, SyncRun
from horarium.retry import Retry
from horarium.values import ErrorInfo, ItemFailure, Progress

COLOUR: contextvars.ContextVar[str] = contextvars.ContextVar("COLOUR", default="none")


class Items:
    """An item's function, plain or async, that notes what it is called with and fails as told."""

    def __init__(self, fails=None):
        self.seen = []
        self.fails = fails or {}

    def plain(self, item):
        self.seen.append(item)
        if item in self.fails:
            raise self.fails[item]
        return item

    async def later(self, item):
        await asyncio.sleep(0)
        return self.plain(item)


def each(link, items, function, *args, **way):
    return asyncio.run(Run(link).each(items, function, *args, **way))


async def until(condition):
    while not condition():
        await asyncio.sleep(0.001)


# --- what is done, and how it is counted


@pytest.mark.parametrize("face", ["async run", "plain run"])
@pytest.mark.parametrize("kind", ["later", "plain"])
def test_every_item_is_done_and_marked(link, face, kind):
    items = Items()
    function = getattr(items, kind)
    if face == "async run":
        tally = each(link, range(30), function, concurrency=4)
    else:
        tally = SyncRun(link).each(range(30), function, concurrency=4)
    assert sorted(items.seen) == list(range(30))
    assert (tally.total, tally.done, tally.skipped, tally.failed, tally.errors) == (30, 30, 0, 0, ())
    assert link.marked() == {str(number): "done" for number in range(30)}


def test_further_arguments_reach_the_function(link):
    seen = []

    async def add(item, more, most):
        seen.append((item, more, most))

    each(link, [1], add, 2, 3)
    assert seen == [(1, 2, 3)]


def test_without_items_the_tally_is_empty(link):
    tally = each(link, [], Items().later)
    assert (tally.total, tally.done, tally.errors) == (0, 0, ())


def test_one_failing_item_does_not_stop_the_others(link):
    items = Items(fails={2: ValueError("no such post")})
    tally = each(link, [1, 2, 3], items.later)
    assert items.seen == [1, 2, 3]
    assert (tally.total, tally.done, tally.failed) == (3, 2, 1)
    assert tally.errors == (ItemFailure("2", "ValueError", "no such post"),)


def test_an_item_that_calls_sys_exit_fails_alone(link):
    tally = each(link, [1, 2], Items(fails={1: SystemExit(3)}).later)
    assert (tally.done, tally.failed) == (1, 1)


def test_an_item_that_cancels_itself_fails_alone(link):
    tally = each(link, [1, 2], Items(fails={1: asyncio.CancelledError()}).later)
    assert (tally.done, tally.failed) == (1, 1)


def test_an_item_that_raises_skip_counts_as_skipped(link):
    tally = each(link, [1, 2], Items(fails={1: Skip("nothing new")}).later)
    assert (tally.done, tally.skipped, tally.failed) == (1, 1, 0)
    assert link.marked() == {"1": "skipped", "2": "done"}


def test_the_tally_names_the_first_hundred_failures_and_counts_all(link):
    tally = each(link, range(150), Items(fails={n: ValueError(str(n)) for n in range(150)}).later)
    assert (tally.failed, len(tally.errors)) == (150, 100)


def test_the_first_failure_of_a_kind_is_logged_with_its_traceback(link, caplog):
    with caplog.at_level(logging.INFO):
        each(link, [1, 2, 3], Items(fails={1: ValueError("a"), 2: ValueError("b"), 3: KeyError("c")}).later)
    assert [bool(record.exc_info) for record in caplog.records] == [True, False, True]


def test_the_duration_is_in_seconds_of_the_run_s_clock(link):
    assert each(link, [1, 2], lambda _: link.clock.move(30)).duration == 60


# --- over several attempts


def test_done_and_skipped_items_are_not_computed_again_and_failed_ones_are(attempts):
    first = Items(fails={2: ValueError("once"), 3: Skip("empty")})
    each(attempts(), [1, 2, 3], first.later, batch="posts")
    second = Items()
    tally = each(attempts(), [1, 2, 3, 4], second.later, batch="posts")
    assert second.seen == [2, 4]
    assert (tally.total, tally.done, tally.skipped, tally.failed) == (4, 3, 1, 0)


def test_items_of_earlier_attempts_count_even_if_they_are_not_listed_any_more(attempts):
    each(attempts(), ["a", "b"], Items().later, batch="new videos")
    tally = each(attempts(), ["c"], Items().later, batch="new videos")
    assert (tally.total, tally.done) == (3, 3)


def test_two_batches_of_a_run_keep_their_items_apart(link):
    async def task(run):
        items = Items()
        await run.each([1, 2], items.later, batch="posts")
        await run.each([1, 2], items.later, batch="stories")
        return items.seen

    assert asyncio.run(task(Run(link))) == [1, 2, 1, 2]


def test_two_batches_of_one_name_are_an_error(link):
    async def task(run):
        await run.each([1], Items().later)
        await run.each([2], Items().later)

    with pytest.raises(StepKeyUsedTwice, match="later"):
        asyncio.run(task(Run(link)))


# --- keys


def test_a_key_names_the_item(link):
    each(link, [{"id": 7}], lambda _: None, key=lambda post: post["id"])
    assert link.marked() == {"7": "done"}


def test_a_uuid_may_be_a_key(link):
    number = UUID("018f3c1e-0000-7000-8000-000000000001")
    each(link, [{"id": number}], lambda _: None, key=lambda post: post["id"])
    assert link.marked() == {str(number): "done"}


def test_items_that_are_neither_text_nor_numbers_need_a_key(link):
    with pytest.raises(JobError, match=r"give run\.each"):
        each(link, [{"id": 7}], lambda _: None)


def test_a_key_met_twice_is_an_error_that_names_it_and_what_is_done_is_marked(link):
    with pytest.raises(StepKeyUsedTwice, match=r"posts\[1\]"):
        each(link, [1, 2, 1, 3], Items().later, batch="posts")
    assert link.marked() == {"1": "done", "2": "done"}


@pytest.mark.parametrize("bad", [{}, {"id": None}, {"id": "a\0b"}, {"id": "x" * 2000}])
def test_an_item_whose_key_cannot_be_had_fails_alone(link, bad):
    items = []
    tally = each(link, [{"id": 1}, bad, {"id": 3}], items.append, key=lambda post: post["id"])
    assert [item["id"] for item in items] == [1, 3]
    assert (tally.total, tally.done, tally.failed) == (3, 2, 1)
    assert tally.errors[0].key == "#2"


# --- where items come from


def test_items_may_come_from_an_async_generator(link):
    async def pages():
        for page in range(3):
            await asyncio.sleep(0)
            for number in range(4):
                yield page * 4 + number

    items = Items()
    assert each(link, pages(), items.later, concurrency=3).done == 12
    assert sorted(items.seen) == list(range(12))


def test_items_are_asked_for_only_when_there_is_room(link):
    asked, doing = [], []

    def endless():
        while True:
            asked.append(1)
            yield len(asked)

    async def main():
        async def hang(item):
            doing.append(item)
            await asyncio.Event().wait()

        task = asyncio.create_task(Run(link).each(endless(), hang, concurrency=3))
        await until(lambda: len(doing) == 3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert len(asked) == 3


def test_what_the_items_raise_is_raised_when_running_items_are_done_and_marked(link):
    def broken():
        yield 1
        yield 2
        raise OSError("the list broke off")

    with pytest.raises(OSError, match="broke off"):
        each(link, broken(), Items().later, concurrency=2)
    assert link.marked() == {"1": "done", "2": "done"}


def test_something_that_cannot_be_iterated_is_an_error(link):
    with pytest.raises(JobError, match="iterate"):
        each(link, 5, Items().later)


# --- how it is done


def test_concurrency_is_the_most_that_run_at_once(link):
    running, most = [], []

    async def work(item):
        running.append(item)
        most.append(len(running))
        await asyncio.sleep(0)
        running.remove(item)

    each(link, range(50), work, concurrency=7)
    assert max(most) == 7


def test_plain_items_run_in_as_many_threads_as_concurrency(link):
    together = threading.Barrier(3, timeout=30)
    each(link, range(6), lambda _: together.wait(), concurrency=3)


def test_context_variables_are_carried_into_the_threads_of_items_and_of_commits(link):
    seen = []

    async def task(run):
        COLOUR.set("blue")
        await run.each(
            [1],
            lambda _: seen.append(COLOUR.get()),
            on_done=lambda connection, item, result: seen.append(COLOUR.get()),
        )

    asyncio.run(task(Run(link)))
    assert seen == ["blue", "blue"]


def test_a_crash_repeats_at_most_twice_as_many_items_as_run_at_once(link):
    go_on, begun = threading.Event(), []
    link._writer.submit(go_on.wait)  # the disk hangs

    async def main():
        async def work(item):
            begun.append(item)

        task = asyncio.create_task(Run(link).each(range(100), work, concurrency=5))
        await until(lambda: len(begun) >= 10)
        for _ in range(100):
            await asyncio.sleep(0)
        at_most = len(begun)
        go_on.set()
        await task
        return at_most

    assert asyncio.run(main()) == 10


def test_what_comes_in_during_a_commit_is_committed_together(link):
    async def work(item):
        pass

    each(link, range(200), work, concurrency=10)
    assert len(link.commits) <= 200 / 20 + 2


def test_after_every_size_items_there_is_a_pause_but_not_at_the_end(link):
    events = []

    async def rest(seconds):
        events.append(("pause", seconds))

    async def work(item):
        await asyncio.sleep(0)
        events.append(item)

    asyncio.run(Run(link, rest).each(range(6), work, size=2, pause=1.5, concurrency=2))
    assert events == [0, 1, ("pause", 1.5), 2, 3, ("pause", 1.5), 4, 5]


def test_items_done_earlier_do_not_count_for_the_pause(attempts):
    pauses = []

    async def rest(seconds):
        pauses.append(seconds)

    each(attempts(), range(5), Items().later)
    asyncio.run(Run(attempts(), rest).each(range(7), Items().later, size=2, pause=1))
    assert pauses == []


def test_a_failing_item_is_tried_again_by_its_policy(link):
    waits, tries = [], []

    async def rest(seconds):
        waits.append(seconds)

    async def work(item):
        tries.append(item)
        if len(tries) < 3:
            raise OSError("busy")

    tally = asyncio.run(Run(link, rest).each(["a"], work, retry=Retry.linear(10, max_attempts=3)))
    assert (tally.done, tries, waits) == (1, ["a", "a", "a"], [10, 20])


def test_an_item_fails_when_its_tries_are_used_up(link):
    items = Items(fails={1: OSError("busy")})
    tally = each(link, [1], items.plain, retry=Retry.fixed(0, max_attempts=3))
    assert (tally.failed, len(items.seen)) == (1, 3)


@pytest.mark.parametrize("error", [PermanentError("gone"), KeyError("id")])
def test_a_permanent_error_is_not_tried_again(link, error):
    items = Items(fails={1: error})
    tally = each(link, [1], items.later, retry=Retry.fixed(0, max_attempts=3, permanent=[KeyError]))
    assert (tally.failed, len(items.seen)) == (1, 1)


def test_an_async_item_that_takes_too_long_is_ended_and_fails(link):
    async def hang(item):
        await asyncio.Event().wait()

    tally = each(link, ["a"], hang, timeout=0.01)
    assert tally.errors[0].type.endswith("RunTimeout")
    assert "item 'a'" in tally.errors[0].message


def test_a_plain_item_that_returns_late_is_done(link):
    tally = SyncRun(link).each(["a"], lambda _: link.clock.move(61), timeout=60)
    assert (tally.done, tally.failed) == (1, 0)


def test_a_plain_item_that_goes_on_too_long_is_warned_of(link, caplog):
    warned = threading.Event()

    class Watch(logging.Handler):
        def emit(self, record):
            warned.set()

    logger = logging.getLogger("horarium.execution.calls")
    handler = Watch()
    logger.addHandler(handler)
    try:
        each(link, ["a"], lambda _: warned.wait(30), timeout=0.001)
    finally:
        logger.removeHandler(handler)
    assert "cannot be stopped" in caplog.text


@pytest.mark.parametrize(
    ("way", "words"),
    [
        ({"concurrency": 0}, "concurrency"),
        ({"size": 0}, "size"),
        ({"pause": -1, "size": 1}, "pause"),
        ({"pause": 1}, "pause needs size"),
        ({"timeout": 0}, "timeout"),
        ({"executor": "moon"}, "moon"),
        ({"executor": "thread"}, "is async"),
        ({"on_done": Items().later}, "on_done"),
    ],
)
def test_parameters_that_cannot_be_are_refused(link, way, words):
    with pytest.raises(JobError, match=words):
        each(link, [1], Items().later, **way)


@pytest.mark.parametrize("hook", ["on_done", "on_failed"])
def test_a_generator_writes_nothing_for_an_item_and_is_refused(link, hook):
    def write(_connection, item, _result):
        yield item

    class Writes:
        def __call__(self, _connection, item, _result):
            yield item

    for one in (write, Writes()):
        with pytest.raises(JobError, match=f"{hook}: .* has a `yield`"):
            each(link, [1], str, **{hook: one})


def test_a_generator_does_no_item_since_its_call_runs_nothing(link):
    def save(item):
        yield item

    with pytest.raises(JobError, match="has a `yield`"):
        each(link, [1], save)
    assert link.marked() == {}


def test_a_plain_function_is_not_called_on_the_event_loop(link):
    with pytest.raises(JobError, match="block the event loop"):
        each(link, [1], Items().plain, executor="loop")


# --- writes that are committed with the mark


def enter(connection, text):
    connection.execute("INSERT INTO ledger VALUES (?)", (text,))


def test_on_done_writes_in_the_transaction_of_the_mark(link):
    each(link, [1, 2], Items().later, on_done=lambda connection, item, result: enter(connection, f"{item}={result}"))
    assert sorted(link.ledger()) == ["1=1", "2=2"]


def test_a_failure_on_purpose_is_logged_in_one_line(link, caplog):
    with caplog.at_level(logging.DEBUG, logger="horarium.execution.items"):
        each(link, [1, 2], Items(fails={1: JobError("no such film"), 2: JobError("nor that")}).later)
    assert [(record.levelname, record.exc_info) for record in caplog.records] == [("WARNING", None), ("INFO", None)]
    assert "no such film" in caplog.text


def test_a_failure_on_purpose_is_told_by_on_failed_alone(link, caplog):
    fails = {1: JobError("no such film"), 2: ValueError("torn")}
    with caplog.at_level(logging.INFO, logger="horarium.execution.items"):
        each(link, [1, 2], Items(fails=fails).later, on_failed=lambda *_: None)
    assert [bool(record.exc_info) for record in caplog.records] == [True]
    assert "torn" in caplog.text


def test_on_failed_is_told_the_error(link):
    told = []

    def note(connection, item, error):
        told.append(error)
        enter(connection, f"{item}: {error}")

    each(link, [1], Items(fails={1: ValueError("torn")}).later, on_failed=note)
    assert link.ledger() == ["1: ValueError: torn"]
    assert isinstance(told[0], ErrorInfo)
    assert "Traceback" in told[0].traceback


def test_an_item_whose_write_raises_has_failed_and_left_nothing(link):
    def write(connection, item, result):
        enter(connection, str(item))
        if item == 2:
            raise ValueError("out of range")

    tally = each(link, [1, 2, 3], Items().later, on_done=write)
    assert (tally.done, tally.failed) == (2, 1)
    assert tally.errors == (ItemFailure("2", "ValueError", "out of range"),)
    assert link.ledger() == ["1", "3"]


# --- progress


def test_progress_is_reported_by_itself(link):
    each(link, [1, 2, 3], Items(fails={2: ValueError()}).later)
    assert link.reported[0] == Progress(0, 3)
    assert link.reported[-1] == Progress(3, 3, "1 failed")


def test_progress_counts_what_earlier_attempts_did(attempts):
    each(attempts(), [1, 2], Items().later)
    link = attempts()
    each(link, [1, 2, 3], Items().later)
    assert link.reported[-1] == Progress(3, 3)


def test_the_total_is_unknown_until_a_generator_has_ended(link):
    each(link, (number for number in range(3)), Items().later)
    assert link.reported[0] == Progress(0, None)
    assert link.reported[-1] == Progress(3, 3)


def test_what_an_item_reports_adds_to_the_batch_s_progress(link):
    def work(item, run):
        run.progress(1, 2, f"item {item}: half")

    run = SyncRun(link)
    run.each(["a", "b"], work, run)
    assert Progress(0.5, 2, "item a: half") in link.reported
    assert link.reported[-1] == Progress(2, 2)


# --- steps and batches in an item


def test_each_item_has_steps_of_its_own(attempts):
    made = []

    def make(item):
        made.append(item)
        return item

    def task(link):
        run = SyncRun(link)
        got = []
        run.each(["a", "b"], lambda item: got.append(run.step("make", make, item)), batch=f"pass {link.facts.attempt}")
        return got

    link = attempts()
    assert task(link) == ["a", "b"]
    assert set(link.steps()) == {"pass 1[a].make", "pass 1[b].make"}


def test_a_step_of_an_item_that_is_tried_again_is_not_computed_again(link):
    made, tries = [], []
    run = SyncRun(link)

    def work(item):
        run.step("make", lambda: made.append(item))
        tries.append(item)
        if len(tries) < 2:
            raise OSError("busy")

    assert run.each(["a"], work, retry=Retry.fixed(0, max_attempts=2)).done == 1
    assert (len(made), len(tries)) == (1, 2)


def test_a_batch_within_an_item_belongs_to_the_item(link):
    run = SyncRun(link)
    inner = Items()
    tally = run.each(["a", "b"], lambda item: run.each([1, 2], inner.plain, batch="inner") and None, batch="outer")
    assert (tally.done, inner.seen) == (2, [1, 2, 1, 2])


# --- stops and losses


def stopping_batch(link, function, stop, **way):
    """Begin a batch, call `stop(task)` when an item has begun; answers what the batch raised."""

    async def main():
        task = asyncio.create_task(Run(link).each(range(100), function, **way))
        await stop(task)
        return (await asyncio.gather(task, return_exceptions=True))[0]

    return asyncio.run(main())


def test_a_batch_told_to_stop_cancels_async_items_and_marks_what_is_done(link):
    begun, ended = [], []

    async def work(item):
        begun.append(item)
        if item == 2:
            try:
                await asyncio.Event().wait()
            finally:
                ended.append(item)

    async def stop(task):
        await until(lambda: 2 in begun)
        threading.Thread(target=link.tell_to_stop, args=["the node shuts down"]).start()

    error = stopping_batch(link, work, stop)
    assert isinstance(error, RunStopped)
    assert error.reason == "the node shuts down"
    assert (begun, ended) == ([0, 1, 2], [2])
    assert link.marked() == {"0": "done", "1": "done"}


def test_a_cancelled_batch_lets_the_cancellation_through_and_marks_what_is_done(link):
    begun = []

    async def work(item):
        begun.append(item)
        if item == 2:
            await asyncio.Event().wait()

    async def stop(task):
        await until(lambda: 2 in begun)
        task.cancel()

    assert isinstance(stopping_batch(link, work, stop), asyncio.CancelledError)
    assert link.marked() == {"0": "done", "1": "done"}


def test_a_cancelled_batch_waits_for_plain_items_and_marks_them(link):
    begun, go_on = threading.Event(), threading.Event()

    def work(item):
        begun.set()
        go_on.wait(30)

    async def stop(task):
        await asyncio.to_thread(begun.wait)
        task.cancel()
        await asyncio.sleep(0.01)
        assert not task.done()
        go_on.set()

    assert isinstance(stopping_batch(link, work, stop), asyncio.CancelledError)
    assert link.marked() == {"0": "done"}


def test_a_plain_batch_told_to_stop_marks_what_is_done_and_raises(link):
    def work(item):
        if item == 3:
            link.tell_to_stop("cancelled by a person")

    with pytest.raises(RunStopped, match="cancelled by a person"):
        SyncRun(link).each(range(100), work)
    assert set(link.marked()) == {"0", "1", "2", "3"}


def test_an_item_that_notices_the_stop_is_not_marked(link):
    run = SyncRun(link)

    def work(item):
        if item == 1:
            link.tell_to_stop("cancelled")
            run.check()

    with pytest.raises(RunStopped):
        run.each(range(3), work)
    assert link.marked() == {"0": "done"}


def test_a_batch_told_to_stop_does_not_wait_for_the_next_try_of_an_item(link):
    def work(item):
        link.tell_to_stop("cancelled")
        raise OSError("busy")

    with pytest.raises(RunStopped):
        each(link, [1], work, retry=Retry.fixed(3600, max_attempts=5))


def test_a_batch_told_to_stop_between_two_tries_ends_at_once(link):
    async def rest(seconds):
        link.tell_to_stop("cancelled")
        await asyncio.Event().wait()

    with pytest.raises(RunStopped):
        way = {"retry": Retry.fixed(3600, max_attempts=5)}
        asyncio.run(Run(link, rest).each([1], Items(fails={1: OSError()}).later, **way))


def test_a_batch_told_to_stop_in_a_pause_ends_at_once(link):
    async def rest(seconds):
        link.tell_to_stop("cancelled")
        await asyncio.Event().wait()

    with pytest.raises(RunStopped):
        asyncio.run(Run(link, rest).each(range(9), Items().later, size=2, pause=3600))
    assert set(link.marked()) == {"0", "1"}


def test_a_run_that_was_told_to_stop_begins_no_batch(link):
    link.tell_to_stop("cancelled")
    items = Items()
    with pytest.raises(RunStopped):
        each(link, [1], items.later)
    assert not items.seen


@pytest.mark.parametrize(("fault", "error"), [("lost", RunLost), ("unavailable", PlanUnavailable)])
def test_a_batch_whose_marks_are_refused_ends_its_items_and_says_so(link, fault, error):
    ended = []

    async def work(item):
        if item == 0:
            setattr(link, fault, True)
            return
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(item)

    with pytest.raises(error):
        each(link, range(2), work, concurrency=2)
    assert ended == [1]


def test_a_batch_that_is_over_listens_to_no_stop_any_more(link):
    each(link, [1], Items().later)
    assert link.listeners == 0


def test_a_batch_leaves_no_thread_behind(link):
    each(link, range(10), Items().plain, concurrency=3)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("horarium-item")]


# --- child processes


@pytest.mark.parametrize("face", [Run, SyncRun])
def test_items_may_be_done_in_child_processes(link, face, monkeypatch, tmp_path):
    (tmp_path / "child_items.py").write_text(
        "import os\n"
        "from horarium.errors import Skip\n"
        "parent = None\n"
        "def work(item, factor):\n"
        "    if item == 2: raise Skip('even')\n"
        "    if item == 3: raise ValueError('three')\n"
        "    if item == 4: os._exit(7)\n"
        "    return [item * factor, os.getpid()]\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import child_items

    results = []
    answer = face(link).each(
        [1, 2, 3, 4],
        child_items.work,
        10,
        executor="process",
        on_done=lambda connection, item, result: results.append(result),
    )
    tally = asyncio.run(answer) if asyncio.iscoroutine(answer) else answer
    assert (tally.done, tally.skipped, tally.failed) == (1, 1, 2)
    assert [(error.key, error.type.rpartition(".")[2]) for error in tally.errors] == [
        ("3", "ValueError"),
        ("4", "ChildProcessDied"),
    ]
    assert results[0][0] == 10


def test_an_item_for_a_child_process_must_be_importable(link):
    with pytest.raises(JobError, match="lambda"):
        each(link, [1], lambda _: None, executor="process")


def test_no_item_is_left_unmarked_by_a_stop_at_any_moment(attempts):
    """Stops come at many different moments; nothing marked may be computed again, nothing may be lost."""
    seen = []

    async def work(item):
        await asyncio.sleep(0)
        seen.append(item)

    async def attempt(link, moment):
        task = asyncio.create_task(Run(link).each(range(60), work, concurrency=4, batch="b"))
        for _ in range(moment):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    for moment in range(1, 60, 3):
        asyncio.run(attempt(attempts(), moment))
    last = attempts()
    asyncio.run(Run(last).each(range(60), work, concurrency=4, batch="b"))
    assert sorted(seen) == list(range(60))
