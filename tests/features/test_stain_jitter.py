"""Stain jitter: grey stays grey, glass stays clear, the same generator gives the same tiles."""

from __future__ import annotations

import numpy as np
import pytest

from genviz._errors import UsageError
from genviz.datasets import phantom
from genviz.features.optical_density import REFERENCE_BASIS, optical_density, unmix
from genviz.features.stain_jitter import jitter_stain


@pytest.fixture(scope="module")
def tiles():
    return phantom("nuclei", n_images=2, size_px=48).obsm["tiles"]


def test_deterministic_and_new(tiles):
    before = tiles.copy()
    one, two = (jitter_stain(tiles, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(tiles, before)
    assert (one != tiles).any(axis=(1, 2, 3)).all()


def test_a_draw_does_not_depend_on_the_kind_of_neighbours(tiles):
    other = tiles.copy()
    other[0] = tiles[2]  # colour instead of grey
    a, b = jitter_stain(tiles, np.random.default_rng(0)), jitter_stain(other, np.random.default_rng(0))
    np.testing.assert_array_equal(a[1:], b[1:])


def test_grey_stays_grey_and_colour_colour(tiles):
    out = jitter_stain(tiles, np.random.default_rng(1))
    assert (out[:2] == out[:2, ..., :1]).all() and (out[2] != out[2, ..., :1]).any()


def test_nothing_asked_nothing_done(tiles):
    out = jitter_stain(tiles, np.random.default_rng(1), stain=0, gain=0, brightness=0)
    assert np.abs(out.astype(int) - tiles).max() <= 1


def test_stains_are_multiplied_one_by_one():
    amounts = np.random.default_rng(0).uniform(0.2, 0.8, (1, 20, 20, 2)).astype(np.float32)
    tile = np.rint(256 * np.exp(-amounts @ REFERENCE_BASIS) - 1).astype(np.uint8)
    out = jitter_stain(tile, np.random.default_rng(5), stain=0.3)
    draw = np.random.default_rng(5).uniform(-1, 1, (1, 4))[0, :2]
    found = unmix(optical_density(out[0]), REFERENCE_BASIS) / unmix(optical_density(tile[0]), REFERENCE_BASIS)
    np.testing.assert_allclose(np.median(found, axis=(0, 1)), np.exp(0.3 * draw), rtol=0.03)


def test_other_arrays_are_refused(tiles):
    with pytest.raises(UsageError):
        jitter_stain(tiles[0], np.random.default_rng(0))
    with pytest.raises(UsageError):
        jitter_stain(tiles.astype(float), np.random.default_rng(0))
