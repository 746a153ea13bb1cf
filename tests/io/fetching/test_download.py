from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from genviz._errors import DownloadError, GenvizError, UsageError
from genviz._settings import settings
from genviz.io.fetching import asking, resuming
from genviz.io.fetching.download import cache_folder, fetch_files, find_file
from genviz.io.fetching.manifests import DataFile, Manifest
from genviz.io.fetching.recognise import git_blob_id
from tests.io.file_server import FileServer, serving

BODY = np.random.default_rng(0).bytes(300_000)
NAMES = {"a.bin": BODY, "b.bin": BODY[::-1], "empty.bin": b""}


@pytest.fixture(autouse=True)
def _place(tmp_path, monkeypatch):
    """A cache of this test's own, no GENVIZ_DATA, no proxy, no long waits."""
    monkeypatch.setattr(settings, "cache_dir", tmp_path / "cache")
    monkeypatch.setattr(settings, "progress", False)
    monkeypatch.delenv("GENVIZ_DATA", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(asking, "BACKOFF_S", 0.01)
    monkeypatch.setattr(resuming, "TIMEOUT_S", 5.0)


@pytest.fixture
def server():
    with serving(NAMES) as state:
        yield state


def blob_id(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def entry(server: FileServer | str, manner: str, name: str = "a.bin", **changes: object) -> DataFile:
    url = server if isinstance(server, str) else server.url
    data = NAMES[name]
    known = {"sha256": hashlib.sha256(data).hexdigest(), "git_blob": blob_id(data), "size": len(data)}
    return DataFile(f"data/sub/{name}", f"sub/{name}", f"{url}/{manner}/{name}", "image", **(known | changes))


def manifest(*files: DataFile) -> Manifest:
    return Manifest("toy", "Toy", "spatial", "CC0", "", files, (), (), {}, Path())


def fetch(*files: DataFile) -> list[bytes]:
    paths = fetch_files(manifest(*files), files)
    return [paths[file.local].read_bytes() for file in files]


def left_over() -> list[str]:
    home = cache_folder("toy")
    return sorted(
        path.relative_to(home).as_posix()
        for path in home.rglob("*")
        if path.is_file() and path.suffix != ".lock"
    )


def partial() -> Path:
    (found,) = cache_folder("toy").glob(".incoming/*.partial")
    return found


def test_a_file_is_fetched_once_and_then_taken_from_the_cache(server):
    file = entry(server, "plain")
    assert fetch(file) == [BODY]
    assert fetch(file) == [BODY]
    assert len(server.requests) == 1
    assert left_over() == ["sub/a.bin"]


@pytest.mark.parametrize("known", ["sha256", "git_blob"])
def test_either_checksum_recognises_a_file(server, known):
    other = "git_blob" if known == "sha256" else "sha256"
    assert fetch(entry(server, "plain", **{other: ""}, size=None)) == [BODY]
    with pytest.raises(DownloadError, match="others came, twice"):
        fetch(entry(server, "wrong", "b.bin", **{other: ""}, size=None))
    assert left_over() == ["sub/a.bin"]


def test_git_blob_id_is_what_git_says(tmp_path):
    (tmp_path / "hello").write_bytes(b"hello\n")
    assert git_blob_id(tmp_path / "hello") == "ce013625030ba8dba906f756967f9e9ca394464a"


def test_an_empty_file_is_a_file(server):
    assert fetch(entry(server, "plain", "empty.bin")) == [b""]


@pytest.mark.parametrize("size", [len(BODY), None])
@pytest.mark.parametrize("manner", ["cutonce", "cut", "norange", "shifted"])
def test_a_cut_connection_is_resumed(server, manner, size):
    assert fetch(entry(server, manner, size=size)) == [BODY]
    asked = [header for _, header in server.requests]
    assert asked[0] is None
    assert len(BODY) // 4 < int(str(asked[1]).removeprefix("bytes=").rstrip("-")) <= len(BODY) // 2
    assert left_over() == ["sub/a.bin"]


def test_a_connection_cut_silently_is_noticed_by_size(server):
    assert fetch(entry(server, "short")) == [BODY]


def test_wrong_bytes_never_get_the_name(server):
    with pytest.raises(DownloadError, match="proxy"):
        fetch(entry(server, "wrong"))
    assert left_over() == []
    assert len(server.requests) == 2


def test_a_damaged_partial_is_thrown_away(server):
    home = cache_folder("toy") / ".incoming"
    fetch(entry(server, "plain"))
    name = hashlib.sha256(b"sub/a.bin").hexdigest()[:16] + ".a.bin.partial"
    (cache_folder("toy") / "sub" / "a.bin").unlink()
    (home / name).write_bytes(b"x" * 1000)
    assert fetch(entry(server, "plain")) == [BODY]
    assert [header for _, header in server.requests] == [None, "bytes=1000-", None]


def test_a_partial_longer_than_the_file_is_thrown_away(server):
    fetch(entry(server, "plain"))
    name = hashlib.sha256(b"sub/a.bin").hexdigest()[:16] + ".a.bin.partial"
    (cache_folder("toy") / "sub" / "a.bin").unlink()
    (cache_folder("toy") / ".incoming" / name).write_bytes(BODY + b"more")
    assert fetch(entry(server, "plain", size=None)) == [BODY]


def test_404_is_said_at_once_with_ways_out(server):
    with pytest.raises(DownloadError, match=r"answered 404.*GENVIZ_DATA.*cache.*genviz data fetch toy"):
        fetch(entry(server, "gone"))
    assert len(server.requests) == 1
    assert left_over() == []


def test_redirects_are_followed_but_not_for_ever(server):
    assert fetch(entry(server, "moved")) == [BODY]
    with pytest.raises(DownloadError, match="redirects"):
        fetch(entry(server, "loop", "b.bin"))


def test_a_busy_server_is_asked_again(server):
    assert fetch(entry(server, "busy")) == [BODY]
    assert len(server.requests) == 3


def test_offline_is_one_error_with_three_ways_out(tmp_path):
    closed = "http://127.0.0.1:9"
    with pytest.raises(DownloadError) as caught:
        fetch(entry(closed, "plain"), entry(closed, "plain", "b.bin"))
    text = str(caught.value)
    assert "refused" in text
    assert "lacks sub/a.bin and 1 more" in text
    assert "(1) set GENVIZ_DATA to a folder that has toy/sub/a.bin" in text
    assert f"(2) copy the files into the cache, {tmp_path / 'cache' / 'datasets' / 'toy'}" in text
    assert "(3) connect and run" in text
    assert "genviz demo" in text
    assert "\n" not in text


def test_offline_files_that_are_there_need_no_network(server, tmp_path, monkeypatch):
    (tmp_path / "data" / "toy" / "sub").mkdir(parents=True)
    (tmp_path / "data" / "toy" / "sub" / "a.bin").write_bytes(BODY)
    monkeypatch.setenv("GENVIZ_DATA", str(tmp_path / "data"))
    assert fetch(entry("http://127.0.0.1:9", "plain")) == [BODY]
    copied = cache_folder("toy") / "sub" / "b.bin"
    copied.parent.mkdir(parents=True)
    copied.write_bytes(BODY[::-1])
    assert fetch(entry("http://127.0.0.1:9", "plain", "b.bin")) == [BODY[::-1]]


def test_a_clone_of_the_source_serves_as_genviz_data(tmp_path, monkeypatch):
    clone = tmp_path / "data" / "toy" / "data" / "sub" / "a.bin"
    clone.parent.mkdir(parents=True)
    clone.write_bytes(BODY)
    monkeypatch.setenv("GENVIZ_DATA", str(tmp_path / "data"))
    file = entry("http://127.0.0.1:9", "plain")
    assert find_file(manifest(file), file) == clone


def test_a_changed_file_in_genviz_data_is_an_error(server, tmp_path, monkeypatch):
    (tmp_path / "data" / "toy" / "sub").mkdir(parents=True)
    (tmp_path / "data" / "toy" / "sub" / "a.bin").write_bytes(BODY[:-1] + b"?")
    monkeypatch.setenv("GENVIZ_DATA", str(tmp_path / "data"))
    with pytest.raises(DownloadError, match="other bytes"):
        fetch(entry(server, "plain"))
    assert server.requests == []


def test_genviz_data_that_is_no_folder_is_an_error(server, tmp_path, monkeypatch):
    monkeypatch.setenv("GENVIZ_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(UsageError, match="Correct or unset"):
        fetch(entry(server, "plain"))


def test_a_damaged_file_in_the_cache_is_fetched_again(server, caplog):
    fetch(entry(server, "plain"))
    (cache_folder("toy") / "sub" / "a.bin").write_bytes(b"rot")
    assert fetch(entry(server, "plain")) == [BODY]
    assert "damaged" in caplog.text


def test_a_cache_that_cannot_be_written_is_explained(server, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(settings, "cache_dir", tmp_path / "file" / "cache")
    with pytest.raises(GenvizError, match="allowed to write"):
        fetch(entry(server, "plain"))


CHILD = """
import sys
from pathlib import Path
from genviz._settings import settings
from genviz.io.fetching.download import fetch_files
from genviz.io.fetching.manifests import DataFile, Manifest
settings.cache_dir, settings.progress = Path(sys.argv[1]), False
file = DataFile("data/sub/a.bin", "sub/a.bin", sys.argv[2], "image", sha256=sys.argv[3])
print("ready", flush=True)
print(fetch_files(Manifest("toy", "", "", "", "", (file,), (), (), {}, Path()), [file]))
"""


def child(server: FileServer, manner: str) -> subprocess.Popen[str]:
    arguments = [str(settings.cache_dir), f"{server.url}/{manner}/a.bin", hashlib.sha256(BODY).hexdigest()]
    return subprocess.Popen([sys.executable, "-c", CHILD, *arguments], stdout=subprocess.PIPE, text=True)


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_download_is_resumed(server, signum):
    server.drip_s = 0.05
    process = child(server, "drip")
    deadline = time.monotonic() + 60
    while not (found := list(cache_folder("toy").glob(".incoming/*.partial"))) or not found[0].stat().st_size:
        assert time.monotonic() < deadline, "the download never began"
        time.sleep(0.02)
    process.send_signal(signum)
    assert process.wait(30) != 0
    arrived = partial().stat().st_size
    assert 0 < arrived < len(BODY)
    assert BODY.startswith(partial().read_bytes())
    assert [name for name in left_over() if not name.startswith(".incoming/")] == []
    assert fetch(entry(server, "plain")) == [BODY]
    assert server.requests[-1] == ("/plain/a.bin", f"bytes={arrived}-")
    assert left_over() == ["sub/a.bin"]


def test_two_processes_fetch_a_file_once(server):
    server.drip_s = 0.01
    processes = [child(server, "drip") for _ in range(2)]
    for process in processes:
        assert process.wait(60) == 0
    assert len(server.requests) == 1
    assert left_over() == ["sub/a.bin"]
