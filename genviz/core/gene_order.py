"""Orders of genes in which neighbours vary together. Shape legend: N rows, G genes."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering
from scipy.cluster.vq import kmeans2
from scipy.spatial.distance import squareform

Floats = NDArray[np.float64]
Order = NDArray[np.int64]

_BLOCK_VALUES = 1 << 24
_OPTIMAL_UP_TO = 1000  # genes; the optimal leaf order costs about G^2.5, 1.5 s here, hours for 5,000
_FIRST_CLUSTERS, _GROUP_SIZE, _KEPT_WHOLE, _RESTARTS = 4, 12, 10, 10  # the published two-stage numbers


def log_correlation(counts_NG: Any) -> Floats:
    """Pearson correlation of log(1 + count) between genes, in row blocks so that memory stays G x G.

    A constant gene has no correlation: it gets 0 with varying genes and 1 with constant ones, so
    that constant genes stay together.

    Parameters
    ----------
    counts_NG
        (N, G) array or sparse matrix, N >= 2.

    Returns
    -------
    (G, G), rounded to 9 digits so that the order of summation cannot decide a tie.
    """
    n, n_genes = counts_NG.shape
    step = max(1, _BLOCK_VALUES // n_genes)
    mean = np.zeros(n_genes)
    for start in range(0, n, step):
        mean += _log_block(counts_NG, start, step).sum(axis=0) / n
    gram = np.zeros((n_genes, n_genes))
    for start in range(0, n, step):
        centred = _log_block(counts_NG, start, step) - mean
        gram += centred.T @ centred
    scale = np.sqrt(np.diag(gram))
    constant = scale <= 1e-9 * np.sqrt(n)
    scale[constant] = 1.0
    gram /= scale
    gram /= scale[:, None]
    gram[constant] = gram[:, constant] = 0.0
    gram[np.ix_(constant, constant)] = 1.0
    return np.round(np.clip(gram, -1.0, 1.0), 9)


def _log_block(counts_NG: Any, start: int, step: int) -> Floats:
    block = counts_NG[start : start + step]
    return np.log1p((block.toarray() if sparse.issparse(block) else np.asarray(block)).astype(np.float64))


def linkage_order(counts_NG: Any) -> Order:
    """Leaves of an average-linkage tree on 1 - correlation of log(1 + count).

    Up to 1,000 genes the leaves are turned so that neighbours are as alike as the tree allows
    (Bar-Joseph et al. 2001); for more genes scipy's own leaf order is kept, for time.
    """
    correlation = log_correlation(counts_NG)
    if len(correlation) < 2:
        return np.arange(len(correlation))
    distance = 1.0 - correlation
    np.fill_diagonal(distance, 0.0)
    condensed = squareform(distance, checks=False)
    tree = linkage(condensed, method="average")
    if len(correlation) <= _OPTIMAL_UP_TO:
        tree = optimal_leaf_ordering(tree, condensed)
    return np.asarray(leaves_list(tree), np.int64)


def kmeans_order(counts_NG: Any, seed: int) -> Order:
    """Two-stage k-means on genes: 4 clusters, then clusters of more than 10 genes into groups of about 12.

    Each gene is its z-scored vector of raw counts over rows, as published (spec B.1.1); genes follow
    cluster by cluster and keep their own order inside one. Needs G x N float32 of memory.
    """
    dense = counts_NG.toarray() if sparse.issparse(counts_NG) else np.asarray(counts_NG)
    genes_GN = np.ascontiguousarray(dense.T, dtype=np.float32)
    genes_GN -= genes_GN.mean(axis=1, keepdims=True)
    spread = genes_GN.std(axis=1, keepdims=True)
    genes_GN /= np.where(spread > 0, spread, 1.0)
    first = _kmeans(genes_GN, min(_FIRST_CLUSTERS, len(genes_GN)), seed)
    parts = []
    for cluster in range(_FIRST_CLUSTERS):
        members = np.flatnonzero(first == cluster)
        if len(members) > _KEPT_WHOLE:
            labels = _kmeans(genes_GN[members], max(2, len(members) // _GROUP_SIZE), seed)
            members = members[np.argsort(labels, kind="stable")]
        parts.append(members)
    return np.concatenate(parts)


def _kmeans(points: NDArray[np.float32], k: int, seed: int) -> NDArray[np.int32]:
    """Labels of the best of several k-means++ starts, by within-cluster sum of squares."""
    rng = np.random.default_rng(seed)
    best, best_cost = np.zeros(len(points), np.int32), np.inf
    for _ in range(_RESTARTS):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # an empty cluster only means fewer groups
            centres, labels = kmeans2(points, k, iter=50, minit="++", seed=rng)
        cost = float(((points - centres[labels]) ** 2).sum())
        if cost < best_cost:
            best, best_cost = labels, cost
    return best


def random_order(n_genes: int, seed: int) -> Order:
    """A seeded permutation: the control in which groups mean nothing."""
    return np.random.default_rng(seed).permutation(n_genes)
