"""pp.slide_tiles: a grid at a stated resolution, tissue but no glass and no pen."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageDraw

from genviz import datasets, io, pp, tiles
from genviz._errors import DataError, UsageError
from genviz._settings import settings
from genviz.core.geometry import fit_grid
from genviz.datasets.synthetic.bulk_tiles import draw_colour, paint_tile
from genviz.io.tile_recipe import read_recipe
from genviz.pp.slide_mask import pen_mask

MPP = 1.0
GLASS = (243, 240, 243)
INKS = {"green": (20, 140, 60), "blue": (40, 70, 190), "red": (225, 25, 40), "black": (25, 25, 30)}


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "cache_dir", tmp_path / "cache")


def tissue(side: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return paint_tile(rng, np.array([0.4, 0.35, 0.2, 0.05]), draw_colour(rng), side, MPP)


def slide(
    folder, *, draw=lambda picture: None, name="TCGA-AA-0001-01Z-00-DX1.abc.ome.tif", mpp=MPP, glass=GLASS
):
    """1,200 x 900 pixels of glass with a piece of tissue of 640 x 640 at (192, 128)."""
    rgb = np.empty((900, 1200, 3), np.uint8)
    rgb[:] = glass
    rgb[128:768, 192:832] = tissue(640)
    picture = Image.fromarray(rgb)
    draw(ImageDraw.Draw(picture))
    path = folder / name
    facts = {"axes": "YXS", "PhysicalSizeX": mpp, "PhysicalSizeXUnit": "µm"} if mpp else {"axes": "YXS"}
    tifffile.imwrite(path, np.asarray(picture), ome=True, tile=(256, 256), photometric="rgb", metadata=facts)
    return path


def test_the_grid_covers_the_tissue_and_nothing_else(tmp_path):
    adata = pp.slide_tiles(slide(tmp_path), 64, 1.0)
    assert set(adata.obs_names) == {f"{x}x{y}" for x in range(3, 13) for y in range(2, 12)}
    np.testing.assert_array_equal(adata.obsm["spatial"], (adata.obs[["array_x", "array_y"]] + 0.5) * 64)
    assert set(adata.obs["library_id"]) == {"TCGA-AA-0001-01Z-00-DX1"} and adata.obs["tissue"].min() > 0.75
    assert (read_recipe(adata).size_px, read_recipe(adata).mpp) == (64, 1.0)
    cut = tiles(adata)
    assert cut.shape == (100, 64, 64, 3)
    at = list(adata.obs_names).index("5x4")
    np.testing.assert_array_equal(np.asarray(cut[at]), tissue(640)[128:192, 128:192])


def test_tiles_of_a_coarser_resolution_cover_more(tmp_path):
    path = slide(tmp_path)
    coarse = pp.slide_tiles(path, 64, 2.0)
    assert 16 <= coarse.n_obs <= 36
    assert fit_grid(
        coarse.obsm["spatial"], coarse.obs[["array_x", "array_y"]].to_numpy(float)
    ).px_per_step == pytest.approx(128)
    assert tiles(coarse).shape[1:] == (64, 64, 3)
    uneven = pp.slide_tiles(path, 64, 1.3)
    assert fit_grid(
        uneven.obsm["spatial"], uneven.obs[["array_x", "array_y"]].to_numpy(float)
    ).px_per_step == pytest.approx(83.2)
    assert [f for f in io.contract_report(uneven) if f.level != "note"] == []


def test_written_and_read_it_cuts_the_same(tmp_path):
    adata = pp.slide_tiles(slide(tmp_path), 64, 1.0, overview=False)
    assert adata.uns["spatial"]["TCGA-AA-0001-01Z-00-DX1"]["images"] == {}
    again = io.read_h5ad(io.write_h5ad(adata, tmp_path / "t.h5ad"))
    np.testing.assert_array_equal(np.asarray(tiles(again)[:3]), np.asarray(tiles(adata)[:3]))


@pytest.mark.parametrize("ink", list(INKS))
def test_pen_is_left_out_on_tissue_and_on_glass(tmp_path, ink):
    def draw(picture):
        picture.line([(230, 180), (800, 180)], fill=INKS[ink], width=14)  # over the second row of tissue
        picture.line([(950, 100), (950, 800)], fill=INKS[ink], width=14)  # beside it

    adata = pp.slide_tiles(slide(tmp_path, draw=draw), 64, 1.0)
    kept = set(adata.obs_names)
    assert not kept & {f"{x}x2" for x in range(4, 12)}
    assert {f"{x}x{y}" for x in range(3, 13) for y in range(4, 12)} <= kept
    assert not [name for name in kept if name.startswith("14x")]
    assert json.loads(adata.uns["genviz"]["reader"])["TCGA-AA-0001-01Z-00-DX1"]["n_tiles_with_pen"] >= 8


def test_no_pen_is_seen_in_tissue():
    for seed in range(6):
        rng = np.random.default_rng(seed)
        areas = rng.dirichlet(np.ones(4))
        rgb = paint_tile(rng, areas, draw_colour(rng), 256, 1.0)
        small = np.asarray(Image.fromarray(rgb).resize((32, 32), Image.Resampling.BOX))
        assert pen_mask(small).mean() == 0


def test_no_pen_is_seen_in_real_tissue_and_spots_lie_on_it(her2st_dir):
    path = her2st_dir / "ST-imgs" / "C" / "C3" / "5714_HE_BT_D1.jpg"
    files = [path] if path.exists() else sorted(her2st_dir.rglob("*_D1.jpg"))
    adata = pp.slide_tiles(files[0], 128, 1.38, slide_mpp=0.69, library="C3")
    record = json.loads(adata.uns["genviz"]["reader"])["C3"]
    assert record["n_tiles_with_pen"] == 0  # and its glass is pink
    spots = io.read_st(None, her2st_dir / "ST-spotfiles" / "C3_selection.tsv", section="C3").obsm["spatial"]
    extent = 128 * 1.38 / 0.69
    cells = {f"{x}x{y}" for x, y in (spots // extent).astype(int)}
    assert len(cells & set(adata.obs_names)) > 0.85 * len(cells)
    assert adata.n_obs < 1.6 * len(
        cells
    )  # most of the slide is glass, some of it pink with eosin that has run


def test_a_slide_full_of_tissue_is_kept_whole(tmp_path):
    Image.fromarray(tissue(512)).save(tmp_path / "full.png")
    assert pp.slide_tiles(tmp_path / "full.png", 64, 1.0, slide_mpp=1.0).n_obs == 64


def test_some_tiles_at_random_by_the_name_of_the_slide(tmp_path):
    path = slide(tmp_path)
    some = [list(pp.slide_tiles(path, 64, 1.0, n_tiles=10, seed=s, library=name).obs_names) for s, name in
            ((0, "a"), (0, "a"), (1, "a"), (0, "b"))]  # fmt: skip
    assert len(some[0]) == 10 and some[0] == some[1] and some[0] != some[2] and some[0] != some[3]
    assert pp.slide_tiles(path, 64, 1.0, n_tiles=1000).n_obs == 100


def test_tissue_below_the_share_is_left_out(tmp_path):
    path = slide(tmp_path)
    all_of_it, half, any_of_it = (pp.slide_tiles(path, 96, 1.0, min_tissue=m).n_obs for m in (0.95, 0.5, 0.0))
    assert all_of_it < half < any_of_it < 12 * 9


# ---- broken input ----


def test_resolutions_that_cannot_be(tmp_path):
    path = slide(tmp_path)
    with pytest.raises(UsageError, match=r"as coarse as the slide or coarser \(1 um/px\); got mpp = 0.5"):
        pp.slide_tiles(path, 64, 0.5)
    assert pp.slide_tiles(path, 64, 0.95).n_obs  # scanners say 0.2462 for 0.25
    with pytest.warns(UserWarning, match=r"Stated resolution of 0.5 um/px.* says 1 um/px"):
        pp.slide_tiles(path, 64, 1.0, slide_mpp=0.5)
    with pytest.raises(UsageError, match="State slide_mpp="):
        pp.slide_tiles(slide(tmp_path, name="plain.ome.tif", mpp=None), 64, 1.0)


@pytest.mark.parametrize("wrong", [{"min_tissue": 1.5}, {"n_tiles": 0}, {"slide_mpp": -1.0}, {"size_px": 0}])
def test_options_that_cannot_be(tmp_path, wrong):
    with pytest.raises(UsageError, match=f"^Expected {next(iter(wrong))} "):
        pp.slide_tiles(slide(tmp_path), **{"size_px": 64, "mpp": 1.0, **wrong})


def test_slides_without_tissue_or_too_small(tmp_path):
    noise = np.random.default_rng(0).normal(scale=2, size=(300, 300, 3))
    Image.fromarray(np.clip(np.array(GLASS) + noise, 0, 255).astype(np.uint8)).save(tmp_path / "glass.png")
    with pytest.raises(DataError, match=r"none of 16 tiles of glass\.png, 64 um wide"):
        pp.slide_tiles(tmp_path / "glass.png", 64, 1.0, slide_mpp=1.0)
    with pytest.raises(DataError, match="larger than a tile"):
        pp.slide_tiles(tmp_path / "glass.png", 512, 1.0, slide_mpp=1.0)
    with pytest.raises(UsageError, match="nothing is there"):
        pp.slide_tiles(tmp_path / "none.svs")


def test_synthetic_sections_are_parted_too(tmp_path):
    section = datasets.phantom(
        "spatial", n_sections=1, grid=(8, 7), n_genes=8, mpp=4.0, image_folder=tmp_path
    )
    (path,) = tmp_path.glob("*.ome.tif")
    found = pp.slide_tiles(path, 25, 4.0, min_tissue=0.3)
    spots = {tuple(c) for c in (section.obsm["spatial"] // 25).astype(int)}
    kept = {tuple(c) for c in found.obs[["array_x", "array_y"]].to_numpy()}
    assert len(spots & kept) > 0.8 * len(spots)
