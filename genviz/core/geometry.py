"""Pixels, micrometres and the spot grid.

Coordinates are (x, y) = (column, row) in full-resolution pixels; ``mpp`` is micrometres per pixel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genviz._errors import DataError, UsageError

Floats = NDArray[np.float64]

_HUBER = 1.345  # 95 % efficiency under normal errors
_ITERATIONS = 50


@dataclass(frozen=True)
class GridFit:
    """Affine map from spot grid to pixels, ``xy_px = grid_xy @ matrix.T + offset``.

    Attributes
    ----------
    matrix
        (2, 2): pixels per grid step.
    offset
        (2,): pixel position of grid (0, 0).
    residual_px
        (n,): distance of each measured spot from the fitted place, pixels.
    """

    matrix: Floats
    offset: Floats
    residual_px: Floats

    @property
    def px_per_step(self) -> float:
        """Side of the square with the area of one grid cell, pixels."""
        return float(np.sqrt(abs(np.linalg.det(self.matrix))))

    @property
    def mirrored(self) -> bool:
        """Whether the pixel axes are a mirror image of the grid axes, as when x and y of one are swapped."""
        return bool(np.linalg.det(self.matrix) < 0)


def fit_grid(xy_px: ArrayLike, grid_xy: ArrayLike) -> GridFit:
    """Fit measured spot positions to their grid coordinates, letting no outlier pull.

    Iteratively reweighted least squares with Huber weights; the scale is 1.4826 times the median
    residual. A full affine map is fitted, so a rotated array costs nothing.

    Parameters
    ----------
    xy_px
        (n, 2) measured centres, pixels.
    grid_xy
        (n, 2) grid coordinates of the same spots, (column, row).

    Raises
    ------
    DataError
        When the spots do not span two dimensions of the grid, or positions are not finite.
    """
    xy, grid = np.asarray(xy_px, float), np.asarray(grid_xy, float)
    if xy.shape != grid.shape or xy.ndim != 2 or xy.shape[1] != 2:
        raise DataError(
            f"Expected pixel and grid positions of one shape (n, 2); got {xy.shape} and {grid.shape}."
        )
    if not (np.isfinite(xy).all() and np.isfinite(grid).all()):
        raise DataError(
            "Expected finite pixel and grid positions; some are NaN or infinite. Drop those spots."
        )
    if len(grid) < 3 or np.linalg.matrix_rank(grid - grid.mean(0)) < 2:
        raise DataError(
            f"Expected spots in at least two rows and two columns of the grid; got {len(grid)} spots on one "
            "line. "
            "State the resolution with mpp=."
        )
    design = np.column_stack([grid, np.ones(len(grid))])
    weights = np.ones(len(grid))
    for _ in range(_ITERATIONS):
        root = np.sqrt(weights)[:, None]
        solution = np.linalg.lstsq(design * root, xy * root, rcond=None)[0]
        distance = np.linalg.norm(xy - design @ solution, axis=1)
        scale = max(1.4826 * float(np.median(distance)), 1e-9)
        updated = np.minimum(1.0, _HUBER * scale / np.maximum(distance, 1e-12))
        if np.allclose(updated, weights, atol=1e-6):
            break
        weights = updated
    return GridFit(matrix=solution[:2].T.copy(), offset=solution[2].copy(), residual_px=distance)


def mpp_from_pitch(xy_px: ArrayLike, grid_xy: ArrayLike, pitch_um: float) -> float:
    """Micrometres per pixel of an image, from the known pitch of the spot array.

    ``mpp = pitch_um / sqrt(|det A|)``, with A the robust affine map from grid to pixels (`fit_grid`).

    Parameters
    ----------
    xy_px
        (n, 2) measured spot centres, pixels.
    grid_xy
        (n, 2) grid coordinates; one step is `pitch_um` along both axes.
    pitch_um
        Distance of neighbouring spots, micrometres (200 for 1k ST arrays).

    Raises
    ------
    DataError
        When the spots do not span the grid or collapse in the image.
    """
    if pitch_um <= 0:
        raise UsageError(f"Expected a pitch above 0 um; got {pitch_um}.")
    step = fit_grid(xy_px, grid_xy).px_per_step
    if step < 1e-6:
        raise DataError(
            "Expected spots at different pixel positions; they collapse onto a line. Check the pixel columns."
        )
    return pitch_um / step
