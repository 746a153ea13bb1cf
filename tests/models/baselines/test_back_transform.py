"""The factor of each gene makes held-out sums right."""

from __future__ import annotations

import numpy as np
import pytest

from genviz.models.baselines.back_transform import expected_counts, expected_logs


def test_constant_logarithms_give_the_mean_count():
    counts = np.random.default_rng(0).poisson(30, (5000, 3)).astype(float)
    log2 = np.tile(np.log2(1 + counts).mean(axis=0), (5000, 1))
    found = expected_counts(log2[:4], log2, counts)
    assert np.allclose(found, counts.mean(axis=0), rtol=1e-3)
    # without the factor it is too low: a logarithm is concave
    assert (np.exp2(log2[0]) - 1 < counts.mean(axis=0)).all()


def test_factor_is_the_ratio_of_sums_with_the_prior():
    out_of_fold = np.log2(1 + np.array([[10.0], [30.0]]))
    found = expected_counts(np.log2([[1 + 8.0]]), out_of_fold, np.array([[20.0], [40.0]]))
    assert found.item() == pytest.approx(8 * (60 + 20) / (40 + 20))


def test_rows_without_a_prediction_are_skipped():
    out_of_fold = np.log2(1 + np.array([[10.0], [30.0], [np.nan]]))
    counts = np.array([[20.0], [40.0], [1e6]])
    assert np.array_equal(
        expected_counts(np.ones((1, 1)), out_of_fold, counts),
        expected_counts(np.ones((1, 1)), out_of_fold[:2], counts[:2]),
    )


def test_rare_genes_and_negative_logarithms_stay_in_bounds():
    nothing = expected_counts(np.array([[-2.0]]), np.full((50, 1), -1.0), np.zeros((50, 1)))
    assert nothing.item() == 0.0
    assert expected_counts(np.ones((1, 1)), np.zeros((9, 1)), np.full((9, 1), 1e9)).item() == 5.0


def test_logs_of_a_constant_mean_are_the_mean_logarithm():
    counts = np.random.default_rng(0).poisson(3, (5000, 3)).astype(float)
    mean = np.tile(counts.mean(axis=0), (5000, 1))
    found = expected_logs(mean[:4], mean, counts)
    assert np.allclose(found, np.log2(1 + counts).mean(axis=0), rtol=1e-3)
    assert (np.log2(1 + mean[0]) > found[0]).all()


def test_logs_skip_rows_without_a_prediction():
    mean = np.array([[3.0], [np.nan]])
    found = expected_logs(np.array([[3.0], [-1.0]]), mean, np.array([[1.0], [1e6]]))
    assert found[0, 0] == pytest.approx((1 + 20) / (2 + 20) * 2)
    assert found[1, 0] == 0.0
