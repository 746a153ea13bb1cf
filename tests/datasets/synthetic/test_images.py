"""Phantom fields of nuclei: truth, equal every time, marked synthetic."""

from __future__ import annotations

import numpy as np
import pytest

from genviz import datasets, io
from genviz._errors import UsageError
from genviz._keys import Obs, Obsm
from genviz.core.instances import connected_instances
from genviz.io.library import is_synthetic
from tests.io.conftest import assert_same


@pytest.fixture(scope="module")
def adata():
    return datasets.phantom("nuclei", n_images=3, size_px=96)


def test_rows(adata, tmp_path):
    assert adata.n_obs == 9 and adata.obs_names[0] == "fluorescence-0" and adata.n_vars == 0
    assert adata.obsm[Obsm.TILES].dtype == np.uint8 and adata.obsm[Obsm.MASKS].dtype == np.uint16
    assert is_synthetic(adata) and io.contract_report(adata) == []
    io.write_h5ad(adata, tmp_path / "x.h5ad")
    assert_same(io.read_h5ad(tmp_path / "x.h5ad"), adata)


def test_nuclei_do_not_touch(adata):
    for mask, n in zip(adata.obsm[Obsm.MASKS], adata.obs[Obs.N_NUCLEI], strict=True):
        assert n > 0 and len(np.unique(mask)) == n + 1
        assert connected_instances(mask).max() == n


def test_nuclei_are_seen(adata):
    for tile, mask, label in zip(
        *(adata.obsm[k] for k in (Obsm.TILES, Obsm.MASKS)), adata.obs[Obs.LABEL], strict=True
    ):
        inside, outside = tile[mask > 0].mean(), tile[mask == 0].mean()
        assert inside > outside + 20 if label == "fluorescence" else inside < outside - 20
        assert (tile == tile[..., :1]).all() == (label == "fluorescence")


def test_the_same_seed_and_each_image_alone(adata):
    one = datasets.phantom("nuclei", n_images=1, size_px=96, labels=["histology"])
    np.testing.assert_array_equal(one.obsm[Obsm.TILES][0], adata["histology-0"].obsm[Obsm.TILES][0])
    other = datasets.phantom("nuclei", n_images=1, size_px=96, labels=["histology"], seed=1)
    assert (other.obsm[Obsm.MASKS] != one.obsm[Obsm.MASKS]).any()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"n_images": 0}, "n_images=0"),
        ({"labels": ["x"]}, "got 'x'"),
        ({"labels": []}, r"labels=\[\]"),
        ({"size_px": 8}, "size_px of 32 or more; got 8"),
    ],
)
def test_what_is_refused(wrong, said):
    with pytest.raises(UsageError, match=said):
        datasets.phantom("nuclei", **wrong)
