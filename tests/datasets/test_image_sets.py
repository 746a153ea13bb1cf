"""Image sets: found, merged from an archive, unpacked, or asked for."""

from __future__ import annotations

import csv
import hashlib
import io
import tarfile
import zipfile

import numpy as np
import pytest
from PIL import Image

from genviz import datasets
from genviz._errors import DataError, DownloadError, UsageError
from genviz._keys import Obs
from genviz._settings import settings
from genviz.datasets import catalogue
from genviz.io.fetching.manifests import load_manifest
from genviz.io.image_masks.archive import image_digest, label_digest, merge_masks
from genviz.io.image_masks.reading import read_image_masks
from tests.io.file_server import serving
from tests.io.image_sets import pannuke_fold

IDS = ("aa11", "bb22")


def png(pixels) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def nuclei(seed):
    """Image (RGBA), masks in file-name order (the second overlaps the first), merged labels."""
    rng = np.random.default_rng(seed)
    rgb = rng.integers(0, 256, (30, 40, 3), np.uint8)
    masks = {f"{c}.png": np.zeros((30, 40), np.uint8) for c in "abc"}
    masks["a.png"][2:8, 2:8] = masks["b.png"][7:12, 7:12] = masks["c.png"][20:25, 20:30] = 255
    labels = np.zeros((30, 40), np.uint16)
    labels[20:25, 20:30], labels[7:12, 7:12] = 3, 2
    labels[2:8, 2:8] = 1
    return np.dstack([rgb, np.full((30, 40), 255, np.uint8)]), masks, labels


def archive(ids=(*IDS, "unlisted")) -> bytes:
    """A commit as GitHub packs it; masks of an image in any order."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for i, name in enumerate(ids):
            rgba, masks, _ = nuclei(i)
            files = {f"images/{name}.png": rgba} | {f"masks/{k}": m for k, m in reversed(masks.items())}
            for path, pixels in files.items():
                content = png(pixels)
                info = tarfile.TarInfo(f"fixes-3035/stage1_train/{name}/{path}")
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


@pytest.fixture
def mini(tmp_path, monkeypatch):
    """A manifest of the same form as dsb2018 and an empty cache; call with the address of the archive."""
    monkeypatch.setattr(settings, "cache_dir", tmp_path / "cache")
    monkeypatch.delenv("GENVIZ_DATA", raising=False)
    monkeypatch.setattr("time.sleep", lambda s: None)
    (tmp_path / "index.csv").write_text("id,modality\n" + "".join(f"{name},x\n" for name in IDS))
    with (tmp_path / "pixels.csv").open("w", newline="") as lines:
        table = csv.writer(lines)
        table.writerow(["id", "image_sha256", "label_sha256"])
        for i, name in enumerate(IDS):
            rgba, _, labels = nuclei(i)
            table.writerow([name, image_digest(rgba[..., :3]), label_digest(labels)])

    def make(url):
        (tmp_path / "mini.toml").write_text(
            'name = "mini"\ntitle = "t"\nkind = "nuclei"\nlicence = "l"\ncitation = "c"\nfiles = []\n'
            f'[merged]\narchive = "{url}"\nindex = "index.csv"\npixels = "pixels.csv"\n'
        )
        return str(tmp_path / "mini.toml")

    return make


@pytest.mark.parametrize("manner", ["plain", "cutonce", "norange", "busy"])
def test_masks_are_fetched_and_merged(mini, tmp_path, manner):
    with serving({"x.tar.gz": archive()}) as server:
        name = mini(f"{server.url}/{manner}/x.tar.gz")
        paths = datasets.fetch(name)[""]
        asked = len(server.requests)
        assert datasets.fetch(name)[""] == paths and len(server.requests) == asked
    adata = read_image_masks(paths["index"], masks="instances")
    assert list(adata.obs_names) == list(IDS)
    np.testing.assert_array_equal(adata.obsm["masks"][1], nuclei(1)[2])
    np.testing.assert_array_equal(adata.obsm["tiles"][1], nuclei(1)[0][..., :3])
    assert {f.status for f in datasets.verify(name)} == {"ok"}
    left = [p for p in (tmp_path / "cache").rglob("*") if "archive" in p.name or "partial" in p.name]
    assert left == []


def test_an_interrupted_merge_goes_on(mini, tmp_path, monkeypatch):
    with serving({"x.tar.gz": archive()}) as server:
        name = mini(f"{server.url}/plain/x.tar.gz")
        real, calls = catalogue.MergedSet._merge.__globals__["write_pair"], []

        def failing(*args):
            calls.append(args)
            if len(calls) == 2:
                raise KeyboardInterrupt
            real(*args)

        monkeypatch.setattr("genviz.datasets.image_sets_merged.write_pair", failing)
        with pytest.raises(KeyboardInterrupt):
            datasets.fetch(name)
        datasets.fetch(name)
        assert len(calls) == 3 and len(server.requests) == 1


def test_other_pixels_are_refused(mini, tmp_path):
    with serving({"x.tar.gz": archive(ids=IDS[::-1])}) as server:
        name = mini(f"{server.url}/plain/x.tar.gz")
        with pytest.raises(DownloadError, match="2 are absent or other"):
            datasets.fetch(name)
    assert not (tmp_path / "cache" / "datasets" / "mini" / "index.csv").exists()


def test_no_network_names_the_ways_out(mini):
    with serving({}) as server, pytest.raises(DownloadError, match="GENVIZ_DATA"):
        datasets.fetch(mini(f"{server.url}/plain/x.tar.gz"))


def test_damaged_files_are_found(mini, tmp_path):
    with serving({"x.tar.gz": archive()}) as server:
        name = mini(f"{server.url}/plain/x.tar.gz")
        paths = datasets.fetch(name)[""]
    (paths["labels"] / "aa11.png").write_bytes((paths["labels"] / "bb22.png").read_bytes()[:60])
    (paths["images"] / "bb22.png").unlink()
    found = {f.local: f.status for f in datasets.verify(name)}
    assert found["labels/aa11.png"] == "wrong" and found["images/bb22.png"] == "absent"


def test_masks_of_another_size():
    with pytest.raises(DataError, match=r"4 x 5 pixels in a; got \(3, 3\)"):
        merge_masks({"a": np.ones((3, 3))}, (5, 4))


def test_dsb2018(genviz_data, monkeypatch):
    if not (genviz_data / "dsb2018").is_dir():
        pytest.skip("no dsb2018 in GENVIZ_DATA")
    monkeypatch.setenv("GENVIZ_DATA", str(genviz_data))
    adata = datasets.dsb2018(split="val", labels="histology")
    assert adata.n_obs == 16 and set(adata.obs[Obs.LABEL]) == {"histology"}
    assert {f.status for f in datasets.verify("dsb2018")} == {"ok"}
    index = load_manifest("dsb2018").folder / "dsb2018" / "index.csv"
    assert index.read_bytes() == (genviz_data / "dsb2018" / "index.csv").read_bytes()
    for wrong in ({"split": "dev"}, {"labels": ["x"]}):
        with pytest.raises(UsageError, match="There are"):
            datasets.dsb2018(**wrong)
    with pytest.raises(UsageError):
        datasets.fetch("dsb2018", sections=["C2"])


def zipped(folder) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            file.write(path, path.relative_to(folder).as_posix())
    return out.getvalue()


def test_folds_are_fetched_and_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "cache_dir", tmp_path / "cache")
    monkeypatch.delenv("GENVIZ_DATA", raising=False)
    content = zipped(pannuke_fold(tmp_path / "made", 1))
    digest = hashlib.sha256(content).hexdigest()
    with serving({"fold_1.zip": content}) as server:
        (tmp_path / "folds.toml").write_text(
            'name = "folds"\ntitle = "t"\nkind = "nuclei"\nlicence = "l"\ncitation = "c"\n'
            '[unpacked]\nneeds = ["images.npy", "masks.npy", "types.npy"]\n'
            '[[sections]]\nname = "fold1"\npatient = ""\n[[files]]\npath = "fold_1.zip"\nlocal = "fold_1.zip"\n'
            f'url = "{server.url}/plain/fold_1.zip"\nrole = "archive"\nsection = "fold1"\nsha256 = "{digest}"\n'
        )
        name = str(tmp_path / "folds.toml")
        for _ in range(2):
            folder = datasets.fetch(name)["fold1"]["folder"]
        assert len(server.requests) == 1
    assert read_image_masks(folder).n_obs == 3 and not list((tmp_path / "cache").rglob("*.zip"))


def test_what_must_be_downloaded_by_hand(tmp_path, monkeypatch):
    monkeypatch.setenv("GENVIZ_DATA", str(tmp_path))
    monkeypatch.setattr(settings, "cache_dir", tmp_path / "cache")
    with pytest.raises(DownloadError, match=r"by hand from https://github\.com/lu-yizhou/ClusterSeg"):
        datasets.fetch("clusterseg")
    (tmp_path / "clusterseg" / "histology").mkdir(parents=True)
    assert datasets.fetch("clusterseg")[""]["folder"] == tmp_path / "clusterseg"


def test_unfinished_folds_are_not_taken(tmp_path, monkeypatch):
    monkeypatch.setenv("GENVIZ_DATA", str(tmp_path))
    monkeypatch.setattr(settings, "cache_dir", tmp_path / "cache")
    pannuke_fold(tmp_path / "pannuke", 2)
    (found,) = [d for d in datasets.list() if d.name == "pannuke"]
    assert found.sections_here == ("fold2",) and found.licence == "CC-BY-NC-SA-4.0"
    assert datasets.fetch("pannuke", sections=["fold2"])["fold2"]["folder"] == tmp_path / "pannuke" / "Fold 2"
