"""A small OpenAI-compatible server in this process, which answers as a test wants."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Reply:
    """What the server sends: what the judge says with 200, an error, or a body of any kind; after some seconds."""

    says: str | None = "5"
    status: int = 200
    body: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    usage: tuple[int, int] | None = None
    """Tokens in and out, where the server counts them."""


@dataclass
class Server:
    """Where it is, and what it was asked, in order: (headers, body)."""

    url: str
    asked: list[tuple[dict[str, str], dict[str, Any]]]


@contextlib.contextmanager
def serving(reply: Callable[[int, dict[str, Any]], Reply]) -> Iterator[Server]:
    """A server that answers its nth request (from 0) with reply(n, body)."""
    asked: list[tuple[dict[str, str], dict[str, Any]]] = []
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                number = len(asked)
                asked.append(
                    ({name.lower(): value for name, value in self.headers.items()}, body | {"path": self.path})
                )
            answer = reply(number, body)
            time.sleep(answer.seconds)
            plain = {"error": {"message": "not now"}}
            if answer.status == 200:
                message = {"role": "assistant", "content": answer.says}
                choice = {"index": 0, "finish_reason": "stop", "message": message}
                plain = {"id": "1", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice]}
                if answer.usage is not None:
                    plain["usage"] = dict(zip(("prompt_tokens", "completion_tokens"), answer.usage, strict=True))
            content = (answer.body if answer.body is not None else json.dumps(plain)).encode()
            kind = "text/html" if answer.body is not None else "application/json"
            with contextlib.suppress(OSError):  # who asked may have gone
                self.send_response(answer.status)
                for name, value in {
                    "Content-Type": kind,
                    "Content-Length": str(len(content)),
                    **answer.headers,
                }.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

        def log_message(self, *any: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield Server(f"http://127.0.0.1:{server.server_address[1]}/v1", asked)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
