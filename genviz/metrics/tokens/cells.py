"""Cells of token grids and the pixels under them.

Shape legend: N rows (images), L cells of an image in raster order, H and W pixel rows and columns.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genviz._errors import DataError

Tokens = NDArray[np.int64]

BACKGROUND_PX = 24  # side of the surroundings that hold no mask for a cell to be empty background


def checked_tokens(tokens: ArrayLike, n_codes: int) -> Tokens:
    """Codes as int64 (N, L).

    Parameters
    ----------
    tokens
        (N, L) whole numbers.
    n_codes
        Size of the codebook.

    Raises
    ------
    DataError
        For other shapes or types, or codes outside 0 to ``n_codes - 1``.
    """
    codes = np.asarray(tokens)
    if codes.ndim != 2 or not np.issubdtype(codes.dtype, np.integer) or not codes.size:
        raise DataError(f"Expected whole codes (n, cells); got {codes.dtype} {codes.shape}.")
    if codes.min() < 0 or codes.max() >= n_codes:
        raise DataError(
            f"Expected codes 0 to {n_codes - 1}; got {codes.min()} to {codes.max()}. Is it the other stream?"
        )
    return codes.astype(np.int64)


def background_cells(masks: ArrayLike, n_cells: int, near_px: int = BACKGROUND_PX) -> NDArray[np.bool_]:
    """Cells whose surroundings hold no mask.

    Parameters
    ----------
    masks
        (N, H, W).
    n_cells
        L; cells are squares in raster order.
    near_px
        Side of the surroundings, centred on the cell; at least the cell itself.

    Returns
    -------
    bool (N, L).
    """
    foreground = np.asarray(masks) != 0
    n, height, width = foreground.shape
    cell = _cell_px(height, width, n_cells)
    more = max(0, near_px - cell)
    before, after = more // 2, more - more // 2
    padded = np.pad(foreground, ((0, 0), (before, after), (before, after)))
    # Summed-area table: the pixels of any window in four look-ups.
    table = np.zeros((n, padded.shape[1] + 1, padded.shape[2] + 1), np.int64)
    table[:, 1:, 1:] = padded.cumsum(axis=1).cumsum(axis=2)
    top = np.arange(0, height, cell)[:, None]
    left = np.arange(0, width, cell)[None, :]
    side = cell + more
    total = (
        table[:, top + side, left + side]
        - table[:, top, left + side]
        - table[:, top + side, left]
        + table[:, top, left]
    )
    return np.asarray((total == 0).reshape(n, n_cells), np.bool_)


def cell_shares(masks: ArrayLike, n_cells: int) -> NDArray[np.float64]:
    """Share of each cell that is mask, (N, L).

    Parameters
    ----------
    masks
        (N, H, W).
    n_cells
        L.
    """
    foreground = np.asarray(masks) != 0
    n, height, width = foreground.shape
    cell = _cell_px(height, width, n_cells)
    blocks = foreground.reshape(n, height // cell, cell, width // cell, cell)
    return np.asarray(blocks.mean(axis=(2, 4)).reshape(n, n_cells), np.float64)


def _cell_px(height: int, width: int, n_cells: int) -> int:
    """Side of a square cell, from the number of cells."""
    side = round(np.sqrt(height * width / n_cells))
    if side < 1 or height % side or width % side or (height // side) * (width // side) != n_cells:
        raise DataError(f"Expected {n_cells} square cells that tile {height} x {width} px; they do not.")
    return side
