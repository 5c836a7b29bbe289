"""Ollama, as a server on loopback that speaks its published API."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Ollama:
    """Its /api/chat: `answer` is what the model writes; or `status` with `body`, as it says errors."""

    def __init__(self) -> None:
        self.answer = '{"summary": "A run along the river."}'
        self.status = 200
        self.body: bytes | None = None
        self.hold: threading.Event | None = None
        self.location: str | None = None
        self.requests: list[dict[str, Any]] = []
        self.url = ""

    def reply(self, asked: dict[str, Any]) -> bytes:
        if self.body is not None:
            return self.body
        middle = len(self.answer) // 2
        parts = [
            {"model": asked["model"], "message": {"role": "assistant", "content": piece}, "done": False}
            for piece in (self.answer[:middle], self.answer[middle:])
        ]
        parts.append({"model": asked["model"], "message": {"role": "assistant", "content": ""}, "done": True})
        return b"".join(json.dumps(part).encode() + b"\n" for part in parts)


@contextmanager
def ollama_server() -> Iterator[Ollama]:
    """A server that answers until the end."""
    state = Ollama()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            state.requests.append({"path": self.path, **asked})
            if state.hold is not None:
                state.hold.wait(30)
            self.send_response(state.status)
            if state.location:
                self.send_header("Location", state.location)
            self.send_header("Content-Type", "application/x-ndjson")
            self.end_headers()
            self.wfile.write(state.reply(asked))

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that the base class gives it
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        state.url = f"http://127.0.0.1:{server.server_port}"
        yield state
        if state.hold is not None:
            state.hold.set()
        server.shutdown()
        thread.join()
