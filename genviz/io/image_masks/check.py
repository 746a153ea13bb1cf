"""What is wrong with stored masks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from genviz.io.image_masks.scan import MAX_INSTANCES


def masks_faults(masks: Any, tiles: Any | None) -> Iterator[tuple[str, str]]:
    """Faults of masks (n, H, W), as what is wrong and what to do.

    Labels are looked at where they are in memory; lazy masks only by type and shape.

    Parameters
    ----------
    masks
        numpy or dask.
    tiles
        The images they belong to, or None.
    """
    if len(masks.shape) != 3:
        yield f"Expected masks (rows, height, width); got {masks.shape}.", "Store one label a pixel."
    elif tiles is not None and tuple(masks.shape) != tuple(tiles.shape[:3]):
        yield (
            f"Expected masks as large as the images, {tuple(tiles.shape[:3])}; got {tuple(masks.shape)}.",
            "Read images and masks together with gv.io.read_image_masks.",
        )
    if masks.dtype.kind not in "iu":
        yield (
            f"Expected integer instance labels; got {masks.dtype}.",
            "Round labels to uint16, or make instances of a probability map first.",
        )
    elif isinstance(masks, np.ndarray) and masks.size:
        low, high = int(masks.min()), int(masks.max())
        if low < 0 or high > MAX_INSTANCES:
            yield (
                f"Expected labels from 0 to {MAX_INSTANCES:,}; got {low} to {high}.",
                "Number the instances of each image from 1, 0 is background; cut images with more into tiles.",
            )
