"""Texture maps of one scalar image: band energies, edges, orientation and local binary patterns.

All are pooled to blocks at once; scales above 2 px are computed on a pyramid, where they cost little.
Shapes: H, W pixel rows and columns.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from genviz.features.blocks import BLOCK, Float, pool

SCALES = (1, 2, 4, 8, 16)
EDGE_SCALES = (1, 2, 4)
LBP_RADII = (2, 4)
_LBP_CONTRAST = 0.02  # optical density; smaller differences are sensor noise
_RING = ((0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1))


def blur(map_HW: Float, sigma: float) -> Float:
    """Gaussian blur, cut at three sigma."""
    return ndimage.gaussian_filter(map_HW, sigma, truncate=3.0, output=np.float32, mode="nearest")


def halve(map_HW: Float) -> Float:
    """Half the resolution by averaging 2 x 2 pixels."""
    return 0.25 * (map_HW[::2, ::2] + map_HW[1::2, ::2] + map_HW[::2, 1::2] + map_HW[1::2, 1::2])


def band_maps(map_HW: Float, prefix: str) -> tuple[dict[str, Float], Float, Float]:
    """Difference-of-Gaussians energies and edge statistics at sigma 1 to 16 px.

    Returns
    -------
    maps
        Pooled: mean magnitude and mean square of each band, mean edge strength, and the three sums
        of the structure tensor from which coherence is derived.
    smooth_HW
        The image at sigma 1, full resolution.
    background_hw
        The image at sigma 16, at block resolution.
    """
    maps: dict[str, Float] = {}
    sharp, level, sigma_before = map_HW, 0, 0.0
    smooth_HW = map_HW
    for scale in SCALES:
        if scale >= 4:  # the image is already smooth at half this scale: half the samples carry it
            sharp, level = halve(sharp), level + 1
        soft = blur(sharp, float(np.sqrt(scale**2 - sigma_before**2)) / 2**level)
        band = sharp - soft
        maps[f"{prefix}_band{scale}"] = pool(np.abs(band), BLOCK >> level)
        maps[f"{prefix}_power{scale}"] = pool(band * band, BLOCK >> level)
        if scale in EDGE_SCALES:
            maps |= _edge_maps(soft, f"{prefix}_{{}}{scale}", BLOCK >> level)
        if scale == SCALES[0]:
            smooth_HW = soft
        sharp, sigma_before = soft, float(scale)
    return maps, smooth_HW, sharp


def _edge_maps(soft: Float, name: str, side: int) -> dict[str, Float]:
    """Mean gradient magnitude and structure tensor."""
    dx, dy = ndimage.sobel(soft, axis=1), ndimage.sobel(soft, axis=0)
    xx, yy = dx * dx, dy * dy
    return {
        name.format("edge"): pool(np.sqrt(xx + yy), side),
        name.format("xx"): pool(xx, side),
        name.format("yy"): pool(yy, side),
        name.format("xy"): pool(dx * dy, side),
    }


def binary_pattern_maps(density_HW: Float) -> dict[str, Float]:
    """Share of pixels with each uniform local binary pattern (Ojala et al. 2002), 9 codes at two radii.

    The code is the number of the 8 neighbours that are denser; patterns with more than two changes
    around the circle are not uniform and count for no code.
    """
    maps: dict[str, Float] = {}
    for radius in LBP_RADII:
        codes, changes = _codes(density_HW, radius)
        uniform = changes <= 2
        for code in range(9):
            maps[f"lbp{radius}_{code}"] = pool(((codes == code) & uniform).astype(np.float32))
    return maps


def _codes(density_HW: Float, radius: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Number of denser neighbours, and number of changes around the circle, of every pixel."""
    threshold = density_HW + _LBP_CONTRAST
    denser = [np.roll(density_HW, (radius * dy, radius * dx), (0, 1)) > threshold for dy, dx in _RING]
    codes = np.zeros(density_HW.shape, np.uint8)
    changes = np.zeros(density_HW.shape, np.uint8)
    for before, now in zip([denser[-1], *denser[:-1]], denser, strict=True):
        codes += now
        changes += before ^ now
    return codes, changes
