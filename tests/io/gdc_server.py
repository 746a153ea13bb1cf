"""A local server that imitates the API of the Genomic Data Commons, and behaves as badly as it is told to."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import threading
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.io.gdc_folder import counts_of, star_table

PROFILE, SLIDE = "Gene Expression Quantification", "Slide Image"


@dataclass
class GdcServer:
    """Files, and what was asked.

    ``manner``: "well", "busy" (503 to the first two requests of a path), "cut" (a bundle of several files ends too
    early, always; one file the first time), "wrong" (other bytes), "closed" (403 to /data), "login" (a web page to
    everything).
    """

    hits: list[dict] = field(default_factory=list)
    bytes_of: dict[str, bytes] = field(default_factory=dict)
    manner: str = "well"
    url: str = ""
    asked: list[tuple[str, object]] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)

    def add(self, file_id: str, name: str, data: bytes, data_type: str, sample: str, **more: str) -> None:
        case = {
            "submitter_id": sample[:12],
            "project": {"project_id": more.pop("project", "TCGA-LUAD")},
            "samples": [{"submitter_id": sample, "sample_type": more.pop("sample_type", "Primary Tumor")}],
        }
        known = {
            "file_id": file_id,
            "id": file_id,
            "file_name": name,
            "file_size": len(data),
            "access": "open",
        }
        md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
        self.hits.append(known | {"md5sum": md5, "data_type": data_type, "cases": [case]} | more)
        self.bytes_of[file_id] = data


def value_of(hit: dict, path: str) -> list:
    """All values of a dotted field."""
    found = [hit]
    for part in path.split("."):
        found = [
            value
            for one in found
            if part in one
            for value in (one[part] if isinstance(one[part], list) else [one[part]])
        ]
    return found


def matches(hit: dict, filters: dict) -> bool:
    if filters["op"] == "and":
        return all(matches(hit, part) for part in filters["content"])
    assert filters["op"] == "in"
    content = filters["content"]
    return bool(set(value_of(hit, content["field"])) & set(content["value"]))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: GdcServer

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        self._dispatch(None)

    def do_POST(self) -> None:
        assert self.headers["Content-Type"] == "application/json"
        self._dispatch(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def _dispatch(self, body) -> None:
        state = self.state
        self.close_connection = True
        state.asked.append((self.path, body if body is not None else self.headers.get("Range")))
        state.seen[self.path] += 1
        if state.manner == "busy" and state.seen[self.path] <= 2:
            return self._send(503, b"")
        if state.manner == "login":
            return self._send(200, b"<html>Please log in</html>")
        if self.path == "/status":
            return self._send(
                200, json.dumps({"data_release": "Data Release 99.0 - today", "status": "OK"}).encode()
            )
        if self.path == "/files":
            return self._files(body)
        if self.path == "/data":
            return self._data(body["ids"])
        if self.path.startswith("/data/"):
            return self._one(self.path.removeprefix("/data/"))
        return self._send(404, b"")

    def _files(self, body) -> None:
        found = sorted(
            (h for h in self.state.hits if matches(h, body["filters"])), key=lambda h: h["file_id"]
        )
        fields = {name.partition(".")[0] for name in body["fields"].split(",")}
        page = [
            {key: value for key, value in hit.items() if key in fields | {"id"}}
            for hit in found[body["from"] : body["from"] + body["size"]]
        ]
        pagination = {"count": len(page), "total": len(found), "size": body["size"], "from": body["from"]}
        self._send(
            200, json.dumps({"data": {"hits": page, "pagination": pagination}, "warnings": {}}).encode()
        )

    def _data(self, ids: list[str]) -> None:
        state = self.state
        if state.manner == "closed":
            return self._send(403, b'{"error": "Permission denied", "ids": []}')
        data = {i: state.bytes_of[i] for i in ids}
        if state.manner == "wrong":
            data = {i: b"x" * len(part) for i, part in data.items()}
        if len(ids) == 1:
            return self._send(200, data[ids[0]])
        names = {hit["file_id"]: hit["file_name"] for hit in state.hits}
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w:gz") as tar:
            for name, content in [
                ("MANIFEST.txt", b"id\tfilename\n"),
                *((f"{i}/{names[i]}", d) for i, d in data.items()),
            ]:
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
        packed = out.getvalue()
        return self._send(200, packed, upto=len(packed) * 4 // 5 if state.manner == "cut" else None)

    def _one(self, file_id: str) -> None:
        if file_id not in self.state.bytes_of:
            return self._send(404, b'{"error": "not found"}')
        data, asked = self.state.bytes_of[file_id], self.headers.get("Range")
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        cut = self.state.manner == "cut" and self.state.seen[self.path] == 1
        extra = {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"} if start else {}
        rest = data[start:]
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
def serving_gdc(state: GdcServer):
    """Run the server in a thread."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"state": state}))
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()


def small_gdc() -> GdcServer:
    """Five tumour profiles and a normal one, a profile of another project and workflow, three slides."""
    state = GdcServer()
    star = {"analysis": {"workflow_type": "STAR - Counts"}}
    for n in range(1, 6):
        name = f"{n:04d}.rna_seq.augmented_star_gene_counts.tsv"
        state.add(
            f"id-{n}", name, star_table(counts_of(n)).encode(), PROFILE, f"TCGA-05-42{n:02d}-01A", **star
        )
    text = star_table(counts_of(7)).encode()
    state.add("id-7", "n.tsv", text, PROFILE, "TCGA-05-4201-11A", sample_type="Solid Tissue Normal", **star)
    state.add("id-8", "g.tsv", text, PROFILE, "TCGA-02-0001-01A", project="TCGA-GBM", **star)
    state.add("id-9", "m.tsv", text, PROFILE, "TCGA-05-4201-01A", analysis={"workflow_type": "Other"})
    diagnostic = {"experimental_strategy": "Diagnostic Slide"}
    for n in (1, 2):
        name = f"TCGA-05-42{n:02d}-01Z-00-DX1.{n}.svs"
        state.add(f"slide-{n}", name, bytes([n]) * 400_000, SLIDE, f"TCGA-05-42{n:02d}-01Z", **diagnostic)
    state.add(
        "slide-3", "TS1.svs", b"frozen", SLIDE, "TCGA-05-4201-01A", experimental_strategy="Tissue Slide"
    )
    return state
