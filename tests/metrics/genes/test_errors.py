"""MSE, MAE, RVD by hand (T14)."""

from __future__ import annotations

import numpy as np
import pytest

from genviz import metrics
from tests.metrics.cases import KEY, measured, predicted, random_case, two_sections


def test_by_hand() -> None:
    """Section A, 12 genes x 3 spots: half 3 x (0, 1, 1), flat 2 x (1, 0, 1), opposite (4, 0, 4); B none."""
    true, pred = two_sections()
    scores = metrics.expression(true, pred, key=KEY, n_bootstrap=0)
    assert scores["mse"].value == pytest.approx((3 * 2 + 2 * 2 + 8) / 36 / 2)
    assert scores["mse_published"].value == pytest.approx((3 * 2 + 2 * 2 + 8) / 108)
    assert scores["mae"].value == pytest.approx((3 * 2 + 2 * 2 + 4) / 36 / 2)
    assert scores["mae_published"].value == pytest.approx((3 * 2 + 2 * 2 + 4) / 108)
    assert scores["mse"].n == 9


def test_perfect_prediction_is_one_zero_zero() -> None:
    true = measured(np.random.default_rng(0).integers(0, 8, (30, 12)), ["A"] * 15 + ["B"] * 15)
    scores = metrics.expression(true, predicted(true, np.log2(true.X + 1.0)), key=KEY)
    for name in ("pcc_10", "pcc_50", "pcc_200", "pcc_10_published", "kd_pcc_200", "depth_r"):
        assert scores[name].value == pytest.approx(1.0), name
    for name in ("mse", "mae", "rvd", "mse_published", "mae_published", "rvd_published", "kd_mse"):
        assert scores[name].value == pytest.approx(0.0, abs=1e-12), name
    assert scores["mse"].ci == pytest.approx((0, 0), abs=1e-12)


def test_variance_difference() -> None:
    """Variances 8/3 and 2/3; predictions have half and twice the spread: (1/4 - 1)^2 and (4 - 1)^2."""
    true = measured([[0, 0, 1], [2, 1, 1], [4, 2, 1]], ["A"] * 3)
    pred = predicted(true, [[1, 0, 0], [2, 2, 1], [3, 4, 2]])
    score = metrics.expression(true, pred, key=KEY, n_bootstrap=0)["rvd"]
    assert score.value == pytest.approx((0.75**2 + 9) / 2)
    assert "1 of 3 gene variances are 0, left out" in score.note


def test_against_numpy_on_random_counts() -> None:
    true, pred = random_case()
    scores = metrics.expression(true, pred, key=KEY, n_bootstrap=0)
    t, p = np.log2(np.asarray(true.X, float) + 1), pred.layers[f"{KEY}_log2"]
    assert scores["mse_published"].value == pytest.approx(((t - p) ** 2).mean())
    assert scores["rvd_published"].value == pytest.approx(((p.var(0) / t.var(0) - 1) ** 2).mean())
    halves = [((t[s] - p[s]) ** 2).mean() for s in (slice(30), slice(30, 60))]
    assert scores["mse"].value == pytest.approx(np.mean(halves))
