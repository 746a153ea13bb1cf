"""Distances of features whose answers are known, and agreement with torch-fidelity's own run."""

from __future__ import annotations

import numpy as np
import pytest

from genviz._errors import DataError
from genviz.metrics.tiles.distances import frechet, kid, precision_recall

RNG = np.random.default_rng(0)
A = RNG.normal(size=(400, 4))


def test_frechet_distance_of_gaussians():
    assert frechet(A, A) == pytest.approx(0, abs=1e-8)
    assert frechet(A, A + np.array([3, 0, 0, 4])) == pytest.approx(25, rel=1e-9)
    # with equal means, (s1 - s2)^2 in each direction
    sd = np.sqrt(np.trace(np.cov(A.T)))
    centred = A - A.mean(axis=0)
    assert frechet(centred, 3 * centred) == pytest.approx((2 * sd) ** 2, rel=1e-6)


def test_kid_is_unbiased():
    values = [kid(RNG.normal(size=(40, 6)), RNG.normal(size=(40, 6))) for _ in range(60)]
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(60)
    assert min(values) < 0 < max(values)
    assert kid(A, A + 2) > 1
    with pytest.raises(DataError, match="equally many"):
        kid(A, A[:20])


def test_kid_by_hand():
    x, y = A[:6], A[6:12] + 0.5

    def kernel(a, b):
        return (a @ b.T / 4 + 1) ** 3

    def off(k):
        return (k.sum() - np.trace(k)) / (6 * 5)

    expected = off(kernel(x, x)) + off(kernel(y, y)) - 2 * kernel(x, y).mean()
    assert kid(x, y) == pytest.approx(expected)


def test_precision_and_recall():
    assert precision_recall(A, A) == (1.0, 1.0)
    assert precision_recall(A, A + 100) == (0.0, 0.0)
    narrow = A * 0.05  # every fake is near a real one, few real ones are near a fake
    precision, recall = precision_recall(A, narrow)
    assert precision > 0.95 and recall < 0.2


def test_bad_features():
    for bad in (A[:4], np.full((9, 2), np.nan), A.ravel()):
        with pytest.raises(DataError, match="at least 5 tiles"):
            frechet(A, bad)
