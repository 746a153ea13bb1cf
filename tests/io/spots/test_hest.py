"""io.spots.hest: HEST samples, their patches joined by barcode."""

from __future__ import annotations

import json
import shutil

import h5py
import numpy as np
import pandas as pd
import pytest
import tifffile
from anndata import AnnData
from scipy import sparse

from genviz._errors import DataError, FileFormatError, UsageError
from genviz.io import read_hest, tiles


class Sample:
    """A synthetic sample laid out as HEST-1k: st/, patches/, metadata/, wsis/."""

    def __init__(self, root):
        rng = np.random.default_rng(0)
        self.root, n = root, 30
        for folder in ("st", "patches", "metadata", "wsis"):
            (root / folder).mkdir(parents=True)
        self.h5ad, self.patches = root / "st" / "T1.h5ad", root / "patches" / "T1.h5"
        self.metadata, self.image = root / "metadata" / "T1.json", root / "wsis" / "T1.tif"
        self.rgb = rng.integers(0, 255, (800, 1000, 3), dtype=np.uint8)
        tifffile.imwrite(self.image, self.rgb, tile=(256, 256), photometric="rgb")
        self.xy = np.column_stack([rng.uniform(40, 960, n), rng.uniform(40, 760, n)]).round()
        self.adata = AnnData(
            sparse.csr_matrix(rng.poisson(1.0, (n, 4)).astype(np.float32)),
            obs=pd.DataFrame(index=[f"{i:03d}x" for i in range(n)]),
            var=pd.DataFrame(index=["A", "B", "C", "D"]),
        )
        self.adata.obsm["spatial"] = self.xy
        factors = {"spot_diameter_fullres": 110.0, "tissue_downscaled_fullres_scalef": 0.1}
        image = {"downscaled_fullres": np.ascontiguousarray(self.rgb[::10, ::10])}
        self.adata.uns["spatial"] = {"ST": {"images": image, "scalefactors": factors}}
        self.order = rng.permutation(n)[:26]
        self.write()

    def write(self):
        self.adata.write_h5ad(self.h5ad)
        self.metadata.write_text(json.dumps({"pixel_size_um_estimated": 0.25, "organ": "Breast"}))
        barcodes = self.adata.obs_names.to_numpy()[self.order]
        corners = (self.xy[self.order] - 16).astype(int)
        self.cut = np.stack([self.rgb[y : y + 32, x : x + 32] for x, y in corners])
        with h5py.File(self.patches, "w") as file:
            file["img"] = self.cut
            file["coords"] = corners
            file["barcode"] = barcodes.astype("S")[:, None]
            file["img"].attrs["patch_size_src"] = 32


@pytest.fixture
def sample(tmp_path) -> Sample:
    return Sample(tmp_path / "hest")


def test_patches_are_joined_by_barcode(sample):
    adata = read_hest(sample.h5ad, sample.patches)
    assert list(adata.obs_names) == sorted(sample.adata.obs_names[sample.order])
    expected = dict(zip(sample.adata.obs_names[sample.order], sample.cut, strict=True))
    got = tiles(adata).compute()
    for name, patch in zip(adata.obs_names, got, strict=True):
        np.testing.assert_array_equal(patch, expected[name])
    np.testing.assert_array_equal(tiles(adata[[5, 2, 9]]).compute(), got[[5, 2, 9]])
    record = json.loads(adata.uns["genviz"]["reader"])["T1"]
    assert len(record["rows_without_patch"]) == 4


def test_the_slide_gives_the_same_pixels(sample):
    whole = read_hest(sample.h5ad, image=sample.image)
    assert whole.n_obs == 30
    with_patches = read_hest(sample.h5ad, sample.patches)
    cut = tiles(whole[with_patches.obs_names], 32).compute()
    np.testing.assert_array_equal(cut, tiles(with_patches).compute())


def test_the_section_entry_is_the_contracts(sample):
    adata = read_hest(sample.h5ad)
    assert list(adata.uns["spatial"]) == ["T1"]
    entry = adata.uns["spatial"]["T1"]
    assert entry["mpp"] == 0.25
    assert entry["images"]["hires"].shape == (80, 100, 3)
    assert entry["scalefactors"] == {"spot_diameter_fullres": 110.0, "tissue_hires_scalef": 0.1}
    assert set(adata.obs["library_id"]) == {"T1"}
    np.testing.assert_array_equal(adata.obsm["spatial"], sample.xy)
    assert list(read_hest(sample.h5ad, section="mine").uns["spatial"]) == ["mine"]


def test_where_the_resolution_comes_from(sample, tmp_path):
    assert read_hest(sample.h5ad, mpp=0.3).uns["spatial"]["T1"]["mpp"] == 0.3
    alone = tmp_path / "T1.h5ad"
    shutil.copy(sample.h5ad, alone)
    with pytest.raises(UsageError, match="metadata="):
        read_hest(alone)
    assert read_hest(alone, metadata=sample.metadata).uns["spatial"]["T1"]["mpp"] == 0.25
    sample.adata.uns["meta"] = {"pixel_size_um_estimated": 0.21}
    sample.adata.write_h5ad(alone)
    assert read_hest(alone).uns["spatial"]["T1"]["mpp"] == 0.21


def test_duplicated_genes_are_said_and_numbered(sample):
    sample.adata.var_names = ["A", "B", "A", "D"]
    sample.write()
    with pytest.warns(UserWarning, match="1 genes of section 'T1' occur more than once"):
        assert read_hest(sample.h5ad).var_names.is_unique


def test_patches_of_another_sample(sample):
    with h5py.File(sample.patches, "a") as file:
        del file["barcode"]
        file["barcode"] = np.array([f"zz{i}" for i in range(26)], "S")
    with pytest.raises(DataError, match="one sample"):
        read_hest(sample.h5ad, sample.patches)


def test_patches_cut_elsewhere_are_doubted(sample):
    with h5py.File(sample.patches, "a") as file:
        file["coords"][...] = file["coords"][...] + 300
    with pytest.warns(UserWarning, match="300 px from their rows"):
        read_hest(sample.h5ad, sample.patches)


@pytest.mark.parametrize("which", ["h5ad", "patches"])
def test_truncated_files(sample, which):
    path = getattr(sample, which)
    raw = path.read_bytes()
    path.write_bytes(raw[: len(raw) // 2])
    with pytest.raises(FileFormatError, match="truncated"):
        read_hest(sample.h5ad, sample.patches)


def test_other_files_are_refused(sample, tmp_path):
    AnnData(np.zeros((2, 2), np.float32)).write_h5ad(tmp_path / "other.h5ad")
    with pytest.raises(FileFormatError, match="read_h5ad"):
        read_hest(tmp_path / "other.h5ad", mpp=0.5)
    with pytest.raises(FileFormatError, match="img, coords and barcode"):
        read_hest(sample.h5ad, sample.h5ad)
