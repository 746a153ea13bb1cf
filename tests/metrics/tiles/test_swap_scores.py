"""Ownership of a swap: 1 when layout follows structure, 0 when nothing was swapped; PSNR."""

from __future__ import annotations

import numpy as np
import pytest

from genviz import metrics
from genviz._errors import DataError
from tests.metrics.pairs import discs, paint

RNG = np.random.default_rng(3)
P_MASKS = np.stack([discs(RNG, 64, 6) for _ in range(10)])
Q_MASKS = np.stack([discs(RNG, 64, 6) for _ in range(10)])
P = np.stack([paint(RNG, mask, "light", 0) for mask in P_MASKS])
Q = np.stack([paint(RNG, mask, "dark", 0) for mask in Q_MASKS])


def swap(swapped, **kwargs):
    return metrics.swap_ownership(swapped, P, Q, P_MASKS, Q_MASKS, **kwargs)


def test_a_perfect_swap():
    scores = swap(np.stack([paint(RNG, mask, "dark", 0) for mask in P_MASKS]))
    assert scores["structure_ownership"].value == pytest.approx(1.0)
    assert scores["swap_contrast"].value == pytest.approx(1.0)
    assert scores["appearance_ownership"].value > 0.9
    assert scores["pairs_used"].value == 1.0


def test_no_swap_at_all():
    scores = swap(Q)
    assert scores["structure_ownership"].value == pytest.approx(0.0)
    assert scores["swap_contrast"].value == pytest.approx(0.0)
    assert scores["appearance_ownership"].value == pytest.approx(1.0)
    unchanged = swap(P)  # structure and appearance both of p
    assert unchanged["structure_ownership"].value == pytest.approx(1.0)
    assert unchanged["appearance_ownership"].value == pytest.approx(0.0)


def test_a_ghost_is_between():
    ghost = (0.5 * np.stack([paint(RNG, mask, "dark", 0) for mask in P_MASKS]) + 0.5 * Q).astype(np.uint8)
    scores = swap(ghost, labels=["x"] * 5 + ["y"] * 5)
    assert scores["structure_ownership"].value == pytest.approx(0.5, abs=0.02)
    assert scores["swap_contrast"].value == pytest.approx(0.5, abs=0.02)
    assert {"structure_ownership_x", "appearance_ownership_y"} <= set(scores)


def test_pairs_without_nuclei_do_not_count():
    none = Q_MASKS.copy()
    none[:4] = 0
    scores = metrics.swap_ownership(Q, P, Q, P_MASKS, none)
    assert scores["pairs_used"].value == 0.6 and scores["structure_ownership"].n == 6
    nothing = metrics.swap_ownership(Q, P, Q, P_MASKS, 0 * none)
    assert np.isnan(nothing["structure_ownership"].value)
    with pytest.raises(DataError, match="one size"):
        metrics.swap_ownership(Q, P, Q, P_MASKS, none[:, :32])


def test_psnr():
    a = np.full((2, 8, 8, 3), 100, np.uint8)
    b = a.copy()
    b[1] += 51  # 0.2 of the range
    found = metrics.psnr(a, b)
    assert np.isinf(found[0]) and found[1] == pytest.approx(-20 * np.log10(0.2))
    np.testing.assert_allclose(metrics.psnr(a / 255.0, b / 255.0)[1], found[1])


def test_empty_share():
    masks = np.zeros((4, 10, 10), int)
    masks[0, 0, 0] = masks[1, :2] = 1  # exactly 1 %, and 20 %
    assert metrics.empty_share(masks)["empty_share"].value == 0.5
    assert metrics.empty_share(masks, labels=list("aabb"))["empty_share_b"].value == 1.0
