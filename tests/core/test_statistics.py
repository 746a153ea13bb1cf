"""Correlations and bootstrap against scipy and against plain repetition of rows."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from genviz._errors import DataError, UsageError
from genviz.core.statistics import (
    bootstrap_interval,
    bootstrap_weights,
    centred,
    paired_interval,
    pearson_columns,
    percentile_interval,
    weighted_pearson,
)


@pytest.fixture
def columns() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    a = rng.normal(size=(40, 6)) * [1, 10, 1e-3, 1, 1, 1] + [0, 1e6, 0, 5, 5, 5]
    return a, a + rng.normal(size=(40, 6)) * [1, 5, 1e-3, 3, 1, 1]


def test_pearson_equals_scipy(columns: tuple[np.ndarray, np.ndarray]) -> None:
    a, b = columns
    expected = [stats.pearsonr(a[:, g], b[:, g]).statistic for g in range(6)]
    np.testing.assert_allclose(pearson_columns(a, b), expected, atol=1e-9)


def test_constant_columns_are_undefined_even_with_rounding(columns: tuple[np.ndarray, np.ndarray]) -> None:
    a, b = columns
    a[:, 0], b[:, 1] = 0.1, 1e8
    a[:, 2] = 0.1 + np.arange(40) * 1e-17
    r = pearson_columns(a, b)
    assert np.isnan(r[:3]).all()
    assert np.isfinite(r[3:]).all()
    assert np.isnan(pearson_columns(a[:1], b[:1])).all()
    with pytest.raises(DataError, match="one shape"):
        pearson_columns(a, b[:5])


def test_weights_mean_repeated_rows(columns: tuple[np.ndarray, np.ndarray]) -> None:
    a, b = columns
    weights = bootstrap_weights(np.zeros(40), 5, seed=1)
    fast = weighted_pearson(weights, centred(a), centred(b))
    for w, r in zip(weights.astype(int), fast, strict=True):
        np.testing.assert_allclose(r, pearson_columns(np.repeat(a, w, 0), np.repeat(b, w, 0)), atol=1e-6)


def test_a_gene_constant_among_the_drawn_rows_is_undefined_there() -> None:
    a = np.zeros((5, 1))
    a[0] = 3.0
    b = np.arange(5.0)[:, None]
    weights = np.array([[0.0, 1, 2, 1, 1], [1, 1, 1, 1, 1]])
    r = weighted_pearson(weights, centred(a), centred(b))
    assert np.isnan(r[0, 0])
    assert np.isfinite(r[1, 0])


def test_bootstrap_draws_within_groups() -> None:
    groups = np.array(["a"] * 3 + ["b"] * 7)
    weights = bootstrap_weights(groups, 200, seed=2)
    assert (weights[:, :3].sum(1) == 3).all()
    assert (weights[:, 3:].sum(1) == 7).all()
    assert weights.std() > 0.5
    np.testing.assert_array_equal(weights, bootstrap_weights(groups, 200, seed=2))


def test_interval_of_a_mean_is_the_classical_one() -> None:
    values = np.random.default_rng(3).normal(2.0, 1.0, 400)
    low, high = bootstrap_interval(values, np.mean, n=4000, seed=0)
    half = 1.96 * values.std() / 20
    assert low == pytest.approx(values.mean() - half, abs=0.012)
    assert high == pytest.approx(values.mean() + half, abs=0.012)


def test_groups_narrow_an_interval_when_they_differ() -> None:
    values = np.r_[np.zeros(50), np.full(50, 10.0)]
    assert bootstrap_interval(values, groups=[0] * 50 + [1] * 50) == (5.0, 5.0)
    low, high = bootstrap_interval(values)
    assert high - low > 1


def test_pairing_removes_what_two_models_share() -> None:
    rng = np.random.default_rng(4)
    hard = rng.normal(0, 5, 60)
    low, high = paired_interval(hard + 0.5 + rng.normal(0, 0.1, 60), hard)
    assert 0.4 < low < 0.5 < high < 0.6


def test_bad_requests() -> None:
    with pytest.raises(DataError):
        bootstrap_interval([])
    with pytest.raises(UsageError):
        bootstrap_interval([1.0, 2.0], n=1)
    assert percentile_interval([np.nan, 1.0]) is None
    assert percentile_interval([1.0, np.nan, 1.0]) == (1.0, 1.0)
