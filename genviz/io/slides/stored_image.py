"""Images that an AnnData itself holds, as pixels."""

from __future__ import annotations

from typing import Any

import numpy as np

from genviz.io.slides.levels import Pixels


def stored_rgb(stored: Any) -> Pixels:
    """A stored image as 8-bit RGB; other tools keep floats in 0..1, 16 bits, grey or transparent ones.

    Parameters
    ----------
    stored
        (H, W) or (H, W, C) with C of 1 (grey), 2 (grey, alpha), 3 or 4 (with alpha, which is dropped). Of whole numbers
        above 255 the high byte of 16 bits is kept.

    Returns
    -------
    uint8 (H, W, 3).
    """
    image = np.asarray(stored)
    if image.dtype != np.uint8:
        image = np.clip(_up_to_255(image), 0, 255).astype(np.uint8)
    if image.ndim == 2:
        image = image[..., None]
    return np.ascontiguousarray(
        image[..., :3] if image.shape[2] >= 3 else np.repeat(image[..., :1], 3, axis=2)
    )


def _up_to_255(image: np.ndarray) -> np.ndarray:
    if image.dtype.kind in "fb":
        return image.astype(np.float32) * 255.0
    return image // 256 if image.size and image.max() > 255 else image
