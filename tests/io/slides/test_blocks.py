"""io.slides.blocks: the same pixels as without a cache, few decodings, bounded memory."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import zarr

from genviz.io.slides.blocks import ChunkedArray


class Counted:
    """An array that counts how often it is read."""

    def __init__(self, array):
        self.array, self.reads = array, 0
        self.shape, self.chunks, self.dtype = array.shape, array.chunks, array.dtype

    def __getitem__(self, window):
        self.reads += 1
        return self.array[window]


@pytest.fixture
def array():
    made = zarr.create_array(zarr.storage.MemoryStore(), shape=(100, 130, 3), chunks=(32, 32, 3), dtype="u1")
    made[:] = np.random.default_rng(0).integers(0, 255, (100, 130, 3), dtype=np.uint8)
    return Counted(made)


def window(y, x, h, w):
    return slice(y, y + h), slice(x, x + w), slice(0, 3)


def test_every_window_is_what_the_array_holds(array):
    cache = ChunkedArray(array)
    rng = np.random.default_rng(1)
    for _ in range(50):
        y, x = int(rng.integers(0, 99)), int(rng.integers(0, 129))
        h, w = int(rng.integers(1, 101 - y)), int(rng.integers(1, 131 - x))
        np.testing.assert_array_equal(cache.read(window(y, x, h, w)), array.array[window(y, x, h, w)])
    assert array.reads <= 20  # there are four rows of five chunks


def test_no_more_than_allowed_is_kept(array):
    cache = ChunkedArray(array, max_bytes=4 * 32 * 32 * 3)
    for _ in range(2):
        cache.read(window(0, 0, 100, 130))
    assert array.reads > 20 and cache._recent.n_bytes <= cache._recent.max_bytes


def test_arrays_in_one_piece_are_read_directly(array):
    cache = ChunkedArray(array, max_bytes=1000)
    for _ in range(3):
        np.testing.assert_array_equal(cache.read(window(5, 6, 7, 8)), array.array[window(5, 6, 7, 8)])
    assert array.reads == 3 and cache._recent.n_bytes == 0


def test_what_is_given_away_may_be_written_to(array):
    cache = ChunkedArray(array)
    cache.read(window(0, 0, 10, 10))[:] = 0
    np.testing.assert_array_equal(cache.read(window(0, 0, 10, 10)), array.array[window(0, 0, 10, 10)])


def test_threads_share_it(array):
    cache = ChunkedArray(array, max_bytes=4 * 32 * 32 * 3)
    places = [(y, x) for y in range(0, 90, 7) for x in range(0, 120, 7)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda place: cache.read(window(*place, 10, 10)), places))
    for place, pixels in zip(places, found, strict=True):
        np.testing.assert_array_equal(pixels, array.array[window(*place, 10, 10)])
