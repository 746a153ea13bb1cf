"""Tiles of a stated size and resolution."""

from __future__ import annotations

import threading
import warnings

import numpy as np
import pytest

from genviz.features.tile_cutting import cut_ahead, cut_tile, fit_tiles, warn_of_small
from tests.features.painting import reader

PIXELS = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
READ = reader(PIXELS)


def test_native_tiles_are_copies_around_the_centre():
    tile = cut_tile(READ, np.array([100.0, 80.0]), 32, 1.0)
    np.testing.assert_array_equal(tile, PIXELS[64:96, 84:116])


def test_coarser_tiles_are_area_averages():
    tile = cut_tile(READ, np.array([100.0, 80.0]), 16, 2.0)
    expected = PIXELS[64:96, 84:116].reshape(16, 2, 16, 2, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(tile, expected, atol=0.51)


def test_finer_tiles_cover_the_same_ground():
    ramp = np.broadcast_to(np.arange(200, dtype=np.uint8)[:, None], (200, 200))[..., None].repeat(3, 2)
    tile = cut_tile(reader(ramp), np.array([100.0, 100.0]), 64, 0.5)
    assert tile.shape == (64, 64, 3)
    assert tile[0, 0, 0] == pytest.approx(84, abs=1) and tile[-1, 0, 0] == pytest.approx(115, abs=1)


def test_outside_is_white():
    tile = cut_tile(READ, np.array([0.0, 0.0]), 20, 1.5)
    assert (tile[:9, :9] == 255).all() and (tile[12:, 12:] != 255).any()


def test_batches_come_in_order_and_one_is_cut_ahead():
    cut_so_far: list[float] = []
    lock = threading.Lock()

    def cut(centre):
        with lock:
            cut_so_far.append(float(centre[0]))
        return np.full((2, 2, 3), int(centre[0]), np.uint8)

    centres = np.arange(40, dtype=float).repeat(2).reshape(40, 2)
    batches = [centres[start : start + 8] for start in range(0, 40, 8)]
    for index, tiles in enumerate(cut_ahead(cut, batches, 3)):
        assert tiles[:, 0, 0, 0].tolist() == list(range(8 * index, 8 * index + 8))
        assert max(cut_so_far) < 8 * (index + 2)  # never all at once
    assert sorted(cut_so_far) == list(range(40))


def test_loose_tiles_are_rescaled_and_their_middle_taken():
    same = fit_tiles(PIXELS[None, :64, :64], 1.0, 64)
    np.testing.assert_array_equal(same[0], PIXELS[:64, :64])
    middle = fit_tiles(PIXELS[None, :64, :80], 1.0, 32)
    np.testing.assert_array_equal(middle[0], PIXELS[16:48, 24:56])
    shrunk = fit_tiles(PIXELS[None, :64, :64], 2.0, 32)
    np.testing.assert_allclose(
        shrunk[0], PIXELS[:64, :64].reshape(32, 2, 32, 2, 3).mean(axis=(1, 3)), atol=0.51
    )


def test_small_tiles_are_mirrored_at_the_edges_and_said():
    wide = fit_tiles(PIXELS[None, :16, :16], 1.0, 32)[0]
    np.testing.assert_array_equal(wide[8:24, 8:24], PIXELS[:16, :16])
    np.testing.assert_array_equal(wide[7], wide[8])
    assert fit_tiles(PIXELS[None, :4, :4], 1.0, 33).shape == (1, 33, 33, 3)
    with pytest.warns(UserWarning, match="cover 16 of the 32 pixels"):
        warn_of_small((16, 40), 1.0, 32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_small((32, 32), 1.0, 32)
