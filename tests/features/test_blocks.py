"""Block sums: pooled once, any window afterwards."""

from __future__ import annotations

import numpy as np

from genviz.features.blocks import BLOCK, pool, scatter, window_means

RNG = np.random.default_rng(0)


def test_pooling_is_the_mean_of_blocks():
    pixels = RNG.normal(size=(32, 48)).astype(np.float32)
    expected = pixels.reshape(4, 8, 6, 8).mean(axis=(1, 3))
    np.testing.assert_allclose(pool(pixels), expected, atol=1e-6)
    assert pool(pixels, 4).shape == (8, 12)


def test_points_fall_into_their_blocks():
    rows, columns = np.array([0.0, 7.9, 8.0]), np.array([0.0, 23.9, 16.0])
    found = scatter(rows, columns, np.array([1.0, 2.0, 4.0]), (16, 24))
    np.testing.assert_array_equal(found, [[1, 0, 2], [0, 0, 4]])


def test_window_means_equal_those_of_the_pixels():
    maps_MHW = RNG.normal(size=(3, 160, 160)).astype(np.float32)
    blocks = np.stack([pool(m) for m in maps_MHW])
    centres = np.array([[10.0, 10.0], [7.0, 12.0]])
    found = window_means(blocks, centres, 6)
    for (x, y), means in zip(centres, found, strict=True):
        x0, y0 = int(x - 3) * BLOCK, int(y - 3) * BLOCK
        expected = maps_MHW[:, y0 : y0 + 48, x0 : x0 + 48].mean(axis=(1, 2))
        np.testing.assert_allclose(means, expected, atol=1e-6)


def test_a_window_is_summed_the_same_whatever_the_others():
    blocks = RNG.normal(size=(5, 40, 40)).astype(np.float32)
    centres = RNG.uniform(10, 30, (20, 2))
    together = window_means(blocks, centres, 14.3)
    alone = np.concatenate([window_means(blocks, centre[None], 14.3) for centre in centres])
    np.testing.assert_array_equal(together, alone)


def test_a_window_below_a_block_is_one_block():
    blocks = np.arange(16, dtype=np.float32).reshape(1, 4, 4)
    assert window_means(blocks, np.array([[1.6, 2.6]]), 0.2) == blocks[0, 2, 1]
