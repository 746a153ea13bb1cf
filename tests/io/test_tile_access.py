"""io.tile_access: lazy tiles aligned to rows, at a stated resolution, one slide per section."""

from __future__ import annotations

import dask
import dask.array as da
import numpy as np
import pytest
import tifffile
from anndata import AnnData
from PIL import Image

import genviz.io.tile_access as module
from genviz._errors import DataError, MissingKeyError, UsageError
from genviz.io import concat_sections, read_st, tiles
from genviz.io.library import make_entry
from genviz.io.slides.slide import open_slide


def section(path, rgb, xy, mpp=0.5, name="S") -> AnnData:
    """Rows at given places of an image written as PNG or TIFF."""
    if path.suffix == ".tif":
        tifffile.imwrite(path, rgb, tile=(64, 64), photometric="rgb")
    else:
        Image.fromarray(rgb).save(path)
    adata = AnnData(np.zeros((len(xy), 0), np.float32))
    adata.obs["library_id"] = name
    adata.obsm["spatial"] = np.asarray(xy, float)
    adata.uns["spatial"] = {name: make_entry(mpp=mpp, spot_diameter_um=100.0, slide=open_slide(path))}
    return adata


@pytest.fixture
def rgb() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 250, (400, 500, 3), dtype=np.uint8)


@pytest.mark.parametrize("name", ["s.png", "s.tif"])
def test_native_tiles_are_crops_at_row_y_column_x(tmp_path, rgb, name):
    xy = np.array([[100.2, 50.0], [300.0, 350.4], [250.5, 200.5]])
    lazy = tiles(section(tmp_path / name, rgb, xy), 32)
    assert isinstance(lazy, da.Array)
    assert (lazy.shape, lazy.dtype) == ((3, 32, 32, 3), np.uint8)
    got = lazy.compute()
    for (x, y), tile in zip(xy, got, strict=True):
        left, top = int(np.floor(x - 16 + 0.5)), int(np.floor(y - 16 + 0.5))
        np.testing.assert_array_equal(tile, rgb[top : top + 32, left : left + 32])


def test_nothing_is_read_before_compute(tmp_path, rgb, monkeypatch):
    adata = section(tmp_path / "s.png", rgb, [[100, 100]])
    monkeypatch.setattr(module.Cutter, "cut", lambda *_: pytest.fail("read too early"))
    assert tiles(adata, 32).shape == (1, 32, 32, 3)


def test_rows_stay_aligned_under_slicing_and_any_block_size(tmp_path, rgb, monkeypatch):
    xy = np.random.default_rng(1).uniform(20, 380, (40, 2))
    adata = section(tmp_path / "s.png", rgb, xy)
    whole = tiles(adata, 16).compute()
    monkeypatch.setattr(module, "_BLOCK_BYTES", 16 * 16 * 3 * 7)
    assert tiles(adata, 16).numblocks[0] == 6
    order = np.random.default_rng(2).permutation(40)[:23]
    np.testing.assert_array_equal(tiles(adata[order], 16).compute(), whole[order])
    np.testing.assert_array_equal(tiles(adata, 16)[5:9].compute(), whole[5:9])


def test_coarser_tiles_are_area_means(tmp_path, rgb):
    adata = section(tmp_path / "s.png", rgb, [[200, 200]], mpp=0.5)
    got = tiles(adata, 20, mpp=2.0).compute()[0]
    expected = rgb[160:240, 160:240].reshape(20, 4, 20, 4, 3).mean((1, 3))
    np.testing.assert_allclose(got, np.rint(expected), atol=1)


def test_fractional_scales_keep_the_mean_and_the_place(tmp_path):
    x = np.rint(np.linspace(0, 250, 500))[None, :, None].repeat(400, 0).repeat(3, 2).astype(np.uint8)
    adata = section(tmp_path / "s.png", x, [[250, 200]], mpp=0.5)
    got = tiles(adata, 64, mpp=0.73).compute()[0, :, :, 0].astype(float)
    places = 250 + (np.arange(64) + 0.5 - 32) * 0.73 / 0.5
    np.testing.assert_allclose(
        got[10], np.interp(places, np.arange(500) + 0.5, np.linspace(0, 250, 500)), atol=1.0
    )


def test_finer_tiles_interpolate(tmp_path, rgb):
    adata = section(tmp_path / "s.png", rgb, [[200, 200]], mpp=0.5)
    got = tiles(adata, 64, mpp=0.25).compute()[0]
    np.testing.assert_allclose(
        got.reshape(32, 2, 32, 2, 3).mean((1, 3)).mean(), rgb[184:216, 184:216].mean(), atol=2
    )


def test_pyramid_levels_are_used_when_coarse_enough(tmp_path):
    rgb = np.repeat(
        np.repeat(np.random.default_rng(0).integers(0, 250, (50, 50, 3), dtype=np.uint8), 8, 0), 8, 1
    )
    adata = section(tmp_path / "s.png", rgb, [[200, 200]], mpp=0.25)
    read = []
    slide = open_slide(tmp_path / "s.png")
    original = slide.read
    slide.read = lambda *a, **k: read.append(a) or original(*a, **k)
    np.testing.assert_array_equal(tiles(adata, 10, mpp=2.0).compute()[0], rgb[160:240:8, 160:240:8])
    assert [call[4] for call in read] == [1]


def test_sections_of_different_scanners_cover_the_same_area(tmp_path):
    fine, coarse = (np.full((400, 400, 3), 255, np.uint8) for _ in range(2))
    fine[180:220, 180:220] = 0  # 40 px at 0.5 = 20 um
    coarse[190:210, 190:210] = 0  # 20 px at 1.0 = 20 um
    a = section(tmp_path / "a.png", fine, [[200, 200]], mpp=0.5, name="a")
    b = section(tmp_path / "b.png", coarse, [[200, 200]], mpp=1.0, name="b")
    got = tiles(concat_sections({"a": a, "b": b}), 40, mpp=1.0).compute()
    np.testing.assert_array_equal(got[0], got[1])
    assert (got[0][:, :, 0] == 0).sum() == 400


def test_outside_is_white(tmp_path, rgb):
    got = tiles(section(tmp_path / "s.png", rgb, [[0, 0]]), 32).compute()[0]
    assert (got[:16] == 255).all()
    np.testing.assert_array_equal(got[16:, 16:], rgb[:16, :16])


def test_tiles_can_be_cut_in_other_processes(tmp_path, rgb):
    adata = section(tmp_path / "s.tif", rgb, np.random.default_rng(0).uniform(50, 350, (12, 2)))
    lazy = tiles(adata, 16)
    with dask.config.set(scheduler="processes", num_workers=2):
        other = lazy.compute()
    np.testing.assert_array_equal(other, lazy.compute())


def test_stored_pixels_are_handed_out(rgb):
    adata = AnnData(np.zeros((5, 0), np.float32))
    adata.obsm["tiles"] = rgb[:50, :10].reshape(5, 10, 10, 3)
    np.testing.assert_array_equal(tiles(adata).compute(), adata.obsm["tiles"])
    with pytest.raises(UsageError, match="holds the pixels"):
        tiles(adata, 12)


def test_the_overview_stands_in_for_a_lost_slide(st_files):
    adata = read_st(None, st_files.spots, st_files.image, section="A1")
    expected = tiles(adata, 16, mpp=8.0).compute()
    st_files.image.unlink()
    with pytest.raises(DataError, match="source='hires'"):
        tiles(adata, 16, mpp=8.0)
    np.testing.assert_array_equal(tiles(adata, 16, mpp=8.0, source="hires").compute(), expected)
    del adata.uns["spatial"]["A1"]["images"]["hires"]
    with pytest.raises(MissingKeyError, match="image="):
        tiles(adata, 16, source="hires")


def test_what_is_missing_is_said(tmp_path, rgb):
    adata = section(tmp_path / "s.png", rgb, [[100, 100]])
    with pytest.raises(MissingKeyError, match=r"gv.pp.tile"):
        tiles(adata)
    with pytest.raises(UsageError, match="source"):
        tiles(adata, 16, source="lowres")
    del adata.uns["spatial"]["S"]["mpp"]
    assert tiles(adata, 16).shape == (1, 16, 16, 3)
    with pytest.raises(MissingKeyError, match="mpp"):
        tiles(adata, 16, mpp=1.0)


def test_no_rows_give_no_tiles(tmp_path, rgb):
    adata = section(tmp_path / "s.png", rgb, [[100, 100]])
    assert tiles(adata[:0], 16).compute().shape == (0, 16, 16, 3)
