"""Samples of HEST-1k: asked for with a token, resumed, checked, read, against a server that imitates the hub."""

from __future__ import annotations

import json

import numpy as np
import pytest

from genviz import datasets, io
from genviz._errors import DataError, DownloadError, UsageError
from genviz._settings import settings
from genviz.io.fetching.manifests import load_manifest

HEST = ["ccrcc", "her2st", "kidney", "mouse-brain", "prad"]


def get(sections="MEND145", **more):
    return datasets.fetch("hest-prad", sections=sections, **{"accept_licence": True} | more)


def downloads(hub) -> list[str]:
    return [path for path, _, _ in hub.asked if path.startswith("/store/")]


@pytest.fixture
def token(hest_hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_member")


@pytest.mark.parametrize("part", HEST)
def test_manifests(part):
    manifest = load_manifest(f"hest-{part}")
    names = [section.name for section in manifest.sections]
    n, test = {"ccrcc": (24, "INT2"), "her2st": (36, "SPA148"), "kidney": (23, "NCBI697"),
               "mouse-brain": (14, "NCBI667"), "prad": (23, "MEND145")}[part]  # fmt: skip
    assert len(set(names)) == n and manifest.facts["split"]["test"] == [test] and test in names
    assert manifest.licence == "CC-BY-NC-SA-4.0" and "HEST-1k" in manifest.citation
    assert manifest.facts["source"]["verified"] == (part != "ccrcc")
    assert all(section.patient for section in manifest.sections)
    assert manifest.facts["hub"]["files"]["patches"].format(id="X") == "patches/X.h5"
    spots = [section.facts["n_spots"] for section in manifest.sections if "n_spots" in section.facts]
    if part == "mouse-brain":
        assert (min(spots), max(spots)) == (2675, 3617)  # as the paper says
    if part == "prad":
        assert "MEND155" not in names and manifest.section("MEND145").facts["n_spots"] == 1418


@pytest.mark.usefixtures("token")
def test_a_sample_is_fetched_once(hest_hub, hest_bytes):
    paths = get()
    assert set(paths["MEND145"]) == {"counts", "patches", "metadata"}  # slides only when asked for
    for path in paths["MEND145"].values():
        assert path.read_bytes() == hest_bytes[f"{path.parent.name}/{path.name}"]
    asked = len(hest_hub.asked)
    assert get(accept_licence=False) == paths and len(hest_hub.asked) == asked  # no network, no consent again
    assert get(roles="image")["MEND145"]["image"].name == "MEND145.tif"
    assert {f.status for f in datasets.verify("hest-prad", sections="MEND145")} == {"ok"}


@pytest.mark.usefixtures("token")
def test_the_token_stays_with_the_hub(hest_hub):
    get()
    shown = {path.startswith("/store/"): header for path, _, header in hest_hub.asked}
    assert shown == {False: "Bearer hf_member", True: None}


@pytest.mark.usefixtures("token")
@pytest.mark.parametrize("manner", ["cut", "busy"])
def test_interruptions_are_resumed(hest_hub, manner):
    hest_hub.manner = manner
    get()
    assert {f.status for f in datasets.verify("hest-prad", sections="MEND145")} == {"ok"}
    if manner == "cut":
        ranges = [asked for path, asked, _ in hest_hub.asked if path == "/store/st/MEND145.h5ad"]
        assert ranges[0] is None and str(ranges[1]).startswith("bytes=")


@pytest.mark.usefixtures("token")
def test_a_later_fetch_stays_at_the_commit(hest_hub):
    get()
    hest_hub.files["st/MEND139.h5ad"] = b"changed"
    first, hest_hub.commit = hest_hub.commit, "f" * 40
    with pytest.raises(DownloadError):
        get("MEND139")  # asked about the commit of the listing, which this hub no longer has
    hest_hub.commit = first
    listing = json.loads((settings.cache_dir / "datasets" / "hest-prad" / "listing.json").read_text())
    assert listing["commit"] == first and get("MEND139")["MEND139"]["counts"].read_bytes() == b"changed"


@pytest.mark.usefixtures("token")
def test_wrong_bytes_never_get_the_name(hest_hub):
    hest_hub.manner = "wrong"
    with pytest.raises(DownloadError, match="others came, twice"):
        get()
    assert not list((settings.cache_dir / "datasets").rglob("MEND145.h5ad"))


@pytest.mark.parametrize("listing", ["public", "closed"])
@pytest.mark.parametrize(
    ("token", "code", "why"),
    [("", 401, "no token was found"), ("hf_old", 401, "expired"), ("hf_stranger", 403, "has not accepted")],
)
def test_the_gate_is_explained(hest_hub, monkeypatch, listing, token, code, why):
    monkeypatch.setenv("HF_TOKEN", token)
    hest_hub.public_listing = listing == "public"
    with pytest.raises(DownloadError) as caught:
        get()
    text = str(caught.value)
    assert f"answered {code}" in text and why in text
    assert "https://huggingface.co/datasets/MahmoodLab/hest" in text
    assert "huggingface-cli login" in text and "HF_TOKEN" in text
    assert token not in text or not token
    assert downloads(hest_hub) == []


def test_the_login_of_the_hub_counts(hest_hub, tmp_path):
    (tmp_path / "hf").mkdir()
    (tmp_path / "hf" / "token").write_text("hf_member\n")
    assert get()


def test_offline_is_one_error(hest_hub, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(
        DownloadError, match=r"the connection is refused.*folder hest \(or hest-prad\) in GENVIZ_DATA"
    ):
        get()


@pytest.mark.usefixtures("token")
def test_other_answers_are_refused(hest_hub):
    hest_hub.manner = "login"
    with pytest.raises(DownloadError, match="a login page"):
        get()


@pytest.mark.usefixtures("token")
def test_samples_that_the_hub_lost(hest_hub):
    with pytest.raises(DownloadError, match=r"st/MEND140\.h5ad.*does not have it"):
        get("MEND140")


def test_no_consent_no_question(hest_hub):
    with pytest.raises(UsageError, match=r"CC-BY-NC-SA-4\.0.*commercial use.*--accept-licence"):
        get(accept_licence=False)
    assert hest_hub.asked == []


@pytest.mark.parametrize("folder", ["hest", "hest-prad"])
def test_copies_of_the_collection_serve(hest_hub, hest_bytes, tmp_path, monkeypatch, folder):
    monkeypatch.setenv("GENVIZ_DATA", str(tmp_path / "data"))
    for path, content in hest_bytes.items():
        place = tmp_path / "data" / folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    assert get(accept_licence=False)["MEND145"]["counts"].is_relative_to(tmp_path / "data")
    assert hest_hub.asked == []
    found = datasets.verify("hest-prad", sections="MEND145")
    assert {(f.status, f.place) for f in found} == {("unchecked", "GENVIZ_DATA")}
    (known,) = [one for one in datasets.list() if one.name == "hest-prad"]
    assert known.sections_here == ("MEND139", "MEND145") and known.n_here == 6


def test_unknown_samples_and_roles(hest_hub):
    with pytest.raises(UsageError, match="got 'MEND155'"):
        get("MEND155")
    with pytest.raises(UsageError, match=r"counts, patches, image, metadata.*got 'pixels'"):
        get(roles="pixels")


def test_a_damaged_listing_is_said(hest_hub):
    home = settings.cache_dir / "datasets" / "hest-prad"
    home.mkdir(parents=True)
    (home / "listing.json").write_text('{"format": 1')
    with pytest.raises(DataError, match="Remove it"):
        datasets.verify("hest-prad")


@pytest.mark.usefixtures("token")
def test_samples_are_read(hest_hub):
    with pytest.raises(DownloadError, match=r"genviz data fetch hest-prad --sections MEND145,MEND139"):
        datasets.hest("hest-prad", ["MEND145", "MEND139"])
    assert hest_hub.asked == []  # reading downloads nothing
    get(["MEND145", "MEND139"])
    one = datasets.hest("hest-prad", "MEND145")
    assert one.n_obs == 9 and set(one.obs["library_id"]) == {"MEND145"}
    assert one.uns["spatial"]["MEND145"]["mpp"] == 0.5
    both = datasets.hest("hest-prad", ["MEND145", "MEND139"], genes=["C", "A"])
    assert list(both.var_names) == ["C", "A"] and set(both.obs["patient"]) == {"patient 2"}
    assert list(both.obs["library_id"].unique()) == ["MEND145", "MEND139"]
    assert both.obs_names[0] == "MEND145_000x" and io.tiles(both).shape == (18, 8, 8, 3)
    np.testing.assert_array_equal(io.tiles(both)[:9].compute(), io.tiles(one).compute())
    assert datasets.hest("hest-prad", "MEND139", images="none").n_obs == 12


def test_what_cannot_be_read(hest_hub):
    with pytest.raises(UsageError, match=r"hest-ccrcc, hest-her2st.*got 'her2st'"):
        datasets.hest("her2st", ["C2"])
    with pytest.raises(UsageError, match="got 'tiles'"):
        datasets.hest("hest-prad", images="tiles")
    with pytest.raises(UsageError, match="at least one sample"):
        datasets.hest("hest-prad", [])
    with pytest.raises(DownloadError, match="--roles counts,image,metadata"):
        datasets.hest("hest-prad", "MEND145", images="slide")
