"""The eight turns and flips of a square tile or its mask.

A turn is a number k: 0..3 is a rotation by k quarter turns counter-clockwise, 4..7 a mirroring of left and
right followed by k - 4 quarter turns. Together they are the dihedral group of the square. Shapes: H, W rows and
columns; C channels.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from genviz._errors import UsageError

N_TURNS = 8

Pixel = TypeVar("Pixel", bound=np.generic)


def turn(pixels: NDArray[Pixel], k: int) -> NDArray[Pixel]:
    """One turn of an image or a mask.

    Parameters
    ----------
    pixels
        (H, W) or (H, W, C).
    k
        Turn, 0..7.

    Returns
    -------
    A view of the same pixels.

    Raises
    ------
    UsageError
        For a turn that does not exist.
    """
    if not 0 <= k < N_TURNS:
        raise UsageError(f"Expected a turn from 0 to {N_TURNS - 1}; got {k}.")
    return np.rot90(np.flip(pixels, 1) if k >= 4 else pixels, k % 4)
