"""Smooth random fields and their values between grid points: what phantom tissue is made of.

Everything here is element by element, so that a region of a field is the same numbers whichever way
a picture is cut into bands. Shapes: h, w rows and columns of a field; n points.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Field = NDArray[np.floating]


def noise(
    rng: np.random.Generator, shape: tuple[int, int], sigma: float | tuple[float, float], wrap: bool = False
) -> Field:
    """Gaussian noise smoothed over ``sigma`` cells: mean 0, deviation 1.

    Parameters
    ----------
    rng
        Where it comes from.
    shape
        Rows and columns.
    sigma
        Smoothing, in cells; two numbers for rows and columns.
    wrap
        Whether the last row and column go on in the first, as in a texture that is laid side by side.
    """
    smooth = ndimage.gaussian_filter(rng.standard_normal(shape), sigma, mode="wrap" if wrap else "reflect")
    return ((smooth - smooth.mean()) / smooth.std()).astype(np.float32)


def signed_distance(mask: NDArray[np.bool_], cell: float, smooth: float) -> Field:
    """Distance to the edge of a region, above 0 inside.

    Parameters
    ----------
    mask
        The region.
    cell
        Length of a grid step.
    smooth
        Grid steps over which corners are rounded.
    """
    if mask.all() or not mask.any():
        return np.full(mask.shape, 1e6 if mask.any() else -1e6, np.float32)
    distance = ndimage.distance_transform_edt(mask) - ndimage.distance_transform_edt(~mask)
    # Between the last cell inside and the first outside lies the edge, half a cell from both.
    distance -= np.sign(distance) * 0.5
    return (ndimage.gaussian_filter(distance, smooth) * cell).astype(np.float32)


def between(field: Field, rows: NDArray[np.floating], columns: NDArray[np.floating]) -> Field:
    """Bilinear values on a lattice: rows (h,) and columns (w,), in cells, give (h, w); the edge goes on."""
    low_r, part_r = _parts(rows, field.shape[0])
    low_c, part_c = _parts(columns, field.shape[1])
    upper, lower = field[low_r], field[low_r + 1]
    lines = upper + (lower - upper) * part_r[:, None]
    left = lines[:, low_c]
    return left + (lines[:, low_c + 1] - left) * part_c


def at_points(field: Field, rows: NDArray[np.floating], columns: NDArray[np.floating]) -> Field:
    """Bilinear values at loose points (n,), rows and columns in cells."""
    low_r, part_r = _parts(rows, field.shape[0])
    low_c, part_c = _parts(columns, field.shape[1])
    upper = field[low_r, low_c] * (1 - part_c) + field[low_r, low_c + 1] * part_c
    lower = field[low_r + 1, low_c] * (1 - part_c) + field[low_r + 1, low_c + 1] * part_c
    return upper * (1 - part_r) + lower * part_r


def _parts(places: NDArray[np.floating], size: int) -> tuple[NDArray[np.intp], Field]:
    inside = np.clip(places, 0, size - 1)
    low = np.minimum(inside.astype(np.intp), size - 2)
    return low, (inside - low).astype(np.float32)
