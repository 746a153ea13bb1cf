"""Stain normalisation: bring slides from different laboratories to one colour.

A normaliser is fitted once on a slide's overview, so a tile's colour never depends on which
other tiles are looked at. Fitted objects are small and serialise to plain numbers.
Shapes: H, W image rows and columns; 3 RGB.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from genviz._errors import DataError, UsageError
from genviz.features.lab import lab_to_rgb, rgb_to_lab
from genviz.features.optical_density import (
    REFERENCE_BASIS,
    REFERENCE_MAXIMUM,
    optical_density,
    rgb_of_density,
    unmix,
)

Pixels = NDArray[np.uint8]

_TISSUE_DENSITY = 0.15  # a pixel is tissue when every channel absorbs more than this,
_TISSUE_ABOVE_GLASS = 0.25  # or when, glass taken off, they absorb more than this on average
_GLASS_PERCENTILE = 1.0
_MAX_GLASS = 0.35
_MIN_TISSUE_PX = 500
_ANGLE_PERCENTILE = 1.0
_AMOUNT_PERCENTILE = 99.0
# Lab means and deviations of tissue in the reference colour, for Reinhard.
_REFERENCE_LAB_MEAN = np.array([64.0, 24.0, -14.0])
_REFERENCE_LAB_STD = np.array([13.0, 8.5, 6.5])


class Normaliser(Protocol):
    """Maps a slide's colours to the reference."""

    def apply(self, rgb: Pixels) -> Pixels:
        """Normalised uint8 pixels of the same shape (..., 3)."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """Method and fitted numbers, for provenance."""
        ...


@dataclass(frozen=True)
class Identity:
    """Leaves colours as they are."""

    def apply(self, rgb: Pixels) -> Pixels:
        """The pixels given."""
        return rgb

    def to_dict(self) -> dict[str, Any]:
        """Method name only."""
        return {"method": "none"}


@dataclass(frozen=True)
class MacenkoNormaliser:
    """Stain-vector normalisation (Macenko et al., ISBI 2009).

    Attributes
    ----------
    basis
        float32 (2, 3): the slide's hematoxylin and eosin directions in optical density.
    maximum
        float32 (2,): 99th percentile of each stain's amount.
    glass
        float32 (3,): optical density of what is not stained, which is taken off first; None is the published method.
    """

    basis: NDArray[np.float32]
    maximum: NDArray[np.float32]
    glass: NDArray[np.float32] | None = None

    @classmethod
    def fit(cls, rgb_HW3: Pixels, *, glass: bool = False) -> MacenkoNormaliser:
        """Estimate from an overview: the extreme angles of tissue in the plane of its two main directions.

        Optical densities of tissue are projected on the two eigenvectors of their covariance with the largest
        eigenvalues; the stains are the directions at the 1st and the 99th percentile of the angle there, the one
        that absorbs more red being hematoxylin (Macenko et al., ISBI 2009).

        Parameters
        ----------
        rgb_HW3
            uint8 (H, W, 3), pixels from all over the slide, of which at least 500 are tissue.
        glass
            Take the density of the palest pixels off first. A scanner's tint and a wash of eosin on the glass would
            otherwise be unmixed into both stains.

        Returns
        -------
        The slide's normaliser.

        Raises
        ------
        DataError
            Too little tissue to estimate stains from, or one stain only.
        """
        density, palest = above_glass(rgb_HW3) if glass else (tissue_density(rgb_HW3), None)
        _, vectors = np.linalg.eigh(np.cov(density.T))
        plane = vectors[:, [2, 1]]
        plane = plane * np.where(plane.sum(axis=0) < 0, -1.0, 1.0)
        projected = density @ plane
        angles = np.arctan2(projected[:, 1], projected[:, 0])
        low, high = np.percentile(angles, [_ANGLE_PERCENTILE, 100 - _ANGLE_PERCENTILE])
        pair = np.array([plane @ [np.cos(a), np.sin(a)] for a in (low, high)])
        # Hematoxylin absorbs more red light than eosin does.
        basis = pair[np.argsort(-pair[:, 0] / np.linalg.norm(pair, axis=1))]
        basis = (basis / np.linalg.norm(basis, axis=1, keepdims=True)).astype(np.float32)
        if np.linalg.cond(basis) > 50 or (basis < -0.2).any():
            raise DataError(
                "Expected two distinct stains (hematoxylin and eosin) in the image, found one colour only. "
                "Is this an H&E slide? Use stain='reinhard' or stain=None to go on without stain vectors."
            )
        maximum = np.percentile(unmix(density, basis), _AMOUNT_PERCENTILE, axis=0).astype(np.float32)
        return cls(basis, np.maximum(maximum, 1e-3), palest)

    def apply(self, rgb: Pixels) -> Pixels:
        """Unmix with the slide's stains, scale, mix with the reference stains.

        ``OD' = max((OD - glass) basis^+ * reference maximum / maximum, 0) reference basis`` with
        ``OD = -ln((I + 1) / 256)`` and ``basis^+`` the pseudo-inverse.

        Parameters
        ----------
        rgb
            uint8 (..., 3), pixels of the slide.

        Returns
        -------
        uint8, the shape of `rgb`.
        """
        to_amounts = np.linalg.pinv(self.basis) * (REFERENCE_MAXIMUM / self.maximum)
        density = optical_density(rgb) if self.glass is None else optical_density(rgb) - self.glass
        amounts = np.maximum(density @ to_amounts.astype(np.float32), 0.0)
        return rgb_of_density(amounts @ REFERENCE_BASIS)

    def to_dict(self) -> dict[str, Any]:
        """Method and fitted numbers, for provenance.

        Returns
        -------
        ``method``, ``basis`` (2, 3), ``maximum`` (2,) and, if taken off, ``glass`` (3,); lists rounded to five places.
        """
        return {
            "method": "macenko",
            "basis": self.basis.round(5).tolist(),
            "maximum": self.maximum.round(5).tolist(),
        } | ({} if self.glass is None else {"method": "macenko_glass", "glass": self.glass.round(5).tolist()})


@dataclass(frozen=True)
class ReinhardNormaliser:
    """Colour transfer in CIE Lab by mean and deviation (Reinhard et al., 2001).

    Attributes
    ----------
    mean, std
        float (3,): Lab statistics of the slide's tissue.
    """

    mean: NDArray[np.float64]
    std: NDArray[np.float64]

    @classmethod
    def fit(cls, rgb_HW3: Pixels) -> ReinhardNormaliser:
        """Lab statistics of the tissue in an overview.

        Parameters
        ----------
        rgb_HW3
            uint8 (H, W, 3), pixels from all over the slide, of which at least 500 are tissue.

        Returns
        -------
        The slide's normaliser.

        Raises
        ------
        DataError
            Too little tissue.
        """
        tissue = rgb_of_density(tissue_density(rgb_HW3))
        lab = rgb_to_lab(tissue)
        return cls(lab.mean(axis=0), np.maximum(lab.std(axis=0), 1e-3))

    def apply(self, rgb: Pixels) -> Pixels:
        """Shift and scale each Lab channel to the reference; background stays background.

        ``Lab' = (Lab - mean) / std * reference std + reference mean`` (Reinhard et al. 2001).

        Parameters
        ----------
        rgb
            uint8 (..., 3), pixels of the slide.

        Returns
        -------
        uint8, the shape of `rgb`.
        """
        lab = rgb_to_lab(rgb)
        moved = (lab - self.mean) / self.std * _REFERENCE_LAB_STD + _REFERENCE_LAB_MEAN
        result = lab_to_rgb(moved)
        background = (optical_density(rgb) < _TISSUE_DENSITY).all(axis=-1)
        result[background] = rgb[background]
        return result

    def to_dict(self) -> dict[str, Any]:
        """Method and fitted numbers, for provenance.

        Returns
        -------
        ``method``, ``mean`` and ``std`` (3 values each), rounded to four places.
        """
        return {"method": "reinhard", "mean": self.mean.round(4).tolist(), "std": self.std.round(4).tolist()}


def tissue_density(rgb_HW3: Pixels) -> NDArray[np.float32]:
    """Optical densities (n, 3) of the pixels that are tissue.

    Raises
    ------
    DataError
        Fewer than 500 tissue pixels.
    """
    density = optical_density(rgb_HW3.reshape(-1, 3))
    return _enough(density[(density > _TISSUE_DENSITY).all(axis=1)], len(density))


def above_glass(rgb_HW3: Pixels) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Optical densities (n, 3) of tissue above those (3,) of glass: of the palest percent of pixels.

    Tissue is told by the mean of its channels: a stain that leaves one channel alone, as eosin does with red, counts.

    Raises
    ------
    DataError
        Fewer than 500 tissue pixels.
    """
    density = optical_density(rgb_HW3.reshape(-1, 3))
    # A picture without a gap shows no glass; its palest tissue must not pass for it.
    glass = np.clip(np.percentile(density, _GLASS_PERCENTILE, axis=0), 0.0, _MAX_GLASS).astype(np.float32)
    above = np.maximum(density - glass, 0.0)
    return _enough(above[above.mean(axis=1) > _TISSUE_ABOVE_GLASS], len(density)), glass


def _enough(tissue: NDArray[np.float32], n_pixels: int) -> NDArray[np.float32]:
    if len(tissue) < _MIN_TISSUE_PX:
        raise DataError(
            f"Expected an overview with at least {_MIN_TISSUE_PX} tissue pixels to estimate stains from, "
            f"found {len(tissue)} of {n_pixels}. Is it blank, or not H&E? Use stain=None to skip this."
        )
    return tissue


def fit_normaliser(method: str | None, rgb_HW3: Pixels | None) -> Normaliser:
    """Fit the named method on an overview.

    Parameters
    ----------
    method
        ``"macenko_glass"`` (the default of `pp.embed`), ``"macenko"`` (as published), ``"reinhard"`` or None.
    rgb_HW3
        uint8 (H, W, 3), pixels from all over the slide; not needed without a method.
    """
    if method is None or rgb_HW3 is None:
        return Identity()
    if method in ("macenko_glass", "macenko"):
        return MacenkoNormaliser.fit(rgb_HW3, glass=method == "macenko_glass")
    if method == "reinhard":
        return ReinhardNormaliser.fit(rgb_HW3)
    raise UsageError(f"Expected stain='macenko_glass', 'macenko', 'reinhard' or None, got {method!r}.")
