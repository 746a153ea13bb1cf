"""Nuclei in generated tiles against those in real ones: how many, how large, how much of the tile.

Shape legend: N rows; H, W pixel rows and columns; 3 RGB.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import wasserstein_distance

from genviz._errors import DataError
from genviz.core.statistics import percentile_interval
from genviz.metrics.mask_overlap import nuclei
from genviz.metrics.score import Score
from genviz.metrics.tiles.tissue import tiles_of

Floats = NDArray[np.float64]
Segment = Callable[[NDArray[np.uint8]], NDArray[Any]]
"""Tiles uint8 (N, H, W, 3) to masks (N, H, W): bool, or instance labels with 0 = background."""

MEASURES = ("count", "area", "fraction")
_LEAST_PX = 8
_RESAMPLES = 200


def composition(
    made: ArrayLike, real: ArrayLike, segment: Segment, *, floor: ArrayLike | None = None, seed: int = 0
) -> dict[str, Score]:
    """``nuclei_count``, ``nuclei_area`` (px, mean of a tile's) and ``nuclei_fraction`` of generated tiles, real beside.

    ``w1_count``, ``w1_area``, ``w1_fraction``: Wasserstein-1 distance of the two distributions over tiles, in
    deviations of the real one, with its bootstrap interval; beside it that of `floor` from the real tiles. It is never
    0 for finite sets.

    Parameters
    ----------
    made, real
        Tiles.
    segment
        Finds nuclei, say `TissueStandard.nuclei` or a network's ``predict``; the same for all sets.
    floor
        Other real tiles, say those of the training sections.
    seed
        Of the bootstrap.
    """
    made_N3, real_N3 = (nuclei_of(part, segment) for part in (made, real))
    floor_N3 = None if floor is None else nuclei_of(floor, segment)
    scores = {}
    for i, name in enumerate(MEASURES):
        own, other = (part[:, i][np.isfinite(part[:, i])] for part in (made_N3, real_N3))
        if not len(own) or len(other) < 2:
            continue
        sd = float(other.std()) or 1.0
        beside = None
        if floor_N3 is not None and np.isfinite(floor_N3[:, i]).any():
            beside = float(wasserstein_distance(floor_N3[:, i][np.isfinite(floor_N3[:, i])], other)) / sd
        rng = np.random.default_rng([seed, i])
        again = [
            wasserstein_distance(_resampled(rng, own), _resampled(rng, other)) for _ in range(_RESAMPLES)
        ]
        scores[f"nuclei_{name}"] = Score(float(own.mean()), None, len(own), float(other.mean()))
        scores[f"w1_{name}"] = Score(
            float(wasserstein_distance(own, other)) / sd, percentile_interval(np.array(again) / sd), len(own), beside
        )  # fmt: skip
    return scores


def nuclei_of(tiles: ArrayLike, segment: Segment) -> Floats:
    """Count, mean area (px; NaN without nuclei) and covered fraction of each tile, (N, 3); objects of at least 8 px.

    Parameters
    ----------
    tiles
        uint8 (N, H, W, 3).
    segment
        See `composition`.

    Raises
    ------
    DataError
        For masks of another shape.
    """
    images = tiles_of(tiles)
    masks = np.asarray(segment(images))
    if masks.shape != images.shape[:3]:
        raise DataError(f"Expected masks {images.shape[:3]}, one a tile; got {masks.shape}.")
    found = np.empty((len(images), len(MEASURES)))
    for row, mask_HW in enumerate(masks):
        area = np.bincount(nuclei(mask_HW).ravel())[1:]
        area = area[area >= _LEAST_PX]
        mean = float(area.mean()) if len(area) else float("nan")
        found[row] = len(area), mean, area.sum() / mask_HW.size
    return found


def _resampled(rng: np.random.Generator, values_N: Floats) -> Floats:
    return values_N[rng.integers(len(values_N), size=len(values_N))]
