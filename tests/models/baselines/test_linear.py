"""Closed forms against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import Ridge

from genviz.models.baselines import linear
from genviz.models.baselines.linear import composition_ridge, kernel_path, kernel_ridge, ridge, ridge_path
from tests.models.baselines.cases import problem, tissue


@pytest.fixture(scope="module")
def arrays():
    rng = np.random.default_rng(0)
    return rng.normal(size=(40, 6)), rng.normal(size=(40, 3)), rng.normal(size=(7, 6))


def test_ridge_equals_sklearn(arrays):
    x, y, new = arrays
    alphas = (0.1, 10.0, 1e4)
    for alpha, found in zip(alphas, ridge_path(x, y, new, alphas), strict=True):
        assert np.allclose(found, Ridge(alpha=alpha).fit(x, y).predict(new))


def test_ridge_with_more_features_than_rows(arrays):
    _, y, _ = arrays
    wide = np.random.default_rng(1).normal(size=(40, 90))
    found = next(ridge_path(wide, y, wide[:5], (3.0,)))
    assert np.allclose(found, Ridge(alpha=3.0).fit(wide, y).predict(wide[:5]))


def test_kernel_ridge_equals_sklearn_on_centred_kernels(arrays):
    """With all rows as landmarks it is ridge with a free mean: kernel ridge on doubly centred kernels."""
    x, y, new = arrays
    for (gamma, alpha), found in zip(
        [(0.2, 0.5), (0.2, 5.0), (0.8, 0.5)],
        kernel_path(x, y, new, [(0.2, 0.5), (0.2, 5.0), (0.8, 0.5)]),
        strict=True,
    ):
        k, k_new = (np.exp(-gamma * ((a[:, None] - x[None]) ** 2).sum(axis=2) / x.shape[1]) for a in (x, new))
        centred = k - k.mean(axis=0) - k.mean(axis=1)[:, None] + k.mean()
        centred_new = k_new - k.mean(axis=0) - k_new.mean(axis=1)[:, None] + k.mean()
        model = KernelRidge(alpha=alpha, kernel="precomputed").fit(centred, y - y.mean(axis=0))
        assert np.allclose(found, model.predict(centred_new) + y.mean(axis=0), atol=1e-6)


def test_landmarks_are_rows_spread_over_the_data(arrays, monkeypatch):
    x, y, new = arrays
    exact = next(kernel_path(x, y, new, [(0.1, 1.0)]))
    monkeypatch.setattr(linear, "MAX_LANDMARKS", 30)
    assert linear._landmarks(x).shape == (30, 6)
    assert np.array_equal(linear._landmarks(x)[[0, -1]], x[[0, -1]])
    assert np.abs(next(kernel_path(x, y, new, [(0.1, 1.0)])) - exact).mean() < 0.1


def test_ridge_predicts_with_the_penalty_it_chose():
    given = problem()
    found, fold = ridge(given), given.whole
    model = Ridge(alpha=found.chosen["alpha"]).fit(fold.fit_NF, given.log2_NG)
    assert found.chosen["alpha"] in linear.ALPHAS
    assert np.allclose(found.log2_MG, model.predict(fold.predict_MF))
    assert found.normalised_MG is None


@pytest.mark.parametrize("fit", [ridge, kernel_ridge, composition_ridge])
def test_better_than_the_mean(fit):
    found = fit(problem(n=90, m=100))
    counts = tissue("Z", 100, seed=1).X.toarray()[:, :8].astype(float)
    assert found.mean_MG.shape == (100, 8)
    for predicted, true in ((found.log2_MG, np.log2(1 + counts)), (found.mean_MG, counts)):
        floor = ((true - true.mean(axis=0)) ** 2).mean()
        assert ((predicted - true) ** 2).mean() < 0.8 * floor


def test_composition_is_fitted_on_deep_rows_alone():
    given = problem()
    shallow = np.arange(60) % 2 == 0
    library = np.where(shallow, 100.0, given.library_N)
    poisoned = np.where(shallow[:, None], 1e4, given.counts_NG)
    before = composition_ridge(problem(library_N=library)).normalised_MG
    after = composition_ridge(problem(library_N=library, counts_NG=poisoned)).normalised_MG
    assert np.array_equal(before, after)


def test_composition_estimates_agree():
    """The direct view sums to the panel's share; logarithms lie below those of the mean."""
    given = problem(n=150)
    found = composition_ridge(given)
    share = (np.exp2(found.normalised_MG) - 1).sum(axis=1) / 1e4
    true = (given.counts_NG.sum(axis=1) / given.library_N).mean()
    assert abs(share.mean() / true - 1) < 0.1
    assert (found.log2_MG <= np.log2(1 + found.mean_MG)).all()


def test_kernel_ridge_of_shallow_rows_makes_no_direct_prediction():
    found = kernel_ridge(problem(rate=5.0))
    assert found.normalised_MG is None
    assert "direct" not in found.chosen
