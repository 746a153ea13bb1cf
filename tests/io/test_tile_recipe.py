"""io.tile_recipe: one JSON string, refused when it is not one."""

from __future__ import annotations

import json

import numpy as np
import pytest
from anndata import AnnData

from genviz._errors import DataError, UsageError
from genviz.io.tile_recipe import TileRecipe, read_recipe, write_recipe


def test_round_trip():
    adata = AnnData(np.zeros((1, 1), np.float32))
    assert read_recipe(adata) is None
    for recipe in (TileRecipe(224), TileRecipe(np.int64(96), 0.5)):
        write_recipe(adata, recipe)
        assert isinstance(adata.uns["genviz"]["tiles"], str)
        assert read_recipe(adata) == recipe


@pytest.mark.parametrize("size", [0, -5, 10.5, True, 10_000])
def test_sizes_that_cannot_be(size):
    with pytest.raises(
        UsageError, match=f"size_px to be a whole number of pixels from 1 to 8192; got {size}"
    ):
        TileRecipe(size)


@pytest.mark.parametrize("mpp", [0.0, -0.5, float("nan")])
def test_resolutions_that_cannot_be(mpp):
    with pytest.raises(UsageError, match=f"mpp above 0 micrometres per pixel; got {mpp}"):
        TileRecipe(224, mpp)


@pytest.mark.parametrize("text", ["{", "[]", '{"size": 3}', '{"size_px": 0}', "3"])
def test_a_damaged_entry_says_what_to_run(text):
    adata = AnnData(np.zeros((1, 1), np.float32), uns={"genviz": {"tiles": text}})
    with pytest.raises(DataError, match=r"Run gv.pp.tile"):
        read_recipe(adata)


def test_a_newer_format_asks_for_an_update():
    adata = AnnData(np.zeros((1, 1), np.float32))
    adata.uns["genviz"] = {"tiles": json.dumps({"size_px": 8, "format": 99})}
    with pytest.raises(DataError, match="Update genviz"):
        read_recipe(adata)


def test_extent():
    assert TileRecipe(224).extent_px(0.7) == 224
    assert TileRecipe(224, 0.5).extent_px(0.25) == 448
