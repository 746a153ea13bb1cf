"""Stored overviews of every kind come out as 8-bit RGB."""

from __future__ import annotations

import numpy as np
import pytest

from genviz.io.slides.stored_image import stored_rgb

PIXELS = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3) * 4


@pytest.mark.parametrize(
    "stored",
    [
        PIXELS,
        PIXELS.astype(np.uint16),
        PIXELS.astype(np.uint16) * 256 + 7,
        PIXELS.astype(np.float32) / 255 + 1e-4,
        np.dstack([PIXELS, np.full((4, 5), 255, np.uint8)]),
    ],
    ids=["bytes", "small whole numbers", "16 bits", "floats", "with alpha"],
)
def test_every_type_looks_the_same(stored):
    assert stored_rgb(stored).dtype == np.uint8
    assert np.array_equal(stored_rgb(stored), PIXELS)


def test_grey_becomes_three_channels():
    grey = PIXELS[..., 0]
    for stored in (grey, grey[..., None]):
        assert np.array_equal(stored_rgb(stored), np.repeat(grey[..., None], 3, axis=2))
    assert stored_rgb(grey > 10).max() == 255
