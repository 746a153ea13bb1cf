"""How well measured and how variable genes are, by section. Shape legend: N rows, G genes, L sections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.stats import rankdata

Floats = NDArray[np.float64]

_THETA = 100.0  # inverse overdispersion of a gene that does not vary between spots
_BLOCK_VALUES = 1 << 22


def _by_section(counts_NG: Any, sections: Sequence[str]) -> list[Any]:
    labels = np.asarray(sections, dtype=object)
    matrix = sparse.csr_matrix(counts_NG)
    return [matrix[np.flatnonzero(labels == name)] for name in dict.fromkeys(sections)]


def detection_by_section(counts_NG: Any, sections: Sequence[str]) -> Floats:
    """Share of each section's rows in which each gene has a count, (L, G)."""
    return np.stack([np.asarray((c > 0).mean(axis=0)).ravel() for c in _by_section(counts_NG, sections)])


def variability_rank(counts_NG: Any, sections: Sequence[str], eligible_G: NDArray[np.bool_]) -> Floats:
    """Rank genes by variance beyond counting noise, averaged over sections; 1 varies most.

    In each section: variance of analytic Pearson residuals (Lause, Berens and Kobak 2021),
    ``(x - m) / sqrt(m + m^2 / 100)`` with m = row total * gene total / total, clipped to sqrt(N) so that one
    spot cannot make a gene variable. Depth is divided out, and shifts between sections do not enter.

    Parameters
    ----------
    counts_NG
        (N, G) raw counts.
    sections
        (N,) section of each row.
    eligible_G
        Genes to rank.

    Returns
    -------
    (G,), infinite for genes that are not eligible.
    """
    ranks = []
    for counts in _by_section(counts_NG, sections):
        variance = _residual_variance(counts.astype(np.float64), np.flatnonzero(eligible_G))
        ranks.append(rankdata(-variance, method="average"))
    result = np.full(counts_NG.shape[1], np.inf)
    result[eligible_G] = np.mean(ranks, axis=0)
    return result


def _residual_variance(counts_NG: Any, genes: NDArray[np.intp]) -> Floats:
    """Variance over rows of the clipped residuals of some genes, in blocks; 0 for genes without counts."""
    n = counts_NG.shape[0]
    by_gene = counts_NG.tocsc()[:, genes]
    depth_N1 = np.asarray(counts_NG.sum(axis=1)).reshape(-1, 1)
    share = np.asarray(by_gene.sum(axis=0)).ravel() / max(float(depth_N1.sum()), 1.0)
    variance = np.zeros(len(genes))
    step = max(1, _BLOCK_VALUES // max(n, 1))
    for start in range(0, len(genes), step):
        block = slice(start, start + step)
        expected = depth_N1 * share[block]
        noise = np.sqrt(expected + expected**2 / _THETA)
        residual = (by_gene[:, block].toarray() - expected) / np.where(noise > 0, noise, 1.0)
        variance[block] = np.clip(residual, -np.sqrt(n), np.sqrt(n)).var(axis=0)
    return np.asarray(np.round(variance, 9), np.float64)
