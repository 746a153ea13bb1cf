"""core.resample: means are kept, constants stay, whole factors are block means."""

from __future__ import annotations

import numpy as np
import pytest

from genviz.core.resample import area_matrix, resample


def picture(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize(("n_in", "n_out"), [(7, 7), (10, 3), (224, 162), (9, 14), (1, 5)])
def test_rows_sum_to_one(n_in, n_out):
    weights = area_matrix(n_in, n_out)
    assert weights.shape == (n_out, n_in)
    np.testing.assert_allclose(np.asarray(weights.sum(1)).ravel(), 1, atol=1e-6)


def test_same_size_is_the_same():
    image = picture(13, 9)
    np.testing.assert_array_equal(resample(image, area_matrix(13, 13), area_matrix(9, 9)), image)


def test_whole_factor_is_the_block_mean():
    image = picture(12, 8)
    expected = np.rint(image.reshape(3, 4, 2, 4, 3).astype(float).mean((1, 3)))
    np.testing.assert_allclose(resample(image, area_matrix(12, 3), area_matrix(8, 2)), expected, atol=1)


def test_fractional_factor_weighs_by_overlap():
    # 3 pixels into 2: the middle one belongs half to each.
    weights = area_matrix(3, 2).toarray()
    np.testing.assert_allclose(weights, np.array([[2, 1, 0], [0, 1, 2]]) / 3, atol=1e-6)


def test_span_leaves_the_rest_out():
    weights = area_matrix(4, 2, span=3.0).toarray()
    np.testing.assert_allclose(weights, np.array([[2, 1, 0, 0], [0, 1, 2, 0]]) / 3, atol=1e-6)


def test_enlarging_interpolates_between_pixel_centres():
    ramp = np.repeat(np.arange(0, 80, 10, dtype=np.uint8)[None, :, None], 8, axis=0).repeat(3, axis=2)
    large = resample(ramp, area_matrix(8, 16), area_matrix(8, 16))[0, :, 0].astype(int)
    assert (np.diff(large) >= 0).all()
    np.testing.assert_allclose(large[1:-1], np.arange(1, 15) * 5 - 2.5, atol=0.5)


def test_the_mean_colour_survives():
    image = picture(100, 100)
    small = resample(image, area_matrix(100, 37), area_matrix(100, 37))
    np.testing.assert_allclose(small.mean((0, 1)), image.mean((0, 1)), atol=0.5)
