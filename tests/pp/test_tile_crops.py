"""Crops of images: inside the true extent, on a grid, masks renumbered."""

from __future__ import annotations

import numpy as np
import pytest

from genviz import datasets, io, pp
from genviz._errors import DataError, MissingKeyError, UsageError
from genviz._keys import Obs, Obsm
from genviz.io.image_masks import reading as image_masks
from tests.io.conftest import assert_same
from tests.io.image_sets import index_set, labels, picture


@pytest.fixture
def images(tmp_path):
    return io.read_image_masks(index_set(tmp_path / "set"))


def test_grid_inside_each_image(images):
    cut = pp.crops(images, 16)
    assert list(cut.obs_names[:3]) == ["a_r0_c0", "a_r0_c16", "a_r0_c32"]
    assert cut.obs[Obs.SOURCE].value_counts().to_dict() == {"a": 2 * 3, "b": 3 * 2, "c": 2 * 2}
    assert cut.obsm[Obsm.TILES].shape == (16, 16, 16, 3) and cut.obsm[Obsm.MASKS].dtype == np.uint16
    for i, (source, row, column) in enumerate(
        zip(cut.obs[Obs.SOURCE], cut.obs[Obs.CROP_ROW], cut.obs[Obs.CROP_COLUMN], strict=True)
    ):
        window = np.s_[row : row + 16, column : column + 16]
        np.testing.assert_array_equal(cut.obsm[Obsm.TILES][i], picture(source)[window])
        truth = labels(source)[window]
        np.testing.assert_array_equal(cut.obsm[Obsm.MASKS][i] > 0, truth > 0)
        n = len(np.unique(truth[truth > 0]))
        assert cut.obs[Obs.N_NUCLEI].iloc[i] == n == cut.obsm[Obsm.MASKS][i].max()
    assert (cut.obs[Obs.HEIGHT] == 16).all() and list(cut.obs[Obs.LABEL].cat.categories)
    assert io.contract_report(cut) == []


def test_lazy_images_give_the_same_and_come_back(images, tmp_path, monkeypatch):
    monkeypatch.setattr(image_masks, "_IN_MEMORY_BYTES", 0)
    lazy = io.read_image_masks(tmp_path / "set")
    cut = pp.crops(lazy, 16)
    assert isinstance(cut.obsm[Obsm.TILES], np.ndarray)
    assert_same(cut, pp.crops(images, 16))
    io.write_h5ad(cut, tmp_path / "x.h5ad")
    assert_same(io.read_h5ad(tmp_path / "x.h5ad"), cut)


def test_the_object_is_not_changed(images):
    before = images.copy()
    pp.crops(images, 32)
    assert_same(images, before)


def test_small_images_are_named(images):
    with pytest.raises(DataError, match=r"2 are smaller: 'b \(32 x 48\)', 'c \(36 x 36\)'"):
        pp.crops(images, 40)


def test_what_is_needed(images):
    with pytest.raises(UsageError):
        pp.crops(images, 0)
    del images.obsm[Obsm.MASKS]
    with pytest.raises(MissingKeyError):
        pp.crops(images)


def test_phantom_crops():
    adata = datasets.phantom("nuclei", n_images=1, size_px=64)
    assert pp.crops(adata, 32).n_obs == 12
