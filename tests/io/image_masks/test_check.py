"""The contract of images with masks."""

from __future__ import annotations

import numpy as np
import pytest

from genviz import datasets, io
from genviz._errors import DataError
from genviz._keys import Obs, Obsm


@pytest.fixture
def adata():
    return datasets.phantom("nuclei", n_images=2, size_px=48, labels=["fluorescence"])


def levels(adata):
    return [(finding.level, finding.where) for finding in io.contract_report(adata)]


def test_nothing_is_wrong(adata):
    assert levels(adata) == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda m: m[:, :-1],
        lambda m: m.astype(np.float32),
        lambda m: m.astype(np.int32) + 70_000,
        lambda m: m.astype(np.int16) - 1,
        lambda m: m[..., None],
    ],
)
def test_bad_masks(adata, spoil, tmp_path):
    adata.obsm[Obsm.MASKS] = spoil(adata.obsm[Obsm.MASKS])
    assert ("error", "obsm['masks']") in levels(adata)
    io.write_h5ad(adata, tmp_path / "x.h5ad")
    with pytest.raises(DataError, match=r"masks|labels"):
        io.read_h5ad(tmp_path / "x.h5ad")


def test_extent_and_scene(adata):
    adata.obs[Obs.HEIGHT] = 49
    assert levels(adata) == [("error", "obs['height']")]
    adata.obs[Obs.HEIGHT] = 48
    adata.obs[Obs.SCENE], adata.obs[Obs.SPLIT] = "s", ["train", "val"]
    assert levels(adata) == [("warning", "obs['split']")]
