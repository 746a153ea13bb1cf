"""Contrast for the eye: dark grey tiles made bright enough to be looked at.

Shape legend: R rows (tiles), H x W pixels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

PERCENTILE = 99.5
NOTE = "contrast stretched"
_GREY = 4.0  # grey levels between channels, on average over a tile: less is no colour
_MOST = 8.0  # an empty tile stays dark


def stretched(tiles_RHW3: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], bool]:
    """Brighten grey tiles, each by a factor that takes its 99.5th percentile to white; at most eightfold.

    Fluorescence fills a tenth to a half of the range of 8 bits. Coloured tiles are left as they are, and no level is
    taken off: black stays black.

    Parameters
    ----------
    tiles_RHW3
        uint8; not changed.

    Returns
    -------
    Tiles to look at, and whether any of them was brightened: say so beside them (`NOTE`).
    """
    tiles = np.asarray(tiles_RHW3)
    factors = [stretch_factor(tile) for tile in tiles]
    if not any(factor > 1 for factor in factors):
        return tiles, False
    parts = [
        np.minimum(tile * factor, 255).round().astype(np.uint8)
        for tile, factor in zip(tiles, factors, strict=True)
    ]
    return np.stack(parts), True


def stretch_factor(tile_HW3: NDArray[np.uint8]) -> float:
    """What a tile, or some of its pixels (P, 3), is multiplied by to be looked at; 1 for one with colours."""
    highest_HW = tile_HW3.max(axis=-1)
    if float((highest_HW - tile_HW3.min(axis=-1)).mean()) >= _GREY:
        return 1.0
    white = float(np.percentile(highest_HW, PERCENTILE))
    return float(np.clip(255 / max(white, 1.0), 1.0, _MOST))
