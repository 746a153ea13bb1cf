"""Codebook usage, centroids and the leak probe on tokens whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest

from genviz import metrics
from genviz._errors import DataError, UsageError
from genviz.metrics.tokens.cells import background_cells, cell_shares

RNG = np.random.default_rng(0)


def test_usage_and_perplexity():
    tokens = np.array([[0, 0, 1, 1], [2, 2, 3, 3]])
    scores = metrics.codebook_usage(tokens, 8, labels=["a", "b"])
    assert scores["usage"].value == 0.5 and scores["perplexity"].value == pytest.approx(4.0)
    assert scores["usage_a"].value == 0.25 and scores["perplexity_b"].value == pytest.approx(2.0)
    one = metrics.codebook_usage(np.zeros((3, 4), int), 8)
    assert one["perplexity"].value == pytest.approx(1.0)


@pytest.mark.parametrize(("cell", "near"), [(8, 24), (16, 24), (32, 24), (8, 8)])
def test_background_cells_by_brute_force(cell, near):
    masks = np.zeros((5, 64, 96), int)
    for mask in masks:
        y, x = RNG.integers(60), RNG.integers(90)
        mask[y : y + 3, x : x + 5] = 1
    found = background_cells(masks, (64 // cell) * (96 // cell), near)
    more = max(0, near - cell)
    for i, mask in enumerate(masks):
        for j in range(found.shape[1]):
            top, left = j // (96 // cell) * cell - more // 2, j % (96 // cell) * cell - more // 2
            window = mask[max(top, 0) : top + cell + more, max(left, 0) : left + cell + more]
            assert found[i, j] == (window.sum() == 0)


def test_codes_spent_on_background():
    masks = np.zeros((2, 64, 64), int)
    masks[0, :20, :20] = 5
    tokens = np.tile(np.arange(64) % 4, (2, 1))
    tokens[0, 0] = 7  # inside the nucleus
    scores = metrics.codebook_usage(tokens, 8, masks=masks)
    assert scores["background_usage"].value == 0.5
    assert scores["background_perplexity"].value == pytest.approx(4.0, abs=0.02)
    assert scores["background_codes_per_image"].value == 4.0
    # of the first image 4 x 4 of 8 x 8 cells lie within 8 px of the nucleus (20 + 8 = 28 px, begun cells count)
    assert scores["background_cells"].value == pytest.approx((64 - 16 + 64) / 128)


def test_centroids():
    # Label a holds code 0, label b code 1, 6 apart; the total sd of a half-half mixture is 3.
    tokens = np.array([[0] * 4, [0] * 4, [1] * 4, [1] * 4])
    book = np.array([[0.0, 1.0], [6.0, 1.0]])
    scores = metrics.centroid_table(tokens, book, ["a", "a", "b", "b"])
    assert scores["centroid_a_b"].value == pytest.approx(2.0)
    assert scores["centroid_a_b"].note == "raw 6"
    assert scores["centroid_mean"].value == pytest.approx(2.0) and scores["centroid_sd"].value == 0.0
    scaled = metrics.centroid_table(tokens, 10 * book, ["a", "a", "b", "b"])
    assert scaled["centroid_a_b"].value == pytest.approx(2.0)
    three = metrics.centroid_table(np.array([[0], [1], [2]]), np.array([[0.0], [1.0], [3.0]]), list("abc"))
    sd = np.sqrt(np.var([0, 1, 3]))
    assert three["centroid_sd"].value == pytest.approx(np.std([1, 3, 2]) / sd)  # population, over pairs
    with pytest.raises(UsageError, match="two labels"):
        metrics.centroid_table(tokens, book, ["a"] * 4)


def grid_masks(n: int) -> np.ndarray:
    """Masks in 8 px cells that are full or empty."""
    cells = RNG.random((n, 8, 8)) < 0.4
    return np.kron(cells, np.ones((8, 8))).astype(int)


def test_leak_probe_finds_a_leak_and_no_ghost():
    masks = grid_masks(12)
    full = cell_shares(masks, 64)
    leaking = 2 * RNG.integers(16, size=(12, 64)) + full.astype(int)  # parity tells the mask
    scores = metrics.leak_probe(leaking, masks, 32, labels=["a", "b"] * 6)
    assert scores["leak_r2"].value > 0.98 and set(scores) == {"leak_r2", "leak_r2_a", "leak_r2_b"}
    blind = metrics.leak_probe(RNG.integers(32, size=(12, 64)), masks, 32)
    assert abs(blind["leak_r2"].value) < 0.1
    low, high = blind["leak_r2"].ci
    assert low <= blind["leak_r2"].value <= high


def test_leak_probe_holds_groups_out():
    masks = grid_masks(9)
    own = np.arange(9)[:, None] * 64 + np.arange(64)  # a code of its own for every cell: nothing to learn
    assert metrics.leak_probe(own, masks, 9 * 64)["leak_r2"].value < 0.05
    assert np.isnan(metrics.leak_probe(own, 0 * masks, 9 * 64)["leak_r2"].value)
    with pytest.raises(UsageError, match="3 images or groups"):
        metrics.leak_probe(own, masks, 9 * 64, groups=["x"] * 9)


def test_wrong_tokens():
    for tokens in (np.zeros((2, 3)), np.zeros(3, int), np.full((1, 4), 9)):
        with pytest.raises(DataError):
            metrics.codebook_usage(tokens, 8)
    with pytest.raises(DataError, match="square cells"):
        metrics.codebook_usage(np.zeros((1, 7), int), 8, masks=np.zeros((1, 64, 64)))
