"""CIE Lab there and back."""

from __future__ import annotations

import numpy as np

from genviz.features.lab import lab_to_rgb, rgb_to_lab


def test_colours_come_back():
    rgb = np.random.default_rng(0).integers(0, 256, (20, 20, 3), dtype=np.uint8)
    np.testing.assert_array_equal(lab_to_rgb(rgb_to_lab(rgb)), rgb)


def test_white_and_impossible_colours():
    np.testing.assert_allclose(rgb_to_lab(np.full((1, 3), 255, np.uint8)), [[100, 0, 0]], atol=0.01)
    assert lab_to_rgb(np.array([[140.0, 0, 0], [-5, 0, 0]])).tolist() == [[255] * 3, [0] * 3]
