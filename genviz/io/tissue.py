"""Where a stained section lies on its slide, from a thumbnail.

Shapes: H, W rows and columns; 3 RGB.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

_SMOOTH = 1 / 100  # of the longest side: about a spot, so that fat and gland lumens count as tissue
_BINS = 256
_LEAST_CONTRAST = 8.0  # levels of chroma between glass and tissue; below, nothing is stained


def tissue_mask(rgb_HW3: NDArray[np.uint8]) -> NDArray[np.bool_] | None:
    """Tissue against glass by Otsu's threshold on smoothed chroma (largest minus smallest channel).

    Chroma rather than brightness, because H&E is coloured and glass, shadows and pen marks in grey are not.

    Parameters
    ----------
    rgb_HW3
        Thumbnail, uint8 (H, W, 3).

    Returns
    -------
    (H, W), True on tissue; None when the picture shows no two classes to tell apart.
    """
    rgb = rgb_HW3.astype(np.float32)
    size = max(3, round(max(rgb_HW3.shape[:2]) * _SMOOTH) | 1)
    chroma = ndimage.uniform_filter(rgb.max(axis=2) - rgb.min(axis=2), size)
    threshold = otsu(chroma)
    mask = chroma > threshold
    if mask.all() or not mask.any() or chroma[mask].mean() - chroma[~mask].mean() < _LEAST_CONTRAST:
        return None
    return np.asarray(mask)


def otsu(values: NDArray[np.floating]) -> float:
    """Threshold that parts values into two classes with the largest variance between them (Otsu 1979)."""
    counts, edges = np.histogram(values, _BINS)
    centres = (edges[1:] + edges[:-1]) / 2
    below = np.cumsum(counts)
    above = below[-1] - below
    mass = np.cumsum(counts * centres)
    inside = (below > 0) & (above > 0)
    if not inside.any():
        return float(edges[-1])
    gap = mass[inside] / below[inside] - (mass[-1] - mass[inside]) / above[inside]
    between = np.full(_BINS, -1.0)
    between[inside] = below[inside] * above[inside] * gap**2
    best = np.flatnonzero(between >= between.max() * (1 - 1e-9))  # a gap between the classes is a plateau
    return float(edges[1:][best].mean())


def share_on(mask_HW: NDArray[np.bool_], xy: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether each position (x, y), in pixels of the mask, lies inside it and on tissue: bool (n,)."""
    column, row = np.floor(xy).astype(np.int64).T
    inside = (column >= 0) & (column < mask_HW.shape[1]) & (row >= 0) & (row < mask_HW.shape[0])
    hit = np.zeros(len(xy), bool)
    hit[inside] = mask_HW[row[inside], column[inside]]
    return hit
