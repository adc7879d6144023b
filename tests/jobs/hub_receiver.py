"""A small server that takes models as the Hugging Face hub does: repositories, large files, commits."""

from __future__ import annotations

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = "hf_secretsecretsecretsecretsecret"


class Hub:
    """What is on it, and what was asked. refuses: status by a part of a path; existing: repositories that were there,
    by name, with whether they are private."""

    def __init__(self) -> None:
        self.repos: dict[str, bool] = {}
        self.objects: dict[str, bytes] = {}
        self.files: dict[str, dict[str, bytes]] = {}
        self.asked: list[tuple[str, str]] = []
        self.refuses: dict[str, int] = {}
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args: object) -> None:
                pass

            def do_GET(self) -> None:
                self._serve("GET")

            def do_POST(self) -> None:
                self._serve("POST")

            def do_PUT(self) -> None:
                self._serve("PUT")

            def _serve(self, verb: str) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                hub.asked.append((verb, self.path))
                status, answer = hub.answer(verb, self.path, body, self.headers.get("Authorization"))
                raw = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def answer(self, verb: str, path: str, body: bytes, who: str | None) -> tuple[int, object]:
        for part, status in self.refuses.items():
            if part in path:
                return status, {"error": "no"}
        if "/objects/" in path and verb == "PUT":
            self.objects[path.rsplit("/", 1)[1]] = body
            return 200, {}
        if who != f"Bearer {TOKEN}":
            return 401, {"error": "Invalid username or password."}
        if path == "/api/repos/create":
            return self._create(json.loads(body))
        if path == "/api/validate-yaml":
            return 200, {"errors": [], "warnings": []}
        if path.endswith("/info/lfs/objects/batch"):
            return 200, {"transfer": "basic", "objects": [self._place(each) for each in json.loads(body)["objects"]]}
        if "/preupload/" in path:
            large = (".safetensors", ".gguf")
            return 200, {
                "files": [
                    {
                        "path": each["path"],
                        "uploadMode": "lfs" if each["path"].endswith(large) else "regular",
                        "shouldIgnore": False,
                    }
                    for each in json.loads(body)["files"]
                ]
            }
        repo = "/".join(path.split("/")[3:5]).split("?")[0]
        if "/commit/" in path:
            return self._commit(repo, body)
        if verb == "GET" and path.startswith("/api/models/") and repo in self.repos:
            return 200, {"id": repo, "private": self.repos[repo], "siblings": [], "sha": "0" * 40}
        return 404, {"error": "not found"}

    def _create(self, asked: dict[str, str]) -> tuple[int, object]:
        repo = f"{asked['organization']}/{asked['name']}"
        if repo in self.repos:
            return 409, {"error": "You already created this model repo", "url": f"{self.address}/{repo}"}
        self.repos[repo] = asked.get("visibility") == "private"
        return 200, {"url": f"{self.address}/{repo}"}

    def _place(self, each: dict[str, object]) -> dict[str, object]:
        if each["oid"] in self.objects:
            return each
        return each | {"actions": {"upload": {"href": f"{self.address}/objects/{each['oid']}"}}}

    def _commit(self, repo: str, body: bytes) -> tuple[int, object]:
        lines = [json.loads(line) for line in body.splitlines()]
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                self.files.setdefault(repo, {})[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                self.files.setdefault(repo, {})[value["path"]] = self.objects[value["oid"]]
        return 200, {"commitUrl": f"{self.address}/{repo}/commit/{'1' * 40}", "commitOid": "1" * 40, "hookOutput": ""}
