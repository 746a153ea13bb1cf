"""Statistics of a tile and its mask that need no weights: colour, texture, nuclei.

They are what a first look sees: stain, sharpness, how many nuclei of which size and contrast. A Fréchet distance
over them is small in dimension, so that a hundred tiles are enough, and every part of it has a name.
Shape legend: N rows; H, W pixel rows and columns; 3 RGB; D statistics.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from genviz.metrics.image_set import ImageSet
from genviz.metrics.mask_overlap import nuclei

Floats = NDArray[np.float64]

COLOUR = ("red", "green", "blue", "red_sd", "green_sd", "blue_sd")
GREY = ("luminance", "luminance_sd")
TEXTURE = ("laplacian", "band1", "band2", "band4", "band8", "skewness")
NUCLEAR = (
    "foreground", "count", "area", "area_spread", "eccentricity", "eccentricity_sd", "roughness", "contrast",
    "inside_sd", "edge",
)  # fmt: skip

GREY_SPREAD = 0.02  # mean of max - min over RGB in [0, 1], below which a set of tiles is grey
_CLIP = 4.0  # sd: one odd tile must not decide a covariance
_FLAT = 1e-6
_DARK = 1e-4  # added to energies before the logarithm


@dataclass(frozen=True)
class Standard:
    """Mean and sd of the training set's statistics, by which all sets are measured.

    Attributes
    ----------
    names
        D names.
    mean_D, sd_D
        Of the reference; a statistic that does not vary there has sd 1e-6, so that any change is clipped at 4 sd.
    grey
        Whether the reference is grey: colour has two statistics then, and a tint is not seen.
    nuclear
        Whether masks are counted in.
    """

    names: tuple[str, ...]
    mean_D: Floats
    sd_D: Floats
    grey: bool
    nuclear: bool

    @classmethod
    def of(cls, reference: ImageSet, *, nuclear: bool) -> Standard:
        """Measure the reference.

        Parameters
        ----------
        reference
            The training set, or else the real set.
        nuclear
            Whether all sets have masks.
        """
        grey = tint(reference) < GREY_SPREAD
        values_ND = raw_statistics(reference, grey=grey, nuclear=nuclear)
        names = (GREY if grey else COLOUR) + TEXTURE + (NUCLEAR if nuclear else ())
        return cls(names, values_ND.mean(axis=0), np.maximum(values_ND.std(axis=0), _FLAT), grey, nuclear)

    def measure(self, tiles: ImageSet) -> Floats:
        """Standardised statistics, clipped at ±4, (N, D).

        Parameters
        ----------
        tiles
            Any set.
        """
        raw_ND = raw_statistics(tiles, grey=self.grey, nuclear=self.nuclear)
        return np.clip((raw_ND - self.mean_D) / self.sd_D, -_CLIP, _CLIP)

    @property
    def parts(self) -> dict[str, NDArray[np.intp]]:
        """Columns of colour, texture and nuclei."""
        found = {"colour": COLOUR + GREY, "texture": TEXTURE, "nuclear": NUCLEAR}
        columns = {part: [i for i, n in enumerate(self.names) if n in names] for part, names in found.items()}
        return {part: np.array(index, np.intp) for part, index in columns.items() if index}


def tint(tiles: ImageSet) -> float:
    """Mean over pixels of max - min over the channels, in [0, 1].

    Parameters
    ----------
    tiles
        A set.
    """
    pixels = tiles.tiles
    return float(np.mean([np.ptp(tile.astype(np.float32), axis=-1).mean() for tile in pixels]) / 255)


def raw_statistics(tiles: ImageSet, *, grey: bool, nuclear: bool) -> Floats:
    """All statistics of all tiles, (N, D), in the order of `Standard.names`.

    Parameters
    ----------
    tiles
        A set, with masks if `nuclear`.
    grey
        Two colour statistics instead of six.
    nuclear
        Whether to measure masks.
    """
    masks = tiles.needed("masks") if nuclear else [None] * len(tiles)
    rows = []
    for tile, mask_HW in zip(tiles.tiles, masks, strict=True):
        rgb_HW3 = tile.astype(np.float64) / 255
        luminance_HW = rgb_HW3.mean(axis=-1)
        row = _colour(luminance_HW[..., None] if grey else rgb_HW3) + _texture(luminance_HW)
        rows.append(row if mask_HW is None else row + _nuclear(luminance_HW, mask_HW))
    return np.array(rows, np.float64)


def _colour(channels_HWC: Floats) -> list[float]:
    pixels = channels_HWC.reshape(-1, channels_HWC.shape[-1])
    return [*pixels.mean(axis=0).tolist(), *pixels.std(axis=0).tolist()]


def _texture(luminance_HW: Floats) -> list[float]:
    """Log energies of the Laplacian and of differences of Gaussians at 1, 2, 4, 8 px; skewness."""

    def energy(map_HW: Floats) -> float:
        return float(np.log(np.sqrt((map_HW**2).mean()) + _DARK))

    smooth = [ndimage.gaussian_filter(luminance_HW, sigma) for sigma in (1, 2, 4, 8)]
    bands = [a - b for a, b in zip([luminance_HW, *smooth[:-1]], smooth, strict=True)]
    centred = luminance_HW - luminance_HW.mean()
    skewness = (centred**3).mean() / (centred.std() ** 3 + _DARK)
    return [energy(ndimage.laplace(luminance_HW)), *map(energy, bands), float(np.cbrt(skewness))]


def _nuclear(luminance_HW: Floats, mask_HW: NDArray[np.generic]) -> list[float]:
    """The ten statistics of `NUCLEAR`; all 0 for an empty mask.

    Area: mean log px of a nucleus; spread: its sd; roughness: perimeter squared over 4 pi area, log;
    contrast: luminance inside minus outside; inside sd; edge: mean gradient on the outline.
    """
    labels = nuclei(mask_HW)
    n = int(labels.max(initial=0))
    if n == 0:
        return [0.0] * len(NUCLEAR)
    inside = labels > 0
    rows, columns = np.nonzero(inside)
    which = labels[inside] - 1
    area = np.bincount(which, minlength=n).astype(float)

    def mean(values: Floats) -> Floats:
        return np.asarray(np.bincount(which, values, n) / area, np.float64)

    y, x = rows.astype(float), columns.astype(float)
    cy, cx = mean(y), mean(x)
    yy, xx, xy = mean(y * y) - cy**2, mean(x * x) - cx**2, mean(x * y) - cx * cy
    spread = np.sqrt(np.maximum((yy - xx) ** 2 + 4 * xy**2, 0.0))
    eccentricity = np.sqrt(np.clip(1 - (yy + xx - spread) / (yy + xx + spread + 1 / 6), 0, 1))
    outline = inside & (ndimage.minimum_filter(labels, 3) != labels)
    perimeter = np.bincount(labels[outline] - 1, minlength=n)
    roughness = np.log((perimeter + 1.0) ** 2 / (4 * np.pi * area))
    outside = luminance_HW[~inside].mean() if not inside.all() else luminance_HW.mean()
    gradient = ndimage.gaussian_gradient_magnitude(luminance_HW, 1.0)
    return [
        float(inside.mean()), float(np.sqrt(n)), float(np.log(area).mean()), float(np.log(area).std()),
        float(eccentricity.mean()), float(eccentricity.std()), float(roughness.mean()),
        float(luminance_HW[inside].mean() - outside), float(luminance_HW[inside].std()),
        float(gradient[outline].mean()) if outline.any() else 0.0,
    ]  # fmt: skip
