"""Bulk phantom: counts and tiles show one programme, colours are of the slide alone."""

from __future__ import annotations

import json

import numpy as np
import pytest

from genviz import datasets, io, tiles
from genviz._errors import UsageError
from genviz._keys import Layers, Obs, Obsm, Uns, Varm
from genviz.io.library import is_synthetic
from genviz.io.tile_recipe import read_recipe
from tests.io.conftest import assert_same

SIZE = {"n_genes": 24, "size_px": 64, "mpp": 1.4}


@pytest.fixture(scope="module")
def adata():
    return datasets.phantom("bulk", n_profiles=90, **SIZE)


def test_rows(adata, tmp_path):
    assert adata.shape == (90, 24) and list(adata.obs_names[:2]) == ["B1", "B2"]
    assert adata.obsm[Obsm.TILES].shape == (90, 64, 64, 3) and tiles(adata).shape == (90, 64, 64, 3)
    assert is_synthetic(adata) and json.loads(adata.uns[Uns.GENVIZ][Uns.SYNTHETIC])["kind"] == "bulk"
    assert read_recipe(adata).mpp == 1.4 and set(adata.obs[Obs.PROJECT]) == {"X-TUM", "X-STR", "X-LYM"}
    assert [f for f in io.contract_report(adata) if f.level != "note"] == []
    io.write_h5ad(adata, tmp_path / "x.h5ad")
    assert_same(io.read_h5ad(tmp_path / "x.h5ad"), adata)


def test_tiles_of_a_profile_repeat_it():
    three = datasets.phantom("bulk", n_profiles=2, tiles_per_profile=3, **SIZE)
    assert list(three.obs_names) == ["B1#0", "B1#1", "B1#2", "B2#0", "B2#1", "B2#2"]
    assert (
        list(three.obs[Obs.SOURCE]) == ["B1"] * 3 + ["B2"] * 3 and list(three.obs[Obs.DRAW]) == [0, 1, 2] * 2
    )
    np.testing.assert_array_equal(three.X[0].toarray(), three.X[2].toarray())
    assert (three.obsm[Obsm.TILES][0] != three.obsm[Obsm.TILES][1]).any()


def test_a_profile_does_not_depend_on_the_others(adata):
    few = datasets.phantom("bulk", n_profiles=2, **SIZE)
    for slot in (few.X, few.layers[Layers.TPM]):
        whole = adata.X if slot is few.X else adata.layers[Layers.TPM]
        np.testing.assert_array_equal(slot.toarray(), whole[:2].toarray())
    for key in (Obsm.TILES, Obsm.PHANTOM_PROGRAMMES, Obsm.PHANTOM_COLOUR):
        np.testing.assert_array_equal(few.obsm[key], adata.obsm[key][:2])
    other = datasets.phantom("bulk", n_profiles=2, seed=1, **SIZE)
    assert (other.X.toarray() != few.X.toarray()).any()


def test_counts_follow_the_programmes(adata):
    areas, loadings = adata.obsm[Obsm.PHANTOM_PROGRAMMES], adata.varm[Varm.PHANTOM_LOADINGS]
    np.testing.assert_allclose(areas.sum(1), 1)
    mixed = areas @ loadings.T
    expected = mixed / mixed.sum(1, keepdims=True) * adata.obs[Obs.PHANTOM_DEPTH].to_numpy()[:, None]
    np.testing.assert_allclose(adata.layers[Layers.PHANTOM_RATE], expected)
    counts = adata.layers[Layers.COUNTS].toarray()
    assert np.corrcoef(np.log1p(counts).ravel(), np.log1p(expected).ravel())[0, 1] > 0.9
    np.testing.assert_allclose(adata.layers[Layers.TPM].sum(1), 1e6, rtol=1e-5)
    shares = counts / counts.sum(1, keepdims=True)
    assert explained(shares, areas) > 0.8


def test_tiles_show_the_programmes_and_the_colours(adata):
    looks = statistics(adata.obsm[Obsm.TILES])
    assert explained(looks, adata.obsm[Obsm.PHANTOM_PROGRAMMES]) > 0.5
    assert explained(looks, adata.obsm[Obsm.PHANTOM_COLOUR]) > 0.5


def test_colours_are_independent_of_the_programmes(adata):
    areas, colour = adata.obsm[Obsm.PHANTOM_PROGRAMMES], adata.obsm[Obsm.PHANTOM_COLOUR]
    both = np.corrcoef(areas[:, :3].T, colour.T)[:3, 3:]
    assert np.abs(both).max() < 4 / np.sqrt(len(areas))
    assert colour.std(0) == pytest.approx([0.25, 0.25], rel=0.3)


def test_nuclei_are_more_where_lymphocytes_are(adata):
    areas = adata.obsm[Obsm.PHANTOM_PROGRAMMES]
    dark = (adata.obsm[Obsm.TILES][..., 0] < 110).mean((1, 2))
    assert np.corrcoef(dark, areas[:, 2] + areas[:, 0])[0, 1] > 0.6


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"n_profiles": 0}, "n_profiles=0"),
        ({"tiles_per_profile": 0}, "tiles_per_profile=0"),
        ({"size_px": 8}, "size_px of 32 or more; got 8"),
        ({"n_genes": 2}, "n_genes of 4 or more; got 2"),
    ],
)
def test_what_is_refused(wrong, said):
    with pytest.raises(UsageError, match=said):
        datasets.phantom("bulk", **{"n_profiles": 2, **wrong})


def statistics(pixels: np.ndarray) -> np.ndarray:
    """Colour moments and texture of tiles."""
    x = pixels.astype(float)
    grey = x.mean(-1)
    steps = [np.abs(np.diff(grey, axis=axis)).mean((1, 2)) for axis in (1, 2)]
    quantiles = (
        np.quantile(x, [0.02, 0.1, 0.25, 0.5, 0.75, 0.9], axis=(1, 2)).transpose(1, 0, 2).reshape(len(x), -1)
    )
    white, dark = (grey > 215).mean((1, 2)), (x[..., 0] < 110).mean((1, 2))
    pink = (x[..., 0] - x[..., 1] > 60).mean((1, 2))
    return np.c_[np.log(quantiles + 1), white, dark, pink, *steps]


def explained(inputs: np.ndarray, truth: np.ndarray) -> float:
    """Least share of variance that ridge explains on the second half, over columns."""
    half = len(inputs) // 2
    x = (inputs - inputs[:half].mean(0)) / (inputs[:half].std(0) + 1e-9)
    centre = truth[:half].mean(0)
    gram = x[:half].T @ x[:half] + 3 * np.eye(x.shape[1])
    found = x[half:] @ np.linalg.solve(gram, x[:half].T @ (truth[:half] - centre)) + centre
    return float((1 - ((found - truth[half:]) ** 2).sum(0) / ((truth[half:] - centre) ** 2).sum(0)).min())
