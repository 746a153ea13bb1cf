"""Painted H&E: amounts of stain that are known, and pixels made of them by Beer-Lambert."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from genviz.features.optical_density import REFERENCE_BASIS, rgb_of_density

# Another laboratory's stains: unit vectors (R, G, B), hematoxylin then eosin.
OTHER_BASIS = np.array([[0.70, 0.62, 0.35], [0.36, 0.84, 0.41]], np.float32)
OTHER_BASIS /= np.linalg.norm(OTHER_BASIS, axis=1, keepdims=True)


def amounts(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Hematoxylin and eosin (H, W, 2) of tissue with round nuclei, denser to the right, and glass below."""
    rng = np.random.default_rng(seed)
    stain = np.zeros((height, width, 2), np.float32)
    stain[..., 1] = 0.5 + 1.5 * ndimage.gaussian_filter(rng.standard_normal((height, width)), 6)
    stain[..., 0] = 0.05 + 0.5 * ndimage.gaussian_filter(rng.standard_normal((height, width)), 3)
    for _ in range(height * width // 900):
        x, y, radius = width * np.sqrt(rng.uniform()), height * rng.uniform(), rng.uniform(3, 7)
        disk(stain[..., 0], x, y, radius, rng.uniform(1.2, 1.9))
        disk(stain[..., 1], x, y, radius, rng.uniform(0, 0.1))
    stain[int(0.85 * height) :] = 0
    return np.clip(stain, 0, None)


def disk(map_HW: np.ndarray, x: float, y: float, radius: float, value: float) -> None:
    """Paint a filled circle into a map."""
    y0, y1 = max(int(y - radius), 0), int(y + radius) + 2
    x0, x1 = max(int(x - radius), 0), int(x + radius) + 2
    rows, columns = np.ogrid[y0 : min(y1, map_HW.shape[0]), x0 : min(x1, map_HW.shape[1])]
    map_HW[y0:y1, x0:x1][(rows - y) ** 2 + (columns - x) ** 2 <= radius**2] = value


def stained(stain_HW2: np.ndarray, basis: np.ndarray = REFERENCE_BASIS) -> np.ndarray:
    """Pixels uint8 (H, W, 3) of amounts of stain."""
    return rgb_of_density((stain_HW2 @ basis).astype(np.float32))


def tissue(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Painted tissue, uint8 (H, W, 3)."""
    return stained(amounts(height, width, seed))


def reader(rgb_HW3: np.ndarray):
    """``read(x, y, w, h)`` of an image, white outside."""

    def read(x: int, y: int, w: int, h: int) -> np.ndarray:
        cut = np.full((h, w, 3), 255, np.uint8)
        x0, y0 = max(x, 0), max(y, 0)
        x1, y1 = min(x + w, rgb_HW3.shape[1]), min(y + h, rgb_HW3.shape[0])
        if x0 < x1 and y0 < y1:
            cut[y0 - y : y1 - y, x0 - x : x1 - x] = rgb_HW3[y0:y1, x0:x1]
        return cut

    return read
