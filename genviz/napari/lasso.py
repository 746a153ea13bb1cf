"""Which spots lie inside a shape that was drawn."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

_AROUND = 96  # corners that stand for an ellipse


def inside(yx: NDArray[np.float64], corners: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Points (n, 2) inside a polygon (m, 2), by the even-odd rule."""
    found = np.zeros(len(yx), bool)
    if len(corners) < 3:
        return found
    near = np.flatnonzero(((yx >= corners.min(axis=0)) & (yx <= corners.max(axis=0))).all(axis=1))
    y, x = yx[near, 0], yx[near, 1]
    odd = np.zeros(len(near), bool)
    for (y0, x0), (y1, x1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if y0 == y1:
            continue
        crosses = (y0 > y) != (y1 > y)
        odd ^= crosses & (x < x0 + (y - y0) / (y1 - y0) * (x1 - x0))
    found[near] = odd
    return found


def outline(kind: str, corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """Corners of a shape as a polygon; an ellipse is given by the four corners of its box."""
    if kind != "ellipse":
        return corners
    centre = corners.mean(axis=0)
    down, across = (corners[1] - corners[0]) / 2, (corners[2] - corners[1]) / 2
    angle = np.linspace(0, 2 * np.pi, _AROUND, endpoint=False)[:, None]
    return np.asarray(centre + np.cos(angle) * down + np.sin(angle) * across)


def inside_any(
    yx: NDArray[np.float64], shapes: Iterable[tuple[str, NDArray[np.float64]]]
) -> NDArray[np.bool_]:
    """Points inside at least one of some shapes, each given by kind and corners."""
    found = np.zeros(len(yx), bool)
    for kind, corners in shapes:
        found |= inside(yx, outline(kind, np.asarray(corners, dtype=np.float64)[:, -2:]))
    return found
