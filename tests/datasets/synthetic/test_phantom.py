"""The phantom as a data set: the contract, equal every time, kept and found again."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from scipy import sparse

from genviz import datasets, io, pp
from genviz._errors import GenvizError, UsageError
from genviz._keys import Layers, Obs, Obsm, Uns, Varm
from genviz._settings import settings
from genviz.io.files.atomic import atomic_write_h5ad
from genviz.io.spots.placement import check_section
from tests.io.conftest import assert_same

SIZE = {"n_sections": 2, "grid": (6, 5), "n_genes": 16, "mpp": 2.0}


@pytest.fixture(scope="module")
def adata():
    return datasets.phantom("spatial", **SIZE)


def test_rows_are_named_by_place_and_section(adata):
    expected = [
        f"{library}_{x}x{y}"
        for library, x, y in zip(
            adata.obs[Obs.LIBRARY], adata.obs[Obs.ARRAY_X], adata.obs[Obs.ARRAY_Y], strict=True
        )
    ]
    assert list(adata.obs_names) == expected
    assert list(adata.obs[Obs.LIBRARY].cat.categories) == ["P1", "P2"]
    assert adata.obs[Obs.ARRAY_X].between(1, 6).all() and adata.obs[Obs.ARRAY_Y].between(1, 5).all()
    assert (adata.obs[Obs.PATIENT] == adata.obs[Obs.LIBRARY]).all()


def test_counts_are_raw(adata):
    assert sparse.isspmatrix_csr(adata.X) and adata.X.dtype == np.float32
    assert (adata.X.data == np.round(adata.X.data)).all() and adata.X.data.min() >= 0
    assert adata.shape == (adata.n_obs, 16) and adata.var_names.is_unique


def test_follows_the_contract(adata):
    assert io.contract_report(adata) == []
    for library in ("P1", "P2"):
        assert check_section(adata, library, io.slide_of(adata, library)) == []


def test_slides_are_tiled_and_know_their_resolution(adata):
    slide = io.slide_of(adata, "P1")
    assert (slide.width, slide.height, slide.mpp) == (600, 500, 2.0)
    with tifffile.TiffFile(slide.path) as file:
        assert file.pages.first.is_tiled and file.is_ome
    entry = adata.uns[Uns.SPATIAL]["P1"]
    assert entry[Uns.SCALEFACTORS][Uns.SPOT_DIAMETER] == 50.0
    assert entry[Uns.METADATA][Uns.SOURCE_SHA256] == slide.sha256


def test_tiles_are_cut_around_the_spots(adata):
    rows = adata.copy()
    pp.tile(rows, size_px=32)
    tiles_NHW3 = io.tiles(rows)
    assert tiles_NHW3.shape == (rows.n_obs, 32, 32, 3)
    x, y = np.round(rows.obsm[Obsm.SPATIAL][0] - 16).astype(int)
    expected = io.slide_of(rows, "P1").read(int(x), int(y), 32, 32)
    difference = tiles_NHW3[0].compute().astype(int) - expected
    assert np.abs(difference).mean() < 25  # half a pixel of rounding is allowed


def test_spots_lie_on_tissue_only(adata):
    area = adata.obsm[Obsm.PHANTOM_PROGRAMMES].sum(axis=1)
    assert (area >= 0.5).all() and (area <= 1 + 1e-9).all()
    assert adata.n_obs < 2 * 6 * 5


def test_one_section_keeps_its_names_and_values(adata):
    one = datasets.phantom("spatial", **SIZE | {"n_sections": 1})
    first = adata[adata.obs[Obs.LIBRARY] == "P1"]
    assert ["P1_" + name for name in one.obs_names] == list(first.obs_names)
    np.testing.assert_array_equal(one.X.toarray(), first.X.toarray())
    np.testing.assert_array_equal(one.varm[Varm.PHANTOM_LOADINGS], first.varm[Varm.PHANTOM_LOADINGS])


def test_equal_for_a_seed_to_the_last_byte(adata, tmp_path):
    again = [datasets.phantom(**SIZE, image_folder=tmp_path / name) for name in ("a", "b")]
    for library in ("P1", "P2"):
        checksums = {io.slide_of(rows, library).sha256 for rows in (adata, *again)}
        assert len(checksums) == 1
    for rows in again:
        for entry in rows.uns[Uns.SPATIAL].values():
            entry[Uns.METADATA].pop(Uns.SOURCE_IMAGE)
    assert_same(*again)


def test_another_seed_is_another_phantom(adata):
    other = datasets.phantom("spatial", **SIZE, seed=1)
    assert io.slide_of(other, "P1").sha256 != io.slide_of(adata, "P1").sha256
    assert not np.array_equal(other.varm[Varm.PHANTOM_LOADINGS], adata.varm[Varm.PHANTOM_LOADINGS])
    assert not np.array_equal(other.X[:5].toarray(), adata.X[:5].toarray())


def test_sections_differ(adata):
    first, second = (io.slide_of(adata, library).thumbnail(200)[0] for library in ("P1", "P2"))
    assert np.abs(first.astype(int) - second).mean() > 10


def test_slides_are_painted_once(tmp_path):
    size = SIZE | {"n_sections": 1, "image_folder": tmp_path}
    first = datasets.phantom(**size)
    (file,) = tmp_path.iterdir()
    painted = file.stat().st_mtime_ns
    assert_same(datasets.phantom(**size), first)
    assert file.stat().st_mtime_ns == painted


def test_a_cut_slide_is_painted_again(tmp_path):
    size = SIZE | {"n_sections": 1, "image_folder": tmp_path}
    first = datasets.phantom(**size)
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    again = datasets.phantom(**size)
    assert file.read_bytes() == whole
    assert_same(again, first)


def test_a_folder_that_cannot_be_written_is_explained(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(
        UsageError, match=r"a folder at .*file to write phantom_P1\w+.ome.tif in; it is a file"
    ):
        datasets.phantom(**SIZE | {"n_sections": 1}, image_folder=tmp_path / "file")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a place where no folder can be made")
def test_a_cache_that_cannot_be_made_is_explained(monkeypatch):
    monkeypatch.setattr(settings, "cache_dir", Path("/proc/nocache"))
    with pytest.raises(GenvizError, match=r"allowed to write /proc/nocache.*Set GENVIZ_CACHE to a folder"):
        datasets.phantom("spatial", **SIZE)


def test_says_that_it_is_synthetic(adata):
    facts = json.loads(adata.uns[Uns.GENVIZ][Uns.SYNTHETIC])
    assert facts["synthetic"] is True and facts["made_by"] == "synthetic: genviz phantom"
    assert facts["programmes"] == ["tumour", "stroma", "lymphoid", "adipose"]
    with tifffile.TiffFile(io.slide_of(adata, "P2").path) as file:
        assert "synthetic: genviz phantom" in file.pages.first.software
        assert "synthetic: genviz phantom" in file.ome_metadata


@pytest.mark.parametrize("write", [io.write_h5ad, atomic_write_h5ad])
def test_written_and_read_it_is_equal(adata, tmp_path, write):
    write(adata, tmp_path / "phantom.h5ad")
    again = io.read_h5ad(tmp_path / "phantom.h5ad")
    assert_same(again, adata)
    assert io.slide_of(again, "P1").sha256 == io.slide_of(adata, "P1").sha256


def test_rates_stay_with_their_genes(adata):
    picked = adata[:, list(adata.var_names[[7, 2]])]
    np.testing.assert_array_equal(
        picked.layers[Layers.PHANTOM_RATE], adata.layers[Layers.PHANTOM_RATE][:, [7, 2]]
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "cells"}, "got 'cells'. There is now: spatial"),
        ({"n_sections": 0}, "at least one section"),
        ({"grid": (3, 13)}, "grid="),
        ({"grid": (14,)}, "grid="),
        ({"n_genes": 3}, "n_genes"),
        ({"mpp": 0.0}, "mpp between"),
        ({"mpp": float("nan")}, "mpp between"),
    ],
)
def test_what_cannot_be_meant_is_refused(changes, message):
    with pytest.raises(UsageError, match=message.replace("(", r"\(")):
        datasets.phantom(**SIZE | changes)
