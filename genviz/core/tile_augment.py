"""The eight turns and flips of a square tile, with its mask.

A turn is a number k: 0..3 is a rotation by k quarter turns counter-clockwise, 4..7 a mirroring of left and
right followed by k - 4 quarter turns. Together they are the dihedral group of the square.
Shapes: N tiles; H, W rows and columns; C channels.
"""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from genviz._errors import UsageError

N_TURNS = 8

Pixel = TypeVar("Pixel", bound=np.generic)


def turn(pixels: NDArray[Pixel], k: int, *, axis: int = 0) -> NDArray[Pixel]:
    """One turn of an image, a mask, or a stack of either.

    Parameters
    ----------
    pixels
        Rows on ``axis``, columns on the next one.
    k
        Turn, 0..7.
    axis
        0 for (H, W) and (H, W, C), 1 for stacks of those.

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
    flipped = np.flip(pixels, axis + 1) if k >= 4 else pixels
    return np.rot90(flipped, k % 4, axes=(axis, axis + 1))


def inverse_turn(k: int) -> int:
    """The turn that undoes turn ``k``; a mirroring undoes itself.

    Parameters
    ----------
    k
        Turn, 0..7.
    """
    return k if k >= 4 else -k % 4


def turn_pairs(
    tiles_NHWC: NDArray[Pixel], masks_NHW: NDArray[Any], turns_N: NDArray[np.integer[Any]]
) -> tuple[NDArray[Pixel], NDArray[Any]]:
    """Tiles and their masks, each pair by its own turn.

    Parameters
    ----------
    tiles_NHWC, masks_NHW
        Square tiles and what belongs to them, pixel by pixel.
    turns_N
        Turn of each, 0..7; ``generator.integers(N_TURNS, size=n)`` draws them.

    Returns
    -------
    New arrays of the same shapes.

    Raises
    ------
    UsageError
        For tiles that are not square, masks of another size, or turns that do not exist.
    """
    if tiles_NHWC.ndim != 4 or tiles_NHWC.shape[1] != tiles_NHWC.shape[2]:
        raise UsageError(f"Expected square tiles (n, side, side, channels); got {tiles_NHWC.shape}.")
    if masks_NHW.shape != tiles_NHWC.shape[:3] or len(turns_N) != len(tiles_NHWC):
        raise UsageError(
            f"Expected masks {tiles_NHWC.shape[:3]} and as many turns; got {masks_NHW.shape} and {len(turns_N)}."
        )
    # Plain arrays: a slot of an AnnData view is of a class whose copies would write into the view.
    tiles_NHWC, masks_NHW = np.asarray(tiles_NHWC), np.asarray(masks_NHW)
    tiles, masks = np.empty_like(tiles_NHWC), np.empty_like(masks_NHW)
    for k in np.unique(turns_N):
        rows = turns_N == k
        tiles[rows] = turn(tiles_NHWC[rows], int(k), axis=1)
        masks[rows] = turn(masks_NHW[rows], int(k), axis=1)
    return tiles, masks
