"""Optical density of H&E pixels and the reference stains they are measured in.

Beer-Lambert: the optical density of a pixel, OD = -ln((I + 1) / 256), is linear in the amounts of stain,
OD = C @ STAINS. Rows of a basis are unit vectors in (R, G, B); row 0 is hematoxylin, row 1 eosin.
Shapes: H, W image rows and columns; 3 RGB; S = 2 stains.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]

# Stain directions and 99th-percentile amounts that every slide is brought to (Macenko et al. 2009
# used a reference slide; these are the usual published values for it).
REFERENCE_BASIS = np.array([[0.5626, 0.7201, 0.4062], [0.2159, 0.8012, 0.5581]], dtype=np.float32)
REFERENCE_MAXIMUM = np.array([1.9705, 1.0308], dtype=np.float32)

_DENSITY_OF_BYTE = -np.log((np.arange(256, dtype=np.float32) + 1.0) / 256.0)


def optical_density(rgb: NDArray[np.uint8]) -> Float:
    """OD of uint8 pixels (..., 3), float32, by table: 256 logarithms instead of one a pixel."""
    return _DENSITY_OF_BYTE[rgb]


def rgb_of_density(density: Float) -> NDArray[np.uint8]:
    """Inverse of `optical_density`, clipped to 0..255."""
    return np.clip(256.0 * np.exp(-density) - 0.5, 0, 255).astype(np.uint8)


def unmix(density: Float, basis: Float) -> Float:
    """Stain amounts (..., 2) of optical densities (..., 3) by least squares in a basis (2, 3)."""
    return density @ np.linalg.pinv(basis).astype(np.float32)
