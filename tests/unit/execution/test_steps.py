"""Steps, from async and from plain tasks."""

import asyncio
import contextvars
import functools
import threading

import pytest

from horarium.errors import ArgumentsNotJSON, JobError, RunLost, RunStopped, RunTimeout, StepKeyUsedTwice
from horarium.execution.context import Run, SyncRun

COLOUR: contextvars.ContextVar[str] = contextvars.ContextVar("COLOUR", default="none")


class Calls:
    """Counts what it is called with."""

    def __init__(self, result=None):
        self.seen = []
        self.result = result

    def __call__(self, *args, **kwargs):
        self.seen.append((args, kwargs))
        return self.result


async def fetch(value):
    await asyncio.sleep(0)
    return value


def test_a_run_killed_between_two_steps_resumes_at_the_second(attempts):
    first, second = Calls(1), Calls(2)

    async def task(run, killed):
        a = await run.step("first", first)
        if killed:
            raise SystemExit
        return a + await run.step("second", second)

    with pytest.raises(SystemExit):
        asyncio.run(task(Run(attempts()), killed=True))
    assert asyncio.run(task(Run(attempts()), killed=False)) == 3
    assert (len(first.seen), len(second.seen)) == (1, 1)


def test_a_plain_task_resumes_like_an_async_one(attempts):
    work = Calls([1])
    SyncRun(attempts()).step("work", work)
    assert SyncRun(attempts()).step("work", work) == [1]
    assert len(work.seen) == 1


def test_a_result_is_its_json_round_trip_already_at_the_first_pass(link):
    assert SyncRun(link).step("pair", lambda: (1, {"a": (2,)})) == [1, {"a": [2]}]


def test_arguments_reach_the_function(link):
    work = Calls()
    SyncRun(link).step("work", work, 1, 2, key="three", function="four")
    assert work.seen == [((1, 2), {"key": "three", "function": "four"})]


def test_an_async_function_is_awaited_on_the_run_s_own_loop(link):
    async def task(run):
        loop = asyncio.get_running_loop()

        async def work():
            return asyncio.get_running_loop() is loop

        return await run.step("work", work)

    assert asyncio.run(task(Run(link)))


def test_a_plain_function_of_an_async_run_is_called_in_a_thread(link):
    assert asyncio.run(Run(link).step("work", threading.get_ident)) != threading.get_ident()


def test_a_plain_function_of_a_plain_run_is_called_in_the_run_s_thread(link):
    assert SyncRun(link).step("work", threading.get_ident) == threading.get_ident()


def test_a_plain_function_of_a_plain_run_may_run_an_event_loop_of_its_own(link):
    assert SyncRun(link).step("work", lambda: asyncio.run(fetch(7))) == 7


def test_a_plain_run_may_have_an_async_step(link):
    assert SyncRun(link).step("work", fetch, 7) == 7


def test_a_plain_run_on_a_thread_whose_loop_is_running_may_have_an_async_step(link):
    async def main():
        return SyncRun(link).step("work", fetch, 7)

    assert asyncio.run(main()) == 7


@pytest.mark.parametrize("function", [lambda: fetch(7), functools.partial(fetch, 7)])
def test_what_a_function_hands_out_to_be_awaited_is_awaited(link, function):
    assert asyncio.run(Run(link).step("a", function)) == 7
    assert SyncRun(link).step("b", function) == 7


def test_context_variables_are_carried_into_the_thread(link):
    async def task(run):
        COLOUR.set("blue")
        return await run.step("work", COLOUR.get)

    assert asyncio.run(task(Run(link))) == "blue"


def test_a_key_used_twice_in_an_attempt_is_an_error_that_names_it(link):
    run = SyncRun(link)
    run.step("list", list)
    with pytest.raises(StepKeyUsedTwice, match="'list'"):
        run.step("list", list)


def test_a_key_used_by_two_steps_at_once_is_an_error(link):
    async def task(run):
        return await asyncio.gather(run.step("a", fetch, 1), run.step("a", fetch, 2), return_exceptions=True)

    results = asyncio.run(task(Run(link)))
    assert results[0] == 1
    assert isinstance(results[1], StepKeyUsedTwice)


def test_a_step_that_failed_may_be_tried_again_in_the_same_attempt(link):
    run = SyncRun(link)
    with pytest.raises(ZeroDivisionError):
        run.step("a", lambda: 1 / 0)
    assert run.step("a", lambda: 1) == 1


def test_a_step_that_failed_keeps_nothing(link):
    with pytest.raises(ZeroDivisionError):
        asyncio.run(Run(link).step("a", lambda: 1 / 0))
    assert link.steps() == {}


def test_a_result_that_is_not_json_is_an_error(link):
    with pytest.raises(ArgumentsNotJSON, match="'a'"):
        SyncRun(link).step("a", lambda: {1, 2})


@pytest.mark.parametrize("key", ["", "a\0b", "\ud800", "x" * 1001])
def test_a_key_that_a_database_cannot_keep_is_an_error(link, key):
    with pytest.raises(JobError, match="the key of a step"):
        SyncRun(link).step(key, list)


@pytest.mark.parametrize("key", [5, None, ""])
def test_a_key_that_is_no_text_is_refused_also_in_an_item(link, key):
    run = SyncRun(link)
    with pytest.raises(JobError, match="the key of a step must be text"):
        run.step(key, dict)
    tally = run.each([1], lambda _: run.step(key, dict), batch="batch")
    assert "the key of a step must be text" in tally.errors[0].message


def test_a_step_is_given_a_function_not_what_it_returned(link):
    with pytest.raises(JobError, match="step 'sum' needs a function that can be called, not 6"):
        SyncRun(link).step("sum", sum([1, 2, 3]))


def test_a_step_is_no_generator_whose_call_runs_nothing(link):
    def pages():
        yield 1

    with pytest.raises(JobError, match=r"step 'pages': .*pages has a `yield`"):
        SyncRun(link).step("pages", pages)


def test_a_run_told_to_stop_begins_no_step(link):
    work = Calls()
    link.tell_to_stop("cancelled by a person")
    with pytest.raises(RunStopped, match="cancelled by a person"):
        SyncRun(link).step("a", work)
    with pytest.raises(RunStopped):
        asyncio.run(Run(link).step("a", work))
    assert not work.seen


def test_a_transactional_step_commits_its_writes_with_its_mark(link):
    def book(connection, entry):
        connection.execute("INSERT INTO ledger VALUES (?)", (entry,))
        return "booked"

    assert asyncio.run(Run(link).step("book", book, "rent", transactional=True)) == "booked"
    assert (link.ledger(), link.steps()) == (["rent"], {"book": "booked"})


def test_a_transactional_step_that_fails_leaves_nothing(link):
    def book(connection):
        connection.execute("INSERT INTO ledger VALUES ('rent')")
        raise ValueError

    with pytest.raises(ValueError):
        SyncRun(link).step("book", book, transactional=True)
    assert (link.ledger(), link.steps()) == ([], {})


def test_a_transactional_step_that_returns_late_is_committed(link):
    def book(connection):
        connection.execute("INSERT INTO ledger VALUES ('rent')")
        link.clock.move(61)

    SyncRun(link).step("book", book, transactional=True, timeout=60)
    assert (link.ledger(), list(link.steps())) == (["rent"], ["book"])


def test_an_async_function_cannot_be_transactional(link):
    with pytest.raises(JobError, match="plain function"):
        SyncRun(link).step("book", fetch, transactional=True)


def test_an_async_step_that_takes_too_long_is_ended(link):
    ended = []

    async def hang():
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    with pytest.raises(RunTimeout, match=r"step 'a' took longer than its timeout of 0\.01 s"):
        asyncio.run(Run(link).step("a", hang, timeout=0.01))
    assert ended


def test_a_timeout_error_of_the_function_itself_stays_what_it_is(link):
    async def give_up():
        raise TimeoutError("the server said so")

    with pytest.raises(TimeoutError, match="the server said so"):
        asyncio.run(Run(link).step("a", give_up, timeout=60))


def test_a_plain_step_that_returns_late_is_kept(link):
    def late():
        link.clock.move(61)
        return "done"

    assert SyncRun(link).step("a", late, timeout=60) == "done"
    assert list(link.steps()) == ["a"]


def test_a_cancelled_run_waits_for_a_plain_step_and_keeps_it(link):
    begun, go_on = threading.Event(), threading.Event()

    def work():
        begun.set()
        go_on.wait()
        return "done"

    async def main():
        task = asyncio.create_task(Run(link).step("a", work))
        await asyncio.to_thread(begun.wait)
        task.cancel()
        await asyncio.sleep(0)
        assert not task.done()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert link.steps() == {"a": "done"}


def test_a_cancelled_async_step_ends_at_once_and_keeps_nothing(link):
    async def main():
        begun = asyncio.Event()

        async def work():
            begun.set()
            await asyncio.Event().wait()

        task = asyncio.create_task(Run(link).step("a", work))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert link.steps() == {}


def test_a_timeout_around_a_step_of_the_task_s_own_works(link):
    go_on = threading.Event()

    async def main():
        try:
            async with asyncio.timeout(0.01):
                asyncio.get_running_loop().call_later(0.02, go_on.set)
                await Run(link).step("a", go_on.wait)
        except TimeoutError:
            return "timed out"

    assert asyncio.run(main()) == "timed out"
    assert link.steps() == {"a": True}


def test_an_exception_that_futures_cannot_hold_does_not_hang_the_run(link):
    def stop():
        raise StopIteration

    with pytest.raises(RuntimeError, match="StopIteration"):
        asyncio.run(Run(link).step("a", stop))


def test_a_step_of_a_lost_run_is_refused(link):
    link.lost = True
    with pytest.raises(RunLost):
        asyncio.run(Run(link).step("a", fetch, 1))
