"""io.tissue: tissue against glass on a thumbnail."""

from __future__ import annotations

import numpy as np
import pytest

from genviz.io.tissue import otsu, share_on, tissue_mask


def slide(colour=(170, 90, 160)) -> np.ndarray:
    rng = np.random.default_rng(0)
    rgb = np.full((300, 200, 3), 238, int)
    rgb[60:240, 40:120] = colour
    return np.clip(rgb + rng.integers(-10, 11, rgb.shape), 0, 255).astype(np.uint8)


def test_stained_tissue_is_found():
    mask = tissue_mask(slide())
    expected = np.zeros((300, 200), bool)
    expected[60:240, 40:120] = True
    assert (mask == expected).mean() > 0.97


@pytest.mark.parametrize("colour", [(238, 238, 238), (60, 60, 60)])
def test_grey_is_not_tissue(colour):
    assert tissue_mask(slide(colour)) is None


def test_blank_slides_have_no_mask():
    assert tissue_mask(np.full((50, 50, 3), 255, np.uint8)) is None


def test_otsu_parts_two_classes():
    values = np.concatenate(
        [np.random.default_rng(0).normal(5, 1, 900), np.random.default_rng(1).normal(50, 3, 100)]
    )
    assert 9 < otsu(values) < 41


def test_positions_off_the_mask_are_not_on_tissue():
    mask = np.zeros((10, 20), bool)
    mask[3, 15] = True
    xy = np.array([[15.9, 3.1], [3.0, 15.0], [-1.0, 3.0], [25.0, 3.0]])
    np.testing.assert_array_equal(share_on(mask, xy), [True, False, False, False])
