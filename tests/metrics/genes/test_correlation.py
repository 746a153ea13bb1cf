"""PCC by hand, both policies (T14)."""

from __future__ import annotations

import numpy as np
import pytest

from genviz import metrics
from tests.metrics.cases import KEY, measured, predicted, two_sections


def test_honest_by_hand() -> None:
    """Section A: the ten best are 6 x 1, 3 x 1/2, 1 x 0; all twelve add 0, -1. Section B: 10 x 1, 2 x 0."""
    true, pred = two_sections()
    scores = metrics.expression(true, pred, key=KEY, n_bootstrap=0)
    assert scores["pcc_10"].value == pytest.approx((7.5 / 10 + 1) / 2)
    assert scores["pcc_50"].value == pytest.approx((6.5 / 12 + 10 / 12) / 2)
    assert scores["pcc_200"].value == scores["pcc_50"].value
    assert (scores["pcc_10"].n, scores["pcc_200"].n) == (10, 12)
    assert "4 of 24 correlations undefined, counted as 0" in scores["pcc_10"].note
    assert "the panel has 12 genes, fewer than 50" in scores["pcc_50"].note
    assert scores["pcc_10"].ci is None


def test_published_drops_and_pools() -> None:
    true, pred = two_sections()
    scores = metrics.expression(true, pred, key=KEY, n_bootstrap=0)
    t, p = np.log2(true.X + 1), pred.layers[f"{KEY}_log2"]
    varies = np.ptp(t, axis=0) > 0
    r = np.sort([np.corrcoef(t[:, g], p[:, g])[0, 1] for g in np.flatnonzero(varies)])[::-1]
    assert varies.sum() == 10
    assert scores["pcc_10_published"].value == pytest.approx(r.mean())
    assert scores["pcc_200_published"].n == 10
    assert "10 of 12 genes valid, sections pooled" in scores["pcc_200_published"].note


def test_one_section_by_hand_in_the_published_way() -> None:
    true, pred = two_sections()
    scores = metrics.expression(true[:3], pred[:3], key=KEY, n_bootstrap=0)
    assert scores["pcc_10_published"].value == pytest.approx((6 + 1.5 - 1) / 10)
    assert scores["pcc_10"].value == pytest.approx(0.75)


def test_constant_predictions_raise_the_published_score_and_lower_the_honest_one() -> None:
    true, pred = two_sections()
    before = metrics.expression(true[:3], pred[:3], key=KEY, n_bootstrap=0)
    pred.layers[f"{KEY}_log2"][:, [6, 7, 8, 11]] = 1.0  # all that are not perfect
    after = metrics.expression(true[:3], pred[:3], key=KEY, n_bootstrap=0)
    assert after["pcc_200_published"].value == pytest.approx(1.0)
    assert before["pcc_200_published"].value < 0.7
    assert after["pcc_10"].value == pytest.approx(0.6)
    assert before["pcc_10"].value == pytest.approx(0.75)


def test_all_constant_is_undefined_or_zero() -> None:
    true = measured(np.random.default_rng(0).integers(0, 4, (9, 12)), ["A"] * 9)
    scores = metrics.expression(true, predicted(true, np.ones((9, 12))), key=KEY)
    assert np.isnan(scores["pcc_10_published"].value)
    assert scores["pcc_10_published"].n == 0
    assert scores["pcc_10_published"].ci is None
    assert scores["pcc_10"].value == 0


def test_shift_between_sections_counts_only_when_pooled() -> None:
    rng = np.random.default_rng(1)
    shift = np.repeat([0.0, 6.0], 40)[:, None]
    true = measured(np.round(shift + rng.integers(0, 3, (80, 12))), ["A"] * 40 + ["B"] * 40)
    pred = predicted(true, shift + rng.random((80, 12)))
    scores = metrics.expression(true, pred, key=KEY)
    assert scores["pcc_10_published"].value > 0.9
    assert abs(scores["pcc_50"].value) < 0.15


def test_intervals_hold_the_value_and_narrow_with_spots() -> None:
    rng = np.random.default_rng(2)
    widths = []
    for n in (40, 400):
        truth = rng.integers(0, 6, (n, 12)).astype(float)
        true = measured(truth, ["A"] * n)
        score = metrics.expression(true, predicted(true, truth + rng.normal(0, 2, (n, 12))), key=KEY)[
            "pcc_50"
        ]
        assert score.ci is not None
        assert score.ci[0] < score.value < score.ci[1]
        widths.append(score.ci[1] - score.ci[0])
    assert widths[1] < widths[0] / 2


def test_interval_of_the_best_genes_is_around_their_value() -> None:
    """Choosing the ten best of many weak genes again in each replicate would put the interval too high."""
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 6, (60, 150)).astype(float)
    true = measured(truth, ["A"] * 60)
    scores = metrics.expression(true, predicted(true, truth + rng.normal(0, 6, truth.shape)), key=KEY)
    for name in ("pcc_10", "pcc_50", "pcc_10_published", "dn_pcc_10"):
        low, high = scores[name].ci or (1.0, 0.0)
        assert low < scores[name].value < high
