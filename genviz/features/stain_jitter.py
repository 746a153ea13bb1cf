"""Random staining of tiles for training: amounts of stain in colour tiles, brightness in grey ones.

Shapes: N tiles; H, W rows and columns; 3 RGB; S = 2 stains.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from genviz._errors import UsageError
from genviz.features.optical_density import REFERENCE_BASIS, optical_density, rgb_of_density

_TO_STAINS = np.linalg.pinv(REFERENCE_BASIS).astype(np.float32)  # (3, S)
_LEVELS = np.arange(256, dtype=np.float32)


def jitter_stain(
    tiles_NHW3: NDArray[np.uint8],
    generator: np.random.Generator,
    *,
    stain: float = 0.2,
    gain: float = 0.2,
    brightness: float = 4.0,
) -> NDArray[np.uint8]:
    """Tiles as another staining, another exposure would have made them.

    Colour: with OD = C @ B + rest in the reference stains B (hematoxylin, eosin), each column of C is
    multiplied by its own factor, exp(u), u uniform in +-stain; the rest stays. Grey (three equal channels):
    I' = factor * I + shift, factor exp(u), u uniform in +-gain, shift uniform in +-brightness; grey stays grey.
    Every tile uses four numbers of the generator, so that its draw does not depend on its neighbours' kind.

    Parameters
    ----------
    tiles_NHW3
        uint8 (n, H, W, 3).
    generator
        Source of randomness.
    stain, gain
        Largest change of the logarithm of a factor.
    brightness
        Largest shift, grey levels of 255.

    Returns
    -------
    uint8 (n, H, W, 3), new.

    Raises
    ------
    UsageError
        For an array of another form.
    """
    if tiles_NHW3.dtype != np.uint8 or tiles_NHW3.ndim != 4 or tiles_NHW3.shape[3] != 3:
        raise UsageError(f"Expected uint8 tiles (n, H, W, 3); got {tiles_NHW3.dtype} {tiles_NHW3.shape}.")
    draws = generator.uniform(-1, 1, (len(tiles_NHW3), 4)).astype(np.float32)
    jittered = np.empty(tiles_NHW3.shape, np.uint8)
    for tile_HW3, draw, out_HW3 in zip(np.asarray(tiles_NHW3), draws, jittered, strict=True):
        if is_grey(tile_HW3):
            curve = np.exp(gain * draw[2]) * _LEVELS + brightness * draw[3]
            out_HW3[:] = np.clip(np.rint(curve), 0, 255).astype(np.uint8)[tile_HW3]
        else:
            out_HW3[:] = _restained(tile_HW3, np.exp(stain * draw[:2]))
    return jittered


def is_grey(tile_HW3: NDArray[np.uint8]) -> bool:
    """Whether red, green and blue of every pixel are equal.

    Parameters
    ----------
    tile_HW3
        (H, W, 3).
    """
    red = tile_HW3[..., 0]
    return bool(np.array_equal(red, tile_HW3[..., 1]) and np.array_equal(red, tile_HW3[..., 2]))


def _restained(tile_HW3: NDArray[np.uint8], factor_S: NDArray[np.float32]) -> NDArray[np.uint8]:
    """OD' = OD + (factor - 1) * C @ B, with C = OD @ pinv(B): one 3 x 3 matrix for the tile."""
    change_33 = ((_TO_STAINS * (factor_S - 1)) @ REFERENCE_BASIS).astype(np.float32)
    density = optical_density(tile_HW3).reshape(-1, 3)
    return rgb_of_density(density + density @ change_33).reshape(tile_HW3.shape)
