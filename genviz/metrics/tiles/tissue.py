"""Fourteen morphology statistics of a tile that need no weights: stain, nuclei, texture, orientation.

They are what condition use, perturbations and trajectories are measured in: each has a name, and a few hundred
tiles are enough for a Fréchet distance over them. Scales in pixels are meant for about 1.4 um/px; between sets
cut at one resolution they compare at any.
Shape legend: N rows; H, W pixel rows and columns; 3 RGB; D the 14 statistics.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from genviz._errors import DataError, FileFormatError

Floats = NDArray[np.float64]
Tiles = NDArray[np.uint8]

TISSUE = (
    "red", "green", "blue", "haematoxylin", "eosin", "haematoxylin_sd", "nuclear_fraction", "nuclear_count",
    "nuclear_size", "white_fraction", "laplacian", "gradient", "low_frequency_sd", "coherence",
)  # fmt: skip

# Haematoxylin, eosin and DAB in optical density of R, G, B (Ruifrok and Johnston 2001), made unit vectors below.
_STAINS = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11], [0.27, 0.57, 0.78]])
_UNMIX = np.linalg.inv(_STAINS / np.linalg.norm(_STAINS, axis=1, keepdims=True))
_DENSITY_OF_BYTE = -np.log((np.arange(256) + 1.0) / 256.0)
_LUMA = np.array([0.299, 0.587, 0.114])

_SMOOTH_PX = 0.7  # of haematoxylin before the threshold
_MIN_NUCLEUS_PX = 8
_WHITE = 205.0  # grey, above which a pixel is glass
_BLOCK_PX = 8
_MIN_SIDE = 2 * _BLOCK_PX
_TOP_DENSITY = 8.0  # of the histogram of haematoxylin: black has 5.5 in each channel
_BINS = 4096
_FLAT = 1e-6
_CHUNK = 128
_IN_PLANE = np.zeros((3, 3, 3), bool)  # objects touch by pixel sides, within a tile only
_IN_PLANE[1] = ndimage.generate_binary_structure(2, 1)


@dataclass(frozen=True)
class TissueStandard:
    """Threshold of nuclei, means and deviations of a reference set, by which all sets are measured.

    Attributes
    ----------
    threshold
        Smoothed haematoxylin above which a pixel is nuclear (Otsu over all tiles of the reference).
    mean_D, sd_D
        Of the reference's 14 statistics; a statistic that is constant there has sd 1, so it keeps its own unit.
    """

    threshold: float
    mean_D: Floats
    sd_D: Floats

    @classmethod
    def of(cls, tiles_NHW3: ArrayLike) -> TissueStandard:
        """Measure the reference, the real tiles of the training sections.

        Parameters
        ----------
        tiles_NHW3
            uint8, at least two.

        Raises
        ------
        DataError
            For other arrays, tiles under 16 px, or fewer than two tiles.
        """
        tiles = tiles_of(tiles_NHW3)
        if len(tiles) < 2:
            raise DataError(f"Expected at least two tiles for a standard; got {len(tiles)}. Give more tiles.")
        threshold = _otsu(tiles)
        raw_ND = raw_tissue(tiles, threshold)
        sd_D = raw_ND.std(axis=0)
        flat = sd_D <= _FLAT * np.maximum(np.abs(raw_ND).max(axis=0), 1.0)
        return cls(threshold, raw_ND.mean(axis=0), np.where(flat, 1.0, sd_D))

    def measure(self, tiles_NHW3: ArrayLike) -> Floats:
        """Standardised statistics, float64 (N, 14), columns as in `TISSUE`.

        Parameters
        ----------
        tiles_NHW3
            uint8, at the reference's resolution.
        """
        return (raw_tissue(tiles_of(tiles_NHW3), self.threshold) - self.mean_D) / self.sd_D

    def nuclei(self, tiles_NHW3: ArrayLike) -> NDArray[np.bool_]:
        """Nuclear pixels, bool (N, H, W).

        Parameters
        ----------
        tiles_NHW3
            uint8.
        """
        tiles = tiles_of(tiles_NHW3)
        found = [_smoothed(_amounts(part)[..., 0]) > self.threshold for part in _chunks(tiles)]
        return np.concatenate(found) if found else np.zeros(tiles.shape[:3], bool)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers for a JSON file, with the names of the statistics."""
        return {
            "names": list(TISSUE),
            "threshold": self.threshold,
            "mean": self.mean_D.tolist(),
            "sd": self.sd_D.tolist(),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TissueStandard:
        """The inverse of `to_dict`.

        Parameters
        ----------
        values
            What `to_dict` gave.

        Raises
        ------
        FileFormatError
            For other keys or names.
        """
        if tuple(values.get("names", ())) != TISSUE or not {"threshold", "mean", "sd"} <= set(values):
            raise FileFormatError(
                f"Expected names, threshold, mean and sd of the {len(TISSUE)} tissue statistics; "
                f"got {sorted(values)}. Write the file with TissueStandard.to_dict()."
            )
        return cls(float(values["threshold"]), np.array(values["mean"], float), np.array(values["sd"], float))


def tiles_of(tiles_NHW3: ArrayLike) -> Tiles:
    """The array, checked: uint8 (N, H, W, 3), sides of at least 16 px.

    Parameters
    ----------
    tiles_NHW3
        Any array.

    Raises
    ------
    DataError
        For anything else.
    """
    tiles = np.asarray(tiles_NHW3)
    if (
        tiles.dtype != np.uint8
        or tiles.ndim != 4
        or tiles.shape[-1] != 3
        or min(tiles.shape[1:3]) < _MIN_SIDE
    ):
        raise DataError(
            f"Expected uint8 tiles (n, height, width, 3) of at least {_MIN_SIDE} px; got {tiles.dtype} {tiles.shape}."
        )
    return tiles


def raw_tissue(tiles_NHW3: Tiles, threshold: float) -> Floats:
    """The 14 statistics in their own units, float64 (N, 14).

    Colour: 0 to 255. Stains: optical density. Nuclei: share of pixels, objects of at least 8 px, square root of
    their median area in px (0 without any). Laplacian: log(1 + mean |.|), gradient: log(1 + rms), of grey.
    Low frequency: sd of the means of 8 x 8 px blocks. Coherence: of the structure tensor over the whole tile.

    Parameters
    ----------
    tiles_NHW3
        uint8.
    threshold
        See `TissueStandard`.
    """
    found = [_raw(part, threshold) for part in _chunks(tiles_NHW3)]
    return np.concatenate(found) if found else np.zeros((0, len(TISSUE)))


def _raw(tiles_NHW3: Tiles, threshold: float) -> Floats:
    stains_NHW2 = _amounts(tiles_NHW3)
    grey_NHW = tiles_NHW3 @ _LUMA
    plane = (1, 2)
    columns = [
        *tiles_NHW3.mean(axis=plane).T,
        *stains_NHW2.mean(axis=plane).T,
        stains_NHW2[..., 0].std(axis=plane),
        *_nuclei(_smoothed(stains_NHW2[..., 0]) > threshold),
        (grey_NHW > _WHITE).mean(axis=plane),
        *_texture(grey_NHW),
    ]
    return np.stack(columns, axis=1)


def _amounts(tiles_NHW3: Tiles) -> Floats:
    """Haematoxylin and eosin, (N, H, W, 2), never negative."""
    return np.maximum(_DENSITY_OF_BYTE[tiles_NHW3] @ _UNMIX[:, :2], 0.0)


def _smoothed(haematoxylin_NHW: Floats) -> Floats:
    return np.asarray(ndimage.gaussian_filter(haematoxylin_NHW, (0, _SMOOTH_PX, _SMOOTH_PX)), np.float64)


def _nuclei(mask_NHW: NDArray[np.bool_]) -> tuple[Floats, Floats, Floats]:
    """Fraction, count and root of the median size of each tile's objects."""
    labels_NHW, n = ndimage.label(mask_NHW, _IN_PLANE)
    area = np.bincount(labels_NHW.ravel(), minlength=n + 1)[1:]
    # Labels are numbered in raster order, but this holds for any order: the tile of a label is where it lies.
    tile = np.zeros(n, np.intp)
    where = np.nonzero(labels_NHW)
    tile[labels_NHW[where] - 1] = where[0]
    tile, area = tile[area >= _MIN_NUCLEUS_PX], area[area >= _MIN_NUCLEUS_PX]
    count = np.bincount(tile, minlength=len(mask_NHW)).astype(np.float64)
    groups = np.split(area[np.argsort(tile, kind="stable")], np.cumsum(count)[:-1].astype(np.intp))
    size = np.array([np.sqrt(np.median(group)) if len(group) else 0.0 for group in groups])
    return mask_NHW.mean(axis=(1, 2)), count, size


def _texture(grey_NHW: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Laplacian, gradient, low-frequency sd and coherence of grey 0 to 255."""
    n, height, width = grey_NHW.shape
    plane = (1, 2)
    curvature = sum(ndimage.correlate1d(grey_NHW, (1.0, -2.0, 1.0), axis) for axis in plane)
    laplacian = np.log1p(np.abs(curvature).mean(axis=plane))
    y_NHW, x_NHW = np.gradient(grey_NHW, axis=plane)
    yy, xx, xy = ((a * b).mean(axis=plane) for a, b in ((y_NHW, y_NHW), (x_NHW, x_NHW), (y_NHW, x_NHW)))
    rows, columns = height // _BLOCK_PX, width // _BLOCK_PX
    cut = grey_NHW[:, : rows * _BLOCK_PX, : columns * _BLOCK_PX]
    blocks = cut.reshape(n, rows, _BLOCK_PX, columns, _BLOCK_PX).mean(axis=(2, 4))
    coherence = np.sqrt((yy - xx) ** 2 + 4 * xy**2) / (yy + xx + _FLAT)
    return laplacian, np.log1p(np.sqrt(yy + xx)), blocks.std(axis=plane), coherence


def _otsu(tiles_NHW3: Tiles) -> float:
    """The threshold of smoothed haematoxylin with the largest variance between classes (Otsu 1979)."""
    counts = np.zeros(_BINS)
    for part in _chunks(tiles_NHW3):
        values = np.minimum(_smoothed(_amounts(part)[..., 0]), _TOP_DENSITY)
        counts += np.histogram(values, _BINS, (0.0, _TOP_DENSITY))[0]
    edges = np.linspace(0.0, _TOP_DENSITY, _BINS + 1)
    middle = (edges[1:] + edges[:-1]) / 2
    below, total = np.cumsum(counts), counts.sum()
    sum_below, mean = np.cumsum(counts * middle), (counts * middle).sum() / total
    spread = (mean * below - sum_below) ** 2 / np.maximum(below * (total - below), 1.0)
    best = np.flatnonzero(spread == spread.max())  # empty bins between two classes: the middle of the gap
    return float(edges[1:][best].mean())


def _chunks(tiles_NHW3: Tiles) -> Iterator[Tiles]:
    for start in range(0, len(tiles_NHW3), _CHUNK):
        yield tiles_NHW3[start : start + _CHUNK]
