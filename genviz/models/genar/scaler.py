"""Standardisation of features, fitted on training rows and saved with the model.

Shape legend: N rows, F features.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genviz._errors import DataError, UsageError

_CLIP = 6.0
_MIN_SECTION = 20
_EXTREME = 0.995

Float = NDArray[np.float32]


@dataclass(frozen=True)
class Scaler:
    """z-scores with the training rows' statistics, or with each section's own.

    Attributes
    ----------
    mean_F, std_F
        Statistics of the training rows.
    distance
        A training row's mean squared z-score exceeds this in half a percent of cases: the line beyond which a
        row counts as unlike anything seen in training.
    by_section
        Standardise each section by itself. Transductive: a row then depends on the rows around it.
    """

    mean_F: Float
    std_F: Float
    distance: float
    by_section: bool = False

    @classmethod
    def fit(cls, features_NF: Float, libraries: NDArray[Any], normalise: str) -> Scaler:
        """Fit on training rows.

        Parameters
        ----------
        features_NF, libraries
            Features and section of each training row.
        normalise
            ``"train"`` or ``"section"``.
        """
        if normalise not in ("train", "section"):
            raise UsageError(f"Expected normalise='train' or 'section'; got {normalise!r}.")
        by_section = normalise == "section"
        mean = features_NF.mean(axis=0, dtype=np.float64)
        std = features_NF.std(axis=0, dtype=np.float64)
        std = np.where(std > 1e-6 * (1.0 + np.abs(mean)), std, 1.0)
        first = cls(mean.astype(np.float32), std.astype(np.float32), np.inf, by_section)
        distance = float(np.quantile(first.distances(features_NF, libraries), _EXTREME))
        return cls(first.mean_F, first.std_F, distance, by_section)

    def apply(self, features_NF: Float, libraries: NDArray[Any]) -> Float:
        """Standardise and clip to six deviations.

        Raises
        ------
        DataError
            By section: fewer than 20 rows of a section.
        """
        if not self.by_section:
            return np.clip((features_NF - self.mean_F) / self.std_F, -_CLIP, _CLIP)
        out = np.empty_like(features_NF)
        for library in dict.fromkeys(libraries):
            rows = np.flatnonzero(libraries == library)
            if len(rows) < _MIN_SECTION:
                raise DataError(
                    f"Expected at least {_MIN_SECTION} rows of section {library!r} to standardise it by itself "
                    f"(normalise='section'); got {len(rows)}. Predict the whole section at once."
                )
            part = features_NF[rows]
            mean, std = part.mean(axis=0, dtype=np.float64), part.std(axis=0, dtype=np.float64)
            z = (part - mean) / np.where(std > 1e-6 * (1.0 + np.abs(mean)), std, 1.0)
            out[rows] = np.clip(z, -_CLIP, _CLIP)
        return out

    def distances(self, features_NF: Float, libraries: NDArray[Any]) -> Float:
        """Mean squared (clipped) z-score of each row, (N,)."""
        return (self.apply(features_NF, libraries) ** 2).mean(axis=1)

    def unfamiliar(self, features_NF: Float, libraries: NDArray[Any]) -> float:
        """Share of rows beyond `distance`."""
        return float((self.distances(features_NF, libraries) > self.distance).mean())
