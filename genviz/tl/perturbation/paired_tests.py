"""Paired tests over rows: whether a mean change is more than random signs of the rows would give.

Shape legend: N rows, D statistics, F sign flips, T tests.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

_FLIPS = 9999
_EXACT = 13  # rows up to which all 2^N flips are counted
_SAME = 1e-9


def sign_flip_p(change_ND: ArrayLike, seed: int = 0) -> Floats:
    """Two-sided p of each column's mean under random signs of the rows, (D,).

    Exact for up to 13 rows, where it is at least 2^(1-N); else by 9,999 flips. Rows are taken as independent, which
    neighbouring spots of one section are not.

    Parameters
    ----------
    change_ND
        Paired changes.
    seed
        Of the flips; one seed gives one set of flips, whatever the columns.
    """
    change = np.asarray(change_ND, np.float64)
    n = len(change)
    seen_D = np.abs(change.sum(axis=0)) * (1 - _SAME)  # a flip that differs by rounding counts as equal
    if n <= _EXACT:
        bits_FN = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
        flipped_FD = np.abs((1.0 - 2 * bits_FN) @ change)
        return np.asarray((flipped_FD >= seen_D).mean(axis=0), np.float64)
    signs_FN = np.random.default_rng(seed).choice([-1.0, 1.0], size=(_FLIPS, n))
    more_D = (np.abs(signs_FN @ change) >= seen_D).sum(axis=0)
    return np.asarray((1 + more_D) / (1 + _FLIPS), np.float64)


def false_discovery_rate(p_T: ArrayLike) -> Floats:
    """Adjusted p of Benjamini and Hochberg (1995), (T,): tests at most this large hold that share of false ones.

    Parameters
    ----------
    p_T
        p of all tests.
    """
    p = np.asarray(p_T, np.float64)
    order = np.argsort(p)[::-1]
    rank = np.arange(len(p), 0, -1)
    adjusted = np.minimum.accumulate(p[order] * len(p) / rank)
    found = np.empty_like(p)
    found[order] = np.minimum(adjusted, 1.0)
    return found


def standard_error(change_ND: ArrayLike) -> Floats:
    """Standard error of each column's mean over rows, (D,); NaN for a single row.

    Parameters
    ----------
    change_ND
        Paired changes.
    """
    change = np.asarray(change_ND, np.float64)
    if len(change) < 2:
        return np.full(change.shape[1], np.nan)
    return np.asarray(change.std(axis=0, ddof=1) / np.sqrt(len(change)), np.float64)


def rms(change_D: ArrayLike) -> float:
    """Root of the mean square.

    Parameters
    ----------
    change_D
        Mean change of each statistic.
    """
    return float(np.sqrt(np.mean(np.square(np.asarray(change_D, np.float64)))))
