"""What makes groups of genes a tree. Shape legend: G genes, K scales; rows here follow the display order."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from genviz._errors import DataError
from genviz.core.counts import check_names, first_names

LAYOUTS = ("nested", "windows")


def check_shapes(n_genes: int, groups: NDArray[np.int32], order: NDArray[np.int32], layout: str) -> None:
    """Refuse groups that are not (G, K), an order that is no permutation of the genes, an unknown layout."""
    if layout not in LAYOUTS:
        raise DataError(
            f"Expected layout {' or '.join(map(repr, LAYOUTS))}; got {layout!r}. Fit the tree again."
        )
    if n_genes == 0 or groups.ndim != 2 or groups.shape[0] != n_genes or groups.shape[1] == 0:
        raise DataError(
            f"Expected groups of shape (genes, scales) for {n_genes} genes; got {groups.shape}. "
            "Fit the tree again."
        )
    if order.shape != (n_genes,) or not np.array_equal(np.sort(order), np.arange(n_genes)):
        raise DataError(
            f"Expected order to be a permutation of the {n_genes} genes; it is not. Fit the tree again."
        )


def check_segments(along_GK: NDArray[np.int32]) -> None:
    """Refuse groups that are not contiguous segments numbered from 0, growing to single genes."""
    steps = np.diff(along_GK, axis=0)
    contiguous = not along_GK[0].any() and bool(((steps == 0) | (steps == 1)).all())
    if not contiguous or along_GK[-1, -1] != len(along_GK) - 1:
        raise DataError(
            "Expected groups to be contiguous segments of the order, numbered from 0, the last scale with "
            "one gene each; they are not. Fit the tree again with pp.gene_tree."
        )
    scales = (along_GK[-1] + 1).tolist()
    if any(coarse >= fine for coarse, fine in pairwise(scales)):
        raise DataError(f"Expected scales that grow; got {scales}. Fit the tree again with growing scales.")


def straddling(along_GK: NDArray[np.int32]) -> tuple[int, int] | None:
    """First scale with groups that lie in two coarser ones, and how many do; None when nested."""
    for k in range(1, along_GK.shape[1]):
        inside = np.diff(along_GK[:, k]) == 0
        crossed = inside & (np.diff(along_GK[:, k - 1]) != 0)
        if crossed.any():
            return k, len(np.unique(along_GK[:-1, k][crossed]))
    return None


def check_same_genes(have: Sequence[str], given: Sequence[str]) -> None:
    """Refuse names that are not the tree's, each once, in any order."""
    check_names(given, "genes")
    absent, unknown = sorted(set(have) - set(given)), sorted(set(given) - set(have))
    if absent or unknown:
        raise DataError(
            f"Expected the {len(have)} genes of the tree; {len(absent)} are missing "
            f"({first_names(absent) or 'none'}), {len(unknown)} unknown ({first_names(unknown) or 'none'}). "
            "Subset to the tree's genes, or fit a tree for these."
        )
