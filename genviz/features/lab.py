"""CIE Lab (D65) for Reinhard normalisation, by way of scikit-image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from skimage import color


def rgb_to_lab(rgb: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Lab of uint8 pixels (..., 3)."""
    return np.asarray(color.rgb2lab(rgb), dtype=np.float64)


def lab_to_rgb(lab: NDArray[np.float64]) -> NDArray[np.uint8]:
    """uint8 pixels of Lab values (..., 3); colours outside the gamut are clipped."""
    clipped = np.stack(
        [np.clip(lab[..., 0], 0, 100), np.clip(lab[..., 1], -127, 127), np.clip(lab[..., 2], -127, 127)], -1
    )
    return np.rint(np.clip(color.lab2rgb(clipped), 0, 1) * 255).astype(np.uint8)
