"""Nuclei and their kinds without weights: haematoxylin, watershed, and the outline.

Shape legend: N tiles; H, W pixel rows and columns; 3 RGB; n nuclei of a tile.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genviz.core.instances import split_instances
from genviz.metrics.cells.kinds import Instances, Kinds, Tiles
from genviz.metrics.tiles.tissue import TissueStandard

_PIXEL_MOMENT = 1 / 12  # of a pixel's own extent, so that one row of pixels has a width


@dataclass(frozen=True)
class StainSegmenter:
    """Nuclei by haematoxylin and watershed, without weights.

    Darker than the reference's threshold (Otsu over all its tiles), touching ones parted at their necks.

    Attributes
    ----------
    standard
        Of the real tiles, so that all sets are measured alike.
    min_area_px
        Smaller ones are dropped.
    """

    standard: TissueStandard
    min_area_px: int = 12

    def __call__(self, tiles_NHW3: Tiles, /) -> Instances:
        """Instance labels, int32 (N, H, W).

        Parameters
        ----------
        tiles_NHW3
            uint8, at the reference's resolution.
        """
        masks = self.standard.nuclei(tiles_NHW3)
        found = [split_instances(mask, min_area_px=self.min_area_px) for mask in masks]
        return np.stack(found) if found else np.zeros(masks.shape, np.int32)


@dataclass(frozen=True)
class ShapeClassifier:
    """Kinds of nuclei by outline alone. They are shapes, not cell types: no pathologist's label went into them.

    ``elongated`` (eccentricity over 0.85: mostly stroma and vessels), else by area ``small`` (mostly lymphocytes and
    pyknotic nuclei), ``medium``, ``large`` (much of a tumour).

    Attributes
    ----------
    small_um2, large_um2
        Below and above.
    mpp
        Micrometres a pixel.
    eccentricity
        Above which a nucleus is elongated, whatever its size.
    """

    mpp: float
    small_um2: float = 30.0
    large_um2: float = 75.0
    eccentricity: float = 0.85

    @property
    def names(self) -> tuple[str, ...]:
        """Of the four kinds."""
        return ("elongated", "small", "medium", "large")

    def __call__(self, tiles_NHW3: Tiles, labels_NHW: Instances, /) -> list[Kinds]:
        """Kinds (n,) of each tile's nuclei, by label.

        Parameters
        ----------
        tiles_NHW3
            Not looked at.
        labels_NHW
            Labels 1 to n in each tile.
        """
        return [self._kinds(labels) for labels in np.asarray(labels_NHW)]

    def _kinds(self, labels_HW: Instances) -> Kinds:
        area, long = shapes(labels_HW)
        um2 = area * self.mpp**2
        by_area = 1 + (um2 >= self.small_um2).astype(np.intp) + (um2 >= self.large_um2)
        return np.where(long > self.eccentricity, 0, by_area)


def shapes(labels_HW: Instances) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Area (px) and eccentricity (0 round, to 1) of nuclei 1 to n, each (n,).

    Parameters
    ----------
    labels_HW
        Integers, 0 = background.
    """
    labels = np.asarray(labels_HW)
    rows, columns = np.nonzero(labels)
    code = labels[rows, columns].astype(np.intp) - 1
    n = int(labels.max(initial=0))
    area = np.bincount(code, minlength=n).astype(float)

    def mean(values: NDArray[Any]) -> NDArray[np.float64]:
        return np.bincount(code, values, n) / np.maximum(area, 1)

    y, x = mean(rows), mean(columns)
    dy, dx = rows - y[code], columns - x[code]
    yy, xx, xy = mean(dy * dy) + _PIXEL_MOMENT, mean(dx * dx) + _PIXEL_MOMENT, mean(dy * dx)
    spread = np.sqrt((yy - xx) ** 2 + 4 * xy**2)
    return area, np.sqrt(np.clip(1 - (yy + xx - spread) / (yy + xx + spread), 0, 1))
