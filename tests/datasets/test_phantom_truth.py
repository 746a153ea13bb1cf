"""The phantom's truth: counts follow it as documented, pixels show it, and a model can learn it."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from genviz import datasets, io
from genviz._keys import Layers, Obs, Obsm, Var, Varm
from genviz.core.gene_tree_fit import fit_gene_tree
from genviz.core.keyed import row_generator
from genviz.core.statistics import pearson_columns
from genviz.datasets.synthetic.image import draw_stain
from genviz.features import MorphologyEncoder, fit_normaliser
from genviz.features.optical_density import optical_density
from genviz.pp.stain_pixels import stain_pixels

TUMOUR, STROMA, LYMPHOID, ADIPOSE = range(4)


@pytest.fixture(scope="module")
def truth():
    """Many spots, coarse pixels."""
    return datasets.phantom("spatial", n_sections=3, n_genes=64, mpp=2.0)


@pytest.fixture(scope="module")
def sharp():
    """Few spots, at the resolution that features are measured at."""
    return datasets.phantom("spatial", n_sections=4, grid=(6, 6))


def test_rates_follow_from_programmes_loadings_and_depth(truth):
    mixed_NG = truth.obsm[Obsm.PHANTOM_PROGRAMMES] @ truth.varm[Varm.PHANTOM_LOADINGS].T
    depth_N = truth.obs[Obs.PHANTOM_DEPTH].to_numpy()
    expected_NG = mixed_NG / mixed_NG.sum(axis=1, keepdims=True) * depth_N[:, None]
    np.testing.assert_allclose(truth.layers[Layers.PHANTOM_RATE], expected_NG, rtol=1e-10)
    np.testing.assert_allclose(truth.layers[Layers.PHANTOM_RATE].sum(axis=1), depth_N)


def test_counts_scatter_round_their_rates_as_gamma_poisson(truth):
    rate_NG = truth.layers[Layers.PHANTOM_RATE]
    dispersion_G = truth.var[Var.PHANTOM_DISPERSION].to_numpy()
    z_NG = (truth.X.toarray() - rate_NG) / np.sqrt(rate_NG + dispersion_G * rate_NG**2)
    assert abs(z_NG.mean()) < 0.03
    assert 0.93 < z_NG.var() < 1.07
    # Spots are independent given their rates: no common factor is left in a row.
    assert 0.7 < z_NG.mean(axis=1).var() * truth.n_vars < 1.3


def test_depth_follows_the_nuclei(truth):
    ratio = truth.obs[Obs.PHANTOM_DEPTH] / (truth.obs[Obs.PHANTOM_NUCLEI] + 3)
    assert 0.21 < np.log(ratio).std() < 0.29
    by_label = truth.obs.groupby(Obs.LABEL, observed=True)[Obs.PHANTOM_DEPTH].mean()
    assert by_label["lymphoid"] > by_label["tumour"] > by_label["stroma"] > by_label["adipose"]


def test_each_gene_belongs_mainly_to_one_programme(truth):
    loadings_GK = truth.varm[Varm.PHANTOM_LOADINGS]
    main = truth.var[Var.PHANTOM_PROGRAMME].cat.codes.to_numpy()
    share = loadings_GK / loadings_GK.sum(axis=1, keepdims=True)
    assert (share.argmax(axis=1) == main).all() and share.max(axis=1).min() > 0.5
    assert set(main) == {TUMOUR, STROMA, LYMPHOID, ADIPOSE}


def test_genes_go_together_by_module_then_by_programme(truth):
    rate_NG = truth.layers[Layers.PHANTOM_RATE]
    together_GG = np.corrcoef(np.log(rate_NG / rate_NG.sum(axis=1, keepdims=True)).T)
    module, programme = (truth.var[key].to_numpy() for key in (Var.PHANTOM_MODULE, Var.PHANTOM_PROGRAMME))
    same_module, same_programme = module[:, None] == module, programme[:, None] == programme
    other = ~np.eye(truth.n_vars, dtype=bool)
    means = [
        together_GG[pairs & other].mean()
        for pairs in (same_module, same_programme & ~same_module, ~same_programme)
    ]
    assert means[0] > means[1] + 0.05 > means[2] + 0.5


@pytest.mark.parametrize(
    ("scale", "key", "at_random"), [(1, Var.PHANTOM_PROGRAMME, 0.39), (2, Var.PHANTOM_MODULE, 0.33)]
)
def test_a_gene_tree_fitted_to_counts_finds_programmes_and_modules(truth, scale, key, at_random):
    tree = fit_gene_tree(truth.X.toarray(), list(truth.var_names), scales=(1, 4, 8, 64))
    true = truth.var[key].cat.codes.to_numpy()
    groups = tree.groups[:, scale]
    pure = sum(np.bincount(true[groups == group]).max() for group in range(tree.scales[scale]))
    assert pure / truth.n_vars > 0.9 > at_random + 0.5


def test_pixels_show_the_compartments(sharp):
    """Fat is white, lymphocytes and tumour are blue, stroma is pink: in the disc of each spot."""
    light, blue, area_NK = [], [], sharp.obsm[Obsm.PHANTOM_PROGRAMMES]
    row, column = np.mgrid[-71:72, -71:72]
    disc = row**2 + column**2 <= (50 / 0.7) ** 2
    for library, (x, y) in zip(sharp.obs[Obs.LIBRARY], sharp.obsm[Obsm.SPATIAL].astype(int), strict=True):
        density = optical_density(io.slide_of(sharp, library).read(int(x) - 71, int(y) - 71, 143, 143)[disc])
        light.append((density.sum(axis=1) < 0.35).mean())
        blue.append(density[:, 0].mean() / density[:, 1].mean())
    assert np.corrcoef(light, area_NK[:, ADIPOSE])[0, 1] > 0.9
    nuclear = area_NK[:, TUMOUR] + area_NK[:, LYMPHOID]
    assert np.corrcoef(blue, nuclear)[0, 1] > 0.8


def test_the_tissue_is_the_same_at_every_resolution(sharp):
    coarse = datasets.phantom("spatial", n_sections=4, grid=(6, 6), mpp=1.4)
    common = sharp.obs_names.intersection(coarse.obs_names)
    assert len(common) > 0.9 * sharp.n_obs
    a, b = (rows[common].obsm[Obsm.PHANTOM_PROGRAMMES] for rows in (sharp, coarse))
    assert np.abs(a - b).max() < 0.02


def test_macenko_finds_the_stains_that_were_painted(sharp):
    for library in ("P1", "P2"):
        painted = draw_stain(row_generator(0, library, "", "phantom looks")).basis
        found = fit_normaliser("macenko", stain_pixels(io.slide_of(sharp, library), 0.7)).basis
        assert (np.sum(painted * found, axis=1) > np.cos(0.12)).all()


def test_ridge_learns_from_two_sections_what_a_third_shows(sharp):
    features = []
    sharp = sharp[sharp.obs[Obs.LIBRARY] != "P1"].copy()
    for library in ("P2", "P3", "P4"):
        slide, xy = io.slide_of(sharp, library), sharp.obsm[Obsm.SPATIAL][sharp.obs[Obs.LIBRARY] == library]
        normaliser = fit_normaliser("macenko", stain_pixels(slide, 0.7))
        features.append(
            MorphologyEncoder(ring=None).encode(slide.read, xy, mpp=0.7, normaliser=normaliser, n_workers=2)[
                1
            ]
        )
    features_NF = np.concatenate(features)
    target_NG = np.log2(1 + sharp.X.toarray())
    held_out = (sharp.obs[Obs.LIBRARY] == "P4").to_numpy()
    model = make_pipeline(StandardScaler(), Ridge(100.0)).fit(features_NF[~held_out], target_NG[~held_out])
    predicted_NG = model.predict(features_NF[held_out])
    assert np.nanmean(pearson_columns(target_NG[held_out], predicted_NG)) > 0.4
    # And what it learns is the truth, not only how much there is of everything.
    error = np.mean((predicted_NG - target_NG[held_out]) ** 2)
    assert error < 0.6 * np.mean((target_NG[~held_out].mean(axis=0) - target_NG[held_out]) ** 2)
