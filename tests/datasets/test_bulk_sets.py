"""Cohorts at the GDC: asked for, fetched in bundles, resumed, checked, against a server that imitates the API."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from genviz import datasets, io
from genviz._errors import DataError, DownloadError, UsageError
from genviz._settings import settings
from genviz.datasets import bulk_sets
from genviz.io.fetching import asking
from genviz.io.fetching.manifests import load_manifest
from genviz.io.gdc import api as gdc_api
from genviz.io.gdc import fetch as gdc_fetch
from tests.io.gdc_server import serving_gdc, small_gdc

TUMOURS = [f"TCGA-05-42{n:02d}-01A" for n in range(1, 6)]


@pytest.fixture(autouse=True)
def _place(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "cache_dir", tmp_path / "cache")
    monkeypatch.setattr(settings, "progress", False)
    monkeypatch.delenv("GENVIZ_DATA", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(asking, "BACKOFF_S", 0.01)
    monkeypatch.setattr(gdc_api, "_PAGE", 2)
    monkeypatch.setattr(gdc_fetch, "_LARGE", 100_000)


@pytest.fixture
def gdc():
    with serving_gdc(small_gdc()) as state:
        yield state


def toml(folder, url: str) -> str:
    """The manifest of the repository, its API elsewhere."""
    text = (load_manifest("tcga-luad").folder / "tcga-luad.toml").read_text()
    path = folder / "tcga-luad.toml"
    path.write_text(text.replace("https://api.gdc.cancer.gov", url))
    return str(path)


@pytest.fixture
def name(gdc, tmp_path) -> str:
    return toml(tmp_path, gdc.url)


def paths_asked(gdc) -> list[str]:
    return [path for path, _ in gdc.asked]


@pytest.mark.parametrize("cohort", ["luad", "kirp", "coad", "cesc", "gbm"])
def test_manifests(cohort):
    manifest = load_manifest(f"tcga-{cohort}")
    facts = manifest.facts["gdc"]
    assert manifest.kind == bulk_sets.KIND and facts["project"] == f"TCGA-{cohort.upper()}"
    assert facts["profiles"] == {
        "data_type": "Gene Expression Quantification", "analysis.workflow_type": "STAR - Counts"
    }  # fmt: skip
    assert facts["slides"]["experimental_strategy"] == "Diagnostic Slide"
    assert facts["api"] == "https://api.gdc.cancer.gov"


def test_profiles_of_the_query_are_fetched_once_and_read(gdc, name):
    paths = datasets.fetch(name)[""]
    adata = io.read_gdc(paths["folder"])
    assert list(adata.obs_names) == TUMOURS  # neither the normal one, nor another project or workflow
    assert list(adata.obs["n_slides"]) == [1, 1, 0, 0, 0]
    assert set(io.slide_pairs(adata)["slide_type"]) == {"diagnostic"}
    asked = len(gdc.asked)
    assert paths_asked(gdc).count("/data") == 1
    assert datasets.fetch(name)[""] == paths and len(gdc.asked) == asked  # no network the second time
    told = json.loads((paths["folder"] / "listing.json").read_text())
    assert told["release"] == "Data Release 99.0 - today" and len(told["files"]) == 7
    assert left_over(paths["folder"]) == []


def left_over(folder) -> list[str]:
    return [p.name for p in (folder / ".incoming").iterdir() if p.suffix != ".lock"]


def test_filters_are_as_the_api_wants_them(gdc, name):
    datasets.fetch(name)
    path, body = gdc.asked[0]
    assert path == "/files" and body["size"] == 2 and body["from"] == 0 and body["format"] == "JSON"
    assert {"field": "analysis.workflow_type", "value": ["STAR - Counts"]} in [
        part["content"] for part in body["filters"]["content"]
    ]
    assert {"md5sum", "file_size", "cases.samples.sample_type"} <= set(body["fields"].split(","))
    assert paths_asked(gdc).count("/files") == 3 + 1  # five profiles and two slides, two a page


def test_some_cases_then_the_rest_and_slides(gdc, name):
    folder = datasets.fetch(name, sections="TCGA-05-4202", roles=["profiles", "slides"])[""]["folder"]
    adata = io.read_gdc(folder)
    assert list(adata.obs_names) == ["TCGA-05-4202-01A"]
    pairs = io.slide_pairs(adata)
    assert pairs["path"].iloc[0].endswith("slide-2/TCGA-05-4202-01Z-00-DX1.2.svs")
    assert gdc.asked[-1][0] == "/data/slide-2"
    datasets.fetch(name)
    assert sorted(gdc.asked[-1][1]["ids"]) == ["id-1", "id-3", "id-4", "id-5"]
    assert io.read_gdc(folder).n_obs == 5


@pytest.mark.parametrize("manner", ["busy", "cut"])
def test_what_arrives_stays_and_the_rest_is_asked_again(gdc, name, manner, monkeypatch):
    gdc.manner = manner
    monkeypatch.setattr(gdc_api, "_BLOCK", 256)  # what is lost when a connection is cut; the files are small
    folder = datasets.fetch(name, roles=["profiles", "slides"])[""]["folder"]
    assert io.read_gdc(folder).n_obs == 5 and (folder / "slide-1").is_dir()
    asked = [len(body["ids"]) for path, body in gdc.asked if path == "/data"]
    assert asked == ([5, 5, 5] if manner == "busy" else sorted(asked, reverse=True))
    if manner == "cut":
        assert len(asked) > 1 and asked[-1] == 1
        assert ("/data/slide-1", "bytes=196608-") in gdc.asked  # whole blocks of the half that came
    assert {file.status for file in datasets.verify(name)} == {"ok"}


def test_an_interrupted_fetch_goes_on_with_the_same_list(gdc, name, monkeypatch):
    monkeypatch.setattr(gdc_fetch, "_BUNDLE_FILES", 2)
    real, calls = gdc_fetch.fetch_bundle, []

    def stopping(*args):
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        real(*args)

    monkeypatch.setattr(gdc_fetch, "fetch_bundle", stopping)
    with pytest.raises(KeyboardInterrupt):
        datasets.fetch(name)
    folder = settings.cache_dir / "datasets" / "tcga-luad"
    assert io.read_gdc(folder).n_obs == 2  # the sheet names what is there
    gdc.hits[0]["md5sum"] = "0" * 32  # the source changes; the list does not
    asked = len(gdc.asked)
    datasets.fetch(name)
    assert io.read_gdc(folder).n_obs == 5 and "/files" not in paths_asked(gdc)[asked:]


def test_wrong_bytes_never_get_the_name(gdc, name):
    gdc.manner = "wrong"
    with pytest.raises(DownloadError, match=r"others came, twice.*listing\.json"):
        datasets.fetch(name)
    folder = settings.cache_dir / "datasets" / "tcga-luad"
    assert not list(folder.glob("id-*/*")) and left_over(folder) == []


def test_a_changed_file_is_found(gdc, name):
    folder = datasets.fetch(name)[""]["folder"]
    (file,) = (folder / "id-3").iterdir()
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    (folder / "id-4" / next((folder / "id-4").iterdir()).name).unlink()
    status = {f.local.partition("/")[0]: f.status for f in datasets.verify(name)}
    assert status == {"id-1": "ok", "id-2": "ok", "id-3": "wrong", "id-4": "absent", "id-5": "ok"}
    assert [f.status for f in datasets.verify(name, sections="TCGA-05-4203")] == ["wrong"]


@pytest.mark.parametrize(
    ("manner", "message"),
    [("closed", r"403.*Permission denied.*not open"), ("login", "Expected JSON.*login page")],
)
def test_answers_that_are_none(gdc, name, manner, message):
    gdc.manner = manner
    with pytest.raises(DownloadError, match=message) as caught:
        datasets.fetch(name)
    assert "phantom('bulk')" in str(caught.value) and "\n" not in str(caught.value)


def test_offline_has_ways_out(tmp_path):
    with pytest.raises(DownloadError, match=r"refused.*genviz data fetch tcga-luad.*GENVIZ_DATA.*phantom"):
        datasets.fetch(toml(tmp_path, "http://127.0.0.1:9"))


def test_names_that_leave_the_folder_are_refused(gdc, name):
    gdc.hits[0]["file_name"] = "../../evil.tsv"
    with pytest.raises(DataError, match="refused"):
        datasets.fetch(name)


def test_what_does_not_exist(gdc, name):
    with pytest.raises(UsageError, match="roles profiles and slides"):
        datasets.fetch(name, roles=["image"])
    with pytest.raises(UsageError, match="got 'TCGA-99-9999'"):
        datasets.fetch(name, sections=["TCGA-99-9999"])
    gdc.hits.clear()
    (settings.cache_dir / "datasets" / "tcga-luad" / "listing.json").unlink()
    with pytest.raises(DownloadError, match="finds none"):
        datasets.fetch(name)


def test_a_damaged_listing_is_said(gdc, name):
    folder = datasets.fetch(name)[""]["folder"]
    (folder / "listing.json").write_text("{")
    with pytest.raises(DataError, match="Remove it"):
        datasets.fetch(name)


def test_a_folder_of_ones_own_is_taken_as_it_is(gdc, name, tmp_path, monkeypatch):
    folder = datasets.fetch(name)[""]["folder"]
    own = tmp_path / "data" / "tcga-luad"
    own.parent.mkdir()
    folder.rename(own)
    monkeypatch.setenv("GENVIZ_DATA", str(own.parent))
    asked = len(gdc.asked)
    assert datasets.fetch(name)[""]["folder"] == own and len(gdc.asked) == asked
    assert {file.place for file in datasets.verify(name)} == {"GENVIZ_DATA"}


CHILD = """
import sys
from genviz import datasets
from genviz._settings import settings
settings.progress = False
print(datasets.fetch(sys.argv[1]))
"""


def test_two_processes_fetch_a_file_once(gdc, name):
    places = {"GENVIZ_CACHE": str(settings.cache_dir), "NO_PROXY": "127.0.0.1"}
    children = [
        subprocess.Popen([sys.executable, "-c", CHILD, name], env=os.environ | places, stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    assert [child.wait(120) for child in children] == [0, 0]
    assert paths_asked(gdc).count("/data") == 1 and paths_asked(gdc).count("/status") == 1


def test_the_command_line_fetches_and_lists(gdc, name, capsys):
    from genviz.cli import main

    with pytest.raises(SystemExit) as ended:
        main(["data", "fetch", name, "--sections", "TCGA-05-4201", "--roles", "profiles,slides"])
    assert ended.value.code == 0 and "sheet" in capsys.readouterr().out
    known = next(d for d in datasets.list() if d.name == "tcga-luad")
    assert (known.n_files, known.n_here, known.kind) == (7, 2, "bulk")
