"""Exact separable resampling of pixels: area averages when shrinking, linear when enlarging.

Shapes: H, W rows and columns; 3 colour channels (RGB).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse


def area_matrix(n_in: int, n_out: int, span: float | None = None) -> sparse.csr_matrix:
    """Weights of one axis: output cell i is the mean of what it covers of the input.

    Parameters
    ----------
    n_in, n_out
        Pixels before and after.
    span
        Input pixels covered by the output, from the first on; all of them by default.

    Returns
    -------
    (n_out, n_in) float32, rows summing to 1. Cells narrower than an input pixel take the linear
    interpolation between pixel centres instead, since the mean over less than a pixel is a step.
    """
    step = (n_in if span is None else span) / n_out
    if step < 1:
        return _linear_matrix(n_in, n_out, step)
    edges = np.minimum(np.arange(n_out + 1) * step, n_in)
    first = np.floor(edges[:-1]).astype(int)
    width = int(np.ceil(step)) + 1
    columns = first[:, None] + np.arange(width)
    overlap = np.minimum(columns + 1, edges[1:, None]) - np.maximum(columns, edges[:-1, None])
    overlap = np.where(columns < n_in, np.maximum(overlap, 0), 0)
    return _rows(columns, overlap, (n_out, n_in))


def _linear_matrix(n_in: int, n_out: int, step: float) -> sparse.csr_matrix:
    centre = np.clip((np.arange(n_out) + 0.5) * step - 0.5, 0, n_in - 1)
    first = np.floor(centre).astype(int)
    share = centre - first
    return _rows(np.column_stack([first, first + 1]), np.column_stack([1 - share, share]), (n_out, n_in))


def _rows(columns: np.ndarray, weights: np.ndarray, shape: tuple[int, int]) -> sparse.csr_matrix:
    keep = weights > 1e-9
    rows = np.broadcast_to(np.arange(shape[0])[:, None], columns.shape)
    matrix = sparse.csr_matrix((weights[keep], (rows[keep], columns[keep])), shape=shape)
    total = np.asarray(matrix.sum(axis=1)).ravel()
    return sparse.csr_matrix(sparse.diags(1 / total) @ matrix).astype(np.float32)


def resample(
    rgb_HW3: NDArray[np.uint8], down: sparse.csr_matrix, across: sparse.csr_matrix
) -> NDArray[np.uint8]:
    """Apply the weights of both axes to an image.

    Parameters
    ----------
    rgb_HW3
        uint8 (H, W, 3).
    down, across
        (h, H) and (w, W) weights from `area_matrix`.

    Returns
    -------
    uint8 (h, w, 3), rounded to nearest.
    """
    height, width, channels = rgb_HW3.shape
    rows = down @ rgb_HW3.reshape(height, width * channels).astype(np.float32)
    turned = rows.reshape(down.shape[0], width, channels).transpose(1, 0, 2).reshape(width, -1)
    out = (across @ turned).reshape(across.shape[0], down.shape[0], channels).transpose(1, 0, 2)
    return np.ascontiguousarray(np.clip(np.rint(out), 0, 255).astype(np.uint8))
