"""Correlation and resampling: what a score is, and how sure one can be of it.

Shape legend: N rows, G genes, B bootstrap replicates.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genviz._errors import DataError, UsageError
from genviz.core.calibration import central_coverage, crps_samples, pit_of_samples, randomised_pit

__all__ = [
    "bootstrap_interval",
    "bootstrap_weights",
    "central_coverage",
    "centred",
    "crps_samples",
    "paired_interval",
    "pearson_columns",
    "percentile_interval",
    "pit_of_samples",
    "randomised_pit",
    "weighted_pearson",
]

Floats = NDArray[np.float64]

_FLAT = 1e-6  # a column whose values agree to this relative accuracy is constant: rounding of float32
_CANCELLED = 1e-9  # variance below this part of the second moment is what rounding left of none


def centred(values_NG: ArrayLike) -> Floats:
    """Columns minus their means; constant columns become exactly 0, whatever rounding left in them."""
    values = np.asarray(values_NG, np.float64)
    if values.shape[0] == 0:
        return values
    flat = np.ptp(values, axis=0) <= _FLAT * np.abs(values).max(axis=0)
    return np.asarray(np.where(flat, 0.0, values - values.mean(axis=0)), np.float64)


def pearson_columns(a_NG: ArrayLike, b_NG: ArrayLike) -> Floats:
    """Pearson correlation of each column of `a` with the same column of `b`.

    Returns
    -------
    (G,), NaN where either column is constant or there are fewer than two rows.
    """
    a, b = _pair(a_NG, b_NG)
    return np.asarray(weighted_pearson(np.ones((1, len(a))), centred(a), centred(b))[0], np.float64)


def weighted_pearson(weights_BN: Floats, a_NG: Floats, b_NG: Floats) -> Floats:
    """Pearson correlation of columns under each of several row weightings, in one matrix product.

    Parameters
    ----------
    weights_BN
        Non-negative weights, for example how often a bootstrap replicate drew each row.
    a_NG, b_NG
        Values, centred (`centred`) so that moments do not cancel.

    Returns
    -------
    (B, G), NaN where a column is constant among the rows with weight.
    """
    a, b = _pair(a_NG, b_NG)
    total = weights_BN.sum(axis=1, keepdims=True)
    moments = weights_BN @ np.concatenate([a, b, a * a, b * b, a * b], axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean_a, mean_b, square_a, square_b, product = np.split(moments / total, 5, axis=1)
        var_a, var_b = square_a - mean_a**2, square_b - mean_b**2
        varies = (var_a > _CANCELLED * square_a) & (var_b > _CANCELLED * square_b)
        r = (product - mean_a * mean_b) / np.sqrt(var_a * var_b)
    return np.asarray(np.where(varies, np.clip(r, -1.0, 1.0), np.nan), np.float64)


def bootstrap_weights(groups: ArrayLike, n: int, seed: int | Sequence[int]) -> NDArray[np.float64]:
    """How often each row is drawn in each replicate, rows resampled within their group.

    Parameters
    ----------
    groups
        (N,) label of each row's group (section); group sizes stay as they are.
    n
        Number of replicates B.
    seed
        Equal seeds and groups give equal weights, which makes two models' replicates paired.

    Returns
    -------
    (B, N), each replicate sums to N.
    """
    labels = np.asarray(groups)
    weights = np.zeros((n, len(labels)))
    rng = np.random.default_rng(seed)
    for label in dict.fromkeys(labels.tolist()):
        rows = np.flatnonzero(labels == label)
        weights[:, rows] = rng.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), size=n)
    return weights


def percentile_interval(replicates: ArrayLike, level: float = 0.95) -> tuple[float, float] | None:
    """Central interval of bootstrap replicates; None when fewer than two are finite."""
    values = np.asarray(replicates, np.float64)
    values = values[np.isfinite(values)]
    if len(values) < 2:
        return None
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def bootstrap_interval(
    values: ArrayLike,
    stat: Callable[[Any], float] = np.mean,
    n: int = 1000,
    seed: int = 0,
    groups: Sequence[Any] | NDArray[Any] | None = None,
    level: float = 0.95,
) -> tuple[float, float]:
    """Percentile interval of a statistic, rows resampled (within groups, when given).

    Parameters
    ----------
    values
        (N, ...) one entry a row.
    stat
        Function of the resampled values.
    n, seed, level
        Replicates, seed, and content of the interval.
    groups
        (N,) section of each row.

    Raises
    ------
    DataError
        Without rows.
    UsageError
        For fewer than two replicates or a level outside (0, 1).
    """
    rows = np.asarray(values)
    if len(rows) == 0:
        raise DataError("Expected rows to resample; there are none.")
    if n < 2 or not 0 < level < 1:
        raise UsageError(f"Expected n >= 2 replicates and a level between 0 and 1; got n={n}, level={level}.")
    labels = np.zeros(len(rows), int) if groups is None else np.asarray(groups)
    weights = bootstrap_weights(labels, n, seed).astype(np.int64)
    replicates = [stat(np.repeat(rows, w, axis=0)) for w in weights]
    return percentile_interval(replicates, level) or (float("nan"), float("nan"))


def paired_interval(
    first: ArrayLike,
    second: ArrayLike,
    n: int = 1000,
    seed: int = 0,
    groups: Sequence[Any] | NDArray[Any] | None = None,
) -> tuple[float, float]:
    """95 % interval of the mean of ``first - second``, both measured on the same folds or rows.

    Parameters
    ----------
    first, second
        (N,) scores of two models on the same N folds (or spots), in the same order.
    n, seed, groups
        See `bootstrap_interval`; with four folds the interval is coarse, so prefer spots within folds.
    """
    a, b = _pair(first, second)
    return bootstrap_interval(a - b, np.mean, n, seed, groups)


def _pair(a: ArrayLike, b: ArrayLike) -> tuple[Floats, Floats]:
    first, second = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if first.shape != second.shape:
        raise DataError(f"Expected two arrays of one shape; got {first.shape} and {second.shape}.")
    return first, second
