"""Optical density: Beer-Lambert and back."""

from __future__ import annotations

import numpy as np
import pytest

from genviz.features.optical_density import REFERENCE_BASIS, optical_density, rgb_of_density, unmix


def test_every_byte_comes_back():
    rgb = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)
    np.testing.assert_array_equal(rgb_of_density(optical_density(rgb)), rgb)


def test_white_absorbs_nothing_and_density_adds_up():
    assert optical_density(np.array([255], np.uint8)) == 0
    half, quarter = optical_density(np.array([127, 63], np.uint8))
    assert half == pytest.approx(np.log(2)) and quarter == pytest.approx(2 * half)


def test_densities_outside_bytes_are_clipped():
    assert rgb_of_density(np.array([-1.0, 50.0], np.float32)).tolist() == [255, 0]


def test_unmixing_finds_the_amounts():
    amounts = np.random.default_rng(0).uniform(0, 2, (5, 7, 2)).astype(np.float32)
    np.testing.assert_allclose(unmix(amounts @ REFERENCE_BASIS, REFERENCE_BASIS), amounts, atol=1e-5)


def test_reference_stains_are_unit_vectors():
    np.testing.assert_allclose(np.linalg.norm(REFERENCE_BASIS, axis=1), 1, atol=1e-3)
