"""Whether arrows that begin beside each other point the same way, more than when their ends are dealt at random.

Shape legend: N rows, F numbers, P permutations, K neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genviz.tl.flows.grouping import NEIGHBOURS, nearest

_PERMUTATIONS = 200
_TINY = 1e-12


def arrow_agreement(
    start_NF: NDArray[Any], end_NF: NDArray[Any], seed: int
) -> tuple[NDArray[np.float32], dict[str, float]]:
    """Cosine between the arrow of a row and those that begin nearest to it.

    Parameters
    ----------
    start_NF, end_NF
        Where arrows begin and end.
    seed
        Of the permutations.

    Returns
    -------
    agreement
        Of each row, mean over the 5 arrows that begin nearest, float32 (N,).
    numbers
        ``agreement``, its mean; ``null`` and ``null_95``, mean and 95th percentile of that mean when the ends are dealt
        to other rows; ``p``, how often those reach it.
    """
    products = _Products.of(np.asarray(start_NF, np.float64), np.asarray(end_NF, np.float64))
    near_NK = nearest(start_NF, NEIGHBOURS)
    n = len(near_NK)
    own_N = products.cosines(np.arange(n), near_NK)
    rng = np.random.default_rng(seed)
    null_P = np.array([products.cosines(rng.permutation(n), near_NK).mean() for _ in range(_PERMUTATIONS)])
    mean = float(own_N.mean())
    return own_N.astype(np.float32), {
        "agreement": mean,
        "null": float(null_P.mean()),
        "null_95": float(np.quantile(null_P, 0.95)),
        "p": float((1 + (null_P >= mean).sum()) / (1 + len(null_P))),
    }


def noise_kept(start_NF: NDArray[Any], end_NF: NDArray[Any]) -> dict[str, float]:
    """How much ends resemble the noise that they came from: mean cosines with their own, and with other rows'.

    Parameters
    ----------
    start_NF, end_NF
        Where arrows begin and end.
    """
    unit = [
        values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), _TINY)
        for values in (np.asarray(start_NF, np.float64), np.asarray(end_NF, np.float64))
    ]
    cosine_NN = unit[1] @ unit[0].T
    n = len(cosine_NN)
    own = float(np.trace(cosine_NN) / n)
    return {"own": own, "other": float((cosine_NN.sum() - n * own) / max(n * (n - 1), 1))}


def gain(more_N: NDArray[np.bool_], less_N: NDArray[np.bool_]) -> dict[str, float]:
    """How many more rows are right, as a share, with a 95 % interval of the paired difference.

    Parameters
    ----------
    more_N, less_N
        Which rows are right here, and there.
    """
    difference_N = more_N.astype(float) - less_N.astype(float)
    mean, half = float(difference_N.mean()), 1.96 * float(difference_N.std() / np.sqrt(len(difference_N)))
    return {"gain": mean, "low": mean - half, "high": mean + half}


@dataclass(frozen=True)
class _Products:
    """Inner products of starts and ends, from which the cosines of any dealing of the ends follow.

    Attributes
    ----------
    starts_NN, ends_NN, mixed_NN
        Of starts, of ends, and of ends (rows) with starts (columns).
    """

    starts_NN: NDArray[np.float64]
    ends_NN: NDArray[np.float64]
    mixed_NN: NDArray[np.float64]

    @classmethod
    def of(cls, start_NF: NDArray[np.float64], end_NF: NDArray[np.float64]) -> _Products:
        return cls(start_NF @ start_NF.T, end_NF @ end_NF.T, end_NF @ start_NF.T)

    def cosines(self, dealt_N: NDArray[np.intp], near_NK: NDArray[np.intp]) -> NDArray[np.float64]:
        """Mean cosine of each arrow with its neighbours', where row n ends at the end of row ``dealt_N[n]``."""
        row_N = np.arange(len(dealt_N))
        length_N = np.sqrt(np.maximum(self._dot(row_N, row_N, dealt_N), _TINY))
        found: NDArray[np.float64] = np.zeros(len(row_N))
        for near_N in near_NK.T:
            found += self._dot(row_N, near_N, dealt_N) / (length_N * length_N[near_N])
        return found / near_NK.shape[1]

    def _dot(
        self, a_N: NDArray[np.intp], b_N: NDArray[np.intp], dealt_N: NDArray[np.intp]
    ) -> NDArray[np.float64]:
        end_a_N, end_b_N = dealt_N[a_N], dealt_N[b_N]
        found: NDArray[np.float64] = (
            self.ends_NN[end_a_N, end_b_N] - self.mixed_NN[end_a_N, b_N] - self.mixed_NN[end_b_N, a_N]
            + self.starts_NN[a_N, b_N]
        )  # fmt: skip
        return found
