"""The recorder: groups, outages, poisoned records, and its end."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from horarium.errors import PlanUnavailable
from horarium.execution.recorder import Record, Recorder

PATIENCE = 20.0


class Note(Record):
    """A record that tells what became of it."""

    def __init__(self, text: str, on_answer: Callable[[], None] = lambda: None) -> None:
        self.text = text
        self.on_answer = on_answer
        self.error: Exception | None = None
        self.answered = threading.Event()

    def committed(self) -> None:
        self.on_answer()
        self.answered.set()

    def refused(self, error: Exception) -> None:
        self.error = error
        self.answered.set()


class Shelf:
    """A database that keeps texts in memory, one commit after the other, and can be away."""

    def __init__(self) -> None:
        self.commits: list[list[str]] = []
        self.fault: Callable[[list[str]], None] = lambda _: None
        self.loses_answers = 0
        self.open = threading.Event()
        self.open.set()
        self.tries = 0
        self.is_written_here = False

    @contextmanager
    def write(self) -> Iterator[list[str]]:
        written: list[str] = []
        yield written
        self.tries += 1
        self.open.wait(PATIENCE)
        self.fault(written)
        self.commits.append(written)
        if self.loses_answers:
            self.loses_answers -= 1
            raise PlanUnavailable("the server closed the connection")

    @staticmethod
    def write_together(connection: Any, records: Sequence[Any]) -> None:
        connection.extend(record.text for record in records)


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def recorder(shelf: Shelf) -> Iterator[Recorder]:
    made = Recorder(shelf, Shelf.write_together)  # type: ignore[arg-type]
    made.start()
    yield made
    shelf.open.set()
    shelf.fault = lambda _: None
    made.close(PATIENCE)


def away(_: list[str]) -> None:
    raise PlanUnavailable("connection refused")


def test_what_comes_in_during_a_commit_is_the_next_one(recorder: Recorder, shelf: Shelf) -> None:
    shelf.open.clear()
    notes = [Note(str(number)) for number in range(10)]
    recorder.put(notes[0])
    while not shelf.tries:
        time.sleep(0.001)
    for note in notes[1:]:
        recorder.put(note)
    shelf.open.set()
    assert all(note.answered.wait(PATIENCE) for note in notes)
    assert shelf.commits == [["0"], [str(number) for number in range(1, 10)]]


def test_records_outlive_an_outage_in_their_order(recorder: Recorder, shelf: Shelf) -> None:
    shelf.fault = away
    notes = [Note(str(number)) for number in range(5)]
    for note in notes:
        recorder.put(note)
    while shelf.tries < 3:
        time.sleep(0.001)
    assert not any(note.answered.is_set() for note in notes)
    shelf.fault = lambda _: None
    assert all(note.answered.wait(PATIENCE) for note in notes)
    assert [text for commit in shelf.commits for text in commit] == ["0", "1", "2", "3", "4"]
    assert all(note.error is None for note in notes)


def test_one_record_that_cannot_be_written_is_refused_alone(recorder: Recorder, shelf: Shelf) -> None:
    def poisoned(written: list[str]) -> None:
        if "bad" in written:
            raise sqlite3.IntegrityError("a NUL character")

    shelf.fault = poisoned
    shelf.open.clear()
    notes = [Note(text) for text in ("first", "a", "bad", "b")]
    for note in notes:
        recorder.put(note)
    shelf.open.set()
    assert all(note.answered.wait(PATIENCE) for note in notes)
    assert [type(note.error) for note in notes] == [type(None), type(None), sqlite3.IntegrityError, type(None)]
    assert {text for commit in shelf.commits for text in commit} == {"first", "a", "b"}


def test_a_commit_whose_answer_was_lost_is_written_again(recorder: Recorder, shelf: Shelf) -> None:
    shelf.loses_answers = 1
    note = Note("once")
    recorder.put(note)
    assert note.answered.wait(PATIENCE)
    assert (shelf.commits, note.error) == ([["once"], ["once"]], None)


def test_whoever_fails_on_an_answer_does_not_end_the_recording(recorder: Recorder, shelf: Shelf) -> None:
    recorder.put(Note("first", on_answer=lambda: 1 / 0))  # type: ignore[arg-type,return-value]
    second = Note("second")
    recorder.put(second)
    assert second.answered.wait(PATIENCE)


def test_the_end_waits_for_what_is_there(recorder: Recorder, shelf: Shelf) -> None:
    shelf.open.clear()
    notes = [Note(str(number)) for number in range(3)]
    for note in notes:
        recorder.put(note)
    threading.Timer(0.05, shelf.open.set).start()
    assert recorder.close(PATIENCE)
    assert all(note.answered.is_set() and note.error is None for note in notes)


def test_at_the_end_nobody_is_left_waiting_for_a_database_that_is_away(recorder: Recorder, shelf: Shelf) -> None:
    shelf.fault = away
    notes = [Note(str(number)) for number in range(3)]
    for note in notes:
        recorder.put(note)
    assert recorder.close(0.1) is False
    assert all(note.answered.wait(PATIENCE) for note in notes)
    assert all(isinstance(note.error, PlanUnavailable) for note in notes)


def test_what_comes_after_the_end_is_refused(recorder: Recorder) -> None:
    assert recorder.close(PATIENCE)
    late = Note("late")
    recorder.put(late)
    assert isinstance(late.error, PlanUnavailable)


def test_before_the_start_each_record_is_committed_where_it_is_put(shelf: Shelf) -> None:
    recorder = Recorder(shelf, Shelf.write_together)  # type: ignore[arg-type]
    note = Note("here")
    recorder.put(note)
    assert note.answered.is_set()
    assert recorder.close(0)


def test_before_the_start_a_record_that_comes_in_a_transaction_waits_for_the_next(shelf: Shelf) -> None:
    recorder = Recorder(shelf, Shelf.write_together)  # type: ignore[arg-type]
    shelf.is_written_here = True
    recorder.put(Note("a line logged by a transactional step"))
    assert shelf.commits == []
    shelf.is_written_here = False
    recorder.put(Note("the end"))
    assert shelf.commits == [["a line logged by a transactional step", "the end"]]
