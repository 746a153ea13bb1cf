"""`genviz data`: licences shown and accepted, all data sets listed and verified."""

from __future__ import annotations

import hashlib
import json

import pytest

from genviz._settings import settings
from genviz.io.fetching.manifests import manifest_names
from tests.io.file_server import serving

BODY = b"pixels" * 1000


@pytest.fixture(autouse=True)
def _place(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "cache_dir", tmp_path / "cache")
    monkeypatch.delenv("GENVIZ_DATA", raising=False)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def toy(tmp_path):
    """Manifest of one file under a licence."""

    def make(url: str, licence: str) -> str:
        facts = {
            "name": "toy",
            "title": "Toy",
            "kind": "spatial",
            "licence": licence,
            "citation": "Nobody (1900)",
        }
        file = {"path": "a.bin", "local": "a.bin", "url": f"{url}/plain/a.bin", "role": "image"}
        file["sha256"] = hashlib.sha256(BODY).hexdigest()
        lines = [f'{key} = "{value}"' for key, value in facts.items()]
        lines += ["[[files]]", *(f'{key} = "{value}"' for key, value in file.items()), f"size = {len(BODY)}"]
        (tmp_path / "toy.toml").write_text("\n".join(lines))
        return str(tmp_path / "toy.toml")

    return make


def test_a_non_commercial_licence_is_shown_and_accepted(run, toy):
    with serving({"a.bin": BODY}) as server:
        name = toy(server.url, "CC-BY-NC-4.0")
        said = run("data", "fetch", name)
        assert said.code == 2 and server.requests == []
        assert "It forbids commercial use" in said.error and "--accept-licence" in said.error
        said = run("data", "fetch", name, "--accept-licence", "--json", "-q")
        assert said.code == 0 and list(json.loads(said.out)) == ["files"]  # the words are elsewhere
        for words in ("CC-BY-NC-4.0", "It forbids commercial use", "Cite: Nobody (1900)", "1 file, 6 kB"):
            assert words in said.err
        again = run("data", "fetch", name)
        assert again.code == 0 and "forbids" not in again.err  # it is here


def test_a_free_licence_is_shown(run, toy):
    with serving({"a.bin": BODY}) as server:
        said = run("data", "fetch", toy(server.url, "CC-BY-4.0"))
    assert said.code == 0 and "toy is licensed: CC-BY-4.0" in said.err and "licensed" not in said.out


def test_consent_is_remembered(run, toy):
    with serving({"a.bin": BODY}) as server:
        name = toy(server.url, "CC-BY-NC-4.0")
        run("data", "fetch", name, "--accept-license")
        (settings.cache_dir / "datasets" / "toy" / "a.bin").unlink()
        said = run("data", "fetch", name)
    assert said.code == 0 and "It forbids commercial use" in said.err


def test_gated_samples_without_consent_or_token(run, monkeypatch):
    said = run("data", "fetch", "hest-prad", "--sections", "MEND145")
    assert said.code == 2 and "https://huggingface.co/datasets/MahmoodLab/hest" in said.error


def test_the_list_says_kind_and_licence(run):
    found = {one["name"]: one for one in json.loads(run("data", "list", "--json").out)["data_sets"]}
    assert set(found) == set(manifest_names()) >= {"coad-msi", "hest-kidney", "clusterseg", "tcga-coad"}
    assert {one["kind"] for one in found.values()} == {"spatial", "nuclei", "bulk", "tiles"}
    assert all(one["licence"] for one in found.values())
    assert (
        found["hest-prad"]["non_commercial"]
        and found["hest-prad"]["gate"]
        and not found["hest-prad"]["accepted"]
    )
    assert not found["her2st"]["non_commercial"] and found["her2st"]["gate"] == ""
    assert "not for commercial use" in run("data", "list").out


@pytest.mark.parametrize("name", manifest_names())
def test_nothing_here_is_said(run, name):
    said = run("data", "verify", name)
    assert said.code == 0 and f"absent    {name}: nothing of it" in said.out
    assert "0 ok, 0 wrong, 0 unchecked" in said.out


def test_all_data_sets_at_once(run):
    said = json.loads(run("data", "verify", "--json").out)
    assert {file["data_set"] for file in said["files"]} >= {
        "her2st",
        "hest-prad",
        "pannuke",
        "clusterseg",
        "coad-msi",
    }
    assert said["ok"] == said["wrong"] == said["unchecked"] == 0 < said["absent"]
    assert run("data", "verify", "--sections", "C2").code == 2
