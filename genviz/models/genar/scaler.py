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
_STRIPS = 4
_FOREIGN = 2.0  # times the largest shift among training sections; restained sections have 3 to 30 times

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
    shift
        Largest shift of a training section (mean over features of its squared mean z-score), standardised by the
        other training sections. With one section, of its four strips along the longer side, which differ by
        tissue alone. None: not known (an older checkpoint, no positions), or zero by construction (by section).
    """

    mean_F: Float
    std_F: Float
    distance: float
    by_section: bool = False
    shift: float | None = None

    @classmethod
    def fit(
        cls, features_NF: Float, libraries: NDArray[Any], normalise: str, xy_N2: Float | None = None
    ) -> Scaler:
        """Fit on training rows.

        Parameters
        ----------
        features_NF, libraries
            Features and section of each training row.
        normalise
            ``"train"`` or ``"section"``.
        xy_N2
            Positions, for the strips of a single section.
        """
        if normalise not in ("train", "section"):
            raise UsageError(f"Expected normalise='train' or 'section'; got {normalise!r}.")
        by_section = normalise == "section"
        mean, std = _statistics(features_NF)
        first = cls(mean, std, np.inf, by_section)
        distance = float(np.quantile(first.distances(features_NF, libraries), _EXTREME))
        shift = None if by_section else _largest_shift(features_NF, _parts(libraries, xy_N2))
        return cls(mean, std, distance, by_section, shift)

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

    def shifts(self, features_NF: Float, libraries: NDArray[Any]) -> dict[str, float]:
        """Shift of each section with at least 20 rows: mean over features of its squared mean z-score."""
        z_NF = self.apply(features_NF, libraries)
        return {str(name): _shift(z_NF[libraries == name]) for name in _large(libraries)}

    def foreign(self, features_NF: Float, libraries: NDArray[Any]) -> dict[str, float]:
        """Sections whose shift exceeds twice `shift`, and what chance does to so few rows: stained otherwise, say.

        Empty where `shift` is not known.
        """
        if self.shift is None or self.by_section:
            return {}
        line = _FOREIGN * self.shift
        n_rows = {str(name): int((libraries == name).sum()) for name in _large(libraries)}
        found = self.shifts(features_NF, libraries)
        # The mean of n rows has variance 1/n; three times that is beyond chance, features being correlated.
        return {name: shift for name, shift in found.items() if shift > line + 3.0 / n_rows[name]}


def _statistics(features_NF: Float) -> tuple[Float, Float]:
    """Mean and deviation of each feature; constant features have deviation 1."""
    mean = features_NF.mean(axis=0, dtype=np.float64)
    std = features_NF.std(axis=0, dtype=np.float64)
    std = np.where(std > 1e-6 * (1.0 + np.abs(mean)), std, 1.0)
    return mean.astype(np.float32), std.astype(np.float32)


def _large(libraries: NDArray[Any]) -> list[Any]:
    return [name for name in dict.fromkeys(libraries) if (libraries == name).sum() >= _MIN_SECTION]


def _shift(z_NF: Float) -> float:
    return float((z_NF.mean(axis=0, dtype=np.float64) ** 2).mean())


def _parts(libraries: NDArray[Any], xy_N2: Float | None) -> NDArray[Any] | None:
    """The sections; of a single one its strips, where positions are known."""
    if len(set(libraries)) > 1:
        return libraries
    if xy_N2 is None:
        return None
    along = xy_N2[:, np.ptp(xy_N2, axis=0).argmax()]
    return np.searchsorted(np.quantile(along, np.arange(1, _STRIPS) / _STRIPS), along)


def _largest_shift(features_NF: Float, parts: NDArray[Any] | None) -> float | None:
    """Largest shift of a part from all others; None with fewer than two parts of 20 rows."""
    if parts is None or len(large := _large(parts)) < 2:
        return None
    shifts = []
    for name in large:
        own = parts == name
        others = Scaler(*_statistics(features_NF[~own]), np.inf)
        shifts.append(_shift(others.apply(features_NF[own], parts[own])))
    return max(shifts)
