"""Nearest rows, weights, and the joint space of images and expression."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsRegressor

from genviz.models.baselines.neighbours import joint_space, knn, knn_path, retrieval, retrieval_path
from tests.models.baselines.cases import problem, tissue


@pytest.fixture(scope="module")
def arrays():
    rng = np.random.default_rng(0)
    return rng.normal(size=(40, 6)), rng.normal(size=(40, 3)), rng.normal(size=(7, 6))


def test_knn_equals_sklearn(arrays):
    x, y, new = arrays
    for k, found in zip((1, 5, 12), knn_path(x, y, new, (1, 5, 12)), strict=True):
        assert np.allclose(found, KNeighborsRegressor(k).fit(x, y).predict(new))


def test_more_neighbours_than_rows_is_the_mean(arrays):
    x, y, new = arrays
    assert np.allclose(next(knn_path(x, y, new, (500,))), y.mean(axis=0))


def test_knn_averages_the_same_neighbours_counts():
    given = problem()
    found, fold = knn(given), given.whole
    model = KNeighborsRegressor(found.chosen["k"])
    assert np.allclose(found.log2_MG, model.fit(fold.fit_NF, given.log2_NG).predict(fold.predict_MF))
    assert np.allclose(found.mean_MG, model.fit(fold.fit_NF, given.counts_NG).predict(fold.predict_MF))


def test_joint_space_pairs_directions_by_canonical_correlation():
    """Two of five features share a signal with expression: two pairs, correlations near one, then none."""
    rng = np.random.default_rng(0)
    signal = rng.normal(size=(2000, 2))
    x = np.hstack([signal * [3.0, 1.0], rng.normal(size=(2000, 3))])
    y = np.hstack([signal @ [[1.0, 1.0], [-1.0, 1.0]], rng.normal(size=(2000, 1))])
    images, keys = joint_space(x, y, x, 1e-6, 3)
    r = [np.corrcoef(images[:, d], keys[:, d])[0, 1] for d in range(3)]
    assert min(r[:2]) > 0.999
    assert r[2] < 0.1
    # an uncorrelated pair weighs next to nothing
    assert images[:, 2].std() < 0.1 * images[:, 1].std()


def test_retrieval_is_a_weighted_mean_of_rows(arrays):
    x, y, new = arrays
    settings = [(1.0, 2, 1, 0.1), (1.0, 2, 40, 1e9), (1.0, 2, 6, 0.1)]
    nearest, everything, some = retrieval_path(x, y, new, settings)
    assert (np.abs(nearest[:, None] - y[None]).sum(axis=2).min(axis=1) < 1e-12).all()
    assert np.allclose(everything, y.mean(axis=0))
    images, keys = joint_space(x, y, new, 1.0, 2)
    cosine = (images @ keys.T) / np.linalg.norm(images, axis=1)[:, None] / np.linalg.norm(keys, axis=1)
    for i, row in enumerate(cosine):
        best = np.argsort(-row)[:6]
        weights = np.exp(row[best] / 0.1)
        assert np.allclose(some[i], weights / weights.sum() @ y[best])


def test_values_beside_the_embedded_ones_do_not_move_neighbours(arrays):
    x, y, new = arrays
    setting = [(1.0, 2, 6, 0.1)]
    alone = next(retrieval_path(x, y, new, setting))
    beside = np.hstack([y, 100 * y])
    both = next(retrieval_path(x, beside, new, setting, n_embedded=3))
    assert np.allclose(both, np.hstack([alone, 100 * alone]))


@pytest.mark.parametrize("fit", [knn, retrieval])
def test_better_than_the_mean(fit):
    found = fit(problem(n=150, m=100))
    true = tissue("Z", 100, seed=1).X.toarray()[:, :8].astype(float)
    assert ((found.mean_MG - true) ** 2).mean() < 0.9 * ((true - true.mean(axis=0)) ** 2).mean()
