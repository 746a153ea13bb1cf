"""Ridge from conditions to statistics, its penalty by leaving rows out, its doubt by drawing rows again.

Shape legend: N rows, Z condition, S statistics, A penalties, B bootstrap replicates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import Ridge as _Ridge
from sklearn.linear_model import RidgeCV

from genviz.core.statistics import bootstrap_weights

Floats = NDArray[np.float64]

_ALPHAS = np.logspace(-2, 4, 25)
_REPLICATES = 100


@dataclass(frozen=True)
class Ridge:
    """A fit.

    Attributes
    ----------
    weights_ZS
        Statistics by conditions.
    draws_BZS
        The same on rows drawn again.
    r2_S
        Share of the variance explained on rows left out, one by one; below 0 where the mean does better.
    alpha
        Penalty, one for all statistics.
    """

    weights_ZS: Floats
    draws_BZS: Floats
    r2_S: Floats
    alpha: float


def fit_ridge(z_NZ: NDArray[Any], y_NS: NDArray[Any], seed: int) -> Ridge:
    """Fit.

    Parameters
    ----------
    z_NZ, y_NS
        Conditions and statistics.
    seed
        Of the bootstrap.
    """
    z, y = np.asarray(z_NZ, np.float64), np.asarray(y_NS, np.float64)
    search = RidgeCV(alphas=_ALPHAS, store_cv_results=True).fit(z, y)
    alpha = float(search.alpha_)
    squared_NSA = np.asarray(search.cv_results_).reshape(*y.shape, len(_ALPHAS))
    error_S = squared_NSA[..., int(np.flatnonzero(alpha == _ALPHAS)[0])].sum(axis=0)
    total_S = np.square(y - y.mean(axis=0)).sum(axis=0)
    weights = bootstrap_weights(np.zeros(len(z)), _REPLICATES, seed)
    # With one statistic scikit-learn drops its axis.
    shape = (y.shape[1], z.shape[1])
    draws = [np.reshape(_Ridge(alpha).fit(z, y, sample_weight=w).coef_, shape).T for w in weights]
    return Ridge(
        np.reshape(search.coef_, shape).T,
        np.stack(draws),
        1 - error_S / np.maximum(total_S, 1e-12),
        alpha,
    )
