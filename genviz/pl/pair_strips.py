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
        Pixels a pixel; outlines are one pixel of the tile wide, to be seen where figures are drawn small.
    background
        Grey level between tiles.

    Returns
    -------
    uint8 (scale H, R scale W + gaps, 3).
    """
    drawn_RHW3 = np.array(tiles_RHW3)
    if masks_RHW is not None:
        drawn_RHW3[boundaries(masks_RHW)] = OUTLINE
    enlarged = [np.repeat(np.repeat(tile, scale, 0), scale, 1) for tile in drawn_RHW3]
    gap = np.full((enlarged[0].shape[0], _GAP, 3), background, np.uint8)
    parts = [part for tile in enlarged for part in (tile, gap)]
    return np.concatenate(parts[:-1], axis=1)
