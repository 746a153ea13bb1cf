"""The user's token, and what the hub tells of files."""

from __future__ import annotations

import pytest

from genviz._errors import DataError, DownloadError
from genviz.io.fetching import asking, hub
from genviz.io.fetching.hub import Hub, ask_hub, hub_token
from tests.io.hub_server import COMMIT, HubServer, serving_hub


@pytest.fixture(autouse=True)
def _place(tmp_path, monkeypatch):
    for name in ("HF_TOKEN", "HF_TOKEN_PATH", "HF_HOME", "HF_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.setattr(asking, "BACKOFF_S", 0.01)


def test_where_the_token_comes_from(tmp_path, monkeypatch):
    assert hub_token() is None and hub.authorisation() == {}
    places = [tmp_path / "xdg" / "huggingface" / "token", tmp_path / "home" / "token", tmp_path / "mine"]
    for n, place in enumerate(places):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(f" token{n}\n")
    assert hub_token() == "token0"
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    assert hub_token() == "token1"
    monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "mine"))
    assert hub_token() == "token2"
    monkeypatch.setenv("HF_TOKEN", "token3")
    assert hub.authorisation() == {"Authorization": "Bearer token3"}


def test_small_and_large_files():
    with serving_hub(HubServer({"metadata/a.json": b"{}", "st/a.h5ad": b"abc"})) as state:
        place = Hub(state.url, state.repository, "main", "")
        commit, (large, small) = ask_hub(place, ["st/a.h5ad", "metadata/a.json"])
        assert commit == COMMIT
        assert (large.size, len(large.sha256), large.git_blob) == (3, 64, "")
        assert (small.size, small.sha256, len(small.git_blob)) == (2, "", 40)
        file = large.data_file(place, commit, role="counts", section="a")
        assert file.url == f"{state.url}/datasets/MahmoodLab/hest/resolve/{COMMIT}/st/a.h5ad"
        with pytest.raises(DownloadError, match="does not have it"):
            ask_hub(place, ["st/b.h5ad"], commit=commit)


def test_names_that_leave_the_folder():
    with serving_hub(HubServer({"../a": b"abc"})) as state, pytest.raises(DataError, match="refused"):
        ask_hub(Hub(state.url, state.repository, "main", ""), ["../a"])


def test_revisions_that_are_gone():
    with serving_hub(HubServer({})) as state, pytest.raises(DownloadError, match="answered 404"):
        ask_hub(Hub(state.url, state.repository, "v9", ""), ["a"])
