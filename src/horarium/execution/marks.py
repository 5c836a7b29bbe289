"""Outcomes of the items of one batch: counted, committed in groups, and summed up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from horarium.errors import StepKeyUsedTwice
from horarium.execution.link import Mark, Marks, RunLink
from horarium.values import ItemFailure, Progress, Tally

ERRORS_KEPT = 100
"""Failures that a Tally names; the rest are counted."""


class Score:
    """How a batch stands: what earlier attempts committed, and what this one adds to it.

    `expected` is the number of items that this attempt was given, None while unknown.
    """

    def __init__(self, batch: str, earlier: Marks, expected: int | None) -> None:
        self._batch = batch
        self._earlier = earlier
        self._met: set[str] = set()
        self._met_again = 0
        self._expected = expected
        self._known = len(earlier.done | earlier.skipped)
        self.done = len(earlier.done)
        self.skipped = self._known - self.done
        self.failed = 0
        self._errors: list[ItemFailure] = []

    def meet(self, key: str) -> bool:
        """Note an item; answers whether it has to be computed. Raises StepKeyUsedTwice for a key met before."""
        if key in self._met:
            error = StepKeyUsedTwice(f"{self._batch}[{key}]", "item")
            error.add_note("Two items of the batch have this key; give run.each() a `key` that tells them apart.")
            raise error
        self._met.add(key)
        if key in self._earlier.done or key in self._earlier.skipped:
            self._met_again += 1
            return False
        return True

    def end_of_items(self, met: int) -> None:
        """From now on it is known that there were `met` items."""
        self._expected = met

    def count(self, mark: Mark, failure: ItemFailure | None) -> None:
        """Count a committed mark; `failure` is what its own write failed with."""
        failure = failure or mark.failure
        if mark.outcome == "done" and failure is None:
            self.done += 1
        elif mark.outcome == "skipped" and failure is None:
            self.skipped += 1
        else:
            self.failed += 1
            if failure is not None and len(self._errors) < ERRORS_KEPT:
                self._errors.append(failure)

    def progress(self, running: float = 0.0, message: str = "") -> Progress:
        """How far the batch is; `running` is the sum of the parts that are done of items still running."""
        total = None if self._expected is None else self._known - self._met_again + self._expected
        finished = self.done + self.skipped + self.failed
        if not message and self.failed:
            message = f"{self.failed} failed"
        return Progress(finished + running, total, message)

    def tally(self, duration: float) -> Tally:
        """The sum, with the seconds it took."""
        return Tally(
            total=self.done + self.skipped + self.failed,
            done=self.done,
            skipped=self.skipped,
            failed=self.failed,
            errors=tuple(self._errors),
            duration=duration,
        )


class Committer:
    """Commits marks: whatever came in while one commit was under way makes up the next, without any waiting.

    `on_commit(number)` is called after each commit, with how many marks it held.
    """

    def __init__(self, link: RunLink, batch: str, score: Score, on_commit: Callable[[int], None]) -> None:
        self._link = link
        self._batch = batch
        self._score = score
        self._on_commit = on_commit
        self._pending: list[Mark] = []
        self._closed = False
        self._news = asyncio.Event()

    def hand_over(self, mark: Mark) -> None:
        """Have a mark committed."""
        self._pending.append(mark)
        self._news.set()

    def close(self) -> None:
        """No more marks will come: `run` ends when all are committed."""
        self._closed = True
        self._news.set()

    async def run(self) -> None:
        """Commit until closed. Raises what the link raises; the marks of that commit and later ones are not kept."""
        while True:
            await self._news.wait()
            if not self._pending:
                if self._closed:
                    return
                self._news.clear()
                continue
            marks, self._pending = self._pending, []
            answer = await asyncio.wrap_future(self._link.save_marks(self._batch, marks))
            failures = {failure.key: failure for failure in answer}
            for mark in marks:
                self._score.count(mark, failures.get(mark.key))
            self._on_commit(len(marks))
            await self._let_others_fill()

    async def _let_others_fill(self) -> None:
        """Let those who waited for room go first, as long as marks come of it: else a commit of one mark would follow
        each full one. This is no waiting: the event loop goes round, and items that take any time end it at once."""
        known = -1
        while known < len(self._pending):
            known = len(self._pending)
            await asyncio.sleep(0)
