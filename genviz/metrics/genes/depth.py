"""What is left of a score once sequencing depth is divided out, or given.

Most of the error on raw counts is depth, which no image of another patient can tell; these views part it
from composition. Shape legend: N rows, G genes, B replicates.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from genviz._keys import Layers
from genviz.core.statistics import centred, weighted_pearson
from genviz.metrics.genes.correlation import TOP, honest_pcc
from genviz.metrics.genes.measure import Measure, section_mean
from genviz.metrics.genes.rows import Pairs

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

MIN_UMI = 200
PER = 1e4
_MIN_ROWS = 3  # a correlation over two spots is +1 or -1


def depth_views(pairs: Pairs) -> list[Measure]:
    """All views of this module that the prediction allows."""
    return [*depth_normalised(pairs), *known_depth(pairs), depth_correlation(pairs)]


def depth_normalised(pairs: Pairs) -> list[Measure]:
    """``dn_pcc_10/50/200`` (derived) and ``dn_direct_pcc_10/50/200`` (direct), as honest PCC.

    Truth in both: ``log2(1e4 * count / library + 1)``, library = the spot's total over **all** measured
    genes; only spots with at least 200 UMI.

    - derived: ``log2(1e4 * E[X] / sum of E[X] over the scored genes + 1)``, from ``layers["<key>"]``; a model
      of raw counts judged on composition.
    - direct: ``layers["<key>_normalised"]`` as it stands, of a model trained on normalised composition;
      absent without that layer.
    """
    deep = pairs.library_N >= MIN_UMI
    sections = [rows[deep[rows]] for rows in pairs.sections]
    kept = [rows for rows in sections if len(rows) >= _MIN_ROWS]
    note = f"{int(deep.sum())} of {len(deep)} spots with >= {MIN_UMI} UMI"
    if pairs.n_measured_genes == len(pairs.genes):
        note += "; only the scored genes are measured, so the library total is their sum"
    if len(kept) < len(sections):
        note += f"; {len(sections) - len(kept)} sections with fewer than {_MIN_ROWS} such spots left out"
    truth = np.log2(PER * pairs.counts_NG / np.maximum(pairs.library_N, 1.0)[:, None] + 1.0)
    derived = np.log2(PER * shares(pairs.needed(Layers.mean(pairs.key))) + 1.0)
    direct = pairs.layer(Layers.normalised(pairs.key))
    measures = [_pcc_or_nan("dn_pcc", truth, derived, kept, note)]
    if direct is not None:
        measures.append(_pcc_or_nan("dn_direct_pcc", truth, direct, kept, note))
    return measures


def known_depth(pairs: Pairs) -> list[Measure]:
    """``kd_pcc_200`` and ``kd_mse``: the prediction's composition times the spot's true panel total.

    ``log2(1 + T E[X] / sum of E[X])`` against ``log2(1 + count)``, T the measured sum over the scored genes:
    what the model would say of the genes if the lab told it each spot's depth.
    """
    total = pairs.counts_NG.sum(axis=1, keepdims=True)
    told = np.log2(total * shares(pairs.needed(Layers.mean(pairs.key))) + 1.0)
    truth = pairs.log_counts_NG
    return [
        honest_pcc("kd_pcc", truth, told, pairs.sections, (TOP[-1],)),
        section_mean("kd_mse", ((told - truth) ** 2).mean(axis=1), pairs.sections),
    ]


def depth_correlation(pairs: Pairs) -> Measure:
    """``depth_r``: Pearson correlation over spots of log2(1 + panel total), measured and predicted.

    The predicted total is the sum of E[X]; mean over sections. A model that predicts
    one total for all spots gets 0.
    """
    predicted = np.clip(pairs.needed(Layers.mean(pairs.key)), 0.0, None)
    true_N1, pred_N1 = (np.log2(c.sum(axis=1, keepdims=True) + 1.0) for c in (pairs.counts_NG, predicted))
    parts = [(rows, centred(true_N1[rows]), centred(pred_N1[rows])) for rows in pairs.sections]

    def of(weights_BN: Floats) -> dict[str, Floats]:
        r = [
            np.nan_to_num(weighted_pearson(weights_BN[:, rows], a, b)[:, 0], nan=0.0) for rows, a, b in parts
        ]
        return {"depth_r": np.mean(r, axis=0)}

    return Measure({"depth_r": (len(pairs.counts_NG), "")}, of)


def shares(mean_NG: Floats) -> Floats:
    """Composition of each row: predicted counts over their sum, negative ones taken as 0."""
    counts = np.clip(mean_NG, 0.0, None)
    total = counts.sum(axis=1, keepdims=True)
    return np.asarray(counts / np.where(total > 0, total, 1.0), np.float64)


def _pcc_or_nan(prefix: str, truth_NG: Floats, pred_NG: Floats, sections: list[Rows], note: str) -> Measure:
    if sections:
        return honest_pcc(prefix, truth_NG, pred_NG, sections, TOP, note)
    names = [f"{prefix}_{k}" for k in TOP]
    return Measure(
        dict.fromkeys(names, (0, note)), lambda weights: {n: np.full(len(weights), np.nan) for n in names}
    )
