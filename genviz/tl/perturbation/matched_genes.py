"""Genes of similar expression: what a random gene of that kind would do.

Shape legend: U genes, M matched genes of each, S statistics.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from genviz.core.keyed import row_generator

Floats = NDArray[np.float64]

_MATCHED = 50  # that a slope is held against
_NEAREST = 20  # among which an edited gene's partner is drawn


def matched(mean_U: Floats) -> NDArray[np.intp]:
    """Of each gene those of most similar mean expression, the nearest first, without itself: at most 50, (U, M).

    Parameters
    ----------
    mean_U
        Mean of the logarithms.
    """
    order_U = np.argsort(mean_U, kind="stable")
    n = min(_MATCHED, len(mean_U) - 1)
    near_UM = np.empty((len(mean_U), n), np.intp)
    for place, gene in enumerate(order_U):
        # The n nearest are among the n on either side.
        around = np.delete(order_U[max(0, place - n) : place + n + 1], min(place, n))
        distance = np.abs(mean_U[around] - mean_U[gene])
        near_UM[gene] = around[np.argsort(distance, kind="stable")[:n]]
    return near_UM


def shares(gradient_US: Floats, near_UM: NDArray[np.intp]) -> Floats:
    """Share of the matched genes, each counted with itself, whose slope is at least as large, (U, S).

    Parameters
    ----------
    gradient_US
        Slopes.
    near_UM
        From `matched`.
    """
    size_US = np.abs(gradient_US)
    p_US: Floats = np.empty_like(size_US)
    for row, near_M in enumerate(near_UM):
        p_US[row] = (1 + (size_US[near_M] >= size_US[row]).sum(axis=0)) / (1 + len(near_M))
    return p_US


def partners(near_UM: NDArray[np.intp], edited: NDArray[np.intp], seed: int) -> list[int]:
    """Of each edited gene a random one among the 20 nearest in expression that are not edited themselves.

    Parameters
    ----------
    near_UM
        From `matched`.
    edited
        Rows of it.
    seed
        Of the choice.
    """
    found: list[int] = []
    for row in edited:
        free = [int(i) for i in near_UM[row] if i not in set(edited) | set(found)][:_NEAREST]
        if free:
            found.append(free[int(row_generator(seed, "", str(row), "partner").integers(len(free)))])
        else:
            found.append(int(near_UM[row, 0]))
    return found
