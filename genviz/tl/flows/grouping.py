"""How well points show the groups that they belong to, and how well they would by chance.

Shape legend: N points, F numbers, P permutations.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import pairwise_distances, silhouette_score

NEIGHBOURS = 5
_PERMUTATIONS = 200


def group_scores(values_NF: NDArray[Any], groups_N: NDArray[Any], seed: int) -> dict[str, float]:
    """Silhouette and vote of the nearest neighbours.

    Parameters
    ----------
    values_NF
        Points.
    groups_N
        Group of each.
    seed
        Of the permutations.

    Returns
    -------
    ``silhouette``, Euclidean, mean over points; ``knn``, share of points whose 5 nearest others vote for their group
    (ties in order of distance); ``knn_null``, mean, and ``knn_null_95``, 95th percentile, over permuted groups.
    """
    _, group_N = np.unique(groups_N, return_inverse=True)
    distance_NN = pairwise_distances(np.asarray(values_NF, np.float64))
    silhouette = silhouette_score(distance_NN, group_N, metric="precomputed")
    np.fill_diagonal(distance_NN, np.inf)
    near_NK = np.argsort(distance_NN, axis=1, kind="stable")[:, :NEIGHBOURS]
    rng = np.random.default_rng(seed)
    null_P = np.array([_votes(near_NK, rng.permutation(group_N)) for _ in range(_PERMUTATIONS)])
    return {
        "silhouette": float(silhouette),
        "knn": _votes(near_NK, group_N),
        "knn_null": float(null_P.mean()),
        "knn_null_95": float(np.quantile(null_P, 0.95)),
    }


def right_votes(values_NF: NDArray[Any], groups_N: NDArray[Any]) -> NDArray[np.bool_]:
    """Which points' nearest others vote for their group; see `group_scores`.

    Parameters
    ----------
    values_NF, groups_N
        Points, and the group of each.
    """
    _, group_N = np.unique(groups_N, return_inverse=True)
    return _right(nearest(values_NF, NEIGHBOURS), group_N)


def nearest(values_NF: NDArray[Any], n: int) -> NDArray[np.intp]:
    """The n nearest others of each point, nearest first; fewer where there are fewer.

    Parameters
    ----------
    values_NF
        Points.
    n
        How many.
    """
    distance_NN = pairwise_distances(np.asarray(values_NF, np.float64))
    np.fill_diagonal(distance_NN, np.inf)
    found: NDArray[np.intp] = np.argsort(distance_NN, axis=1, kind="stable")[:, : min(n, len(values_NF) - 1)]
    return found


def _votes(near_NK: NDArray[np.intp], group_N: NDArray[np.intp]) -> float:
    """Share of points whose neighbours vote for their own group."""
    return float(_right(near_NK, group_N).mean())


def _right(near_NK: NDArray[np.intp], group_N: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Points whose neighbours vote for their own group."""
    cast_NK = group_N[near_NK]
    n_NG = np.stack([(cast_NK == g).sum(axis=1) for g in range(int(group_N.max()) + 1)], axis=1)
    # Of groups with equally many votes the one with the nearest voter: its vote counts a little more.
    n_NG = n_NG + 0.5 * (np.arange(n_NG.shape[1]) == _first_of_most(cast_NK, n_NG)[:, None])
    right_N: NDArray[np.bool_] = n_NG.argmax(axis=1) == group_N
    return right_N


def _first_of_most(cast_NK: NDArray[np.intp], n_NG: NDArray[np.intp]) -> NDArray[np.intp]:
    """Group of the nearest neighbour among those whose group has the most votes."""
    most_N1 = n_NG.max(axis=1, keepdims=True)
    among_NK = np.take_along_axis(n_NG, cast_NK, axis=1) == most_N1
    first: NDArray[np.intp] = np.take_along_axis(cast_NK, among_NK.argmax(axis=1)[:, None], axis=1)[:, 0]
    return first
