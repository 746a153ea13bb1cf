"""The pyramid: the same tissue at every level, whatever levels the file has."""

from __future__ import annotations

from pathlib import Path

import dask.array as da
import numpy as np
import pytest

from genviz._errors import UsageError
from genviz.controllers.slide.pyramid import Pyramid
from genviz.io.slides.slide import MemorySlide, Slide, _ArrayLevel

RNG = np.random.default_rng(0)


def ramp(height: int, width: int) -> np.ndarray:
    """Smooth colours, so that an average is close to the value in the middle."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 255 / width, y * 255 / height, (x + y) * 100 / (height + width)], -1).astype(
        np.uint8
    )


def with_levels(rgb: np.ndarray, *shrinks: int) -> Slide:
    """A slide whose file holds these resolutions."""
    levels = [
        _ArrayLevel(rgb if s == 1 else rgb[: len(rgb) // s * s : s, : rgb.shape[1] // s * s : s])
        for s in shrinks
    ]
    return Slide(Path("x"), levels, [float(s) for s in shrinks])


@pytest.mark.parametrize("shrinks", [(1,), (1, 3), (1, 4), (1, 2, 16)])
def test_all_levels_show_the_same(shrinks):
    rgb = ramp(1700, 1301)
    pyramid = Pyramid(with_levels(rgb, *shrinks))
    assert pyramid.levels == [(1700, 1301, 1.0), (850, 651, 2.0), (425, 326, 4.0)]
    for k, (height, width, downsample) in enumerate(pyramid.levels):
        level = np.asarray(pyramid[k])
        assert level.shape == (height, width, 3)
        y, x = int(height * 0.4), int(width * 0.7)
        full = rgb[int((y + 0.5) * downsample), int((x + 0.5) * downsample)]
        assert np.abs(level[y, x].astype(int) - full).max() <= 4


def test_tiles_are_parts_of_their_level():
    pyramid = Pyramid(MemorySlide(RNG.integers(0, 255, (700, 900, 3), np.uint8)))
    assert pyramid.grid(0) == (4, 3)
    corner = pyramid.tile(0, 3, 2)
    assert corner.shape == (700 - 512, 900 - 768, 3)
    assert (corner == np.asarray(pyramid[0])[512:, 768:]).all()
    assert pyramid.tile(0, 3, 2) is corner  # kept
    for wrong in ((5, 0, 0), (0, 4, 0), (0, 0, -1)):
        with pytest.raises(UsageError):
            pyramid.tile(*wrong)


def test_averages_are_exact():
    rgb = RNG.integers(0, 255, (1024, 1024, 3), np.uint8)
    half = Pyramid(MemorySlide(rgb)).region(1, 10, 20, 7, 5)
    exact = rgb[40:50, 20:34].reshape(5, 2, 7, 2, 3).astype(float).mean(axis=(1, 3))
    assert np.abs(half - exact).max() <= 0.5
    assert Pyramid(MemorySlide(rgb)).region(0, 5, 5, 0, 3).shape == (3, 0, 3)


def test_outside_is_white():
    region = Pyramid(MemorySlide(np.zeros((600, 600, 3), np.uint8))).region(0, -5, 590, 20, 20)
    assert (region[:10, 5:] == 0).all()
    assert (region[:, :5] == 255).all()
    assert (region[10:] == 255).all()


def test_coarse_levels_of_a_plain_file_come_from_its_overview():
    rgb = ramp(600, 9000)
    slide = with_levels(rgb, 1)
    pyramid = Pyramid(slide)
    calls = []
    read = slide.read
    slide.read = lambda *a, **k: calls.append(a) or read(*a, **k)
    coarse = np.asarray(pyramid[4])
    n = len(calls)
    pyramid.region(4, 0, 0, 100, 30)
    assert len(calls) == n  # nothing is read from the file again
    assert np.abs(coarse[18, 281].astype(int) - rgb[296, 4504]).max() <= 4


def test_levels_are_lazy_arrays():
    rgb = ramp(600, 700)
    level = Pyramid(MemorySlide(rgb))[0]
    assert (level.shape, level.ndim, level.dtype, len(level)) == ((600, 700, 3), 3, np.uint8, 600)
    assert (level[10:20, 5:9] == rgb[10:20, 5:9]).all()
    assert (level[7, 5:9, 1] == rgb[7, 5:9, 1]).all()
    assert (level[::100, 3] == rgb[::100, 3]).all()
    assert (level[..., 0] == rgb[..., 0]).all()
    assert (da.from_array(level, chunks=(256, 256, 3))[300:, 2:5].compute() == rgb[300:, 2:5]).all()
