"""Steps: named pieces of a run whose committed result is never computed again, in any attempt."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from horarium.errors import JobError
from horarium.execution.calls import awaited, drive, in_thread, timed
from horarium.execution.core import RunCore
from horarium.execution.functions import check_function, is_async, name_of


@dataclass(frozen=True, slots=True)
class Step:
    """One step as it was asked for. `key` is the whole key; `timeout` is seconds."""

    core: RunCore
    key: str
    function: Callable[..., Any]
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    transactional: bool
    timeout: float | None

    def __post_init__(self) -> None:
        check_function(self.function, f"step {self.key!r}")
        if self.transactional and is_async(self.function):
            raise JobError(
                f"step {self.key!r} is transactional, so {name_of(self.function)} must be a plain function: it is "
                "called with a connection, in the thread that commits. Await what is needed in a step before it"
            )
        check_timeout(self.timeout, f"the timeout of step {self.key!r}")

    def begin(self) -> Kept | Awaitable[Any]:
        """All of the step if it is plain or was committed before; else what must be awaited and then kept."""
        link = self.core.link
        found, result = link.load_step(self.key)
        if found:
            return Kept(result)
        if self.transactional:
            return Kept(link.transactional_step(self.key, self._timed))
        if is_async(self.function):
            return Later(functools.partial(self.function, *self.args, **self.kwargs))
        result = self._timed()
        # A plain function may hand out something to await: a lambda around an async one, an undeclared wrapper.
        return result if inspect.isawaitable(result) else Kept(self.keep(result))

    async def finish(self, pending: Awaitable[Any]) -> Any:
        """Await the step's function."""
        return await awaited(pending, self.timeout, self._words)

    def keep(self, result: Any) -> Any:
        """Commit the result; answers its JSON round trip."""
        return self.core.link.save_step(self.key, result)

    def _timed(self, *first: Any) -> Any:
        call = functools.partial(self.function, *first, *self.args, **self.kwargs)
        return timed(call, self.timeout, self._words)

    def _words(self) -> str:
        return f"step {self.key!r}"


@dataclass(frozen=True, slots=True)
class Kept:
    """A result that is committed."""

    result: Any


@dataclass(frozen=True, slots=True)
class Later:
    """An async function that is called where it is awaited: on the event loop, not in the thread that read the plan."""

    call: Callable[[], Awaitable[Any]]

    def __await__(self) -> Any:
        return self.call().__await__()


async def step(
    core: RunCore,
    key: str,
    function: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    transactional: bool,
    timeout: float | None,  # noqa: ASYNC109 - the step's, an error of its own kind
) -> Any:
    """`Run.step`: never blocks the event loop; a plain function and all reading and writing happen in threads."""
    core.check()
    with core.scope.claim("step", key) as name:
        one = Step(core, name, function, args, kwargs, transactional, timeout)
        answer = await in_thread(one.begin)
        if isinstance(answer, Kept):
            return answer.result
        result = await one.finish(answer)
        return await in_thread(functools.partial(one.keep, result))


def step_now(
    core: RunCore,
    key: str,
    function: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    transactional: bool,
    timeout: float | None,
) -> Any:
    """`SyncRun.step`: everything in the calling thread; an async function gets an event loop of its own."""
    core.check()
    with core.scope.claim("step", key) as name:
        one = Step(core, name, function, args, kwargs, transactional, timeout)
        answer = one.begin()
        if isinstance(answer, Kept):
            return answer.result
        return one.keep(drive(one.finish(answer)))


def check_timeout(timeout: float | None, what: str) -> None:
    """Raise JobError when `timeout` is no time in seconds."""
    if timeout is not None and not timeout > 0:
        raise JobError(f"{what} must be more than 0 s, not {timeout!r}; leave it out for none")
