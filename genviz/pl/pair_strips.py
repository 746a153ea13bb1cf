"""Tiles side by side with the outlines of their nuclei, as one array of pixels.

Shape legend: R rows (tiles), H x W pixels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from genviz.core.instances import boundaries

OUTLINE = (255, 196, 0)
_GAP = 4


def strip(
    tiles_RHW3: NDArray[np.uint8],
    masks_RHW: NDArray[np.integer] | None = None,
    *,
    scale: int = 2,
    background: int = 255,
) -> NDArray[np.uint8]:
    """Tiles in one line, enlarged by whole pixels, nuclei outlined.

    Parameters
    ----------
    tiles_RHW3
        uint8.
    masks_RHW
        Instance labels; None draws no outlines.
    scale
        Pixels a pixel; outlines are one pixel of the enlarged image wide.
    background
        Grey level between tiles.

    Returns
    -------
    uint8 (scale H, R scale W + gaps, 3).
    """
    # asarray: rows of a view would write back into their AnnData.
    enlarged = [np.repeat(np.repeat(tile, scale, 0), scale, 1) for tile in np.asarray(tiles_RHW3)]
    if masks_RHW is not None:
        for tile, mask in zip(enlarged, masks_RHW, strict=True):
            tile[boundaries(np.repeat(np.repeat(mask, scale, 0), scale, 1))] = OUTLINE
    gap = np.full((enlarged[0].shape[0], _GAP, 3), background, np.uint8)
    parts = [part for tile in enlarged for part in (tile, gap)]
    return np.concatenate(parts[:-1], axis=1)
