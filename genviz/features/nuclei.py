"""Nuclear statistics without a trained segmenter: hematoxylin blobs, their size, shape and darkness.

A pixel is nuclear when its hematoxylin exceeds both a fixed amount and its surroundings. Touching nuclei
count as one: the statistics compare tissues, they do not count cells.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from genviz.features.blocks import BLOCK, Float, pool, scatter

AREA_EDGES = (15, 40, 80, 150, 400)  # px at 0.7 um/px: 7 to 200 um2
_AMOUNT = 0.35  # of the slide's 99th percentile
_CONTRAST = 0.08


def nuclear_maps(hematoxylin_HW: Float, smooth_HW: Float, background_hw: Float) -> dict[str, Float]:
    """Block maps of nuclear area and of per-nucleus sums, placed at each nucleus' centroid.

    Parameters
    ----------
    hematoxylin_HW
        Amount of hematoxylin, 1 = the slide's 99th percentile.
    smooth_HW
        The same at sigma 1 px.
    background_hw
        The same at sigma 16 px, at block resolution.

    Returns
    -------
    ``nuclear_area`` is a share of pixels; ``nuclei`` and ``nuclei_*`` are sums per pixel, to be divided by
    ``nuclei``.
    """
    background_HW = np.repeat(np.repeat(background_hw, BLOCK, axis=0), BLOCK, axis=1)
    mask = smooth_HW > np.maximum(_AMOUNT, background_HW + _CONTRAST)
    mask = ndimage.binary_opening(mask, iterations=2)
    labels, n = ndimage.label(mask)
    maps = {"nuclear_area": pool(mask.astype(np.float32))}
    rows, columns = np.nonzero(labels)
    blob = labels[rows, columns] - 1
    area = np.bincount(blob, minlength=n)

    def mean(values: np.ndarray) -> np.ndarray:
        return np.bincount(blob, values, n) / np.maximum(area, 1)

    y, x = mean(rows), mean(columns)
    yy, xx = mean(rows.astype(np.float64) ** 2) - y**2, mean(columns.astype(np.float64) ** 2) - x**2
    xy = mean(rows.astype(np.float64) * columns) - x * y
    spread = np.sqrt(np.maximum((yy - xx) ** 2 + 4 * xy**2, 0.0))
    eccentricity = np.sqrt(np.clip(1 - (yy + xx - spread) / (yy + xx + spread + 1e-6), 0, 1))
    amount = hematoxylin_HW[rows, columns].astype(np.float64)
    darkness = mean(amount)
    per_nucleus = {
        "nuclei": np.ones(n),
        "nuclei_size": area,
        "nuclei_size2": (area / 100.0) ** 2,
        "nuclei_eccentricity": eccentricity,
        "nuclei_darkness": darkness,
        "nuclei_chromatin": mean(amount**2) - darkness**2,
        "nuclei_long": eccentricity > 0.85,
        "nuclei_round": eccentricity < 0.6,
    }
    for low, high in zip(AREA_EDGES, (*AREA_EDGES[1:], np.inf), strict=True):
        per_nucleus[f"nuclei_area{low}"] = (area >= low) & (area < high)
    kept = area >= AREA_EDGES[0]
    for name, values in per_nucleus.items():
        weights = np.asarray(values, dtype=np.float64)[kept] / BLOCK**2
        maps[name] = scatter(y[kept], x[kept], weights, mask.shape)
    return maps
