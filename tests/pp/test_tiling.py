"""pp.tile: the recipe, and what it says about rows that lie wrong."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from PIL import Image

from genviz._errors import DataError, MissingKeyError, UsageError
from genviz._settings import settings
from genviz.io import concat_sections, open_slide, tiles
from genviz.io.library import make_entry
from genviz.pp.tiling import tile

MPP = 4.0


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "cache_dir", tmp_path / "cache")


def section(folder, name="S", mpp=MPP, seed=0) -> AnnData:
    """48 spots on a 200 um grid, on tissue in the upper right of a square slide."""
    grid = np.array([(x, y) for x in range(8, 16) for y in range(2, 8)])
    xy = grid * (200 / mpp) + 7.0
    side = int(17 * 200 / mpp)
    rgb = np.full((side, side, 3), 240, np.int16)
    x0, y0 = xy.min(0).astype(int) - 20
    x1, y1 = xy.max(0).astype(int) + 20
    rgb[y0:y1, x0:x1] = (170, 90, 160)
    rgb += np.random.default_rng(seed).integers(-8, 9, rgb.shape, dtype=np.int16)
    path = folder / f"{name}.png"
    Image.fromarray(rgb.astype(np.uint8)).save(path)
    obs = pd.DataFrame(
        {"library_id": pd.Categorical([name] * len(grid))}, index=[f"{x}x{y}" for x, y in grid]
    )
    obs["array_x"], obs["array_y"] = grid.T
    adata = AnnData(np.zeros((len(grid), 0), np.float32), obs=obs)
    adata.obsm["spatial"] = xy
    entry = make_entry(
        mpp=mpp, spot_diameter_um=100.0, pitch_um=200.0, grid_step_um=(200.0, 200.0), slide=open_slide(path)
    )
    adata.uns["spatial"] = {name: entry}
    return adata


def quietly(adata, *args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tile(adata, *args, **kwargs)


def test_the_recipe_is_one_json_string_and_tiles_follow_it(tmp_path):
    adata = section(tmp_path)
    quietly(adata, 24)
    assert json.loads(adata.uns["genviz"]["tiles"]) == {
        "size_px": 24,
        "mpp": None,
        "origin": "center",
        "format": 1,
    }
    assert tiles(adata).shape == (48, 24, 24, 3)
    quietly(adata, 32, mpp=8.0)
    assert tiles(adata).shape == (48, 32, 32, 3)
    np.testing.assert_array_equal(tiles(adata)[:2].compute(), tiles(adata, 32, 8.0)[:2].compute())
    assert tiles(adata, 16).shape == (48, 16, 16, 3)


def test_the_default_is_224_native_pixels(tmp_path):
    adata = section(tmp_path)
    quietly(adata)
    assert tiles(adata).shape[1:] == (224, 224, 3)


def test_swapped_positions_are_said_with_both_shares(tmp_path):
    adata = section(tmp_path)
    adata.obsm["spatial"] = adata.obsm["spatial"][:, ::-1].copy()
    with pytest.warns(
        UserWarning, match=r"look swapped: \d+% .* as given, 100% with x and y exchanged"
    ) as caught:
        tile(adata)
    assert caught[0].filename == __file__


def test_wrong_resolution_is_said(tmp_path):
    adata = section(tmp_path)
    adata.uns["spatial"]["S"]["mpp"] = 0.5
    with pytest.warns(UserWarning, match="Stated resolution of 0.5 um/px.* says 4 um/px"):
        tile(adata)


def test_positions_in_other_pixels_are_refused(tmp_path):
    adata = section(tmp_path)
    adata.obsm["spatial"] = adata.obsm["spatial"] * 4
    with pytest.raises(DataError, match="full-resolution image"):
        tile(adata)
    assert "tiles" not in adata.uns.get("genviz", {})


def test_checks_can_be_left_out(tmp_path):
    adata = section(tmp_path)
    adata.obsm["spatial"] = adata.obsm["spatial"] * 4
    quietly(adata, check=False)
    assert (tiles(adata, 8).compute()[-1] == 255).all()


def test_sections_scanned_differently_are_said_unless_mpp_is_stated(tmp_path):
    joined = concat_sections({"a": section(tmp_path, "a", 4.0), "b": section(tmp_path, "b", 5.0)})
    with pytest.warns(UserWarning, match="4 to 5 um/px"):
        tile(joined, 32)
    quietly(joined, 32, mpp=5.0)


def test_what_is_missing_is_said(tmp_path):
    adata = section(tmp_path)
    with pytest.raises(UsageError, match="size_px"):
        tile(adata, 0)
    without = adata.copy()
    del without.obsm["spatial"]
    with pytest.raises(MissingKeyError, match="spatial"):
        tile(without)
    stored = adata.copy()
    stored.obsm["tiles"] = np.zeros((48, 4, 4, 3), np.uint8)
    with pytest.raises(UsageError, match="stored pixels"):
        tile(stored)
    (tmp_path / "S.png").unlink()
    with pytest.raises(DataError, match="GENVIZ_DATA"):
        tile(adata)
    with pytest.raises(DataError, match="there are none"):
        tile(adata[:0].copy())
