"""Two servers that imitate the Hugging Face hub: the hub, which knows who asks, and the store it redirects to."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class HubServer:
    """One repository.

    ``manner``: "" is well-behaved; "cut" ends the first answer of each file half-way; "busy" is 503 twice; "login" is a
    page of a proxy; "wrong" sends other bytes. ``members`` are the tokens whose accounts accepted the terms,
    ``strangers`` those that did not; other tokens are unknown.
    """

    files: dict[str, bytes]
    repository: str = "MahmoodLab/hest"
    members: set[str] = field(default_factory=lambda: {"hf_member"})
    strangers: set[str] = field(default_factory=lambda: {"hf_stranger"})
    manner: str = ""
    public_listing: bool = True
    commit: str = COMMIT
    url: str = ""
    store_url: str = ""
    asked: list[tuple[str, str | None, str | None]] = field(
        default_factory=list
    )  # path, range, authorisation
    seen: Counter[str] = field(default_factory=Counter)

    def status_of(self, authorisation: str | None) -> int:
        token = (authorisation or "").removeprefix("Bearer ")
        return 200 if token in self.members else 403 if token in self.strangers else 401

    def entry(self, path: str) -> dict:
        data = self.files[path]
        blob = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
        entry = {"type": "file", "path": path, "size": len(data), "oid": blob}
        if not path.endswith(".json"):  # small texts are kept by git itself
            entry["lfs"] = {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 134}
        return entry


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: HubServer
    is_store = False

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        self._dispatch({})

    def do_POST(self) -> None:
        self._dispatch(parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode()))

    def _dispatch(self, body: dict) -> None:
        state, self.close_connection = self.state, True
        state.asked.append((self.path, self.headers.get("Range"), self.headers.get("Authorization")))
        state.seen[self.path] += 1
        if self.is_store:
            return self._stored(self.path.removeprefix("/store/"))
        if state.manner == "busy" and state.seen[self.path] <= 2:
            return self._send(503, b"")
        if state.manner == "login":
            return self._send(200, b"<html>Please log in</html>")
        api, files = f"/api/datasets/{state.repository}/", f"/datasets/{state.repository}/resolve/"
        if self.path.startswith(api):
            return self._api(self.path.removeprefix(api), body)
        commit, _, name = self.path.removeprefix(files).partition("/")
        code = state.status_of(self.headers.get("Authorization"))
        if code != 200:
            return self._send(code, b"Access to this dataset is restricted.")
        if commit != state.commit or name not in state.files:
            return self._send(404, b"Entry not found")
        return self._send(302, b"", Location=f"{state.store_url}/store/{name}")

    def _api(self, path: str, body: dict) -> None:
        state = self.state
        if not state.public_listing and (code := state.status_of(self.headers.get("Authorization"))) != 200:
            return self._send(code, b"{}")
        if path == "revision/main":
            return self._send(200, json.dumps({"sha": state.commit, "gated": "auto"}).encode())
        if path == f"paths-info/{state.commit}":
            found = [state.entry(name) for name in body["paths"] if name in state.files]
            return self._send(200, json.dumps(found).encode())
        return self._send(404, b"{}")

    def _stored(self, name: str) -> None:
        state, data = self.state, self.state.files[name]
        if state.manner == "wrong":
            data = b"x" * len(data)
        asked = self.headers.get("Range")
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        extra = {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"} if start else {}
        rest = data[start:]
        cut = state.manner == "cut" and state.seen[self.path] == 1
        return self._send(206 if start else 200, rest, upto=len(rest) // 2 if cut else None, **extra)

    def _send(self, code: int, body: bytes, *, upto: int | None = None, **headers: str) -> None:
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        for key, value in headers.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body if upto is None else body[:upto])


@contextmanager
def serving_hub(state: HubServer):
    """Run both in threads; the store has another host name, as the real one has."""
    servers = []
    for store in (False, True):
        handler = type("Handler", (_Handler,), {"state": state, "is_store": store})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        servers.append(server)
        port = server.server_address[1]
        if store:
            state.store_url = f"http://localhost:{port}"
        else:
            state.url = f"http://127.0.0.1:{port}"
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield state
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()
