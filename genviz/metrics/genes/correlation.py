"""Pearson correlation of genes across spots: PCC-10, PCC-50 and PCC-200, the honest and the published way.

Shape legend: N rows, G genes, B replicates.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from genviz._keys import Layers
from genviz.core.statistics import centred, pearson_columns, weighted_pearson
from genviz.metrics.genes.measure import Measure
from genviz.metrics.genes.rows import Pairs

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

TOP = (10, 50, 200)


def pcc(pairs: Pairs) -> list[Measure]:
    """``pcc_10``, ``pcc_50``, ``pcc_200`` and the same names with ``_published``, in log2(1 + count).

    Reads ``layers["<key>_log2"]``, E[log2(1 + X)]. Honest: see `honest_pcc`. Published (spec B.1.9): all
    sections pooled, genes whose measured or predicted values are constant **dropped**, the mean of the k
    best of the n_valid that remain; shifts between sections count as skill and constant predictions
    raise it. Measured counts are not clipped.
    """
    truth, predicted = pairs.log_counts_NG, pairs.needed(Layers.log2(pairs.key))
    return [honest_pcc("pcc", truth, predicted, pairs.sections, TOP), _published_pcc(truth, predicted)]


def honest_pcc(
    prefix: str,
    truth_NG: Floats,
    pred_NG: Floats,
    sections: Sequence[Rows],
    top: Sequence[int],
    note: str = "",
) -> Measure:
    """Mean correlation of the k best genes of a section, then the mean over sections.

    An undefined correlation (a gene constant in the truth or in the prediction) is 0. The k best are
    chosen on the truth, so small k are optimistic; they are chosen once, not again in each bootstrap
    replicate, which would be optimistic twice. A panel of fewer than k genes is averaged whole, and
    `Score.n` and the note say so.

    Parameters
    ----------
    prefix
        Scores are called ``<prefix>_<k>``.
    truth_NG, pred_NG
        Values to correlate.
    sections
        Rows of each section.
    top
        Values of k.
    note
        Put before what this function has to say.
    """
    n_genes = truth_NG.shape[1]
    parts, undefined = [], 0
    for rows in sections:
        a, b = centred(truth_NG[rows]), centred(pred_NG[rows])
        r = pearson_columns(a, b)
        undefined += int(np.isnan(r).sum())
        best = _best(np.nan_to_num(r, nan=0.0), max(top))
        parts.append((rows, a[:, best], b[:, best]))

    def of(weights_BN: Floats) -> dict[str, Floats]:
        means: dict[str, Floats] = {f"{prefix}_{k}": np.zeros(len(weights_BN)) for k in top}
        for rows, a, b in parts:
            r = np.nan_to_num(weighted_pearson(weights_BN[:, rows], a, b), nan=0.0)
            for k in top:
                means[f"{prefix}_{k}"] += r[:, :k].mean(axis=1) / len(parts)
        return means

    said = [note] if note else []
    if undefined:
        said.append(f"{undefined} of {n_genes * len(parts)} correlations undefined, counted as 0")
    about = {f"{prefix}_{k}": (min(k, n_genes), "; ".join(said + _small(k, n_genes))) for k in top}
    return Measure(about, of)


def _published_pcc(truth_NG: Floats, pred_NG: Floats) -> Measure:
    a, b = centred(truth_NG), centred(pred_NG)
    r = pearson_columns(a, b)
    n_genes, n_valid = len(r), int((~np.isnan(r)).sum())
    best = _best(r, max(TOP))
    a, b = a[:, best], b[:, best]

    def of(weights_BN: Floats) -> dict[str, Floats]:
        replicates = weighted_pearson(weights_BN, a, b)
        return {f"pcc_{k}_published": _mean_defined(replicates[:, :k]) for k in TOP}

    said = f"{n_valid} of {n_genes} genes valid, sections pooled"
    about = {f"pcc_{k}_published": (min(k, n_valid), "; ".join([said, *_small(k, n_genes)])) for k in TOP}
    return Measure(about, of)


def _best(r_G: Floats, k: int) -> Rows:
    """Genes by falling correlation, undefined ones last, at most k."""
    return np.argsort(-r_G, kind="stable")[:k]


def _mean_defined(values_BK: Floats) -> Floats:
    """Row means over what is not NaN; NaN where nothing is."""
    defined = ~np.isnan(values_BK)
    n = defined.sum(axis=1)
    total = np.where(defined, values_BK, 0.0).sum(axis=1)
    return np.asarray(np.where(n > 0, total / np.maximum(n, 1), np.nan), np.float64)


def _small(k: int, n_genes: int) -> list[str]:
    return [f"the panel has {n_genes} genes, fewer than {k}"] if n_genes < k else []
