"""Whether predicted distributions of counts can be believed: PIT, coverage, CRPS.

Shape legend: S samples, N rows, G genes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genviz._errors import DataError, UsageError

Floats = NDArray[np.float64]


def randomised_pit(below: ArrayLike, up_to: ArrayLike, uniform: ArrayLike) -> Floats:
    """Probability integral transform of discrete outcomes, uniform on (0, 1) under the right model.

    ``u = F(x - 1) + v (F(x) - F(x - 1))`` with v uniform (Czado, Gneiting and Held 2009).

    Parameters
    ----------
    below, up_to
        F(x - 1) and F(x) at the observed count x, any equal shapes.
    uniform
        Draws from (0, 1) of that shape, from the rows' own generators.

    Raises
    ------
    DataError
        When F(x - 1) > F(x) or either leaves [0, 1] by more than rounding.
    """
    low, high = np.asarray(below, np.float64), np.asarray(up_to, np.float64)
    if low.shape != high.shape or not ((low >= -1e-6) & (low <= high + 1e-6) & (high <= 1 + 1e-6)).all():
        raise DataError(
            "Expected 0 <= F(x - 1) <= F(x) <= 1 in arrays of one shape; these are not such probabilities."
        )
    return np.clip(low + np.asarray(uniform) * (high - low), 0.0, 1.0)


def pit_of_samples(samples_SNG: ArrayLike, truth_NG: ArrayLike, uniform_NG: ArrayLike) -> Floats:
    """Randomised PIT from samples: the randomised rank of the truth among them.

    ``u = (#{s < x} + v (#{s = x} + 1)) / (S + 1)``: exactly uniform when the truth is one more
    draw from the model, for any number of samples.
    """
    samples, truth = np.asarray(samples_SNG), np.asarray(truth_NG)
    _check_samples(samples, truth)
    less, equal = (samples < truth).sum(axis=0), (samples == truth).sum(axis=0)
    return np.asarray((less + np.asarray(uniform_NG) * (equal + 1)) / (len(samples) + 1), np.float64)


def central_coverage(pit: ArrayLike, level: float = 0.9) -> float:
    """Share of PIT values in the central interval of the given content; `level` when calibrated.

    Returns
    -------
    NaN without values; NaN entries (outcomes without a prediction) are left out.
    """
    if not 0 < level < 1:
        raise UsageError(f"Expected a level between 0 and 1; got {level}.")
    values = np.asarray(pit, np.float64)
    values = values[~np.isnan(values)]
    if values.size == 0:
        return float("nan")
    return float((np.abs(values - 0.5) <= level / 2).mean())


def crps_samples(samples_SNG: ArrayLike, truth_NG: ArrayLike) -> Floats:
    """Continuous ranked probability score of an ensemble, in the units of the values; lower is better.

    ``mean |s_i - x| - 1/S^2 sum_i (2i - S - 1) s_(i)``, s_(i) sorted (Gneiting and Raftery 2007,
    eq. 21, in its sorted form: S log S instead of S^2). One sample gives the absolute error.

    Returns
    -------
    (N, G)
    """
    samples, truth = np.asarray(samples_SNG, np.float64), np.asarray(truth_NG, np.float64)
    _check_samples(samples, truth)
    n = len(samples)
    rank = 2.0 * np.arange(1, n + 1) - n - 1
    spread = np.tensordot(rank, np.sort(samples, axis=0), axes=1) / n**2
    return np.asarray(np.abs(samples - truth).mean(axis=0) - spread, np.float64)


def crps_interval(
    lower: ArrayLike, median: ArrayLike, upper: ArrayLike, truth: ArrayLike, level: float
) -> Floats:
    """CRPS approximated by what a result stores: a median and one central interval.

    CRPS is twice the integral of the pinball loss over quantile levels; here Simpson's rule between the
    bounds and the trapezoid outside, ``2 [L/6 (p_lo + 4 p_mid + p_hi) + (1 - L)/4 (p_lo + p_hi)]``, L the
    level. A sum of pinball losses, so honest quantiles score best; 2 % below the CRPS of a normal at
    L = 0.9, 5 % below the absolute error of a point.
    """
    x, tail = np.asarray(truth, np.float64), (1.0 - level) / 2
    low, mid, high = (
        _pinball(np.asarray(q, np.float64), x, t)
        for q, t in ((lower, tail), (median, 0.5), (upper, 1 - tail))
    )
    return np.asarray(2 * (level / 6 * (low + 4 * mid + high) + tail / 2 * (low + high)), np.float64)


def _pinball(quantile: Floats, truth: Floats, tau: float) -> Floats:
    gap = truth - quantile
    return np.asarray(np.maximum(tau * gap, (tau - 1) * gap), np.float64)


def _check_samples(samples: NDArray[np.generic], truth: NDArray[np.generic]) -> None:
    if samples.ndim != truth.ndim + 1 or samples.shape[1:] != truth.shape or len(samples) == 0:
        raise DataError(
            f"Expected samples of shape (S, {truth.shape}); got {samples.shape}. Put the samples axis first."
        )
