"""Entropy of predicted gene distributions, from joint samples of any model or ensemble.

Shape legend: S samples, B rows, G genes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_ROWS = 64  # rows sorted at a time, to bound memory


def marginal_entropy(samples_SBG: NDArray[np.integer]) -> NDArray[np.float32]:
    """Mean over genes of the entropy of each gene's predicted distribution, nats, (B,).

    The entropy of the empirical distribution plus Miller and Madow's correction (distinct values - 1) / (2
    S), which takes away most of its bias from few samples.
    """
    n, n_rows, _ = samples_SBG.shape
    out_B = np.empty(n_rows, np.float32)
    weight = np.arange(n + 1, dtype=np.float64)
    weight[1:] *= np.log(weight[1:])
    for start in range(0, n_rows, _ROWS):
        sorted_SBG = np.sort(samples_SBG[:, start : start + _ROWS], axis=0).reshape(n, -1)
        new = np.ones((n + 1, sorted_SBG.shape[1]), bool)
        new[1:-1] = sorted_SBG[1:] != sorted_SBG[:-1]
        # Column by column, positions where a new value begins; differences are how often each value occurs.
        column, position = np.nonzero(new.T)
        run = np.diff(position)
        inside = np.diff(column) == 0
        sums = np.bincount(column[:-1][inside], weights=weight[run[inside]], minlength=sorted_SBG.shape[1])
        distinct = new[:-1].sum(axis=0)
        entropy = np.log(n) - sums / n + (distinct - 1) / (2 * n)
        out_B[start : start + _ROWS] = entropy.reshape(-1, samples_SBG.shape[2]).mean(axis=1)
    return out_B
