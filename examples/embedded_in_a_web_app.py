"""A scheduler inside a web application. It starts and stops with it; if it cannot start, pages are served all the same.

With FastAPI or Starlette this is `app = FastAPI(lifespan=scheduler.lifespan)`. Here a server of a few lines stands for
it, so that nothing else needs to be installed. It asks itself two pages and ends.
"""

import asyncio
import json
import threading
from typing import Any

from horarium import RunState, Scheduler, every, task
from horarium.events import RunChanged

scheduler = Scheduler("sqlite:///web.db")
refreshed = threading.Event()


def heard(event: object) -> None:
    if isinstance(event, RunChanged) and event.state is RunState.SUCCEEDED:
        refreshed.set()


@task
async def refresh() -> str:
    await asyncio.sleep(0.01)  # on an event loop of the scheduler's own, not on that of the pages
    return "fresh"


def page(path: str) -> Any:
    """What a framework calls in a thread, as FastAPI does with plain functions: the methods of a scheduler block."""
    if path == "/health":
        health = scheduler.health()
        return {"status": health["status"], "running": scheduler.running}
    return [run.result for run in scheduler.runs("refresh", states=["succeeded"], limit=1)]


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    path = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
    body = json.dumps(await asyncio.to_thread(page, path))
    writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n{body}\n".encode())
    await writer.drain()
    writer.close()


async def get(port: int, path: str) -> Any:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    response = await reader.read()
    writer.close()
    return json.loads(response.partition(b"\r\n\r\n")[2])


async def main() -> None:
    scheduler.subscribe(heard)
    scheduler.add_job(refresh, every(seconds=1), id="refresh", replace_existing=True)
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, scheduler.lifespan():
        print("/health", await get(port, "/health"))
        await asyncio.to_thread(refreshed.wait, 30)
        print("/refreshed", await get(port, "/refreshed"))


if __name__ == "__main__":
    asyncio.run(main())
