"""A small OpenAI-compatible server in this process that streams, and misbehaves as a test wants."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SOON = {"retry-after-ms": "1"}


@dataclass
class Says:
    """One reply: pieces of an answer, or an error, or a body of any kind.

    hangs: where it says no more until the server ends: "" nowhere, "before" its headers, "after" its pieces.
    breaks: the connection is closed after the pieces. usage: whether it counts tokens.
    """

    pieces: Sequence[str] = ("Hello", ", ", "world")
    status: int = 200
    message: str = "not now"
    headers: dict[str, str] = field(default_factory=dict)
    hangs: str = ""
    breaks: bool = False
    usage: bool = True
    thinks: Sequence[str] = ()
    finish: str | None = "stop"
    raw: str | None = None
    """Sent as it is in place of a stream."""


@dataclass
class Server:
    """Where it is, what it was asked in order (headers, body), and what happened there."""

    url: str
    asked: list[tuple[dict[str, str], dict[str, Any]]] = field(default_factory=list)
    models: list[str] = field(default_factory=lambda: ["small", "large"])
    key: str = ""
    """The key that it wants; any where it is empty."""
    gone: threading.Event = field(default_factory=threading.Event)
    """Set when somebody who was being answered has closed the connection."""
    ended: threading.Event = field(default_factory=threading.Event)
    most_at_once: int = 0
    _going: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def enter(self, headers: dict[str, str], body: dict[str, Any]) -> int:
        with self._lock:
            self.asked.append((headers, body))
            self._going += 1
            self.most_at_once = max(self.most_at_once, self._going)
            return len(self.asked) - 1

    def leave(self) -> None:
        with self._lock:
            self._going -= 1

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [body for _, body in self.asked]


@contextlib.contextmanager
def serving(says: Callable[[int, dict[str, Any]], Says] | None = None, key: str = "") -> Iterator[Server]:
    """A server that answers its nth request (from 0) with says(n, body)."""

    class Handler(_Handler):
        answer = staticmethod(says or (lambda number, body: Says()))

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads, httpd.block_on_close = True, False
    server = Handler.server_told = Server(f"http://127.0.0.1:{httpd.server_address[1]}/v1", key=key)
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.ended.set()
        httpd.shutdown()
        httpd.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    server_told: Server
    answer: Callable[[int, dict[str, Any]], Says]

    def log_message(self, *any: Any) -> None:
        pass

    def _refuses(self) -> bool:
        wanted = self.server_told.key
        if wanted and self.headers.get("Authorization") != f"Bearer {wanted}":
            given = self.headers.get("Authorization", "")
            self._plain(401, json.dumps({"error": {"message": f"Wrong key: {given}"}}))
            return True
        return False

    def do_GET(self) -> None:
        if self._refuses():
            return
        if self.path != "/v1/models":
            self._plain(404, "nothing here")
            return
        listed = [{"id": name, "object": "model"} for name in self.server_told.models]
        self._plain(200, json.dumps({"object": "list", "data": listed}))

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        headers = {name.lower(): value for name, value in self.headers.items()}
        number = self.server_told.enter(headers, body | {"path": self.path})
        try:
            if not self._refuses():
                self._say(self.answer(number, body))
        except OSError:
            self.server_told.gone.set()
        finally:
            self.server_told.leave()

    def _say(self, says: Says) -> None:
        if says.hangs == "before":
            self._hang()
        elif says.status != 200:
            self._plain(says.status, json.dumps({"error": {"message": says.message}}), says.headers)
        elif says.raw is not None:
            self._plain(200, says.raw, {"Content-Type": "text/event-stream"} | says.headers)
        else:
            self._stream(says)

    def _stream(self, says: Says) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for thought in says.thinks:
            self._chunk({"reasoning_content": thought, "content": None})
        for piece in says.pieces:
            self._chunk({"content": piece})
        if says.hangs == "after":
            self._hang()
        elif not says.breaks:
            self._chunk({}, says.finish)
            if says.usage:
                usage = {"prompt_tokens": 7, "completion_tokens": len(says.pieces), "total_tokens": 0}
                self._event({"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "m", "choices": [],
                             "usage": usage})  # fmt: skip
            self.wfile.write(b"data: [DONE]\n\n")

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> None:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        self._event({"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "m", "choices": [choice]})

    def _event(self, value: dict[str, Any]) -> None:
        self.wfile.write(f"data: {json.dumps(value)}\n\n".encode())
        self.wfile.flush()

    def _hang(self) -> None:
        self.connection.settimeout(0.02)
        while not self.server_told.ended.is_set():
            try:
                if not self.connection.recv(1):
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        self.server_told.gone.set()

    def _plain(self, status: int, body: str, headers: dict[str, str] | None = None) -> None:
        content = body.encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(content)),
                            **(headers or {})}.items():  # fmt: skip
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
