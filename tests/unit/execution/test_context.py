"""What both faces of a run say and do."""

import asyncio
import math
import threading

import pytest

from horarium.errors import RunLost, RunStopped
from horarium.execution.context import Run, SyncRun
from horarium.values import Progress


@pytest.fixture(params=[Run, SyncRun])
def run(request, link):
    return request.param(link)


def finish(answer):
    return asyncio.run(answer) if asyncio.iscoroutine(answer) else answer


def test_a_run_says_what_it_is(run, link):
    facts = link.facts
    assert (run.id, run.job_id, run.scheduled_at) == (facts.id, facts.job_id, facts.scheduled_at)
    assert (run.attempt, run.fencing_token) == (1, 1)


def test_a_run_that_was_not_told_to_stop_goes_on(run):
    run.check()
    assert (run.is_stopping, run.stop_reason) == (False, None)


def test_a_run_that_was_told_to_stop_says_why(run, link):
    link.tell_to_stop("the node shuts down")
    assert (run.is_stopping, run.stop_reason) == (True, "the node shuts down")
    with pytest.raises(RunStopped, match="the node shuts down"):
        run.check()


def test_progress_is_reported(run, link):
    run.progress(3, 10, "loudness")
    run.progress(4)
    assert link.reported == [Progress(3, 10, "loudness"), Progress(4, None, "")]


def test_progress_that_is_no_number_does_not_fail_the_run(run, link):
    run.progress(math.nan, math.inf, "loudness")
    assert link.reported == [Progress(0, None, "loudness")]


def test_a_transaction_commits_the_application_s_writes(run, link):
    with run.transaction() as connection:
        connection.execute("INSERT INTO ledger VALUES ('rent')")
    assert link.ledger() == ["rent"]


def test_a_transaction_of_a_lost_run_is_refused(run, link):
    link.lost = True
    with pytest.raises(RunLost), run.transaction() as connection:
        connection.execute("INSERT INTO ledger VALUES ('rent')")
    assert link.ledger() == []


def test_a_short_sleep_ends_by_itself(run, link):
    finish(run.sleep(0.001))
    assert link.listeners == 0


def test_a_run_told_to_stop_does_not_fall_asleep(run, link):
    link.tell_to_stop("cancelled")
    with pytest.raises(RunStopped, match="cancelled"):
        finish(run.sleep(3600))


def test_a_sleeping_run_wakes_when_it_is_told_to_stop(run, link):
    def stop_when_asleep():
        while not link.listeners:
            pass
        link.tell_to_stop("cancelled")

    thread = threading.Thread(target=stop_when_asleep)
    thread.start()
    with pytest.raises(RunStopped, match="cancelled"):
        finish(run.sleep(3600))
    thread.join()


def test_a_run_s_own_logger_is_named_for_it(run):
    assert run.logger.name == "horarium.run"
