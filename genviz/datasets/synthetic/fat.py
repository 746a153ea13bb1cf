"""Fat of a phantom section: packed round vacuoles, the membranes between them, and the nuclei on these.

Shapes: h, w cells of the map; H, W rows and columns of a band; n points.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from genviz.datasets.synthetic.fields import Field, at_points, between
from genviz.datasets.synthetic.tissue import ADIPOSE, CELL_UM, Tissue

_MAP_UM = 2.0  # between points at which distances are measured
_SPACING_UM = 64.0
_ROUND_UM = 5.0  # how round corners are
_MEMBRANE_UM = 3.2
_FAR = 100.0

Lattice = NDArray[np.floating]


@dataclass(frozen=True)
class Fat:
    """Fat cells of a section.

    Attributes
    ----------
    gap_hw
        0 on membranes, above 0 in vacuoles, micrometres; every 2 um.
    """

    gap_hw: Field

    def membranes(self, x_um: Lattice, y_um: Lattice) -> Field:
        """1 on membranes, 0 in vacuoles: columns (W,) and rows (H,) give (H, W)."""
        gap = between(self.gap_hw, y_um / _MAP_UM, x_um / _MAP_UM)
        return np.clip(1.3 - gap / _MEMBRANE_UM, 0, 1)

    def gap_at(self, xy_um: NDArray[np.floating]) -> Field:
        """Distance to the membrane of loose points (n, 2)."""
        return at_points(self.gap_hw, xy_um[:, 1] / _MAP_UM, xy_um[:, 0] / _MAP_UM)

    def along_membrane(self, xy_um: NDArray[np.floating]) -> NDArray[np.floating]:
        """Direction of the nearest membrane at points (n, 2), radians."""
        step = np.array([_MAP_UM, 0.0])
        right = self.gap_at(xy_um + step) - self.gap_at(xy_um - step)
        down = self.gap_at(xy_um + step[::-1]) - self.gap_at(xy_um - step[::-1])
        return np.arctan2(-right, down)


def pack_fat(rng: np.random.Generator, tissue: Tissue) -> Fat:
    """Pack fat cells into the adipose compartment: Voronoi cells of a shaken lattice, corners rounded."""
    shape = int(tissue.height_um / _MAP_UM) + 2, int(tissue.width_um / _MAP_UM) + 2
    y, x = np.arange(shape[0]) * _MAP_UM, np.arange(shape[1]) * _MAP_UM
    to_edge = between(tissue.distance_Chw[ADIPOSE], y / CELL_UM - 0.5, x / CELL_UM - 0.5)
    centres = _centres(rng, tissue)
    gap_hw = np.full(shape, _FAR, np.float32)
    row, column = np.nonzero(to_edge > -4 * CELL_UM)
    if len(row):
        distance, _ = cKDTree(centres).query(np.stack([x[column], y[row]], axis=1), k=3)
        second, third = distance[:, 1] - distance[:, 0], distance[:, 2] - distance[:, 0]
        edge = np.maximum(2 * to_edge[row, column], 0)
        gap_hw[row, column] = _soft_minimum(second, third, edge)
    return Fat(ndimage.gaussian_filter(gap_hw, 0.6))


def _soft_minimum(*gaps: NDArray[np.floating]) -> NDArray[np.floating]:
    """Smallest of several distances; where two are alike, less than both."""
    return -_ROUND_UM * np.log(sum(np.exp(-gap / _ROUND_UM) for gap in gaps))


def _centres(rng: np.random.Generator, tissue: Tissue) -> NDArray[np.float64]:
    rows, columns = int(tissue.height_um / (_SPACING_UM * 0.866)) + 2, int(tissue.width_um / _SPACING_UM) + 2
    row, column = np.mgrid[:rows, :columns]
    lattice = np.stack([(column + 0.5 * (row % 2)).ravel(), 0.866 * row.ravel()], axis=1) * _SPACING_UM
    return lattice + rng.normal(scale=0.2 * _SPACING_UM, size=lattice.shape)
