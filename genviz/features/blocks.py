"""Block sums: pixel statistics pooled to 8 x 8 px once, so that any window is a sum of blocks.

Shapes: M maps; H, W pixel rows and columns; h, w block rows and columns.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]

BLOCK = 8


def pool(map_HW: Float, side: int = BLOCK) -> Float:
    """Mean of each block of ``side`` x ``side`` samples, float32 (h, w); sides must be multiples of it."""
    height, width = map_HW.shape
    # Columns first, as a matrix product: several times faster than a mean over two axes.
    across = (
        np.ascontiguousarray(map_HW).reshape(-1, side) @ np.full(side, 1.0 / side**2, np.float32)
    ).reshape(height, -1)
    return across.reshape(height // side, side, width // side).sum(axis=1)


def scatter(
    rows: NDArray[np.floating],
    columns: NDArray[np.floating],
    weights: NDArray[np.floating],
    shape_px: tuple[int, int],
) -> Float:
    """Sum point weights into the blocks their pixel positions fall in, as a density per pixel."""
    height, width = shape_px[0] // BLOCK, shape_px[1] // BLOCK
    index = (rows // BLOCK).astype(np.intp) * width + (columns // BLOCK).astype(np.intp)
    return np.bincount(index, weights, height * width).reshape(height, width).astype(np.float32)


def window_means(blocks_Mhw: Float, centres: NDArray[np.floating], side: float) -> NDArray[np.float64]:
    """Mean of every map over square windows.

    Summed afresh for each row, so that no row's rounding depends on another.

    Parameters
    ----------
    blocks_Mhw
        Pooled maps.
    centres
        (n, 2) window centres (x, y) in blocks; windows must lie inside.
    side
        Side of the window in blocks; edges are rounded to whole blocks.

    Returns
    -------
    float64 (n, M).
    """
    size = max(round(side), 1)
    corners = np.rint(centres - size / 2).astype(np.intp)
    means = [
        blocks_Mhw[:, y : y + size, x : x + size].mean(axis=(1, 2), dtype=np.float64) for x, y in corners
    ]
    return np.stack(means)
