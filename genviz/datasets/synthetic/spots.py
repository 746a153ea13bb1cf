"""Spots of a phantom section: where they lie and what is truly under each.

Shapes: N spots; K programmes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from genviz.datasets.synthetic.nuclei import Nuclei
from genviz.datasets.synthetic.tissue import PROGRAMMES, Tissue
from genviz.io.spots.st import SPOT_DIAMETER_UM

PITCH_UM = 200.0
_LEAST_TISSUE = 0.5  # share of a spot that must be tissue
_SLIP_UM = 1.5  # spots are never printed quite where they should be


@dataclass(frozen=True)
class Spots:
    """Spots on tissue.

    Attributes
    ----------
    grid
        int (N, 2): column and row of the array, from 1.
    xy_um
        (N, 2) centres.
    programmes_NK
        Area fraction of each compartment under the spot; what is missing to 1 is glass.
    nuclei_N
        Nuclei whose centre is under the spot.
    """

    grid: NDArray[np.int64]
    xy_um: NDArray[np.float64]
    programmes_NK: NDArray[np.float64]
    nuclei_N: NDArray[np.int64]

    @property
    def names(self) -> list[str]:
        """Row names, ``XxY``."""
        return [f"{x}x{y}" for x, y in self.grid]


def place_spots(
    rng: np.random.Generator, tissue: Tissue, nuclei: Nuclei, grid: tuple[int, int], mpp: float
) -> Spots:
    """Print the array, keep spots on tissue, and measure what is under them pixel by pixel.

    Parameters
    ----------
    rng
        Of the section; decides how far spots slip.
    tissue, nuclei
        What lies there.
    grid
        Columns and rows of the array.
    mpp
        Micrometres per pixel of the picture.
    """
    row, column = np.mgrid[1 : grid[1] + 1, 1 : grid[0] + 1]
    places = np.stack([column.ravel(), row.ravel()], axis=1)
    xy_um = (places - 0.5) * PITCH_UM + rng.normal(scale=_SLIP_UM, size=places.shape)
    area = np.array([_under(tissue, x, y, mpp) for x, y in xy_um]).reshape(-1, len(PROGRAMMES))
    kept = area.sum(axis=1) >= _LEAST_TISSUE
    tree = cKDTree(np.stack([nuclei.x, nuclei.y], axis=1))
    counted = tree.query_ball_point(xy_um[kept], SPOT_DIAMETER_UM / 2, return_length=True)
    return Spots(places[kept], xy_um[kept], area[kept], np.asarray(counted, np.int64))


def _under(tissue: Tissue, x_um: float, y_um: float, mpp: float) -> NDArray[np.float64]:
    """Area fractions (K,) in the disc: of the very pixels that are painted."""
    radius = SPOT_DIAMETER_UM / 2
    columns, rows = (
        (np.arange(int((c - radius) / mpp), int((c + radius) / mpp) + 1) + 0.5) * mpp for c in (x_um, y_um)
    )
    inside = (columns - x_um) ** 2 + (rows[:, None] - y_um) ** 2 <= radius**2
    found = np.bincount(tissue.compartments(columns, rows)[inside], minlength=len(PROGRAMMES) + 1)
    return found[1:] / found.sum()
