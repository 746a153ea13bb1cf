"""From predicted logarithms to expected counts, and back. Shape legend: N training rows, M test rows, G genes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_PRIOR = 20.0  # counts (or their logarithms); keeps the factor of a gene that is hardly ever seen near 1
_BOUNDS = (0.5, 5.0)


def expected_counts(log2_MG: Floats, out_of_fold_NG: Floats, counts_NG: Floats) -> Floats:
    """E[X] from predictions of E[log2(1 + X)], as ``k_g (2^p - 1)``.

    ``2^p - 1`` is too low, because a logarithm is concave (Jensen). The gene's factor makes the sum right:
    ``k_g = sum of counts / sum of (2^p - 1)`` over training rows, with p predicted **without** the row's
    own section: predictions of rows that were fitted are too good, and their factor too near 1. It is
    the ratio estimator; Duan's smearing (1983) assumes residuals of one spread, which counts do not have.

    Parameters
    ----------
    log2_MG
        Predictions of the test rows.
    out_of_fold_NG
        Predictions of the training rows, each made without its section; rows with NaN are skipped.
    counts_NG
        Measured counts of the training rows, or whatever the logarithm was taken of.

    Returns
    -------
    (M, G), in the units of `counts_NG`.
    """
    known = np.isfinite(out_of_fold_NG).all(axis=1)
    naive = (np.exp2(np.maximum(out_of_fold_NG[known], 0.0)) - 1.0).sum(axis=0)
    factor_G = np.clip((counts_NG[known].sum(axis=0) + _PRIOR) / (naive + _PRIOR), *_BOUNDS)
    return np.asarray(factor_G * (np.exp2(np.maximum(log2_MG, 0.0)) - 1.0), np.float64)


def expected_logs(mean_MG: Floats, out_of_fold_NG: Floats, counts_NG: Floats) -> Floats:
    """E[log2(1 + X)] from predictions of E[X], as ``k_g log2(1 + m)``: `expected_counts` the other way.

    ``log2(1 + m)`` is too high, again by Jensen's inequality.
    ``k_g = sum of log2(1 + count) / sum of log2(1 + m)`` over training rows.

    Parameters
    ----------
    mean_MG
        Predictions of the test rows.
    out_of_fold_NG
        Predictions of the training rows, each made without its section; rows with NaN are skipped.
    counts_NG
        Measured counts of the training rows.

    Returns
    -------
    (M, G), log2.
    """
    known = np.isfinite(out_of_fold_NG).all(axis=1)
    naive = np.log2(1.0 + np.maximum(out_of_fold_NG[known], 0.0)).sum(axis=0)
    factor_G = np.clip((np.log2(1.0 + counts_NG[known]).sum(axis=0) + _PRIOR) / (naive + _PRIOR), *_BOUNDS)
    return np.asarray(factor_G * np.log2(1.0 + np.maximum(mean_MG, 0.0)), np.float64)
