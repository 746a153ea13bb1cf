"""Tiles by microsatellite status: from archives or folders, with patients from their names."""

from __future__ import annotations

import hashlib
import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from genviz import datasets
from genviz import io as gvio
from genviz._errors import DataError, DownloadError, UsageError
from genviz._settings import settings
from genviz.io.fetching.manifests import load_manifest

TILES = {
    "CRC_DX_TRAIN_MSIMUT": ["AAAAAAAAAAAA-TCGA-AA-3837-01Z-00-DX1", "AAAAAAAAAAAB-TCGA-CM-4743-01Z-00-DX1"],
    "CRC_DX_TRAIN_MSS": ["BAAAAAAAAAAA-TCGA-AY-5543-01Z-00-DX1", "BAAAAAAAAAAB-TCGA-AY-5543-01Z-00-DX1"],
    "CRC_DX_TEST_MSIMUT": ["CAAAAAAAAAAA-TCGA-AD-6889-01Z-00-DX1"],
    "CRC_DX_TEST_MSS": ["DAAAAAAAAAAA-TCGA-F4-6461-01Z-00-DX1"],
}


def tile(name: str) -> np.ndarray:
    seed = int(hashlib.sha256(name.encode()).hexdigest()[:8], 16)
    return np.random.default_rng(seed).integers(0, 255, (224, 224, 3), dtype=np.uint8)


def archive(folder: str, names: list[str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as packed:
        for name in names:
            picture = io.BytesIO()
            Image.fromarray(tile(name)).save(picture, "PNG")
            packed.writestr(f"{folder.rpartition('_')[2]}/blk-{name}.png", picture.getvalue())
    return out.getvalue()


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write archives; names of a folder can be given anew."""
    monkeypatch.setenv("GENVIZ_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(settings, "cache_dir", tmp_path / "cache")
    home = tmp_path / "data" / "coad-msi"
    home.mkdir(parents=True)

    def call(**changes):
        for folder, names in (TILES | changes).items():
            (home / f"{folder}.zip").write_bytes(archive(folder, names))
        return home

    return call


def test_manifest():
    manifest = load_manifest("coad-msi")
    assert manifest.kind == "tiles" and manifest.facts["source"]["verified"] is False
    assert sum(section.facts["n_tiles"] for section in manifest.sections) == 192_312
    assert all(len(file.md5) == 32 and not file.sha256 and not file.verified for file in manifest.files)
    assert {file.local for file in manifest.files} == {f"{folder}.zip" for folder in TILES}


def test_rows_are_tiles(write):
    write()
    adata = datasets.coad_msi()
    assert adata.n_obs == 6 and adata.n_vars == 0
    row = adata.obs.loc["blk-AAAAAAAAAAAB-TCGA-CM-4743-01Z-00-DX1"]
    assert dict(row) == {
        "label": "MSI", "split": "train", "patient": "TCGA-CM-4743", "scene": "TCGA-CM-4743-01Z-00-DX1"
    }  # fmt: skip
    assert gvio.tiles(adata).shape == (6, 224, 224, 3)
    for name, pixels in zip(adata.obs_names, gvio.tiles(adata).compute(), strict=True):
        np.testing.assert_array_equal(pixels, tile(name.removeprefix("blk-")))
    assert datasets.coad_msi("test", "MSS").obs["patient"].tolist() == ["TCGA-F4-6461"]
    assert set(datasets.coad_msi(labels=["MSI"]).obs["split"]) == {"train", "test"}


@pytest.mark.parametrize("nested", [True, False])
def test_unpacked_folders_serve(write, nested):
    home = write()
    packed = datasets.coad_msi()
    for folder in TILES:
        above = (
            folder.rpartition("_")[0] if nested else folder
        )  # unpacked into one folder a part, or one an archive
        zipfile.ZipFile(home / f"{folder}.zip").extractall(home / above)
        (home / f"{folder}.zip").unlink()
    unpacked = datasets.coad_msi()
    assert unpacked.obs.equals(packed.obs)
    assert {f.status for f in datasets.verify("coad-msi")} == {"unchecked"}
    (known,) = [one for one in datasets.list() if one.name == "coad-msi"]
    assert len(known.sections_here) == 4 and known.licence == "CC-BY-4.0"


def test_archives_are_checked(write):
    write()
    found = datasets.verify("coad-msi", sections=["test-MSS"])
    assert [(f.status, f.checked_by, f.place) for f in found] == [
        ("wrong", "md5", "GENVIZ_DATA")
    ]  # not the record's


def test_what_is_not_here_is_named(write):
    (write() / "CRC_DX_TEST_MSS.zip").unlink()
    with pytest.raises(DownloadError, match=r"genviz data fetch coad-msi --sections test-MSS"):
        datasets.coad_msi()
    assert datasets.coad_msi("train").n_obs == 4
    for wrong in ({"split": "val"}, {"labels": "MSIMUT"}, {"labels": []}):
        with pytest.raises(UsageError, match="Expected"):
            datasets.coad_msi(**wrong)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("EAAAAAAAAAAA-TCGA-AA-3837-01Z-00-DX1", "one side of the split"),
        ("EAAAAAAAAAAA-TCGA-AD-6889-01Z-00-DX1", "one label"),
        ("EAAAAAAAAAAA", "nobody knows whose"),
        ("CAAAAAAAAAAA-TCGA-AD-6889-01Z-00-DX1", "occur twice"),
    ],
)
def test_sets_that_cannot_be_right(write, name, message):
    write(CRC_DX_TEST_MSS=[name])
    with pytest.raises(DataError, match=message):
        datasets.coad_msi()
