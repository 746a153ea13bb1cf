"""`genviz data fetch` against a server of our own: interrupted, killed, offline, without room."""

from __future__ import annotations

import hashlib
import os
import signal
import time

import numpy as np
import pytest

from genviz._settings import settings
from genviz.io.fetching import asking
from tests.cli.processes import start
from tests.io.file_server import serving

BODY = np.random.default_rng(1).bytes(300_000)


def manifest_of(folder, url: str, data: bytes) -> str:
    """Write the manifest of a data set of one file; its path stands for its name."""
    path = folder / "toy.toml"
    facts = {"path": "a.bin", "local": "a.bin", "url": url, "role": "image", "git_blob": "", "section": ""}
    facts |= {"sha256": hashlib.sha256(data).hexdigest()}
    lines = [f'{name} = "Toy"' for name in ("title", "kind", "licence", "citation")]
    lines += ['name = "toy"', "[[files]]", *(f'{name} = "{value}"' for name, value in facts.items())]
    path.write_text("\n".join([*lines, f"size = {len(data)}", ""]))
    return str(path)


@pytest.fixture(autouse=True)
def _place(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "cache_dir", tmp_path / "cache")
    monkeypatch.setenv("GENVIZ_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("GENVIZ_DATA", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(asking, "BACKOFF_S", 0.01)


def test_fetch_prints_where_files_are(run, tmp_path):
    with serving({"a.bin": BODY}) as server:
        said = run("data", "fetch", manifest_of(tmp_path, f"{server.url}/cutonce/a.bin", BODY))
    assert said.code == 0, said.err
    assert said.out.split()[-1] == str(tmp_path / "cache" / "datasets" / "toy" / "a.bin")


def test_offline_has_three_ways_out(run, tmp_path):
    error = run("data", "fetch", manifest_of(tmp_path, "http://127.0.0.1:1/plain/a.bin", BODY)).error
    assert all(way in error for way in ("(1) set GENVIZ_DATA", "(2) copy", "(3) connect"))


def test_wrong_bytes_never_get_the_name(run, tmp_path):
    with serving({"a.bin": BODY}) as server:
        said = run("data", "fetch", manifest_of(tmp_path, f"{server.url}/wrong/a.bin", BODY))
    assert said.code == 1
    assert "others came, twice" in said.error
    assert not (tmp_path / "cache" / "datasets" / "toy" / "a.bin").exists()


def test_unknown_names(run):
    assert run("data", "fetch", "nope").code == 2
    assert run("data", "fetch", "her2st", "--sections", "Z9").code == 2


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGKILL])
def test_a_stopped_download_goes_on(run, tmp_path, signum):
    cache = tmp_path / "cache" / "datasets" / "toy"
    with serving({"a.bin": BODY}) as server:
        server.drip_s = 0.05
        toy = manifest_of(tmp_path, f"{server.url}/drip/a.bin", BODY)
        process = start("data", "fetch", toy)
        deadline = time.monotonic() + 60
        while not any(part.stat().st_size for part in cache.glob(".incoming/*.partial")):
            assert time.monotonic() < deadline, "the download never began"
            time.sleep(0.02)
        process.send_signal(signum)
        _, err = process.communicate(timeout=30)
        assert "Traceback" not in err
        if signum == signal.SIGINT:
            assert process.returncode == 1
            assert err.splitlines()[-1].startswith("genviz: Stopped.")
        assert not (cache / "a.bin").exists()
        toy = manifest_of(tmp_path, f"{server.url}/plain/a.bin", BODY)
        assert run("data", "fetch", toy).code == 0
        assert server.requests[-1][1] is not None, "it began again instead of going on"
    assert (cache / "a.bin").read_bytes() == BODY


def test_a_cache_that_cannot_be_written(run, tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "cache_dir", settings.cache_dir.parent / "file" / "cache")
    (tmp_path / "file").write_text("")
    with serving({"a.bin": BODY}) as server:
        said = run("data", "fetch", manifest_of(tmp_path, f"{server.url}/plain/a.bin", BODY))
    assert said.code == 1
    assert "allowed to write" in said.error
