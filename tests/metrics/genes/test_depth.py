"""Depth-normalised and known-depth views against their formulas."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy.stats import pearsonr

from genviz import metrics
from genviz._keys import Layers
from tests.metrics.cases import KEY, measured, predicted, random_case


def with_other_genes(true: ad.AnnData, per_spot: np.ndarray) -> ad.AnnData:
    """The same rows with one more measured gene outside the panel."""
    counts = np.hstack([np.asarray(true.X), per_spot[:, None]]).astype(np.float32)
    return ad.AnnData(counts, obs=true.obs.copy(), var=pd.DataFrame(index=[*true.var_names, "REST"]))


def test_derived_by_its_formula() -> None:
    true, pred = random_case(sections=1)
    rest = np.random.default_rng(1).integers(150, 1500, 60)
    whole = with_other_genes(true, rest)
    x, mean = np.asarray(true.X, float), pred.layers[KEY]
    library = x.sum(1) + rest
    deep = library >= 200
    assert 0 < deep.sum() <= 60
    t = np.log2(1e4 * x / library[:, None] + 1)[deep]
    p = np.log2(1e4 * mean / mean.sum(1, keepdims=True) + 1)[deep]
    r = np.sort([pearsonr(t[:, g], p[:, g]).statistic for g in range(30)])[::-1]
    scores = metrics.expression(whole, pred, key=KEY, n_bootstrap=0)
    assert scores["dn_pcc_10"].value == pytest.approx(r[:10].mean())
    assert scores["dn_pcc_200"].value == pytest.approx(r.mean())
    assert f"{deep.sum()} of 60 spots with >= 200 UMI" in scores["dn_pcc_10"].note
    assert "only the scored genes" not in scores["dn_pcc_10"].note


def test_depth_alone_earns_nothing_once_divided_out() -> None:
    rng = np.random.default_rng(2)
    depth = np.exp(rng.normal(0, 1, (300, 1)))
    true = measured(np.log2(rng.poisson(40 * depth * np.ones(20)) + 1.0), ["A"] * 300)
    pred = predicted(true, np.log2(40 * depth * np.linspace(0.5, 1.5, 20) + 1))
    pred.layers[KEY] = pred.layers[KEY].astype(np.float32)  # as results are stored
    scores = metrics.expression(true, pred, key=KEY)
    assert scores["pcc_200"].value > 0.8
    assert scores["dn_pcc_200"].value == 0
    assert scores["depth_r"].value > 0.95
    assert "only the scored genes are measured" in scores["dn_pcc_200"].note


def test_direct_needs_its_layer_and_takes_it_as_it_is() -> None:
    true, pred = random_case(sections=1)
    assert "dn_direct_pcc_200" not in metrics.expression(true, pred, key=KEY, n_bootstrap=0)
    x = np.asarray(true.X, float)
    pred.layers[Layers.normalised(KEY)] = np.log2(1e4 * x / x.sum(1, keepdims=True) + 1)
    scores = metrics.expression(true, pred, key=KEY, n_bootstrap=0)
    assert scores["dn_direct_pcc_200"].value == pytest.approx(1)
    assert scores["dn_pcc_200"].value < 0.99


def test_shallow_spots_and_sections_are_left_out() -> None:
    true, pred = random_case(n=60, sections=2)
    true.X[3:30] = 0
    true.X[3:30, 0] = np.arange(27)
    scores = metrics.expression(true, pred, key=KEY, n_bootstrap=0)
    assert "33 of 60 spots" in scores["dn_pcc_10"].note or "sections with fewer" in scores["dn_pcc_10"].note
    true.X[:] = np.minimum(true.X, 1)
    none = metrics.expression(true, pred, key=KEY)["dn_pcc_10"]
    assert np.isnan(none.value)
    assert none.n == 0
    assert none.ci is None


def test_known_depth_by_hand() -> None:
    true = measured(np.log2([[2.0, 4.0], [4.0, 10.0]]), ["A", "A"])  # counts (1, 3), (3, 9)
    pred = predicted(true, np.log2([[101.0, 301.0], [2.0, 2.0]]))  # E[X] (100, 300), (1, 1)
    scores = metrics.expression(true, pred, key=KEY, n_bootstrap=0)
    gaps = np.array([[0, 0], [np.log2(7 / 4), np.log2(7 / 10)]])  # (6, 6) of a total of 12
    assert scores["kd_mse"].value == pytest.approx((gaps**2).mean())


def test_known_depth_does_not_care_what_depth_was_predicted() -> None:
    true, pred = random_case()
    before = metrics.expression(true, pred, key=KEY, n_bootstrap=0)
    pred.layers[KEY] *= np.random.default_rng(3).uniform(0.1, 10, (60, 1))
    after = metrics.expression(true, pred, key=KEY, n_bootstrap=0)
    for name in ("kd_mse", "kd_pcc_200", "dn_pcc_200"):
        assert after[name].value == pytest.approx(before[name].value)
    assert after["depth_r"].value != pytest.approx(before["depth_r"].value)


def test_negative_means_of_linear_models_are_zero_shares() -> None:
    true, pred = random_case()
    found = []
    for mean in (-5.0, 0.0):
        pred.layers[KEY][:, 0] = mean
        found.append(metrics.expression(true, pred, key=KEY, n_bootstrap=0))
    for name in ("kd_mse", "kd_pcc_200", "dn_pcc_200"):
        assert found[0][name].value == found[1][name].value, name
