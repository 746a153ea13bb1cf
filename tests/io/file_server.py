"""A local HTTP server that behaves as badly as it is told to."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class FileServer:
    """What the server sends, and what it was asked.

    Paths are ``/<manner>/<name>``. Manners: ``plain`` (with ranges), ``cut`` (half of what is left, while
    that is much), ``cutonce`` (the first time only), ``norange`` (cut once, and always from the
    beginning), ``wrong``, ``moved`` (redirect to plain), ``loop``, ``busy`` (503 twice), ``shifted`` (cut once, then
    another part than was asked for, once), ``drip`` (slowly), ``short`` (cut, without a length), anything else 404.
    """

    files: dict[str, bytes]
    url: str = ""
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)
    drip_s: float = 0.02


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: FileServer

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        state = self.state
        _, manner, name = self.path.split("/", 2)
        asked = self.headers.get("Range")
        state.requests.append((self.path, asked))
        state.seen[self.path] += 1
        nth = state.seen[self.path]
        body = state.files.get(name, b"")
        self.close_connection = True
        if manner == "moved":
            return self._empty(302, Location=f"{state.url}/plain/{name}")
        if manner == "loop":
            return self._empty(302, Location=self.path)
        if manner == "busy" and nth <= 2:
            return self._empty(503)
        known = {"plain", "cut", "cutonce", "norange", "wrong", "busy", "shifted", "drip", "short"}
        if manner not in known or name not in state.files:
            return self._empty(404)
        if manner == "wrong":
            body = b"<html>Please log in</html>".ljust(len(body), b" ")
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and manner != "norange" else 0
        if start >= len(body) and start:
            return self._empty(416)
        shift = 1 if manner == "shifted" and start and nth == 2 else 0
        part = body[start - shift :]
        self.send_response(206 if start else 200)
        if manner != "short":
            self.send_header("Content-Length", str(len(part)))
        if start:
            self.send_header("Content-Range", f"bytes {start - shift}-{len(body) - 1}/{len(body)}")
        self.send_header("Connection", "close")
        self.end_headers()
        cut = (manner in ("cut", "short") and len(part) > 30_000) or (
            manner in ("cutonce", "norange", "shifted") and nth == 1
        )
        self._send(part[: max(1, len(part) // 2)] if cut else part, slow=manner == "drip")
        return None

    def _send(self, part: bytes, *, slow: bool) -> None:
        pause = threading.Event()
        for at in range(0, len(part), 4096):
            try:
                self.wfile.write(part[at : at + 4096])
            except OSError:  # the client was killed
                return
            if slow:
                pause.wait(self.state.drip_s)

    def _empty(self, code: int, **headers: str) -> None:
        self.send_response(code)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", "0")
        self.send_header("Connection", "close")
        self.end_headers()


@contextmanager
def serving(files: dict[str, bytes]):
    """Run the server in a thread; yields its `FileServer`."""
    state = FileServer(files)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"state": state}))
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
