"""Which pixels a slide's stains are estimated from."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from genviz._errors import DataError
from genviz.features.optical_density import REFERENCE_BASIS
from genviz.features.stain import MacenkoNormaliser
from genviz.io.slides.slide import MemorySlide
from genviz.pp.stain_pixels import stain_pixels, tile_pixels
from tests.features.painting import tissue

MPP = 0.7
RGB = tissue(1200, 1500)


def test_crops_come_from_all_over_the_tissue_and_not_from_glass():
    pixels = stain_pixels(MemorySlide(RGB), MPP)
    assert pixels.dtype == np.uint8 and pixels.shape[1:] == (96, 3)
    crops = pixels[1:].reshape(-1, 96, 96, 3)
    assert 50 <= len(crops) <= 100
    assert (pixels == 255).all(axis=-1).mean() < 0.15  # the slide's lowest 15 % are glass
    # Brightness differs along the slide: crops of one corner would not show it.
    assert np.ptp(crops.mean(axis=(1, 2, 3))) > 10


def test_they_give_the_slides_stains():
    basis = MacenkoNormaliser.fit(stain_pixels(MemorySlide(RGB), MPP)).basis
    cosine = (
        (basis * REFERENCE_BASIS).sum(1)
        / np.linalg.norm(basis, axis=1)
        / np.linalg.norm(REFERENCE_BASIS, axis=1)
    )
    assert (cosine > 0.97).all()


def test_the_same_every_time():
    np.testing.assert_array_equal(stain_pixels(MemorySlide(RGB), MPP), stain_pixels(MemorySlide(RGB), MPP))


def test_finer_scans_give_the_same_stains():
    finer = np.asarray(Image.fromarray(RGB).resize((3000, 2400), Image.Resampling.BICUBIC))
    coarse, fine = (
        MacenkoNormaliser.fit(stain_pixels(MemorySlide(rgb), mpp)).basis
        for rgb, mpp in ((RGB, MPP), (finer, MPP / 2))
    )
    np.testing.assert_allclose(fine, coarse, atol=0.03)


def test_a_piece_of_tissue_between_the_places_is_found():
    """A slide with one small fragment: every place of the fixed grid may miss it."""
    rgb = np.full((2400, 2400, 3), 245, np.uint8)
    rgb[1010:1050, 1010:1050] = tissue(40, 40)
    pixels = stain_pixels(MemorySlide(rgb), MPP)
    assert (pixels < 200).any()
    MacenkoNormaliser.fit(pixels)


def test_glass_alone_is_refused_with_the_way_out():
    pixels = stain_pixels(MemorySlide(np.full((300, 400, 3), 245, np.uint8)), MPP)
    with pytest.raises(DataError, match=r"Is it blank, or not H&E\? Use stain=None"):
        MacenkoNormaliser.fit(pixels)


def test_of_stored_tiles_at_most_a_hundred_are_taken_from_first_to_last():
    tiles = np.arange(250, dtype=np.uint8)[:, None, None, None] * np.ones((1, 4, 6, 3), np.uint8)
    pixels = tile_pixels(tiles)
    taken = pixels.reshape(-1, 4, 6, 3)[:, 0, 0, 0]
    assert pixels.shape == (400, 6, 3)
    assert (taken[0], taken[-1]) == (0, 249) and (np.diff(taken) > 0).all()
    assert tile_pixels(tiles[:3]).shape == (12, 6, 3)
