"""Tiles of another resolution than the model's are refused."""

from __future__ import annotations

import numpy as np
import pytest
from anndata import AnnData

from genviz._errors import DataError
from genviz.io.library import make_entry
from genviz.io.tile_recipe import TileRecipe, write_recipe
from genviz.models.genevar.tile_resolution import check_tile_resolution, tile_mpp


def rows(mpp: float | None, native: float = 0.5) -> AnnData:
    adata = AnnData(np.zeros((2, 1)))
    adata.obsm["spatial"] = np.zeros((2, 2))
    adata.uns["spatial"] = {"C2": make_entry(mpp=native, spot_diameter_um=100.0)}
    write_recipe(adata, TileRecipe(64, mpp))
    return adata


def test_the_recipe_or_the_slide_says_it():
    assert tile_mpp(rows(1.4)) == {"": 1.4} and tile_mpp(rows(None)) == {"C2": 0.5}
    assert tile_mpp(AnnData(np.zeros((1, 1)))) == {}


def test_other_resolutions_are_refused():
    check_tile_resolution(rows(1.4), 1.38)
    check_tile_resolution(rows(None), None)
    with pytest.raises(DataError, match=r"1.38 um/px.*got 0.5 um/px in 'C2'.*gv.pp.tile\(adata, mpp=1.38\)"):
        check_tile_resolution(rows(None), 1.38)
    with pytest.raises(DataError, match=r"got 0\.7 um/px\. Cells"):
        check_tile_resolution(rows(0.7), 1.38)
