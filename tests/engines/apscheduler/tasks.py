"""Functions that the jobs of these tests run, found again by import."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

calls: list[Any] = []
gate = threading.Event()


def note(*args: Any, **kwargs: Any) -> dict[str, Any]:
    calls.append((args, kwargs))
    return {"args": list(args), "kwargs": kwargs}


async def note_async(value: Any) -> Any:
    calls.append(value)
    return value


def fail(message: str) -> None:
    raise ValueError(message)


def wait_at_gate() -> None:
    gate.wait(20)


def other() -> None: ...


def third() -> None: ...


class Owner:
    def method(self, a: int, b: int) -> int:
        return a + b

    @classmethod
    def class_method(cls, a: int, b: int) -> int:
        return a + b


owner = Owner()


async def sleep_until_told() -> None:
    await asyncio.sleep(60)
