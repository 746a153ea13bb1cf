"""Making a gene tree: an order of genes, cut into segments at each scale. Shape legend: N rows, G genes."""

from __future__ import annotations

import heapq
import warnings
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genviz._errors import DataError, UsageError
from genviz.core.counts import check_counts, check_names, first_names
from genviz.core.gene_order import kmeans_order, linkage_order, random_order
from genviz.core.gene_tree import GeneTree
from genviz.core.gene_tree_checks import LAYOUTS

METHODS = ("linkage", "kmeans", "random", "user")


def default_scales(n_genes: int) -> tuple[int, ...]:
    """Scales for a panel: 1, 4, 8, then steps of about 5 down to single genes; (1, 4, 8, 40, 200) for 200.

    Between 8 and G the scales grow geometrically, ``8 (G / 8)^(i / n)`` for i = 1 to n - 1, rounded, with n the
    nearest whole number to ``log_5(G / 8)`` and at least 1: 5,000 genes get (1, 4, 8, 40, 200, 1000, 5000),
    20 genes (1, 4, 8, 20).

    Parameters
    ----------
    n_genes
        Genes in the panel, G.

    Returns
    -------
    Number of groups at each scale, growing, the last one G.

    Raises
    ------
    UsageError
        For fewer than one gene.
    """
    if n_genes < 1:
        raise UsageError(f"Expected at least one gene; got {n_genes}.")
    steps = max(1, round(float(np.log(max(n_genes, 8) / 8) / np.log(5))))
    between = [round(8 * (n_genes / 8) ** (i / steps)) for i in range(1, steps)]
    return (*sorted({n for n in (1, 4, 8, *between) if n < n_genes}), n_genes)


def fit_gene_tree(
    counts_NG: Any,
    genes: Sequence[str],
    *,
    scales: Sequence[int] | None = None,
    method: str = "linkage",
    layout: str = "nested",
    order: Sequence[str] | Sequence[int] | NDArray[Any] | None = None,
    seed: int = 0,
) -> GeneTree:
    """Order genes so that neighbours vary together, and cut the order into groups at each scale.

    The tree depends on names and counts only: columns in another order give the same tree.

    Parameters
    ----------
    counts_NG
        (N, G) raw counts of the training rows, array or sparse.
    genes
        G unique names, the columns.
    scales
        Number of groups at each scale, growing, the last one G. Default: `default_scales`.
    method
        ``"linkage"`` average linkage on 1 - correlation of log counts; ``"kmeans"`` two-stage
        k-means; ``"random"`` a seeded permutation; ``"user"`` the order given.
    layout
        ``"nested"``: each scale splits the groups of the scale before, into balanced segments,
        children shared out in proportion to genes. ``"windows"``: the published equal windows over
        the order; each scale must divide G, and windows that straddle two coarser ones bring a warning.
    order
        For ``method="user"``: all genes, as names or column indices.
    seed
        Used by ``kmeans`` and ``random``.

    Raises
    ------
    UsageError
        For scales, method, layout or order that cannot be meant.
    DataError
        For counts that are not counts, or fewer than two rows to correlate over.
    """
    counts, genes = _checked(counts_NG, genes, method)
    sizes = check_scales(default_scales(len(genes)) if scales is None else scales, len(genes))
    along = _order(counts, genes, method, order, seed)
    if layout == "nested":
        segments = _nested_segments(sizes)
    elif layout == "windows":
        segments = _windows(sizes)
    else:
        raise UsageError(f"Expected layout {' or '.join(map(repr, LAYOUTS))}; got {layout!r}.")
    groups = np.empty((len(genes), len(sizes)), dtype=np.int32)
    groups[along] = np.stack([np.repeat(np.arange(len(s)), s) for s in segments], axis=1)
    tree = GeneTree(tuple(genes), groups, along.astype(np.int32), layout)
    if not tree.is_nested:
        warnings.warn(
            f"Windows of scales {sizes} do not nest: some groups straddle two coarser ones, so sums do not "
            "agree across scales. Only counts='tokens' takes such a tree; layout='nested' always nests.",
            stacklevel=2,
        )
    return tree


def check_scales(scales: Sequence[int], n_genes: int) -> tuple[int, ...]:
    """Let scales through that grow, start at 1 or more and end with one group a gene."""
    try:
        whole = tuple(int(n) for n in scales)
        exact = whole == tuple(scales)
    except (TypeError, ValueError):
        whole, exact = (), False
    if exact and whole and whole[0] >= 1 and whole[-1] == n_genes and all(a < b for a, b in pairwise(whole)):
        return whole
    raise UsageError(
        f"Expected scales that grow from 1 or more to {n_genes}, the number of genes; got {scales!r}. "
        f"For this panel the default is {default_scales(n_genes)}."
    )


def _checked(counts_NG: Any, genes: Sequence[str], method: str) -> tuple[Any, list[str]]:
    names = [str(gene) for gene in genes]
    if method not in METHODS:
        raise UsageError(f"Expected method {', '.join(map(repr, METHODS))}; got {method!r}.")
    check_names(names, "genes")
    counts = check_counts(counts_NG, [str(i) for i in range(counts_NG.shape[0])], names)
    if method in ("linkage", "kmeans") and counts.shape[0] < 2:
        raise DataError(
            f"Expected at least 2 training rows to see which genes vary together; got {counts.shape[0]}. "
            "Give more rows, or method='random'."
        )
    return counts, names


def _order(counts: Any, genes: list[str], method: str, order: Any, seed: int) -> NDArray[np.int64]:
    """Column indices in display order; columns are sorted by name first: their order must not matter."""
    if (order is None) == (method == "user"):
        raise UsageError("Expected order= with method='user' and only there. Give both or neither.")
    if method == "user":
        return _user_order(genes, list(order))
    by_name = np.argsort(np.asarray(genes), kind="stable")
    if method == "random":
        return by_name[random_order(len(genes), seed)]
    sorted_counts = counts[:, by_name]
    return by_name[linkage_order(sorted_counts) if method == "linkage" else kmeans_order(sorted_counts, seed)]


def _user_order(genes: list[str], order: list[Any]) -> NDArray[np.int64]:
    at = {gene: i for i, gene in enumerate(genes)}
    unknown = [name for name in order if isinstance(name, str) and name not in at]
    if unknown:
        raise UsageError(f"Expected order= to name genes of the panel; unknown: {first_names(unknown)}.")
    along = [at[name] if isinstance(name, str) else int(name) for name in order]
    if sorted(along) != list(range(len(genes))):
        raise UsageError(
            f"Expected order= to hold each of the {len(genes)} genes once; got {len(along)} entries."
        )
    return np.asarray(along, np.int64)


def _nested_segments(scales: tuple[int, ...]) -> list[NDArray[np.int64]]:
    """Genes in each segment at each scale; each scale cuts the segments of the scale before."""
    segments = [_balanced(scales[-1], scales[0])]
    for n_groups in scales[1:]:
        parents = segments[-1]
        shares = apportion(parents, n_groups)
        segments.append(
            np.concatenate([_balanced(int(n), int(c)) for n, c in zip(parents, shares, strict=True)])
        )
    return segments


def _balanced(n_genes: int, n_parts: int) -> NDArray[np.int64]:
    """Sizes of parts that differ by at most one gene, larger ones spread along the order."""
    return np.diff(np.arange(n_parts + 1) * n_genes // n_parts)


def apportion(sizes: NDArray[np.int64], n_children: int) -> NDArray[np.int64]:
    """Share out children among parents in proportion to their genes, at least one and at most a gene each.

    Adams' divisor method: every further child goes to the parent with the most genes a child, which
    makes the largest child as small as can be. Ties go to the left.
    """
    shares = np.ones(len(sizes), np.int64)
    heap = [(-float(size), i) for i, size in enumerate(sizes)]
    heapq.heapify(heap)
    for _ in range(n_children - len(sizes)):
        i = heap[0][1]
        shares[i] += 1
        heapq.heapreplace(heap, (-float(sizes[i]) / float(shares[i]), i))
    return shares


def _windows(scales: tuple[int, ...]) -> list[NDArray[np.int64]]:
    """Equal windows of consecutive genes at each scale, as published."""
    uneven = [n for n in scales if scales[-1] % n]
    if uneven:
        raise UsageError(
            f"Expected scales that divide {scales[-1]} genes for layout='windows'; {uneven} do not. "
            "Change the scales, or use layout='nested', which takes any."
        )
    return [np.full(n, scales[-1] // n, np.int64) for n in scales]
