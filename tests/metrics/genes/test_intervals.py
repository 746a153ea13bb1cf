"""Coverage at three levels, PIT, CRPS, NLL."""

from __future__ import annotations

import json

import anndata as ad
import numpy as np
import pytest
from scipy import stats

from genviz import metrics
from genviz._errors import DataError
from genviz._keys import Layers, Obsm, Uns, Varm
from genviz.core.calibration import crps_samples, pit_of_samples
from genviz.core.gene_tree_fit import fit_gene_tree
from tests.metrics.cases import KEY, measured, predicted, random_case


@pytest.fixture
def case() -> tuple[ad.AnnData, ad.AnnData, np.ndarray]:
    """Poisson truth, its exact predictive intervals at three levels, and samples from the model."""
    rng = np.random.default_rng(0)
    rate = np.exp(rng.normal(2.5, 0.7, (300, 12)))
    true = measured(np.log2(rng.poisson(rate) + 1.0), ["A"] * 100 + ["B"] * 200)
    pred = predicted(true, np.log2(rate + 1))
    tree = fit_gene_tree(np.asarray(true.X), list(true.var_names), scales=(1, 3, 12))
    pred.varm[Varm.GENE_TREE] = tree.groups
    pred.layers[Layers.lower(KEY)], pred.layers[Layers.upper(KEY)] = stats.poisson.interval(0.9, rate)
    pred.layers[Layers.median(KEY)] = stats.poisson.median(rate)
    for k, n in enumerate(tree.scales[:-1]):
        bounds = stats.poisson.interval(0.9, tree.aggregate(rate, k))
        for bound, values in zip(("lower", "upper"), bounds, strict=True):
            pred.obsm[Obsm.scale(KEY, n, bound)] = values
    pred.uns[Uns.GENVIZ] = {KEY: json.dumps({"level": 0.9})}
    return true, pred, rng.poisson(rate, (200, 300, 12))


def test_calibrated_intervals_cover_at_three_levels(case: tuple[ad.AnnData, ad.AnnData, np.ndarray]) -> None:
    true, pred, _ = case
    scores = metrics.expression(true, pred, key=KEY)
    assert {name for name in scores if name.startswith("coverage")} == {
        "coverage_gene",
        "coverage_group_3",
        "coverage_total",
    }
    for name, low, high in (("gene", 0.9, 0.96), ("group_3", 0.87, 0.95), ("total", 0.84, 0.96)):
        assert low < scores[f"coverage_{name}"].value < high
    assert scores["coverage_gene"].note == "level 0.9"


def test_bounds_belong_to_the_interval() -> None:
    true = measured(np.log2([[1.0, 3.0], [5.0, 9.0]]), ["A", "A"])  # counts (0, 2), (4, 8)
    pred = predicted(true, np.ones((2, 2)))
    pred.layers[Layers.lower(KEY)] = np.array([[0.0, 3.0], [1.0, 0.0]])
    pred.layers[Layers.upper(KEY)] = np.array([[0.0, 5.0], [4.0, 7.0]])
    score = metrics.expression(true, pred, key=KEY, n_bootstrap=0)["coverage_gene"]
    assert score.value == 0.5
    assert "not recorded, 0.9 assumed" in score.note


def test_group_sums_follow_names_and_the_tree(case: tuple[ad.AnnData, ad.AnnData, np.ndarray]) -> None:
    true, pred, _ = case
    expected = metrics.expression(true, pred, key=KEY, n_bootstrap=0)
    mixed = metrics.expression(true[::-1, ::-1], pred[::2][:, ::-1], key=KEY, n_bootstrap=0)
    half = metrics.expression(true[::2], pred[::2], key=KEY, n_bootstrap=0)
    for name in ("coverage_gene", "coverage_group_3", "coverage_total"):
        assert mixed[name].value == pytest.approx(half[name].value)
        assert mixed[name].value != expected[name].value
    few = metrics.expression(true[:, :8].copy(), pred, key=KEY, genes=list(true.var_names[:8]), n_bootstrap=0)
    assert "coverage_gene" in few
    assert "coverage_total" not in few
    pred.obsm[Obsm.scale(KEY, 3, "lower")] = np.zeros((300, 5))
    with pytest.raises(DataError, match="Expected 3 columns"):
        metrics.expression(true, pred, key=KEY)


def test_pit(case: tuple[ad.AnnData, ad.AnnData, np.ndarray]) -> None:
    true, pred, samples = case
    rng = np.random.default_rng(1)
    x = np.asarray(true.X)
    pit = {
        "gene": pit_of_samples(samples, x, rng.random(x.shape)),
        "total": pit_of_samples(samples.sum(2), x.sum(1), rng.random(300)),
    }
    scores = metrics.expression(true, pred, key=KEY, pit=pit)
    assert scores["pit_coverage_gene"].value == pytest.approx(0.9, abs=0.02)
    assert scores["pit_coverage_total"].value == pytest.approx(0.9, abs=0.06)
    assert scores["pit_coverage_gene"].value < scores["coverage_gene"].value
    with pytest.raises(DataError, match="each of the 300 measured rows"):
        metrics.expression(true, pred, key=KEY, pit={"gene": pit["gene"][:5]})
    with pytest.raises(DataError, match="from 0 to 1"):
        metrics.expression(true, pred, key=KEY, pit={"gene": pit["gene"] * 2})


def test_crps_from_samples_and_approximated(case: tuple[ad.AnnData, ad.AnnData, np.ndarray]) -> None:
    true, pred, samples = case
    exact = metrics.expression(true, pred, key=KEY, samples=samples)["crps"]
    whole = crps_samples(np.log2(samples + 1.0), np.log2(np.asarray(true.X) + 1.0))
    assert exact.value == pytest.approx((whole[:100].mean() + whole[100:].mean()) / 2, rel=1e-5)
    assert exact.note == "from 200 samples"
    near = metrics.expression(true, pred, key=KEY)["crps"]
    assert near.value == pytest.approx(exact.value, rel=0.05)
    assert "approximated from median and interval" in near.note
    del pred.layers[Layers.median(KEY)]
    assert "crps" not in metrics.expression(true, pred, key=KEY, n_bootstrap=0)
    with pytest.raises(DataError, match="Expected samples of shape"):
        metrics.expression(true, pred, key=KEY, samples=samples[:, :5])


def test_joint_nll_is_of_the_measured_rows() -> None:
    true, pred = random_case(n=10, sections=2)
    ll = -np.arange(10.0)
    scores = metrics.expression(true, pred[[7, 2]], key=KEY, log_likelihood=ll, n_bootstrap=0)
    assert scores["joint_nll"].value == pytest.approx((2 + 7) / 2)
    with pytest.raises(DataError, match="Sum them over genes"):
        metrics.expression(true, pred, key=KEY, log_likelihood=np.zeros((10, 30)))
    with pytest.raises(DataError, match="hold NaN"):
        metrics.expression(true, pred, key=KEY, log_likelihood=np.full(10, np.nan))
