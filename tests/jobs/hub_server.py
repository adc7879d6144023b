"""A small hub on this machine: it lists, tells and serves models as huggingface.co does, and breaks when asked to."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

COMMIT = "a" * 40
BLOCK = 4096


def blob_id(content: bytes) -> str:
    """What git calls a file."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@dataclass
class Repo:
    """A model: `commits` holds the files of every commit, the last of which is main."""

    commits: dict[str, dict[str, bytes]]
    facts: dict[str, Any] = field(default_factory=dict)
    gated: bool = False
    siblings: list[dict[str, Any]] | None = None
    """What is listed instead of the files."""

    @property
    def main(self) -> str:
        return list(self.commits)[-1]


class Hub:
    """The server. Change its fields to change what it does."""

    def __init__(self) -> None:
        self.repos: dict[str, Repo] = {}
        self.break_after: dict[str, list[int]] = {}
        """By file: bytes after which a connection is cut, one for each time."""
        self.pause = 0.0
        """Seconds between blocks."""
        self.wrong: set[str] = set()
        """Files of which other bytes are sent."""
        self.statuses: list[int] = []
        """Answers to give instead, one for each request."""
        self.headers: dict[str, str] = {}
        self.ranges = True
        self.token = ""
        """Who has this may read gated models."""
        self.asked: list[tuple[str, int]] = []
        """(file, first byte) of every request for a file."""
        self.sent: dict[str, int] = {}
        """Bytes of each file that went out."""
        self.searches: list[dict[str, list[str]]] = []
        self.authorizations: list[str] = []
        self._server: ThreadingHTTPServer | None = None
        self._port = 0
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Be there, at the same address as before."""
        self._server = _Server(("127.0.0.1", self._port), _handler(self))
        self._port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def take_away(self) -> None:
        """As if the network were gone: nobody listens, and what is being sent is cut."""
        assert self._server is not None
        self._server.gone = True
        self._server.shutdown()
        self._server.server_close()
        self._server = None

    def close(self) -> None:
        if self._server is not None:
            self.take_away()

    def add(self, hub_id: str, files: dict[str, bytes], commit: str = COMMIT, **fields: Any) -> Repo:
        """A model with one commit."""
        self.repos[hub_id] = Repo({commit: files}, **fields)
        return self.repos[hub_id]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    gone = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # the other side went away, as tests want it


def _handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    return type("Handler", (_Handler,), {"hub": hub})


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        hub, parts = self.hub, urlsplit(self.path)
        path = unquote(parts.path)
        hub.authorizations.append(self.headers.get("Authorization", ""))
        if hub.statuses:
            self._refuse(hub.statuses.pop(0), "")
        elif path == "/api/models":
            self._search(parse_qs(parts.query))
        elif path.startswith("/api/models/"):
            self._tell(path.removeprefix("/api/models/"), "blobs" in parts.query)
        else:
            self._resolve(path)

    def _allowed(self, repo: Repo) -> bool:
        return not repo.gated or (
            bool(self.hub.token) and self.headers.get("Authorization") == f"Bearer {self.hub.token}"
        )

    def _search(self, query: dict[str, list[str]]) -> None:
        self.hub.searches.append(query)
        words = query.get("search", [""])[0].lower()
        found = [
            {"id": name, "sha": repo.main, "gated": "auto" if repo.gated else False, **repo.facts}
            for name, repo in self.hub.repos.items()
            if words in name.lower()
        ]
        self._json(found)

    def _tell(self, path: str, blobs: bool) -> None:
        name, _, revision = path.partition("/revision/")
        repo = self.hub.repos.get(name)
        if repo is None:
            self._refuse(401, "RepoNotFound")
            return
        commit = repo.main if revision in ("", "main") else revision
        if commit not in repo.commits:
            self._refuse(404, "RevisionNotFound")
            return
        files = repo.commits[commit]
        listed = repo.siblings if repo.siblings is not None else [_sibling(*each) for each in files.items()]
        told = {"id": name, "sha": commit, "siblings": listed, "gated": "auto" if repo.gated else False}
        self._json(told | {"config": {}} | repo.facts)

    def _resolve(self, path: str) -> None:
        name, _, rest = path.strip("/").partition("/resolve/")
        commit, _, file = rest.partition("/")
        repo = self.hub.repos.get(name)
        if repo is None or commit not in repo.commits or file not in repo.commits[commit]:
            self._refuse(404, "EntryNotFound")
            return
        if not self._allowed(repo):
            self._refuse(401, "GatedRepo")
            return
        self._send_file(file, repo.commits[commit][file], commit)

    def _send_file(self, file: str, content: bytes, commit: str) -> None:
        begin = self.headers.get("Range", "")
        first = int(begin.removeprefix("bytes=").rstrip("-")) if begin and self.hub.ranges else 0
        self.hub.asked.append((file, first))
        if file in self.hub.wrong:
            content = bytes(byte ^ 1 for byte in content)
        body = content[first:]
        self.send_response(206 if first else 200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Repo-Commit", commit)
        self.send_header("ETag", f'"{blob_id(content)}"')
        if first:
            self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        self._send_body(file, body)

    def _send_body(self, file: str, body: bytes) -> None:
        cuts, sent = self.hub.break_after.get(file, []), self.hub.sent  # a test that counts anew does not count this
        cut = cuts.pop(0) if cuts else len(body)
        for place in range(0, min(cut, len(body)), BLOCK):
            block = body[place : min(place + BLOCK, cut)]
            if self.server.gone:  # type: ignore[attr-defined]
                break
            self.wfile.write(block)
            sent[file] = sent.get(file, 0) + len(block)
            time.sleep(self.hub.pause)
        else:
            if cut >= len(body):
                return
        self.close_connection = True

    def _json(self, value: Any) -> None:
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _refuse(self, status: int, code: str) -> None:
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        for name, value in self.hub.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()


def _sibling(path: str, content: bytes) -> dict[str, Any]:
    """As the hub lists a file: large ones by sha256, small ones by what git calls them."""
    told: dict[str, Any] = {"rfilename": path, "size": len(content), "blobId": blob_id(content)}
    if path.endswith((".safetensors", ".gguf", ".bin")):
        told["lfs"] = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 134}
    return told
