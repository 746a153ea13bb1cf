"""From normalised pixels to pooled maps: everything the morphology encoder measures, once per pixel.

Shapes: H, W pixel rows and columns; 3 RGB; M maps; h, w block rows and columns.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from genviz.features.blocks import Float, pool
from genviz.features.nuclei import nuclear_maps
from genviz.features.optical_density import REFERENCE_BASIS, REFERENCE_MAXIMUM, optical_density, unmix
from genviz.features.texture import band_maps, binary_pattern_maps, blur

H_LEVELS = (0.25, 0.4, 0.55, 0.7, 0.9)
E_LEVELS = (0.2, 0.4, 0.6, 0.8)
_GLASS_DENSITY = 0.35  # summed over channels; lighter pixels are glass or fat
_FAT_WINDOW = 25


def pixel_maps(rgb_HW3: NDArray[np.uint8]) -> tuple[tuple[str, ...], Float]:
    """Measure one region.

    Parameters
    ----------
    rgb_HW3
        uint8, stain-normalised, 0.7 um/px, sides multiples of 8.

    Returns
    -------
    names
        M map names.
    maps_Mhw
        float32, pooled.
    """
    density = optical_density(rgb_HW3)
    amounts = unmix(density, REFERENCE_BASIS) / REFERENCE_MAXIMUM
    h_HW, e_HW = np.ascontiguousarray(amounts[..., 0]), np.ascontiguousarray(amounts[..., 1])
    total_HW = density.sum(axis=-1)
    maps = _colour_maps(rgb_HW3) | _stain_maps(h_HW, e_HW) | _glass_maps(total_HW)
    h_bands, h_smooth, h_background = band_maps(h_HW, "h")
    e_bands, _, _ = band_maps(e_HW, "e")
    maps |= h_bands | e_bands
    for level in H_LEVELS:
        maps[f"h_above{level}"] = pool((h_smooth > level).astype(np.float32))
    for level in E_LEVELS:
        maps[f"e_above{level}"] = pool((e_HW > level).astype(np.float32))
    maps |= nuclear_maps(h_HW, h_smooth, h_background)
    maps |= binary_pattern_maps(blur(total_HW, 1.0))
    return tuple(maps), np.stack(list(maps.values())).astype(np.float32)


def _colour_maps(rgb_HW3: NDArray[np.uint8]) -> dict[str, Float]:
    """First and second moments of each channel, 0..1."""
    maps = {}
    for index, name in enumerate("rgb"):
        channel = rgb_HW3[..., index].astype(np.float32) / 255.0
        maps[name], maps[f"{name}2"] = pool(channel), pool(channel * channel)
    return maps


def _stain_maps(h_HW: Float, e_HW: Float) -> dict[str, Float]:
    """First three moments of each stain and their product."""
    maps = {"he": pool(h_HW * e_HW)}
    for name, stain in (("h", h_HW), ("e", e_HW)):
        maps |= {name: pool(stain), f"{name}2": pool(stain**2), f"{name}3": pool(np.clip(stain, 0, 3) ** 3)}
    return maps


def _glass_maps(total_HW: Float) -> dict[str, Float]:
    """Share of unstained pixels, and of pixels deep inside unstained areas (fat, lumen, glass)."""
    glass = (total_HW < _GLASS_DENSITY).astype(np.float32)
    deep = ndimage.uniform_filter(glass, _FAT_WINDOW, mode="nearest") > 0.9
    return {"glass": pool(glass), "fat": pool(deep.astype(np.float32))}
