"""Tiles of a stated size and resolution around places of a slide, cut while the network is busy.

Shapes: B tiles of a batch; H, W pixel rows and columns; 3 RGB.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from genviz.core.resample import area_matrix, resample
from genviz.features.encoder import Read

Tiles = NDArray[np.uint8]

_SAME_SCALE = 1e-3  # a tile whose scale differs less than this is copied, not resampled


def cut_tile(read: Read, centre: NDArray[np.float64], size_px: int, scale: float) -> Tiles:
    """Cut one tile, area-averaged or linearly enlarged; its corner is rounded to whole slide pixels.

    Parameters
    ----------
    read
        ``read(x, y, w, h)`` of the slide.
    centre
        (x, y), slide pixels.
    size_px
        Side of the tile.
    scale
        Slide pixels per tile pixel.
    """
    extent = size_px * scale
    x, y = (int(v) for v in np.floor(centre - extent / 2 + 0.5))
    if abs(scale - 1) < _SAME_SCALE:
        return read(x, y, size_px, size_px)
    window = int(np.ceil(extent))
    weights = area_matrix(window, size_px, extent)
    return resample(read(x, y, window, window), weights, weights)


def cut_ahead(
    cut: Callable[[NDArray[np.float64]], Tiles], batches: Sequence[NDArray[np.float64]], n_workers: int
) -> Iterator[Tiles]:
    """Cut batches of centres (b, 2) in threads, one batch ahead of whoever asks: uint8 (b, H, W, 3) each."""
    with ThreadPoolExecutor(n_workers) as pool:
        upcoming = pool.map(cut, batches[0])
        for following in [*batches[1:], batches[0][:0]]:
            current, upcoming = upcoming, pool.map(cut, following)
            yield np.stack(list(current))


def fit_tiles(tiles_BHW3: Tiles, scale: float, size_px: int) -> Tiles:
    """Bring loose tiles to a size and resolution: rescaled, then the middle is cut or the edges are mirrored.

    Parameters
    ----------
    tiles_BHW3
        uint8.
    scale
        Pixels of these per pixel wanted.
    size_px
        Side wanted.
    """
    height, width = _rescaled(tiles_BHW3.shape[1:3], scale)
    if (height, width) != tiles_BHW3.shape[1:3]:
        down, across = area_matrix(tiles_BHW3.shape[1], height), area_matrix(tiles_BHW3.shape[2], width)
        tiles_BHW3 = np.stack([resample(rgb_HW3, down, across) for rgb_HW3 in tiles_BHW3])
    missing = [max(size_px - n, 0) for n in (height, width)]
    edges = [(0, 0), *((n // 2, n - n // 2) for n in missing), (0, 0)]
    tiles_BHW3 = np.pad(tiles_BHW3, edges, mode="symmetric") if any(missing) else tiles_BHW3
    top, left = ((n - size_px) // 2 for n in tiles_BHW3.shape[1:3])
    return tiles_BHW3[:, top : top + size_px, left : left + size_px]


def warn_of_small(sides_px: Sequence[int], scale: float, size_px: int) -> None:
    """Say when loose tiles cover less tissue than an encoder takes."""
    shortest = min(_rescaled(sides_px, scale))
    if shortest < size_px:
        warnings.warn(
            f"Tiles cover {shortest} of the {size_px} pixels that the encoder takes at its resolution; their "
            "edges are mirrored. Cut larger tiles for features that compare with those of slides.",
            stacklevel=3,
        )


def _rescaled(sides_px: Sequence[int], scale: float) -> tuple[int, ...]:
    return tuple(max(round(n / scale), 1) for n in sides_px)
