"""Nuclei as instances: from a mask or a probability map to one label each, and back to outlines.

Labels are integers (H, W), 0 = background. Lengths and areas are in pixels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from genviz._errors import UsageError

Labels = NDArray[np.int32]

_EIGHT = np.ones((3, 3), bool)
# Half of the eight neighbours: each touching pair of pixels is looked at once.
_STEPS = ((0, 1), (1, -1), (1, 0), (1, 1))


def connected_instances(foreground_HW: NDArray[Any], min_area_px: int = 1) -> Labels:
    """One instance for each connected part of a binary mask; pixels that touch at a corner are connected.

    Parameters
    ----------
    foreground_HW
        Binary mask (H, W); anything but 0 is foreground.
    min_area_px
        Parts of fewer pixels are dropped.

    Returns
    -------
    int32 (H, W), labels 1, 2, ... in reading order of their first pixels.
    """
    _check_plane(foreground_HW)
    labels_HW, _ = ndimage.label(np.asarray(foreground_HW) != 0, structure=_EIGHT)
    return drop_specks(labels_HW, min_area_px)


def split_instances(
    probability_HW: NDArray[Any],
    *,
    threshold: float = 0.5,
    smooth_px: float = 1.0,
    neck: float = 0.9,
    min_area_px: int = 12,
) -> Labels:
    """Instances of a probability map or a binary mask, touching ones parted at their necks.

    Watershed of the distance map: with d the smoothed distance to the background, every foreground pixel climbs
    to a peak of d by its steepest neighbour. Two basins that meet are one nucleus if d at their highest meeting
    point (half the width of the neck) is at least ``neck`` times d at the lower of both peaks.

    Parameters
    ----------
    probability_HW
        (H, W), 0 to 1; a boolean mask is taken as it is.
    threshold
        Foreground is what is above.
    smooth_px
        Standard deviation of the smoothing of the distance map.
    neck
        From 0 (nothing is split) to 1 (every bump becomes an instance).
    min_area_px
        Instances of fewer pixels are dropped.

    Returns
    -------
    int32 (H, W), labels 1, 2, ... in reading order of their peaks.

    Raises
    ------
    UsageError
        For an array of another form, or a neck outside 0..1.
    """
    _check_plane(probability_HW)
    if not 0 <= neck <= 1:
        raise UsageError(f"Expected neck from 0 to 1; got {neck}.")
    given = np.asarray(probability_HW)
    foreground_HW = np.pad(given if given.dtype == bool else given > threshold, 1)
    height_HW = ndimage.distance_transform_edt(foreground_HW)
    if smooth_px:
        height_HW = ndimage.gaussian_filter(height_HW, smooth_px)
    basin_HW = _basins(np.where(foreground_HW, height_HW, -1.0), foreground_HW)
    merged_HW = _merge_basins(basin_HW, height_HW, neck)
    return drop_specks(merged_HW[1:-1, 1:-1], min_area_px)


def relabel(labels_HW: NDArray[Any]) -> Labels:
    """The same instances under labels 1, 2, ... without gaps, in the order of the old labels.

    Parameters
    ----------
    labels_HW
        Integers of any shape, 0 = background.

    Returns
    -------
    int32 of the same shape.
    """
    labels = np.asarray(labels_HW)
    values, inverse = np.unique(labels, return_inverse=True)
    new = np.cumsum(values != 0, dtype=np.int32)
    new[values == 0] = 0
    return np.asarray(new[inverse.reshape(labels.shape)], dtype=np.int32)


def drop_specks(labels_HW: NDArray[Any], min_area_px: int) -> Labels:
    """Instances of at least this many pixels, labelled 1, 2, ... in the order of the old labels.

    Parameters
    ----------
    labels_HW
        Integers (H, W), not negative, 0 = background.
    min_area_px
        Fewest pixels of an instance that stays.

    Returns
    -------
    int32 (H, W).
    """
    labels = np.asarray(labels_HW)
    area = np.bincount(labels.ravel())
    stays = area >= max(min_area_px, 1)
    stays[:1] = False
    new = np.where(stays, np.cumsum(stays), 0).astype(np.int32)
    return new[labels]


def boundaries(labels_HW: NDArray[Any]) -> NDArray[np.bool_]:
    """Outline pixels: those of an instance that touch another label above, below, left or right.

    The border of the picture is no outline. An outline lies inside its instance and is one pixel wide.

    Parameters
    ----------
    labels_HW
        Integers (..., H, W), 0 = background.

    Returns
    -------
    bool of the same shape.
    """
    labels = np.asarray(labels_HW)
    edge = np.zeros(labels.shape, bool)
    down = labels[..., 1:, :] != labels[..., :-1, :]
    edge[..., 1:, :] |= down
    edge[..., :-1, :] |= down
    right = labels[..., 1:] != labels[..., :-1]
    edge[..., 1:] |= right
    edge[..., :-1] |= right
    return np.asarray(edge & (labels != 0))


def _check_plane(mask_HW: NDArray[Any]) -> None:
    if np.ndim(mask_HW) != 2:
        raise UsageError(f"Expected one mask (height, width); got an array of shape {np.shape(mask_HW)}.")


def _basins(height_HW: NDArray[np.float64], foreground_HW: NDArray[np.bool_]) -> Labels:
    """Label every foreground pixel by the peak it climbs to; the picture has a border of background."""
    width = height_HW.shape[1]
    flat = height_HW.ravel()
    inside = np.flatnonzero(foreground_HW)
    best, highest = inside.copy(), flat[inside].copy()
    for down, right in _STEPS:
        for step in (down * width + right, -down * width - right):
            there = flat[inside + step]
            higher = there > highest
            best[higher], highest[higher] = inside[higher] + step, there[higher]
    target = np.arange(flat.size)
    target[inside] = best
    while True:  # pointer doubling: the longest climb halves each time
        further = target[best]
        if np.array_equal(further, best):
            break
        target[inside] = best = further
    labels = np.zeros(flat.size, np.int32)
    labels[inside] = 1 + np.unique(best, return_inverse=True)[1]
    return labels.reshape(height_HW.shape)


def _merge_basins(basin_HW: Labels, height_HW: NDArray[np.float64], neck: float) -> Labels:
    """Join basins over wide necks, widest first."""
    n = int(basin_HW.max(initial=0))
    peak = np.zeros(n + 1)
    np.maximum.at(peak, basin_HW.ravel(), height_HW.ravel())
    parent = list(range(n + 1))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for low, high, saddle in _saddles(basin_HW, height_HW, n):
        a, b = root(low), root(high)
        if a != b and saddle >= neck * min(peak[a], peak[b]):
            parent[max(a, b)] = min(a, b)
            peak[min(a, b)] = max(peak[a], peak[b])
    return relabel(np.array([root(i) for i in range(n + 1)], np.int32)[basin_HW])


def _saddles(basin_HW: Labels, height_HW: NDArray[np.float64], n: int) -> list[tuple[int, int, float]]:
    """Pairs of basins that touch and the greatest height at which they do, highest first."""
    pairs, heights = [], []
    rows, columns = basin_HW.shape
    for down, right in _STEPS:
        here = (slice(0, rows - down), slice(max(0, -right), columns - max(0, right)))
        there = (slice(down, rows), slice(max(0, right), columns - max(0, -right)))
        a, b = basin_HW[here], basin_HW[there]
        meets = (a != b) & (a != 0) & (b != 0)
        low, high = np.minimum(a[meets], b[meets]), np.maximum(a[meets], b[meets])
        pairs.append(low.astype(np.int64) * (n + 1) + high)
        heights.append(np.minimum(height_HW[here][meets], height_HW[there][meets]))
    codes, index = np.unique(np.concatenate(pairs), return_inverse=True)
    saddle = np.zeros(len(codes))
    np.maximum.at(saddle, index, np.concatenate(heights))
    order = np.argsort(-saddle, kind="stable")
    return [(int(codes[i] // (n + 1)), int(codes[i] % (n + 1)), float(saddle[i])) for i in order]
