"""What a linear map from a code to statistics of tiles reaches on rows it never saw, and the bounds that follow.

A ridge regression says how much of a statistic's variance the code explains; a sampler that is calibrated and knows
no more than that cannot agree better with the real tiles than its bounds. Shape legend: N rows, Z width of the code,
D statistics, A strengths of the ridge.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from genviz._errors import DataError
from genviz.metrics.conditions.within_sections import Floats, Labels, correlations, section_labels

STRENGTHS = np.logspace(-1, 5, 25)
_FOLDS = 5  # of rows, where there is one section only


@dataclass(frozen=True)
class Ridge:
    """A fitted map.

    Attributes
    ----------
    strength
        Of the penalty; inputs are standardised.
    centre_Z, scale_Z
        Mean and deviation of the inputs.
    weights_ZD, offset_D
        Of standardised inputs.
    """

    strength: float
    centre_Z: Floats
    scale_Z: Floats
    weights_ZD: Floats
    offset_D: Floats

    @classmethod
    def fit(cls, code_NZ: ArrayLike, target_ND: ArrayLike, groups: Labels) -> Ridge:
        """Choose the strength by leaving groups out, then fit on all rows.

        Parameters
        ----------
        code_NZ, target_ND
            Training rows only.
        groups
            (N,) section of each: the strength with the best mean correlation on sections left out. With one section
            five interleaved groups of rows are left out instead.

        Raises
        ------
        DataError
            For fewer than ten rows, or values that are not finite.
        """
        code, target = np.asarray(code_NZ, np.float64), np.asarray(target_ND, np.float64)
        if len(code) != len(target) or len(code) < 2 * _FOLDS:
            raise DataError(
                f"Expected at least {2 * _FOLDS} rows of code and statistics; got {len(code)} and {len(target)}."
            )
        if not (np.isfinite(code).all() and np.isfinite(target).all()):
            raise DataError("Expected finite codes and statistics; some are not.")
        several = len(set(groups.tolist())) > 1
        left_out = groups if several else (np.arange(len(code)) % _FOLDS).astype(object)
        scores_A = np.zeros(len(STRENGTHS))
        for group in dict.fromkeys(left_out.tolist()):
            own = left_out == group
            for i, strength in enumerate(STRENGTHS):
                ridge = cls._at(code[~own], target[~own], float(strength))
                scores_A[i] += own.sum() * np.nanmean(correlations(ridge.predict(code[own]), target[own]))
        return cls._at(code, target, float(STRENGTHS[scores_A.argmax()]))

    @classmethod
    def _at(cls, code_NZ: Floats, target_ND: Floats, strength: float) -> Ridge:
        centre_Z, scale_Z = code_NZ.mean(axis=0), code_NZ.std(axis=0)
        scale_Z = np.where(scale_Z > 1e-9, scale_Z, 1.0)
        x_NZ, offset_D = (code_NZ - centre_Z) / scale_Z, target_ND.mean(axis=0)
        gram_ZZ = x_NZ.T @ x_NZ + strength * np.eye(x_NZ.shape[1])
        return cls(
            strength, centre_Z, scale_Z, np.linalg.solve(gram_ZZ, x_NZ.T @ (target_ND - offset_D)), offset_D
        )

    def predict(self, code_NZ: ArrayLike) -> Floats:
        """Statistics (N, D) of codes.

        Parameters
        ----------
        code_NZ
            Any rows.
        """
        x_NZ = (np.asarray(code_NZ, np.float64) - self.centre_Z) / self.scale_Z
        return np.asarray(x_NZ @ self.weights_ZD + self.offset_D, np.float64)


@dataclass(frozen=True)
class RidgeBound:
    """Bounds of a calibrated sampler.

    Attributes
    ----------
    rho_D
        Correlation of the ridge with the real statistics of held-out rows, within sections; NaN where a real
        statistic is constant.
    strength
        Of the ridge.
    """

    rho_D: Floats
    strength: float

    @classmethod
    def of(
        cls,
        training: tuple[ArrayLike, ArrayLike, Labels],
        held_out: tuple[ArrayLike, ArrayLike, Labels],
    ) -> RidgeBound:
        """Fit on training rows, correlate on held-out ones.

        Parameters
        ----------
        training, held_out
            Code (N, Z), statistics (N, D) and section (N,) of each.
        """
        ridge = Ridge.fit(*training)
        code_NZ, real_ND, sections = held_out
        return cls(correlations(ridge.predict(code_NZ), real_ND, sections), ridge.strength)

    def of_mean(self, n: int) -> Floats:
        """Correlation (D,) that the mean of `n` draws of a calibrated sampler has with the real statistics.

        ``rho^2 / sqrt(rho^2 + (1 - rho^2) / n)``, for a single draw rho^2; statistics that the ridge gets wrong have 0.

        Parameters
        ----------
        n
            Draws.
        """
        square_D = np.maximum(self.rho_D, 0.0) ** 2
        return np.asarray(square_D / np.sqrt(np.maximum(square_D + (1 - square_D) / n, 1e-12)), np.float64)


def probe_r2(
    features_ND: ArrayLike, target: ArrayLike, *, seed: int = 0, groups: Labels | None = None
) -> float:
    """Share of the variance of a target that a ridge reads from features, on rows left out; below 0: none.

    Parameters
    ----------
    features_ND
        Of N rows.
    target
        (N,) numbers, or names of classes: those are read as indicators, their variance added up.
    seed
        Decides five groups of rows that are left out in turn.
    groups
        (N,) what shall be left out whole instead.
    """
    x, values = np.asarray(features_ND, np.float64), np.asarray(target)
    if values.dtype.kind not in "fiub":
        values = values.astype(str)[:, None] == np.unique(values.astype(str))
    y = values.reshape(len(values), -1).astype(np.float64)
    order = np.random.default_rng([seed, len(x)]).permutation(len(x)) % _FOLDS
    fold = section_labels(order.astype(str) if groups is None else groups, len(x))
    left = np.zeros_like(y)
    for name in dict.fromkeys(fold.tolist()):
        own = fold == name
        left[own] = Ridge.fit(x[~own], y[~own], fold[~own]).predict(x[own])
    spread = ((y - y.mean(axis=0)) ** 2).sum()
    return float(1 - ((y - left) ** 2).sum() / spread) if spread > 0 else float("nan")
